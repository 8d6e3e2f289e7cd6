"""The paper's 10/50 task: compute until so much CPU time is charged, then wait.

Kind of work: bytecode that lasts a fixed CPU *time*, however fast the machine or the
interpreter is; what it measures is how CPU time is shared, not how much work gets done in it.
"""

import time

from harness.workload import Task

ITERATIONS_PER_LOOK = 200
"""Reading the thread's CPU clock is a system call: look rarely enough to compute mostly."""


class Mixed:
    """Every task is the same: there is no input."""

    variants = 1

    def __init__(self, cpu_ms: float, wait_ms: float) -> None:
        self._cpu_s = cpu_ms / 1e3
        self._wait_s = wait_ms / 1e3

    def task(self, index: int) -> Task:
        """Returns whether the CPU time was charged in full."""
        started_s = time.thread_time()
        x = 0
        while time.thread_time() - started_s < self._cpu_s:
            for _ in range(ITERATIONS_PER_LOOK):
                x += 1
        yield self._wait_s
        return x > 0


def setup(cpu_ms: float, wait_ms: float) -> Mixed:
    """Compute for ``cpu_ms`` of this thread's CPU time, then wait."""
    return Mixed(cpu_ms, wait_ms)
