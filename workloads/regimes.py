"""Tasks of which it is known by construction what many of them at once would wait for.

Kind of work: a known CPU *time* in bytecode (which holds the GIL) or in one long call of
PBKDF2 (which releases it), then a wait; a lock may be held over either. Which resource is
the bottleneck follows from these amounts alone: see ``harness/analysis/regimes.py``.
"""

import hashlib
import statistics
import threading
import time
from contextlib import nullcontext

from harness.workload import Task

ITERATIONS_PER_LOOK = 200
CALIBRATION_ROUNDS = 2000
WAIT_FACTORS = (1.0, 0.7, 1.15, 0.925, 1.3, 0.775, 1.075, 0.85, 1.225)
"""Of the wait, by variant; their mean is 1. Waits all alike would keep workers in step."""


class Regime:
    """Variants differ in how long they wait, a little."""

    variants = len(WAIT_FACTORS)

    def __init__(self, cpu_ms: float, wait_ms: float, releases_gil: bool, lock: str) -> None:
        if lock not in ("none", "computing", "waiting"):
            raise ValueError(f"lock is {lock!r}; it can be none, computing or waiting")
        self._cpu_s = cpu_ms / 1e3
        self._wait_s = wait_ms / 1e3
        self._rounds = max(1, round(self._cpu_s / _round_s())) if releases_gil else 0
        held, free = threading.Lock(), nullcontext()
        self._computing = held if lock == "computing" else free
        self._waiting = held if lock == "waiting" else free

    def task(self, index: int) -> Task:
        """Returns the number of the variant if the CPU part was computed, else -1."""
        variant = index % self.variants
        with self._computing:
            done = _derive(self._rounds) if self._rounds else _count(self._cpu_s)
        with self._waiting:
            yield self._wait_s * WAIT_FACTORS[variant]
        return variant if done else -1


def _count(cpu_s: float) -> bool:
    started_s = time.thread_time()
    x = 0
    while True:  # compute before looking: a stall between two looks may be all of the time
        for _ in range(ITERATIONS_PER_LOOK):
            x += 1
        if time.thread_time() - started_s >= cpu_s:
            return x > 0


def _derive(rounds: int) -> bool:
    return len(hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds)) > 0


def _round_s() -> float:
    """CPU seconds of a round of PBKDF2, the median of a few tries."""

    def seconds() -> float:
        started_s = time.thread_time()
        _derive(CALIBRATION_ROUNDS)
        return (time.thread_time() - started_s) / CALIBRATION_ROUNDS

    return statistics.median(seconds() for _ in range(5))


def setup(
    cpu_ms: float,
    wait_ms: float,
    releases_gil: bool = False,
    lock: str = "none",
    held_out: bool = False,
) -> Regime:
    """Compute for ``cpu_ms`` of the thread's CPU time, wait ``wait_ms`` on average, hold the lock
    over the part named by ``lock``. ``held_out`` changes nothing here: it keeps the workload
    from the trials on which thresholds are fixed."""
    return Regime(cpu_ms, wait_ms, releases_gil, lock)
