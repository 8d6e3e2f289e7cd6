"""The paper's 10/50 task, and others like it whose blocking ratio is known beforehand.

Kind of work: bytecode that lasts a fixed CPU *time*, however fast the machine or the
interpreter is; what it measures is how CPU time is shared, not how much work gets done in it.
So the ratio is wait_ms / (wait_ms + cpu_ms), whatever the waits' distribution and however
often computing and waiting take turns.
"""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence

from harness.workload import Task

ITERATIONS_PER_LOOK = 50
"""Reading the thread's CPU clock is a system call: look rarely enough to compute mostly, and
often enough for segments of a tenth of a millisecond."""

DRAWS = 61
"""Waits drawn from a distribution. A prime: in a closed loop whose population is a power of
two, every customer meets all of them."""

PARETO_SHAPE = 1.5
"""A mean, but no variance: a heavy tail."""

QUANTILES: Mapping[str, Callable[[float], float]] = {
    "exponential": lambda u: -math.log1p(-u),
    "pareto": lambda u: (1 - u) ** (-1 / PARETO_SHAPE),
}


class Mixed:
    """Tasks that differ in how long they wait, if at all; ``waits_s`` is one per variant."""

    def __init__(self, cpu_ms: float, waits_s: Sequence[float], segments: int) -> None:
        self.variants = len(waits_s)
        self._cpu_s = cpu_ms / 1e3 / segments
        self._waits_s = [wait_s / segments for wait_s in waits_s]
        self._segments = segments

    def task(self, index: int) -> Task:
        """Returns the variant, and whether it computed."""
        variant = index % self.variants
        x = 0
        for _ in range(self._segments):
            # From here, not from the task's start: asyncio may go on in another thread.
            started_s = time.thread_time()
            while True:  # compute before looking: a stall between two looks may be all of it
                for _ in range(ITERATIONS_PER_LOOK):
                    x += 1
                if time.thread_time() - started_s >= self._cpu_s:
                    break
            yield self._waits_s[variant]
        return variant, x > 0


def draw(distribution: str, mean_s: float) -> list[float]:
    """Waits in seconds whose mean is ``mean_s``; the same ones in every process.

    Not a sample but evenly spaced quantiles in a shuffled order, scaled to the exact mean:
    strategies see the same waits, and no lucky draw decides between them.
    """
    if distribution == "fixed":
        return [mean_s]
    if distribution not in QUANTILES:
        known = ", ".join(["fixed", *QUANTILES])
        raise ValueError(f"distribution: {distribution!r} is not one of {known}")
    values = [QUANTILES[distribution]((k + 0.5) / DRAWS) for k in range(DRAWS)]
    random.Random(DRAWS).shuffle(values)
    return [value * mean_s * DRAWS / sum(values) for value in values]


def setup(cpu_ms: float, wait_ms: float, segments: int = 1, distribution: str = "fixed") -> Mixed:
    """Compute for ``cpu_ms`` of this thread's CPU time, then wait ``wait_ms``.

    ``segments`` cuts both into as many parts that alternate; ``distribution`` of the waits is
    ``fixed``, ``exponential`` or ``pareto``, with ``wait_ms`` as its mean.
    """
    return Mixed(cpu_ms, draw(distribution, wait_ms / 1e3), segments)
