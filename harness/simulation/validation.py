"""Simulated beside measured: how far the simulator can be believed."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from harness.random_task import Family, draw
from harness.simulation.run import simulate

RESAMPLES = 2000


class Measured(NamedTuple):
    """A random task as a pool ran it; ``size`` None: the adaptive pool.

    ``cpu_s`` is what a task cost a lone worker, ``final_size`` where the adaptive pool ended.
    """

    seed: int
    family: Family | None
    gil: bool
    cores: int
    size: int | None
    throughput: float
    final_size: float | None
    cpu_s: float | None


class Pair(NamedTuple):
    """A measured pool and its simulation."""

    measured: Measured
    throughput: float
    final_size: int


class Agreement(NamedTuple):
    """How ``n`` simulated values agree with measured ones.

    ``rank`` is Spearman's correlation, ``error`` the median of |log(simulated / measured)|, each
    with its 95 % interval from resampled tasks.
    """

    n: int
    rank: float
    rank_ends: tuple[float, float]
    error: float
    error_ends: tuple[float, float]


def machine_speed(rows: Iterable[Measured]) -> float:
    """CPU time that tasks were drawn with over what they took, in the median; 1 if unknown."""
    ratios = [draw(r.seed, r.family).cpu_s / r.cpu_s for r in rows if r.size == 1 and r.cpu_s]
    return float(np.median(ratios)) if ratios else 1.0


def simulated(rows: Sequence[Measured], speed: float, seed: int = 0) -> list[Pair]:
    """Every measured pool once more, on a simulated machine of ``speed``."""
    pairs = []
    for row in rows:
        outcome = simulate(
            draw(row.seed, row.family),
            gil=row.gil,
            cores=row.cores,
            size=row.size,
            speed=speed,
            seed=seed,
        )
        pairs.append(Pair(row, outcome.goodput, outcome.size))
    return pairs


def agreement(tasks: Sequence[int], measured: Sequence[float], found: Sequence[float]) -> Agreement:
    """How values agree that belong to ``tasks``, given by their seeds, of which some repeat."""
    values = np.log(np.maximum(np.array([measured, found], dtype=float), 1e-9))
    seeds = np.unique(tasks)
    places = {seed: np.flatnonzero(np.asarray(tasks) == seed) for seed in seeds}
    rng = np.random.default_rng(1)
    resampled = [
        _agreement(values[:, np.concatenate([places[s] for s in rng.choice(seeds, len(seeds))])])
        for _ in range(RESAMPLES)
    ]
    ranks, errors = (_ends(np.array(one)) for one in zip(*resampled, strict=True))
    rank, error = _agreement(values)
    return Agreement(len(tasks), rank, ranks, error, errors)


def _ends(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[float, float]:
    known = values[~np.isnan(values)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    return float(low), float(high)


def _agreement(values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> tuple[float, float]:
    measured, found = values
    alike = np.ptp(measured) == 0 or np.ptp(found) == 0
    rank = np.nan if alike else float(stats.spearmanr(measured, found).statistic)
    return rank, float(np.median(np.abs(found - measured)))
