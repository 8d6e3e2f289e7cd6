"""Measures of fixed pools: the cliff, its peak, latency, scaling, builds side by side.

The peak is always chosen on other blocks than it is scored on (see ``optimum``).
"""

import numpy as np
import pandas as pd

from harness.analysis.claims import intervals
from harness.analysis.claims.data import (
    Finding,
    NotMeasuredError,
    Source,
    checked,
    column,
    common_blocks,
    log_matrix,
    logs,
    sizes_of,
)
from harness.analysis.claims.registry import measure
from harness.analysis.data.trials import Cell
from harness.analysis.estimate import optimum as best
from harness.analysis.estimate.statistics import (
    MINIMUM,
    Array,
    Interval,
    indistinguishable_from_best,
    mean_t_interval,
)
from harness.analysis.tables import cliff_causes

FIXED = "fixed"
LARGEST = "largest"


def peak_of(cell: Cell) -> tuple[int, tuple[int, ...]]:
    """The best size of the fixed pools and all sizes not told apart from it."""
    sizes_of(cell, FIXED)
    size = best.optimum(cell.fixed, cell.sizes)
    if size is None:
        raise NotMeasuredError(f"no fixed pool of {cell.name.experiment} gave a usable trial")
    return size, indistinguishable_from_best(cell.fixed, cell.sizes, size)


def columns_of_sizes(cell: Cell, name: str) -> Array:
    """A column of the fixed pools, shape (blocks, sizes)."""
    found = np.stack([cell.series(name, FIXED, size) for size in sizes_of(cell, FIXED)], axis=1)
    checked(found.ravel(), cell, FIXED, cell.sizes[0])
    return found


def at_reference(fixed: Array, values: Array) -> Array:
    """In each block the value of the size that is best over the other blocks, shape (blocks,);
    both have shape (blocks, sizes)."""
    chosen = best.references(fixed)
    found = np.full(len(fixed), np.nan)
    known = np.flatnonzero(chosen != best.NO_REFERENCE)
    found[known] = values[known, chosen[known]]
    return found


def chosen_size(cell: Cell, size: int | str) -> int:
    return sizes_of(cell, FIXED)[-1] if size == LARGEST else int(size)


@measure
def loss(source: Source, *, size: int | str) -> Finding:
    """Share of the peak's throughput that the pool of ``size`` (or the largest) lacks."""
    cell = source.cell()
    number = chosen_size(cell, size)
    series = logs(cell, FIXED, number)
    found = intervals.loss(best.log_efficiency(cell.fixed, series))
    return Finding(found, f"N = {number} against the peak at {peak_of(cell)[0]}")


@measure
def least_loss(source: Source, *, smallest: int) -> Finding:
    """The least of the losses at all sizes from ``smallest`` on, with simultaneous intervals."""
    cell = source.cell()
    sizes = [size for size in sizes_of(cell, FIXED) if size >= smallest]
    if not sizes:
        raise NotMeasuredError(f"no pool of {smallest} threads or more was measured")
    # The least loss is the largest efficiency, and so the smallest of its negative.
    lost = [
        intervals.negative(best.log_efficiency(cell.fixed, logs(cell, FIXED, size)))
        for size in sizes
    ]
    least = intervals.loss(intervals.negative(intervals.smallest(lost)))
    return Finding(least, f"least over N = {', '.join(map(str, sizes))}; simultaneous (Bonferroni)")


@measure
def peak_size(source: Source) -> Finding:
    """The best size; its interval is the range of the sizes not told apart from it."""
    cell = source.cell()
    size, alike = peak_of(cell)
    blocks = int(np.isfinite(cell.fixed).all(axis=1).sum())
    low, high = (min(alike), max(alike)) if blocks >= MINIMUM else (None, None)
    return Finding(
        Interval(size, low, high, blocks), f"not told apart: {', '.join(map(str, alike))}"
    )


@measure
def peak_order(source: Source) -> Finding:
    """Best size of the cell over that of the other; the interval from the sets of sizes not told
    apart from each best one."""
    sizes, sets, blocks = [], [], []
    for cell in source.pair():
        size, alike = peak_of(cell)
        sizes.append(size)
        sets.append(alike)
        blocks.append(int(np.isfinite(cell.fixed).all(axis=1).sum()))
    ratio, n = sizes[0] / sizes[1], min(blocks)
    note = f"N* = {sizes[0]} against {sizes[1]}"
    if n < MINIMUM:
        return Finding(Interval(ratio, None, None, n), note)
    low, high = min(sets[0]) / max(sets[1]), max(sets[0]) / min(sets[1])
    return Finding(Interval(ratio, low, high, n), note)


@measure
def latency_growth(source: Source, *, size: int | str) -> Finding:
    """99th percentile of service time at ``size`` over that at the peak, within blocks."""
    cell = source.cell()
    number = chosen_size(cell, size)
    tail = np.log(column(cell, "latency_p99_ms", FIXED, number))
    tails = np.log(columns_of_sizes(cell, "latency_p99_ms"))
    found = best.scored(
        len(cell.blocks), lambda kept: tail[kept] - at_reference(cell.fixed[kept], tails[kept])
    )
    return Finding(found.exp(), f"P99 at N = {number} over P99 at the peak, {peak_of(cell)[0]}")


