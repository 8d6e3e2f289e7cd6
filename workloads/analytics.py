"""Edge analytics: rolling statistics of sensor readings and their anomalies.

Kind of work: pandas. Its rolling loops release the GIL, the Python around each of the many
short calls holds it, and every call allocates new frames.
"""

import numpy as np
import pandas as pd

from harness.workload import Task

COLUMNS = ["temperature", "humidity", "pressure", "vibration", "current", "voltage", "flow"]
STATISTICS = ("mean", "std", "min", "max")
VARIANTS = 4
ANOMALIES_PER_COLUMN = 3


class Analytics:
    """Readings of shape (rows, 7), one row a sampling instant."""

    variants = VARIANTS

    def __init__(self, rows: int, windows: list[int], z_limit: float, wait_ms: float) -> None:
        self._windows = windows
        self._z_limit = z_limit
        self._wait_s = wait_ms / 1e3
        self._readings = [_readings(rows, seed) for seed in range(VARIANTS)]

    def task(self, index: int) -> Task:
        """Waits for a batch of readings; returns per window the anomalies and the spread.

        The spread is the largest rolling range of the batch, in hundredths.
        """
        yield self._wait_s
        # The frame is the task's own: pandas objects cache, arrays shared by threads do not.
        batch = pd.DataFrame(self._readings[index % VARIANTS], columns=COLUMNS)
        summary: list[int] = []
        for window in self._windows:
            rolling = batch.rolling(window)
            mean, std, low, high = (getattr(rolling, name)() for name in STATISTICS)
            z_scores = (batch - mean) / std
            summary.append(int((z_scores.abs() > self._z_limit).to_numpy().sum()))
            summary.append(round(100 * float((high - low).max().max())))
        return tuple(summary)


def _readings(rows: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Slow random walks with noise and a few spikes in every column."""
    rng = np.random.default_rng(seed)
    shape = (rows, len(COLUMNS))
    readings = np.cumsum(rng.normal(0, 0.05, shape), axis=0) + rng.normal(0, 0.2, shape)
    for column in range(len(COLUMNS)):
        readings[rng.integers(0, rows, ANOMALIES_PER_COLUMN), column] += 10
    return readings


def setup(rows: int, windows: list[int], z_limit: float, wait_ms: float) -> Analytics:
    """Batches of ``rows`` readings; an anomaly lies ``z_limit`` deviations from its window."""
    return Analytics(rows, windows, z_limit, wait_ms)
