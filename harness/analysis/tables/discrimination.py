"""Which metric tells what tasks wait for: rules fixed on some workloads, judged on others.

Truth comes from ``regimes``; features from what each metric would know of a trial:

* naive beta: 1 - CPU / occupied time, the paper's metric;
* beta + CPU %: that, and the share of the granted cores in use;
* wake-up lateness: by how much the tasks' own waits overran what they asked for;
* decomposed: beta*, the shares of occupied time spent waiting for the GIL, in a run queue and
  for other locks, and the throughput response. This is what the runtime uses: it verifies
  growth by throughput, as no ratio can see a saturated remote.

The throughput response is d log X / d log N between the trial and its neighbour in pool size
within the same block: 1 where growing pays in full, 0 where it does not pay. So that the
response is not mistaken for a merit of the ratio, it is also given to the naive metrics, and
taken from the decomposed one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.analysis.data import regimes
from harness.analysis.data.trials import CELL
from harness.analysis.estimate import classification
from harness.analysis.estimate.classification import Judged
from harness.analysis.estimate.decision_tree import Node, grow, probabilities, rule_text, rules
from harness.analysis.estimate.statistics import NOTHING, Array
from harness.analysis.tables.columns import Columns

EXPERIMENT = "discrimination"
HELD = "adaptive_held"
DEPTH = 4
ALL = "all"
RESPONSE = "response"
NAIVE = ("beta_naive",)
WITH_CPU = ("beta_naive", "cpu_share")
RATIOS = ("beta_star", "gil_wait_share", "run_queue_share", "lock_wait_share")


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: the features it knows. ``main``: one of those compared; else a control."""

    name: str
    title: str
    features: tuple[str, ...]
    main: bool = True


FAMILIES = (
    Family("naive_beta", "naive beta", NAIVE),
    Family("naive_beta_cpu", "naive beta + CPU %", WITH_CPU),
    Family("lateness", "wake-up lateness", ("wakeup_lateness_ms",)),
    Family("decomposed", "decomposed ratio", (*RATIOS, RESPONSE)),
    Family("response_only", "throughput response alone", (RESPONSE,), main=False),
    Family("naive_beta_response", "naive beta + response", (*NAIVE, RESPONSE), main=False),
    Family(
        "naive_beta_cpu_response", "naive beta + CPU % + response", (*WITH_CPU, RESPONSE), False
    ),
    Family("decomposed_ratio_only", "decomposed, without response", RATIOS, main=False),
)
MEASURES = {
    "balanced_accuracy": classification.balanced_accuracy,
    "macro_f1": classification.macro_f1,
    "auc": classification.macro_auc,
}
SCORE_COLUMNS = [
    *["family", "main", "interpreter"],
    *[column for name in MEASURES for column in Columns.of(name).names],
    *["n_held_out", "n_training", "n_missing", "classes", "status"],
]


def observations(trials: pd.DataFrame, experiment: str = EXPERIMENT) -> pd.DataFrame:
    """The usable held trials with their truth and every feature; NaN for what is unknown."""
    chosen = trials[
        (trials["experiment"] == experiment)
        & (trials["status"] == "ok")
        & ~trials["excluded"]
        & (trials["strategy"] == HELD)
    ]
    names = ["throughput_tps", "cpu_ms_per_task", *NAIVE, *RATIOS, "wakeup_lateness_ms"]
    numbers = {name: pd.to_numeric(chosen[name]) if name in chosen else np.nan for name in names}
    frame = regimes.with_truth(chosen.assign(**numbers))
    used = frame["cpu_ms_per_task"] * frame["throughput_tps"] / 1e3
    return frame.assign(
        cpu_share=used / frame["cores"].astype(float), response=response(frame)
    ).reset_index(drop=True)


def response(frame: pd.DataFrame) -> "pd.Series[float]":
    """d log X / d log N towards the next larger pool of the block, or else the next smaller.

    Of throughputs as measured: a runtime, which is to use it, does not know the machine's speed.
    """
    slopes = pd.Series(np.nan, frame.index)
    for _, group in frame.groupby([*CELL, "strategy", "block"], sort=False):
        ordered = group.sort_values("concurrency")
        sizes = np.log(ordered["concurrency"].to_numpy(float))
        rates = ordered["throughput_tps"].to_numpy(float)
        logs = np.log(np.where(rates > 0, rates, np.nan))
        if len(ordered) > 1:
            steps = np.diff(logs) / np.diff(sizes)
            slopes.loc[ordered.index] = np.concatenate([steps, steps[-1:]])
    return slopes


@dataclass(frozen=True)
class Fitted:
    """A family's rules and what came of them; ``tree`` None where it could not be fixed."""

    family: Family
    tree: Node | None
    training: pd.DataFrame
    held_out: pd.DataFrame
    missing: int
    status: str

    @property
    def names(self) -> list[str]:
        """What the features are called in rules."""
        return list(self.family.features)

    def scores(self, frame: pd.DataFrame) -> Array:
        """Scores of every regime, shape (rows, regimes)."""
        assert self.tree is not None
        return probabilities(self.tree, frame[self.names].to_numpy(float))

    def judged(self, interpreter: str = ALL) -> Judged | None:
        """The held-out trials of an interpreter with their scores; None for none."""
        chosen = self.held_out
        if interpreter != ALL:
            chosen = chosen[chosen["interpreter"] == interpreter]
        if self.tree is None or chosen.empty:
            return None
        keys = chosen[["workload", "interpreter", "cores", "concurrency"]].astype(str)
        groups = pd.factorize(keys.agg(" ".join, axis=1))[0].astype(np.int64)
        return Judged(codes(chosen), self.scores(chosen), groups)