@measure
def peak_latency(source: Source) -> Finding:
    """99th percentile of service time at the peak, in milliseconds."""
    cell = source.cell()
    tails = np.log(columns_of_sizes(cell, "latency_p99_ms"))
    found = best.scored(len(cell.blocks), lambda kept: at_reference(cell.fixed[kept], tails[kept]))
    return Finding(found.exp(), f"P99 at the peak, N = {peak_of(cell)[0]}")


@measure
def peak_ratio(source: Source) -> Finding:
    """Throughput of the cell's peak over that of the other cell's, paired by block."""
    cell, other = source.pair()
    notes = [str(peak_of(each)[0]) for each in (cell, other)]
    mine, theirs = common_blocks(cell, other)
    ours, others = cell.fixed[mine], other.fixed[theirs]
    found = best.scored(
        len(mine),
        lambda kept: best.reference_logs(ours[kept]) - best.reference_logs(others[kept]),
    )
    return Finding(found.exp(), f"peaks at N = {' and '.join(notes)}")


@measure
def slowdown(source: Source, *, size: int) -> Finding:
    """By how much longer the cell's tasks take than the other's at the same size, as a share."""
    cell, other = source.pair()
    mine, theirs = common_blocks(cell, other)
    ratios = logs(other, FIXED, size)[theirs] - logs(cell, FIXED, size)[mine]
    return Finding(intervals.gain(mean_t_interval(ratios)), f"N = {size}")


@measure
def scaling_exponent(source: Source, *, up_to: int) -> Finding:
    """Slope of log throughput over log N up to a size; 1 is linear."""
    cell = source.cell()
    sizes = [size for size in sizes_of(cell, FIXED) if size <= up_to]
    if len(sizes) < 2:
        raise NotMeasuredError(f"a slope needs two pool sizes up to {up_to}")
    rates = log_matrix(cell, FIXED, sizes)
    found = intervals.mean_slope([float(np.log(size)) for size in sizes], rates)
    return Finding(found, f"N = {', '.join(map(str, sizes))}")


@measure
def beta_slope(source: Source) -> Finding:
    """Change of naive beta with each doubling of the pool."""
    cell = source.cell()
    betas = columns_of_sizes(cell, "beta_naive")
    if len(cell.sizes) < 2:
        raise NotMeasuredError("a slope needs two pool sizes")
    found = intervals.mean_slope([float(np.log2(size)) for size in cell.sizes], betas, shares=True)
    ends = [np.nanmean(betas[:, end]) if np.isfinite(betas[:, end]).any() else None
            for end in (0, -1)]  # fmt: skip
    shown = " to ".join("unknown" if end is None else f"{end:.2f}" for end in ends)
    return Finding(found, f"beta from {shown} over N = {cell.sizes[0]} to {cell.sizes[-1]}")


@measure
def share_of_loss(source: Source, *, cause: str, size: int | str) -> Finding:
    """Which part of what is lost since the peak ``cause`` explains (see ``cliff_causes``):
    ``switches``, ``other_cpu`` or ``idle``; of core time per task, whose growth the three share."""
    cell = source.cell()
    number = chosen_size(cell, size)
    table = cliff_causes.cliff_causes_table(cell.trials)
    row = table[table["concurrency"] == number].iloc[0]
    name = f"share_{cause}"
    names = (name, f"{name}_low", f"{name}_high")
    estimate, low, high = (None if pd.isna(row[n]) else float(row[n]) for n in names)
    if estimate is None:
        raise NotMeasuredError(f"core time per task has not grown for certain up to {number}")
    shares = [(n, row[f"share_{n}"]) for n in ("switches", "other_cpu", "idle")]
    told = [f"{n.replace('_', ' ')} {share:.0%}" for n, share in shares if pd.notna(share)]
    if pd.notna(row["startup_share"]):
        told.append(f"start-up and shutdown {row['startup_share']:.0%} of the time")
    return Finding(Interval(estimate, low, high, int(row["n_blocks"])), ", ".join(told))


@measure
def cost_of(source: Source, *, instrumented: str) -> Finding:
    """Share of throughput that a pool loses by being instrumented: paired within block and
    size, mean over sizes."""
    cell = source.cell()
    sizes = [size for size in sizes_of(cell, instrumented) if size in sizes_of(cell, FIXED)]
    if not sizes:
        raise NotMeasuredError(f"{instrumented} and {FIXED} have no size in common")
    ratios = log_matrix(cell, instrumented, sizes) - log_matrix(cell, FIXED, sizes)
    means = [row[np.isfinite(row)].mean() for row in ratios if np.isfinite(row).any()]
    return Finding(intervals.loss(mean_t_interval(means)), f"N = {', '.join(map(str, sizes))}")
