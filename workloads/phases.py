"""Tasks that change their nature with time: a schedule of phases, over and over.

Kind of work: bytecode and a wait whose amounts depend on when the task begins. It asks a
runtime how soon it notices, and what it loses until it does.
"""

import time
from collections.abc import Sequence

from harness.workload import Task


class Phases:
    """Every task is the same but for the time at which it begins."""

    variants = 1

    def __init__(
        self,
        iterations: Sequence[int],
        wait_ms: float,
        wait_factors: Sequence[float],
        phase_s: float,
    ) -> None:
        self._phases = [
            (count, factor * wait_ms / 1e3)
            for count, factor in zip(iterations, wait_factors, strict=True)
        ]
        self._phase_s = phase_s
        self._started = time.perf_counter()

    def task(self, index: int) -> Task:
        """Returns whether there was anything to count."""
        elapsed = time.perf_counter() - self._started
        iterations, wait_s = self._phases[int(elapsed / self._phase_s) % len(self._phases)]
        x = 0
        for _ in range(iterations):
            x += 1
        yield wait_s
        return x > 0


def setup(
    iterations: Sequence[int], wait_ms: float, wait_factors: Sequence[float], phase_s: float
) -> Phases:
    """Phases of ``phase_s`` seconds; the i-th waits ``wait_factors[i]`` times ``wait_ms``."""
    return Phases(iterations, wait_ms, wait_factors, phase_s)
