"""Measures of memory: of whole process trees when the window closes, in MiB."""

import numpy as np

from harness.analysis.claims import intervals
from harness.analysis.claims.data import Finding, NotMeasuredError, Source, column, sizes_of
from harness.analysis.claims.pools import FIXED
from harness.analysis.claims.registry import measure
from harness.analysis.estimate.statistics import Scale, mean_interval, mean_t_interval


@measure
def memory_ratio(
    source: Source, *, metric: str, strategy: str, workers: int, threads: int
) -> Finding:
    """Memory of a process pool over that of a thread pool, within blocks."""
    cell = source.cell()
    ours = column(cell, metric, strategy, workers)
    theirs = column(cell, metric, FIXED, threads)
    note = f"{np.nanmean(ours):.3g} MB over {np.nanmean(theirs):.3g} MB"
    return Finding(mean_interval(ours / theirs, Scale.RATIO), note)


@measure
def memory_per_worker(source: Source, *, metric: str, strategy: str) -> Finding:
    """Memory that each further worker adds: slope over the number of workers."""
    cell = source.cell()
    sizes = sizes_of(cell, strategy)
    if len(sizes) < 2:
        raise NotMeasuredError(f"a slope needs two sizes of {strategy}")
    rows = np.stack([column(cell, metric, strategy, size) for size in sizes], axis=1)
    found = intervals.mean_slope([float(size) for size in sizes], rows)
    return Finding(found, f"{', '.join(map(str, sizes))} workers")


@measure
def memory_added(source: Source, *, metric: str, size: int, over: int) -> Finding:
    """Memory of a thread pool less that of a smaller one, within blocks."""
    cell = source.cell()
    more = column(cell, metric, FIXED, size) - column(cell, metric, FIXED, over)
    return Finding(mean_t_interval(more), f"{size} threads less {over}")
