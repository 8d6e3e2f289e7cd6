"""What each metric tells apart, as people read it."""

from collections.abc import Hashable, Iterator, Mapping
from functools import partial

import pandas as pd

from harness.analysis.data import regimes
from harness.analysis.data.trials import tally
from harness.analysis.tables import discrimination as told
from harness.analysis.tables import matched_pairs as pairs
from harness.analysis.tables.columns import Columns, Row, Text, capitalised, view
from harness.analysis.tables.discrimination import FAMILIES, MEASURES, Fitted
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table, number

FAMILY_TITLES = {
    **{family.name: family.title for family in FAMILIES},
    pairs.PAPER_RULE: f"the paper's rule, naive beta > {pairs.PAPER_THRESHOLD:g}",
}
PAIRS_RIGHT = Columns.of("pairs_right")
CONFIRMED = Columns.of("confirmed")
BOOTSTRAP = (
    "Thresholds are fixed on the training workloads (trees of depth "
    f"{told.DEPTH}, classes weighted alike) and judged on workloads with other parameters. "
    "Intervals: 95 %, bootstrap over held-out configurations."
)


def tables(inputs: Inputs) -> Iterator[Table]:
    """Scores, confusions, rules, truth and matched pairs; none where nothing was planned."""
    seen = told.observations(inputs.trials)
    title = "Telling what tasks wait for"
    if seen.empty:
        planned = inputs.trials[inputs.trials["experiment"] == told.EXPERIMENT]
        if len(planned):
            reasons = planned["status"].mask(planned["excluded"], planned["exclusion_reason"])
            nothing = pd.DataFrame([{"status": f"no usable trial: {tally(reasons)}"}])
            yield Table("discrimination", title, nothing, nothing, BOOTSTRAP)
        return
    fitted = told.fit_all(seen)
    matched = _matched(inputs.trials, seen, fitted)
    scores = with_pairs(told.scores_table(fitted), matched)
    yield Table("discrimination", title, scores, _scores_view(scores, inputs.titles), BOOTSTRAP)
    confusion = told.confusion_table(fitted)
    shown = confusion.assign(
        family=confusion["family"].map(FAMILY_TITLES),
        truth=confusion["truth"].map(regimes.TITLES),
    ).rename(columns=regimes.TITLES)
    yield Table(
        "discrimination_confusion",
        f"{title}: confusion matrices",
        confusion,
        capitalised(shown, inputs.titles),
        f"Held-out trials by true regime (rows) and regime told (columns). {BOOTSTRAP}",
    )
    ruled = told.rules_table(fitted)
    shown = ruled.assign(
        family=ruled["family"].map(FAMILY_TITLES), regime=ruled["regime"].map(regimes.TITLES)
    )
    text = "Purity: weight of the regime among the training trials that the rule takes."
    yield Table("discrimination_rules", f"{title}: the rules", ruled, capitalised(shown, {}), text)
    truth = told.truth_table(seen)
    text = (
        "Regimes follow from configured times, pool size and cores alone. Confirmed: share of "
        "trials whose throughput agrees by the utilisation law; Wilson's 95 % interval."
    )
    shown = capitalised(_truth_view(truth), inputs.titles)
    yield Table("discrimination_truth", f"{title}: truth by construction", truth, shown, text)
    yield Table(
        "discrimination_pairs",
        "Equal naive beta, opposite right actions",
        matched.drop(columns=[f"trial_{pairs.GROW}", f"trial_{pairs.SHRINK}"]),
        _pairs_view(matched, inputs.titles),
        f"Held-out trials whose naive betas differ by at most {pairs.SAME_BETA:g}. What is right "
        "follows from the throughputs of fixed pools of other sizes. Per metric: whether it says "
        "the right thing of both.",
    )


def _matched(trials: pd.DataFrame, seen: pd.DataFrame, fitted: list[Fitted]) -> pd.DataFrame:
    held_out = seen[seen["held_out"] & seen["regime"].notna()]
    found = pairs.matched_pairs(held_out, pairs.right_actions(trials))
    return pairs.with_verdicts(found, fitted)


def with_pairs(scores: pd.DataFrame, matched: pd.DataFrame) -> pd.DataFrame:
    """The scores with the share of matched pairs that each metric judges rightly; the paper's
    rule, which knows no regimes, gets a row of its own."""
    shares = pairs.pair_shares(matched)
    rows = scores.to_dict("records")
    rule: dict[Hashable, object] = {
        "family": pairs.PAPER_RULE,
        "main": True,
        "interpreter": told.ALL,
    }
    rows.append(rule | {"status": "says grow or not, no regime"})
    for row in rows:
        if row["interpreter"] == told.ALL:
            found = shares[str(row["family"])]
            row.update(PAIRS_RIGHT.holding(found) | {"n_pairs": found.n})
    table = pd.DataFrame(rows, columns=[*scores.columns, *PAIRS_RIGHT.names, "n_pairs"])
    for column in ("n_held_out", "n_training", "n_missing", "classes", "n_pairs"):
        table[column] = pd.to_numeric(table[column]).astype("Int64")
    return table


def _scores_view(scores: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    ordered = scores.assign(last=~scores["main"].astype(bool)).sort_values("last", kind="stable")
    headers = {
        "macro_f1": "macro-F1",
        "balanced_accuracy": "balanced accuracy",
        "auc": "AUC, one against the rest",
    }
    assert headers.keys() == MEASURES.keys()
    shown = view(
        ordered,
        Text("metric", lambda row: FAMILY_TITLES[str(row["family"])]),
        Text("interpreter", "interpreter"),
        *(Text(header, Columns.of(name), 2, n="") for name, header in headers.items()),
        Text("matched pairs right [%]", PAIRS_RIGHT, percent=True, n=""),
        Text("pairs", "n_pairs"),
        Text("regimes", "classes"),
        Text("held-out trials", "n_held_out"),
        Text("training trials", "n_training"),
        Text("status", lambda row: "" if row["status"] == "ok" else str(row["status"])),
    )
    return capitalised(shown, titles)


def _truth_view(truth: pd.DataFrame) -> pd.DataFrame:
    share = Text("", CONFIRMED, percent=True, n="")
    shares = [str(share(row)) for row in truth.to_dict("records")]
    regime = truth["regime"].map(lambda name: regimes.TITLES.get(name, name))
    return (
        truth.drop(columns=CONFIRMED.names)
        .assign(regime=regime, confirmed=shares)
        .rename(columns={"confirmed": "confirmed [%]", "sizes": "N"})
    )


def _pairs_view(matched: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    def side(action: str, row: Row) -> str:
        workload = str(row[f"workload_{action}"])
        return f"{titles.get(workload, workload)}, N = {number(row[f'concurrency_{action}'])}"

    def verdict(judge: str, row: Row) -> str:
        said = row[judge]
        return "yes" if said is True else "no" if said is False else number(None)

    texts = [Text("interpreter", "interpreter"), Text("cores", "cores")]
    for action in (pairs.GROW, pairs.SHRINK):
        texts.append(Text(f"right: {action}", partial(side, action)))
        texts.append(Text(f"naive beta ({action})", f"beta_naive_{action}", 3))
    for judge in map(str, matched.columns[len(pairs.PAIR_COLUMNS) + 2 :]):
        texts.append(Text(FAMILY_TITLES[judge], partial(verdict, judge)))
    return capitalised(view(matched, *texts), titles)
