"""The tables that answer the referees: discrimination, invariance, ablation, costs, the cliff."""

from collections.abc import Hashable, Iterator, Mapping

import pandas as pd

from harness.analysis.data import regimes
from harness.analysis.data.trials import tally
from harness.analysis.tables import ablation, cliff_causes, invariance, sampling_cost
from harness.analysis.tables import discrimination as told
from harness.analysis.tables import matched_pairs as pairs
from harness.analysis.tables.discrimination import FAMILIES, MEASURES, Fitted
from harness.analysis.tables.paper.inputs import Inputs
from harness.analysis.tables.writing import Table, number, percent_with_interval, with_interval

FAMILY_TITLES = {
    **{family.name: family.title for family in FAMILIES},
    pairs.PAPER_RULE: f"the paper's rule, naive beta > {pairs.PAPER_THRESHOLD:g}",
}
BOOTSTRAP = (
    "Thresholds are fixed on the training workloads (trees of depth "
    f"{told.DEPTH}, classes weighted alike) and judged on workloads with other parameters. "
    "Intervals: 95 %, bootstrap over held-out configurations."
)


def referee_tables(inputs: Inputs) -> Iterator[Table]:
    """The tables one after the other; none for an experiment that was not run."""
    yield from _discrimination_tables(inputs)
    found = invariance.invariance_table(inputs.trials, inputs.efficiency)
    if len(found):
        text = (
            f"beta* passes within {invariance.BETA_BOUND:g} of wait / (wait + cpu), a decision "
            f"with {100 * invariance.EFFICIENCY_BOUND:g} % of the best fixed pool, with the whole "
            f"interval. {invariance.verdict_counts(found)}. {inputs.note}"
        )
        view = _titled(invariance.invariance_view(found), inputs.titles)
        yield Table("invariance", "Invariance of beta* and of the decision", found, view, text)
    found = ablation.ablation_table(inputs.trials)
    if len(found):
        text = (
            "Throughput of each variant over that of the full runtime in the same block. Over all "
            f"cells: geometric mean, each block counts once. {inputs.note}"
        )
        view = _titled(ablation.ablation_view(found), inputs.titles)
        yield Table("ablation", "The runtime with one part left out", found, view, text)
    found = sampling_cost.sampling_cost_table(inputs.trials, inputs.micro)
    if len(found):
        text = (
            "Throughput ratios are within a block, over blocks; calls cost microseconds, over "
            f"processes of pyperf. {inputs.note}"
        )
        view = _titled(sampling_cost.sampling_cost_view(found), inputs.titles)
        yield Table("sampling_cost", "What measuring costs", found, view, text)
    found = cliff_causes.cliff_causes_table(inputs.trials)
    if len(found):
        text = (
            "Core time per task is cores / throughput. Its growth since the peak is split into "
            "context switches (at the slope of CPU time on switches, by least squares past the "
            "peak), other CPU time and idle cores; shares add up to 100 %. Hardware cache "
            "counters: unavailable, not recorded. Throughputs as measured. Intervals: 95 %, over "
            "blocks."
        )
        view = _titled(cliff_causes.cliff_causes_view(found), inputs.titles)
        yield Table("cliff_causes", "Why throughput falls past the peak", found, view, text)


