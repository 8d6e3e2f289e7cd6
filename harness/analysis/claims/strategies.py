"""Measures of ways to run tasks, controllers above all, against fixed pools and each other.

Where a strategy ran at several sizes and none is given, the largest counts: N_max.
"""

import numpy as np

from harness.analysis.claims import intervals
from harness.analysis.claims.data import (
    Finding,
    NotMeasuredError,
    Source,
    column,
    log_matrix,
    logs,
    sizes_of,
)
from harness.analysis.claims.pools import FIXED, at_reference, columns_of_sizes, peak_of
from harness.analysis.claims.registry import measure
from harness.analysis.data.trials import Cell
from harness.analysis.estimate import optimum as best
from harness.analysis.estimate.classification import share_interval
from harness.analysis.estimate.statistics import (
    Array,
    Interval,
    Scale,
    mean_interval,
    mean_t_interval,
    scale_of,
)


def size_for(cell: Cell, strategy: str, size: int | None) -> int:
    """The size to look at; raises ``NotMeasuredError`` where the strategy did not run."""
    return sizes_of(cell, strategy)[-1] if size is None else size


@measure
def efficiency(source: Source, *, strategy: str, size: int | None = None) -> Finding:
    """Throughput over that of the best fixed pool."""
    cell = source.cell()
    number = size_for(cell, strategy, size)
    optimum = peak_of(cell)[0]
    found = best.log_efficiency(cell.fixed, logs(cell, strategy, number))
    return Finding(found.exp(), f"{strategy} up to {number}, optimum {optimum}")


@measure
def gain_over_fixed(
    source: Source, *, strategy: str, fixed: int, size: int | None = None
) -> Finding:
    """Share by which throughput is above that of one fixed pool, within blocks."""
    cell = source.cell()
    number = size_for(cell, strategy, size)
    ratios = logs(cell, strategy, number) - logs(cell, FIXED, fixed)
    return Finding(
        intervals.gain(mean_t_interval(ratios)), f"{strategy} up to {number}, fixed {fixed}"
    )


@measure
def latency_over_peak(source: Source, *, strategy: str, size: int | None = None) -> Finding:
    """99th percentile of service time over that of the best fixed pool, within blocks."""
    cell = source.cell()
    number = size_for(cell, strategy, size)
    tail = np.log(column(cell, "latency_p99_ms", strategy, number))
    tails = np.log(columns_of_sizes(cell, "latency_p99_ms"))
    found = best.scored(
        len(cell.blocks), lambda kept: tail[kept] - at_reference(cell.fixed[kept], tails[kept])
    )
    return Finding(found.exp(), f"{strategy} up to {number}, optimum {peak_of(cell)[0]}")


@measure
def ratio_to(source: Source, *, strategy: str, other: str) -> Finding:
    """Throughput of a strategy over another's, each at its best size over the other blocks."""
    cell = source.cell()
    sizes = [sizes_of(cell, name) for name in (strategy, other)]
    mine, theirs = (
        log_matrix(cell, name, each) for name, each in zip((strategy, other), sizes, strict=True)
    )
    found = best.scored(
        len(cell.blocks),
        lambda kept: best.reference_logs(mine[kept]) - best.reference_logs(theirs[kept]),
    )
    names = [
        f"{name} at {best.optimum(matrix, each)}"
        for name, matrix, each in zip((strategy, other), (mine, theirs), sizes, strict=True)
    ]
    return Finding(found.exp(), " over ".join(names))


@measure
def final_share(source: Source, *, strategy: str, size: int | None = None) -> Finding:
    """Size at the last decision over the largest allowed."""
    cell = source.cell()
    number = size_for(cell, strategy, size)
    final = column(cell, "final_workers", strategy, number)
    found = mean_interval(final / number, Scale.SHARE)
    return Finding(found, f"{strategy} ends at {np.nanmean(final):.3g} of {number}")


@measure
def mean_of(source: Source, *, column_name: str, strategy: str, size: int | None = None) -> Finding:
    """Mean of a column of trials.csv over blocks."""
    cell = source.cell()
    number = size_for(cell, strategy, size)
    found = mean_interval(column(cell, column_name, strategy, number), scale_of(column_name))
    return Finding(found, f"{column_name} of {strategy} at {number}")


@measure
def misjudged_share(source: Source, *, strategy: str, below: float) -> Finding:
    """Share of random tasks that a strategy brings to less than ``below`` of the best fixed pool.

    For each of them the note says what was at fault. The *metric*, where a fixed pool of the size
    that the metric called for gives less than that as well; else the *control*, which did not get
    there. A strategy under which no task ended in the window, in any block, gave nothing. The
    interval is Wilson's, over tasks: each counts by its estimate. Tasks without a best fixed pool,
    or without a usable trial for another reason, are left out.
    """
    tasks, failed = 0, []
    for cell in source.drawn():
        number = size_for(cell, strategy, None)
        reached = cell.log_throughput(strategy, number)
        found = best.log_efficiency(cell.fixed, reached).exp().estimate
        if found is None:
            if _gave_nothing(cell, strategy):
                tasks += 1
                failed.append(f"{cell.name.workload} 0 (unknown)")
            continue
        tasks += 1
        if found < below:
            wanted = at_sizes(cell, cell.series("metric_size", strategy, number))
            at_wanted = best.log_efficiency(cell.fixed, wanted).exp().estimate
            fault = "unknown" if at_wanted is None else "metric" if at_wanted < below else "control"
            failed.append(f"{cell.name.workload} {found:.2f} ({fault})")
    if not tasks:
        raise NotMeasuredError("no task has a best fixed pool: that takes two blocks")
    return Finding(share_interval(len(failed), tasks), ", ".join(failed))


