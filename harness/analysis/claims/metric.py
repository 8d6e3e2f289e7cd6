"""Measures of naive beta as a test: does a low value mean waiting for the GIL?

Truth is what a workload was built to wait for, and knows nothing of the metric.
"""

from collections.abc import Callable

import pandas as pd
from scipy import stats

from harness.analysis.claims.data import Finding, NotMeasuredError, Source
from harness.analysis.claims.registry import measure
from harness.analysis.statistics import Array, Interval, mean_t_interval

COLUMN = "beta_naive"
#: from the values with and without contention to how well they are told apart
Scorer = Callable[[Array, Array], float]


def labelled(source: Source, gil: list[str], waiting: list[str], size: int | None) -> pd.DataFrame:
    """Usable trials of both kinds with ``contended``: whether truth is waiting for the GIL."""
    frames = []
    for contended, workloads in ((True, gil), (False, waiting)):
        for workload in workloads:
            usable = source.cell(workload=workload).usable
            frames.append(usable.assign(contended=contended))
    found = pd.concat(frames)
    if size is not None:
        found = found[(found["concurrency"] == size).fillna(False)]
    if COLUMN not in found or found.empty:
        raise NotMeasuredError(
            f"no usable trial of {source.names['experiment']}"
            + ("" if size is None else f" with {size} workers")
        )
    found = found[found["strategy"].eq("fixed") & found[COLUMN].notna()]
    if found["contended"].nunique() < 2:
        raise NotMeasuredError("needs trials with and without waiting for the GIL")
    return found


def by_block(found: pd.DataFrame, score: Scorer) -> Interval:
    """Mean over blocks, with a t interval, of a score of low and high-contention values."""
    values = []
    for _, block in found.groupby("block"):
        contended = block.loc[block["contended"], COLUMN].to_numpy(float)
        free = block.loc[~block["contended"], COLUMN].to_numpy(float)
        if len(contended) and len(free):
            values.append(score(contended, free))
    return mean_t_interval(values)


@measure
def balanced_accuracy(
    source: Source, *, gil: list[str], waiting: list[str], threshold: float
) -> Finding:
    """Mean of the shares of both kinds that are told right by beta below the threshold."""
    found = labelled(source, gil, waiting, None)

    def score(contended: Array, free: Array) -> float:
        return float(((contended < threshold).mean() + (free >= threshold).mean()) / 2)

    least = found.loc[found["contended"], COLUMN].min()
    return Finding(
        by_block(found, score), f"least beta of trials that wait for the GIL: {least:.2f}"
    )


@measure
def area_under_curve(source: Source, *, gil: list[str], waiting: list[str], size: int) -> Finding:
    """Probability that beta of a trial that waits for the GIL is below that of one that does
    not, at one size: the area under the ROC curve (Mann and Whitney 1947)."""
    found = labelled(source, gil, waiting, size)

    def score(contended: Array, free: Array) -> float:
        statistic = stats.mannwhitneyu(free, contended).statistic
        return float(statistic / (len(contended) * len(free)))

    return Finding(by_block(found, score), f"{len(found)} trials with {size} workers")
