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

from collections.abc import Iterable
from typing import Literal

from .decomposition import Decomposition, Window
from .senses import Senses
from .worker import Worker

CONTENDED = 0.15
#: cores in use between which work may be GIL-bound; hand-overs of the GIL cost CPU time, too
CORES_USED = (0.6, 1.5)
WINDOWS_BEFORE = 2
WINDOWS_COMPARED = 3
#: by how much being together has to be better, and what needs no third window
GAIN = 1.03
CLEAR_GAIN = 1.25
RECHECK_S = 5.0
RECHECK_MOST_S = 120.0

State = Literal["spread", "trying together", "together", "trying spread"]


class Placement:
    """Where the workers run; guarded by the pool's tick lock."""

    def __init__(self, senses: Senses, enabled: bool) -> None:
        self._senses = senses
        self._all: frozenset[int] = senses.cpus() if enabled else frozenset()
        self.state: State = "spread"
        self._core: frozenset[int] = frozenset()
        self._target = 0
        self._recheck_s = RECHECK_S
        self._due = 0.0
        self._skip = False
        self._evidence = 0
        #: what the present placement gives, and what the one being tried gives
        self._usual = Window()
        self._tried = Window()
        self._tried_windows = 0

    @property
    def together(self) -> bool:
        """Whether the workers are on one core now."""
        return self.state in ("together", "trying together")

    @property
    def trying(self) -> bool:
        """Whether windows are taken for comparison, not for sizing."""
        return self.state.startswith("trying")

    def review(
        self, window: Window, parts: Decomposition, now: float, target: int, *, gil: bool
    ) -> bool:
        """Take in a window with a backlog; True when the workers have to move.

        ``target`` is the size of the pool in that window; sizes are not compared.
        """
        if len(self._all) < 2:
            return False
        if not gil:
            return self._become("spread")
        if target != self._target or self._skip:  # in this window they moved
            self._skip = False
            if target != self._target:
                self._target = target
                self._usual = Window()
            return False
        if self.trying:
            return self._compare(window, now)
        self._usual = self._usual.scaled(0.8).plus(window)
        if self.together:
            return now >= self._due and self._try("trying spread")
        bound = (
            parts.contention > CONTENDED
            and parts.gil_share > parts.run_queue_share
            and CORES_USED[0] < parts.cores_used < CORES_USED[1]
        )
        self._evidence = self._evidence + 1 if bound else 0
        enough = self._evidence >= WINDOWS_BEFORE and now >= self._due
        return enough and self._try("trying together")

    def new_phase(self) -> None:
        """The tasks have changed: look at them afresh."""
        self._recheck_s = RECHECK_S
        self._due = 0.0
        self._usual, self._evidence = Window(), 0

    def _try(self, state: State) -> bool:
        self._tried, self._tried_windows = Window(), 0
        return self._become(state)

    def _compare(self, window: Window, now: float) -> bool:
        self._tried = self._tried.plus(window)
        self._tried_windows += 1
        usual = Decomposition.of(self._usual).throughput
        tried = Decomposition.of(self._tried).throughput
        if self._tried_windows < _windows_needed(tried / max(usual, 1e-9)):
            return False
        together, apart = (tried, usual) if self.together else (usual, tried)
        self._due = now + self._recheck_s
        self._recheck_s = min(2 * self._recheck_s, RECHECK_MOST_S)
        self._evidence = 0
        better: State = "together" if together > GAIN * apart else "spread"
        if better.startswith(self.state.removeprefix("trying ")):
            self._usual = self._tried
        return self._become(better)

    def _become(self, state: State) -> bool:
        was, self.state = self.together, state
        moved = self.together != was
        self._skip = self._skip or moved
        if self.together and not was:
            self._core = frozenset({self._senses.current_cpu(self._all)})
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
            self._senses.move(worker.identity, self._core)
            worker.moved = True
        elif worker.moved or self._core:
            self._senses.move(worker.identity, self._all)
            worker.moved = False


def _windows_needed(gain: float) -> int:
    """After how many windows a placement that gives ``gain`` times the usual is judged."""
    if gain < 1 / CLEAR_GAIN:
        return 1  # so much worse that more of it would only cost
    return 2 if gain > CLEAR_GAIN else WINDOWS_COMPARED
