"""Keeps the workers of a GIL-bound pool on one core, where that is faster.

With a GIL and several cores, threads that take turns at the GIL also drag each turn to
another core: more switches, cold caches, and every hand-over wakes a core. Together on one
core the same threads get more done. Nothing is known in advance, so it is tried: when the
pool is contended and uses no more than one core, its workers are brought together; what both
placements give is compared, again and again but ever more rarely, and the better one stays.
Tasks that release the GIL use more than one core, so they are never brought together, and
when they appear later, the next comparison or the next change of phase spreads them again.

Only the affinity of the pool's own threads changes; it is restored when they spread, and a
thread or process that a task starts while the pool is together inherits it, as Linux has it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from harness.runtime.decomposition import Decomposition, Window
from harness.runtime.probes import read_text
from harness.runtime.worker import Worker

CONTENDED = 0.15
#: a pool that uses more cores than this is not GIL-bound
ONE_CORE = 1.1
BUSY = 0.8
WINDOWS_BEFORE = 2
WINDOWS_COMPARED = 3
RECHECK_S = 2.0
RECHECK_MOST_S = 120.0

State = Literal["spread", "together", "trying spread"]


class Placement:
    """Where the workers run; guarded by the pool's tick lock."""

    def __init__(self, enabled: bool) -> None:
        self._all: frozenset[int] = frozenset()
        if enabled and hasattr(os, "sched_getaffinity"):
            self._all = frozenset(os.sched_getaffinity(0))
        self.state: State = "spread"
        self._core: frozenset[int] = frozenset()
        self._evidence = 0
        self._forget()

    def _forget(self) -> None:
        self._recheck_s = RECHECK_S
        self._next_check = 0.0
        self._together = Window()
        self._apart = Window()
        self._apart_windows = 0
        self._skip = False
        self._barred_until = 0.0

    @property
    def together(self) -> bool:
        """Whether the workers are on one core now."""
        return self.state == "together"

    @property
    def trying(self) -> bool:
        """Whether windows are taken for comparison, not for sizing."""
        return self.state == "trying spread"

    def review(self, window: Window, parts: Decomposition, now: float, *, gil: bool) -> bool:
        """Take in a window with a backlog; True when the workers have to move."""
        if len(self._all) < 2:
            return False
        if not gil:
            return self._become("spread")
        if self.state == "spread":
            return self._consider(parts, now)
        if self._skip:  # the window in which they moved
            self._skip = False
            return False
        return self._watch(window, now) if self.together else self._try_spread(window, now)

    def new_phase(self) -> bool:
        """The tasks have changed: spread, and look at them afresh."""
        self._forget()
        self._evidence = 0
        return self._become("spread")

    def _consider(self, parts: Decomposition, now: float) -> bool:
        bound = parts.contention > CONTENDED and BUSY < parts.cores_used < ONE_CORE
        self._evidence = self._evidence + 1 if bound else 0
        if self._evidence < WINDOWS_BEFORE or now < self._barred_until:
            return False
        self._next_check = now + self._recheck_s
        self._together = Window()
        return self._become("together")

    def _watch(self, window: Window, now: float) -> bool:
        self._together = self._together.scaled(0.8).plus(window)
        if now < self._next_check:
            return False
        self._apart, self._apart_windows = Window(), 0
        return self._become("trying spread")

    def _try_spread(self, window: Window, now: float) -> bool:
        self._apart = self._apart.plus(window)
        self._apart_windows += 1
        return self._apart_windows >= WINDOWS_COMPARED and self._compare(now)

    def _compare(self, now: float) -> bool:
        together = Decomposition.of(self._together).throughput
        apart = Decomposition.of(self._apart)
        self._recheck_s = min(2 * self._recheck_s, RECHECK_MOST_S)
        if apart.cores_used > ONE_CORE or apart.throughput > together:
            self._barred_until = now + self._recheck_s
            self._evidence = 0
            self.state = "spread"  # they are already
            return False
        self._next_check = now + self._recheck_s
        return self._become("together")

    def _become(self, state: State) -> bool:
        if state == self.state:
            return False
        moved = (state == "together") != (self.state == "together")
        self.state = state
        self._skip = moved
        if state == "together":
            self._core = frozenset({_current_cpu(self._all)})
        return moved

    def apply(self, workers: Iterable[Worker]) -> None:
        """Move every worker to where the state wants it."""
        for worker in list(workers):
            self.adopt(worker)

    def adopt(self, worker: Worker) -> None:
        """Place one worker, which may have inherited its starter's affinity."""
        if len(self._all) < 2 or worker.identity is None:
            return
        if self.together:
            _move(worker, self._core)
            worker.moved = True
        elif worker.moved or self._core:
            _move(worker, self._all)
            worker.moved = False


def _move(worker: Worker, cpus: frozenset[int]) -> None:
    assert worker.identity is not None
    with suppress(OSError):  # the thread has ended, or may not
        os.sched_setaffinity(worker.identity.native_id, cpus)


def _current_cpu(allowed: frozenset[int]) -> int:
    """The CPU the calling thread runs on: one where this process does get time."""
    with suppress(OSError, ValueError, IndexError):
        # the fields after the command's name, which may hold spaces: processor is number 39
        fields = read_text("/proc/thread-self/stat").rpartition(")")[2].split()
        cpu = int(fields[36])
        if cpu in allowed:
            return cpu
    return max(allowed)