def _discrimination_tables(inputs: Inputs) -> Iterator[Table]:
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
    view = confusion.assign(
        family=confusion["family"].map(FAMILY_TITLES),
        truth=confusion["truth"].map(regimes.TITLES),
    ).rename(columns=regimes.TITLES)
    yield Table(
        "discrimination_confusion",
        f"{title}: confusion matrices",
        confusion,
        _titled(view, inputs.titles),
        f"Held-out trials by true regime (rows) and regime told (columns). {BOOTSTRAP}",
    )
    ruled = told.rules_table(fitted)
    view = ruled.assign(
        family=ruled["family"].map(FAMILY_TITLES), regime=ruled["regime"].map(regimes.TITLES)
    )
    text = "Purity: weight of the regime among the training trials that the rule takes."
    yield Table("discrimination_rules", f"{title}: the rules", ruled, _titled(view, {}), text)
    truth = told.truth_table(seen)
    text = (
        "Regimes follow from configured times, pool size and cores alone. Confirmed: share of "
        "trials whose throughput agrees by the utilisation law; Wilson's 95 % interval."
    )
    view = _titled(_truth_view(truth), inputs.titles)
    yield Table("discrimination_truth", f"{title}: truth by construction", truth, view, text)
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
            row |= {"pairs_right": found.estimate, "n_pairs": found.n}
            row |= {"pairs_right_low": found.low, "pairs_right_high": found.high}
    columns = ["pairs_right", "pairs_right_low", "pairs_right_high", "n_pairs"]
    table = pd.DataFrame(rows, columns=[*scores.columns, *columns])
    for column in ("n_held_out", "n_training", "n_missing", "classes", "n_pairs"):
        table[column] = pd.to_numeric(table[column]).astype("Int64")
    return table


def _scores_view(scores: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    headers = {
        "macro_f1": "macro-F1",
        "balanced_accuracy": "balanced accuracy",
        "auc": "AUC, one against the rest",
    }
    rows = []
    ordered = scores.assign(last=~scores["main"].astype(bool)).sort_values("last", kind="stable")
    for row in ordered.to_dict("records"):
        texts = {
            "metric": FAMILY_TITLES[str(row["family"])],
            "interpreter": row["interpreter"],
        }
        for name in sorted(MEASURES, key=list(headers).index):
            ends = (row[f"{name}_low"], row[f"{name}_high"])
            texts[headers[name]] = with_interval(row[name], *ends, decimals=2)
        share = percent_with_interval(
            row["pairs_right"], row["pairs_right_low"], row["pairs_right_high"]
        )
        texts["matched pairs right [%]"] = share
        texts["pairs"] = number(row["n_pairs"])
        texts["regimes"] = number(row["classes"])
        texts["held-out trials"] = number(row["n_held_out"])
        texts["training trials"] = number(row["n_training"])
        texts["status"] = "" if row["status"] == "ok" else str(row["status"])
        rows.append(texts)
    return _titled(pd.DataFrame(rows), titles)


def _truth_view(truth: pd.DataFrame) -> pd.DataFrame:
    ends = (truth["confirmed"], truth["confirmed_low"], truth["confirmed_high"])
    shares = [percent_with_interval(*share) for share in zip(*ends, strict=True)]
    view = truth.drop(columns=["confirmed", "confirmed_low", "confirmed_high"])
    regime = truth["regime"].map(lambda name: regimes.TITLES.get(name, name))
    return view.assign(regime=regime, confirmed=shares).rename(
        columns={"confirmed": "confirmed [%]", "sizes": "N"}
    )


def _pairs_view(matched: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    rows = []
    judges = list(matched.columns[len(pairs.PAIR_COLUMNS) + 2 :])
    for row in matched.to_dict("records"):
        texts = {"interpreter": row["interpreter"], "cores": number(row["cores"])}
        for action in (pairs.GROW, pairs.SHRINK):
            workload = str(row[f"workload_{action}"])
            name = titles.get(workload, workload)
            texts[f"right: {action}"] = f"{name}, N = {number(row[f'concurrency_{action}'])}"
            texts[f"naive beta ({action})"] = number(row[f"beta_naive_{action}"], 3)
        for judge in judges:
            verdict = row[judge]
            texts[FAMILY_TITLES[str(judge)]] = (
                "yes" if verdict is True else "no" if verdict is False else number(None)
            )
        rows.append(texts)
    return _titled(pd.DataFrame(rows), titles)


def _titled(view: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Names replaced by titles, columns named for people."""
    shown = view.copy()
    for column in ("workload", "interpreter", "strategy", "experiment"):
        if column in shown:
            shown[column] = [titles.get(v, v) if isinstance(v, str) else v for v in shown[column]]
    return shown.rename(columns=lambda name: str(name)[:1].upper() + str(name)[1:])