def codes(frame: pd.DataFrame) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The regimes of the rows as positions in ``regimes.REGIMES``."""
    return np.array([regimes.REGIMES.index(name) for name in frame["regime"]], dtype=np.int64)


def fit(seen: pd.DataFrame, family: Family) -> Fitted:
    """Fix a family's rules on the trials that are not held out, of all interpreters at once."""
    clear = seen[seen["regime"].notna()]
    known = clear[clear[list(family.features)].notna().all(axis=1)]
    missing = len(clear) - len(known)
    training, held_out = known[~known["held_out"]], known[known["held_out"]]
    tree, status = None, "ok"
    if known.empty and missing:
        status = "not measured: " + ", ".join(
            name for name in family.features if clear[name].isna().all()
        )
    elif training["regime"].nunique() < 2 or held_out.empty:
        status = "too few trials to fix and to judge rules on"
    else:
        features = training[list(family.features)].to_numpy(float)
        tree = grow(features, codes(training), len(regimes.REGIMES), DEPTH)
        absent = sorted(set(held_out["regime"]) - set(training["regime"]))
        if absent:
            status = f"no training trials of {', '.join(absent)}"
    return Fitted(family, tree, training, held_out, missing, status)


def fit_all(seen: pd.DataFrame) -> list[Fitted]:
    """Every family, fitted."""
    return [fit(seen, family) for family in FAMILIES]


def scores_table(fitted: Sequence[Fitted]) -> pd.DataFrame:
    """One row per family and interpreter, and per family over all of them: how well the rules
    do on held-out trials."""
    rows: list[dict[str, object]] = []
    for one in fitted:
        present = sorted(set(one.held_out["interpreter"]))
        for interpreter in [ALL, *present]:
            judged = one.judged(interpreter)
            row: dict[str, object] = {
                "family": one.family.name,
                "main": one.family.main,
                "interpreter": interpreter,
                "n_held_out": 0 if judged is None else len(judged.truth),
                "n_training": len(one.training),
                "n_missing": one.missing,
                "classes": 0 if judged is None else len(np.unique(judged.truth)),
                "status": one.status,
            }
            for name, measure in MEASURES.items():
                found = classification.bootstrapped(judged, measure) if judged else NOTHING
                row |= Columns.of(name).holding(found)
            rows.append(row)
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def confusion_table(fitted: Sequence[Fitted]) -> pd.DataFrame:
    """Held-out trials by family, interpreter and true regime, with a column per prediction."""
    rows = []
    for one in fitted:
        for interpreter in [ALL, *sorted(set(one.held_out["interpreter"]))]:
            judged = one.judged(interpreter)
            if judged is None:
                continue
            table = classification.confusion(judged)[0].astype(int)
            for code, name in enumerate(regimes.REGIMES):
                if table[code].sum():
                    counts = dict(zip(regimes.REGIMES, map(int, table[code]), strict=True))
                    rows.append(
                        {"family": one.family.name, "interpreter": interpreter, "truth": name}
                        | counts
                    )
    return pd.DataFrame(rows, columns=["family", "interpreter", "truth", *regimes.REGIMES])


def rules_table(fitted: Sequence[Fitted]) -> pd.DataFrame:
    """Every rule: its conditions, the regime it tells, and the training trials behind it."""
    rows = [
        {
            "family": one.family.name,
            "rule": rule_text(rule, one.names),
            "regime": regimes.REGIMES[rule.leaf.winner],
            "n_training": rule.leaf.samples,
            "purity": float(rule.leaf.weights.max() / rule.leaf.weights.sum()),
        }
        for one in fitted
        if one.tree is not None
        for rule in rules(one.tree)
    ]
    return pd.DataFrame(rows, columns=["family", "rule", "regime", "n_training", "purity"])


def truth_table(seen: pd.DataFrame) -> pd.DataFrame:
    """Trials by regime, interpreter and split, and in how many of them throughput, seen from
    outside, agrees with the construction."""
    rows = list(_truth_rows(seen))
    columns = ["regime", "interpreter", "split", "trials", "workloads", "sizes"]
    return pd.DataFrame(rows, columns=[*columns, *Columns.of("confirmed").names])


def _truth_rows(seen: pd.DataFrame) -> Iterator[Mapping[str, object]]:
    named = seen.assign(regime=seen["regime"].fillna("between regimes"))
    order = [*regimes.REGIMES, "between regimes"]
    for (regime, interpreter, held_out), group in sorted(
        named.groupby(["regime", "interpreter", "held_out"]),
        key=lambda item: (order.index(str(item[0][0])), *item[0][1:]),
    ):
        checked = group["confirmed"].dropna()
        share = classification.share_interval(int(sum(checked)), len(checked))
        yield {
            "regime": regime,
            "interpreter": interpreter,
            "split": "held out" if held_out else "training",
            "trials": len(group),
            "workloads": int(group["workload"].nunique()),
            "sizes": " ".join(str(size) for size in sorted(set(group["concurrency"]))),
            **Columns.of("confirmed").holding(share),
        }
