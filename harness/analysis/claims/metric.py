"""Measures of naive beta as a test: does a low value mean waiting for the GIL?

Truth is what a task was built to wait for, and knows nothing of the metric (see ``regimes``).
"""

import numpy as np
import pandas as pd

from harness.analysis.claims.data import Finding, NotMeasuredError, Source
from harness.analysis.claims.registry import measure
from harness.analysis.data.regimes import GIL_WAIT, IO_WAIT
from harness.analysis.estimate.classification import (
    Judged,
    balanced_accuracy,
    bootstrapped,
    macro_auc,
)
from harness.analysis.estimate.statistics import Array
from harness.analysis.tables.discrimination import observations

METRIC = "beta_naive"


def contended_or_free(source: Source, workloads: list[str], size: int | None) -> pd.DataFrame:
    """Usable trials that wait for the GIL alone or for I/O alone, by construction."""
    cells = [source.cell(workload=workload) for workload in workloads]
    # Those that count, of several attempts at a trial one: nothing is left to be set aside.
    trials = pd.concat([cell.usable for cell in cells]).assign(excluded=False)
    seen = observations(trials, source.names["experiment"])
    seen = seen[seen["regime"].isin([GIL_WAIT, IO_WAIT]) & seen[METRIC].notna()]
    if size is not None:
        seen = seen[seen["concurrency"] == size]
    if seen["regime"].nunique() < 2:
        where = "" if size is None else f" with {size} workers"
        raise NotMeasuredError(f"needs trials that wait for the GIL and for I/O{where}")
    return seen


def judged(seen: pd.DataFrame, contended: Array) -> Judged:
    """Class 1: waits for the GIL; ``contended``: how much a trial looks like it, shape (trials,).
    Trials of the same configuration are one unit."""
    keys = seen[["workload", "interpreter", "cores", "concurrency"]].astype(str)
    groups = pd.factorize(keys.agg(" ".join, axis=1))[0].astype(np.int64)
    truth = np.where(seen["regime"] == GIL_WAIT, 1, 0).astype(np.int64)
    return Judged(truth, np.stack([-contended, contended], axis=1), groups)


def about(seen: pd.DataFrame) -> str:
    """How many trials, and how low beta gets where the GIL is waited for."""
    lowest = seen.loc[seen["regime"] == GIL_WAIT, METRIC].min()
    return f"{len(seen)} trials; least beta of those that wait for the GIL: {lowest:.2f}"


@measure
def accuracy_of_beta(source: Source, *, workloads: list[str], threshold: float) -> Finding:
    """Balanced accuracy of beta below the threshold as a sign of waiting for the GIL, with an
    interval over configurations (bootstrap)."""
    seen = contended_or_free(source, workloads, None)
    below = np.where(seen[METRIC].to_numpy(float) < threshold, 1.0, -1.0)
    return Finding(bootstrapped(judged(seen, below), balanced_accuracy), about(seen))


@measure
def auc_of_beta(source: Source, *, workloads: list[str], size: int) -> Finding:
    """Probability that, at one size, beta of a trial that waits for the GIL is below that of
    one that waits for I/O, with an interval over configurations (bootstrap)."""
    seen = contended_or_free(source, workloads, size)
    return Finding(
        bootstrapped(judged(seen, -seen[METRIC].to_numpy(float)), macro_auc), about(seen)
    )