def _gave_nothing(cell: Cell, strategy: str) -> bool:
    """Whether no task ended in any window of a strategy, where tasks did under fixed pools."""
    of = cell.trials[(cell.trials["strategy"] == strategy) & (cell.trials["label"] == "")]
    known = best.log_optimum_throughput(cell.fixed).estimate is not None
    return known and len(of) > 0 and bool((of["status"] == "timeout").all())


def at_sizes(cell: Cell, sizes: Array) -> Array:
    """Log throughput of fixed pools of some sizes, one for each block, shape (blocks,).

    Between measured sizes it is interpolated over log size, in the same block; outside of them,
    and where no two sizes were measured, it is NaN.
    """
    positions = np.log(sizes_of(cell, FIXED))
    found = np.full(len(cell.blocks), np.nan)
    for block, workers in enumerate(sizes):
        row = cell.fixed[block]
        known = np.isfinite(row)
        if known.sum() >= 2 and workers > 0:
            at = float(np.log(workers))
            inside = positions[known][0] <= at <= positions[known][-1]
            found[block] = np.interp(at, positions[known], row[known]) if inside else np.nan
    return found


@measure
def efficiency_of_final_size(source: Source, *, strategy: str, size: int | None = None) -> Finding:
    """Efficiency of a fixed pool of the size a controller ended at.

    Sizes between measured ones are interpolated, log throughput over log size, in the same
    block; a block in which it ended outside the measured sizes has no value.
    """
    cell = source.cell()
    number = size_for(cell, strategy, size)
    final = column(cell, "final_workers", strategy, number)
    series = at_sizes(cell, final)
    pools = f"fixed pools {cell.sizes[0]} to {cell.sizes[-1]}"
    note = f"{strategy} ends at {np.nanmean(final):.3g}; {pools}"
    if not np.isfinite(series).any():
        raise NotMeasuredError(f"no fixed pool as large or small as the final size was run: {note}")
    return Finding(best.log_efficiency(cell.fixed, series).exp(), note)


@measure
def spread(source: Source, *, prefix: str) -> Finding:
    """By how much the worst of several variants of a strategy falls short of the best, as a
    share; which they are is chosen on the other blocks."""
    cell = source.cell()
    names = sorted({n for n in cell.trials["strategy"] if n.startswith(prefix)})
    if len(names) < 2:
        raise NotMeasuredError(f"needs two strategies named {prefix}… in {cell.name.experiment}")
    series = np.stack([logs(cell, name, size_for(cell, name, None)) for name in names], axis=1)

    def score(kept: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> Array:
        lowest: Array = -best.reference_logs(-series[kept])
        return lowest - best.reference_logs(series[kept])

    return Finding(intervals.loss(best.scored(len(cell.blocks), score)), ", ".join(names))


def profile_efficiencies(
    source: Source, workloads: list[str], strategy: str
) -> list[tuple[str, Interval, Cell, Array]]:
    """Name, log efficiency, cell and log throughputs for each profile, all of them."""
    found = []
    for workload in workloads:
        cell = source.cell(workload=workload)
        series = logs(cell, strategy, size_for(cell, strategy, None))
        found.append((workload, best.log_efficiency(cell.fixed, series), cell, series))
    return found


@measure
def mean_efficiency(source: Source, *, workloads: list[str], strategy: str) -> Finding:
    """Arithmetic mean over workloads of the efficiency; over blocks its geometric mean, with an
    interval."""
    found = profile_efficiencies(source, workloads, strategy)
    blocks = sorted(set.intersection(*(set(cell.blocks) for _, _, cell, _ in found)))
    if not blocks:
        raise NotMeasuredError("the workloads have no block in common")
    places = [[cell.blocks.index(block) for block in blocks] for _, _, cell, _ in found]

    def score(kept: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> Array:
        ratios = [
            np.exp(best.log_ratios(cell.fixed[place][kept], series[place][kept]))
            for (_, _, cell, series), place in zip(
                found, (np.array(place) for place in places), strict=True
            )
        ]
        means: Array = np.log(np.mean(ratios, axis=0))
        return means

    shown = ", ".join(
        f"{name} {'unknown' if each.estimate is None else f'{np.exp(each.estimate):.2f}'}"
        for name, each, _, _ in found
    )
    return Finding(best.scored(len(blocks), score).exp(), shown)


@measure
def least_efficiency(source: Source, *, workloads: list[str], strategy: str) -> Finding:
    """The least efficiency among workloads, with simultaneous intervals."""
    found = profile_efficiencies(source, workloads, strategy)
    least = intervals.smallest([each for _, each, _, _ in found]).exp()
    known = [(each.estimate, name) for name, each, _, _ in found if each.estimate is not None]
    worst = min(known)[1] if known else "unknown"
    return Finding(least, f"least: {worst}; simultaneous (Bonferroni)")
