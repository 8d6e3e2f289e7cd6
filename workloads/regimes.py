"""Tasks of which it is known by construction what many of them at once would wait for.

Kind of work: a fixed CPU *time* in bytecode (which holds the GIL) or in SHA-256 over large
buffers (which releases it), then a wait; a lock may be held over either. Which resource is
the bottleneck follows from these amounts alone: see ``harness/analysis/regimes.py``.
"""

import hashlib
import threading
import time
from contextlib import nullcontext

from harness.workload import Task

ITERATIONS_PER_LOOK = 200
BUFFER = bytes(range(256)) * 1024
"""256 KiB are some tenths of a millisecond: the GIL changes hands rarely."""


class Regime:
    """Every task is the same: there is no input."""

    variants = 1

    def __init__(self, cpu_ms: float, wait_ms: float, releases_gil: bool, lock: str) -> None:
        if lock not in ("none", "computing", "waiting"):
            raise ValueError(f"lock is {lock!r}; it can be none, computing or waiting")
        self._cpu_s = cpu_ms / 1e3
        self._wait_s = wait_ms / 1e3
        self._compute = _hash if releases_gil else _count
        held, free = threading.Lock(), nullcontext()
        self._computing = held if lock == "computing" else free
        self._waiting = held if lock == "waiting" else free

    def task(self, index: int) -> Task:
        """Returns whether the CPU time was charged in full."""
        with self._computing:
            done = self._compute(self._cpu_s)
        with self._waiting:
            yield self._wait_s
        return done


def _count(cpu_s: float) -> bool:
    started_s = time.thread_time()
    x = 0
    while time.thread_time() - started_s < cpu_s:
        for _ in range(ITERATIONS_PER_LOOK):
            x += 1
    return x > 0


def _hash(cpu_s: float) -> bool:
    started_s = time.thread_time()
    digest = hashlib.sha256()
    while time.thread_time() - started_s < cpu_s:
        digest.update(BUFFER)
    return len(digest.digest()) > 0


def setup(
    cpu_ms: float,
    wait_ms: float,
    releases_gil: bool = False,
    lock: str = "none",
    held_out: bool = False,
) -> Regime:
    """Compute for ``cpu_ms`` of the thread's CPU time, wait ``wait_ms``, hold the lock over the
    part named by ``lock``. ``held_out`` changes nothing here: it keeps the workload from the
    trials on which thresholds are fixed."""
    return Regime(cpu_ms, wait_ms, releases_gil, lock)
