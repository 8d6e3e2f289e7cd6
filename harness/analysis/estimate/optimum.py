"""The best fixed pool, and efficiency against it, without the winner's curse.

The best of many noisy means is too high: the winner was lucky. Here block b is scored
against the size that won the *other* blocks, so the luck that made it win is not in the
score (cross-validation; Stone 1974, doi 10.1111/j.2517-6161.1974.tb00994.x).

Throughput enters as logarithms, one row per block and one column per pool size or series,
NaN where there is no usable trial. Trials of a block share its machine speed, a factor that
cancels in every ratio taken within the block.

What is estimated. With mu the expected log throughput, the estimate is unbiased for
``mu(s) - mean over b of E mu(N*_b)``: efficiency against the size this procedure picks. Where
one size leads clearly, or several are equal, that *is* the efficiency against the true
optimum. In between, when a runner-up is behind by about one standard error of a mean, picking
it now and then makes the efficiency too high by at most about a third of one trial's noise.

Its standard error. Blocks choose their references from overlapping data, so the log ratios
of a cell with a flat top are correlated and their ordinary standard error is too small. The
delete-one-block jackknife of the whole procedure, selection included, errs to the other side
(Efron and Stein 1981, doi 10.1214/aos/1176345462). The mean of the two is used; where the
same size wins everywhere both are equal and the interval is Student's. Simulated coverage
is in tests/analysis/estimate/test_optimum.py.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from harness.analysis.estimate.statistics import (
    NOTHING,
    Array,
    Interval,
    standard_error,
    t_interval_from,
)

NO_REFERENCE = -1
#: Throughputs are counts, so that sizes can tie exactly. Then the smaller one is the better, and
#: not the one that rounding favours.
TIE = 1e-9
Indices = npt.NDArray[np.intp]


def size_effects(logs: Array) -> Array:
    """Mean log throughput of each size over the blocks, shape (sizes,), up to a common constant.

    With a trial missing, plain means would credit a size for having missed a slow block, so
    sizes and blocks are fitted together by least squares. A size without trials is NaN.
    """
    present = np.isfinite(logs)
    if present.all():
        means: Array = logs.mean(axis=0)
        return means
    blocks, sizes = logs.shape
    rows, columns = np.nonzero(present)
    design = np.zeros((rows.size, blocks + sizes))
    design[np.arange(rows.size), rows] = 1.0
    design[np.arange(rows.size), blocks + columns] = 1.0
    solution = np.linalg.lstsq(design, logs[present], rcond=None)[0]
    effects: Array = np.where(present.any(axis=0), solution[blocks:], np.nan)
    return effects


def best_column(logs: Array) -> int:
    """Column with the highest size effect; ``NO_REFERENCE`` when there is no trial at all."""
    if not np.isfinite(logs).any():
        return NO_REFERENCE
    effects = size_effects(logs)
    return int(np.argmax(effects >= np.nanmax(effects) - TIE))


def references(fixed: Array) -> Indices:
    """For each block the column of the size that is best over the other blocks, shape (blocks,).

    ``NO_REFERENCE`` where the other blocks hold no trial, as with a single block.
    """
    blocks = fixed.shape[0]
    if blocks > 1 and fixed.size and np.isfinite(fixed).all():
        # The mean over the others, times their number: the same winner, without a loop.
        sums = fixed.sum(axis=0) - fixed
        winners: Indices = np.argmax(sums >= sums.max(axis=1, keepdims=True) - TIE, axis=1)
        return winners
    return np.array([best_column(np.delete(fixed, b, axis=0)) for b in range(blocks)], np.intp)


def reference_logs(fixed: Array) -> Array:
    """Log throughput, in each block, of that block's reference, shape (blocks,)."""
    chosen = references(fixed)
    logs = np.full(fixed.shape[0], np.nan)
    known = np.flatnonzero(chosen != NO_REFERENCE)
    logs[known] = fixed[known, chosen[known]]
    return logs


def optimum(fixed: Array, sizes: Sequence[int]) -> int | None:
    """The size most often chosen as reference; ties and single blocks go to the best overall."""
    overall = best_column(fixed)
    if overall == NO_REFERENCE:
        return None
    votes = Counter(int(column) for column in references(fixed) if column != NO_REFERENCE)
    if not votes or votes[overall] == max(votes.values()):
        return sizes[overall]
    return sizes[votes.most_common(1)[0][0]]


def log_ratios(fixed: Array, series: Array) -> Array:
    """Log efficiency of ``series`` (blocks,) in each block; NaN where either trial is missing."""
    ratios: Array = series - reference_logs(fixed)
    return ratios


def log_efficiency(fixed: Array, series: Array) -> Interval:
    """Mean log efficiency of ``series`` over blocks with its interval; see the module's text.

    ``fixed`` has shape (blocks, sizes), ``series`` (blocks,). ``n`` counts the blocks in which
    both trials are usable; without any, the estimate is None.
    """
    return scored(fixed.shape[0], lambda kept: log_ratios(fixed[kept], series[kept]))


def log_optimum_throughput(fixed: Array) -> Interval:
    """Mean log throughput of the references: what the optimum yields in blocks it was not
    chosen on. The interval is made as in ``log_efficiency``."""
    return scored(fixed.shape[0], lambda kept: reference_logs(fixed[kept]))


def scored(blocks: int, score: Callable[[Indices], Array]) -> Interval:
    """Mean of ``score`` with its interval; ``score`` maps kept blocks to one value for each."""
    everything = np.arange(blocks)
    values = score(everything)
    usable = np.flatnonzero(np.isfinite(values))
    if usable.size == 0:
        return NOTHING
    estimate = float(values[usable].mean())
    error = standard_error(values)
    # Without one block there must still be another to choose on.
    if error is not None and blocks > 2:
        replicates = [score(np.delete(everything, block)) for block in usable]
        error = (error + _jackknife_error(replicates, error)) / 2
    return t_interval_from(estimate, error, usable.size)


def _jackknife_error(replicates: Sequence[Array], fallback: float) -> float:
    """Standard error from the means of the delete-one replicates; ``fallback`` if fewer than
    two of them hold a usable block."""
    means = np.array([r[np.isfinite(r)].mean() for r in replicates if np.isfinite(r).any()])
    if means.size < 2:
        return fallback
    spread = float(np.sum((means - means.mean()) ** 2))
    return math.sqrt((means.size - 1) / means.size * spread)
