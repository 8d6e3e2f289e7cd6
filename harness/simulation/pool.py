"""A simulated pool under a closed loop, of a fixed size or with the runtime's governor.

The governor is the real one, with its controller, limits, placement, meter and sampling; what it
perceives is the simulated machine.
"""

import random
from collections.abc import Collection
from typing import Any, NamedTuple

from harness.runtime.gil import FUTEX, WaitSite
from harness.runtime.governor import LOOKOUT_S, Governor, Settings
from harness.runtime.probes import ThreadIdentity, ThreadProbe
from harness.runtime.senses import Senses
from harness.runtime.worker import Worker
from harness.simulation.machine import Compute, Machine, Program, Sleep, Thread
from harness.simulation.programs import Tasks

#: what a pool adds to a task: taking it from the queue, its future, the next submit
OVERHEAD_S = 25e-6
THREAD_START_S = 80e-6
LOOK_S = 50e-6

_GIL = WaitSite(FUTEX, 0x1000)
#: what a thread's syscall file says
_LINES = {
    "gil": b"%d 0x%x" % _GIL,
    "lock": b"%d 0x%x" % (FUTEX, 0x900000),
    "sleep": b"230 0x0",
}


class _Probe:
    """A simulated thread, as a ``ThreadProbe`` shows a real one, and its ``ThreadIdentity``."""

    def __init__(self, machine: Machine, thread: Thread) -> None:
        self.machine = machine
        self.thread = thread

    def cpu_seconds(self) -> float | None:
        return None if self.thread.ended else self.machine.counters(self.thread)[0]

    def run_queue_seconds(self) -> float | None:
        return self.machine.counters(self.thread)[1]

    def syscall(self) -> bytes:
        return _LINES.get(self.thread.waits or "", b"running")

    def close(self) -> None:
        pass


class SimulatedSenses(Senses):
    """The machine in place of this one; the placement's moves take effect on it."""

    def __init__(self, machine: Machine, seed: int) -> None:
        super().__init__(None)
        self.random = random.Random(seed)
        self._machine = machine

    def now(self) -> float:
        return self._machine.clock.now

    def process_cpu(self) -> float:
        return self._machine.cpu_of_process()

    def gil_enabled(self) -> bool:
        return self._machine.gil

    def cores(self) -> float:
        return float(len(self._machine.cpus))

    def cpus(self) -> frozenset[int]:
        return self._machine.cpus

    def current_cpu(self, allowed: frozenset[int]) -> int:
        return max(allowed)

    def move(self, thread: ThreadIdentity, cpus: frozenset[int]) -> None:
        assert isinstance(thread, _Probe)
        self._machine.place(thread.thread, cpus)

    @property
    def sees_waits(self) -> bool:
        return True

    @property
    def wait_site(self) -> WaitSite | None:
        return _GIL

    def probe(self, thread: ThreadIdentity) -> ThreadProbe | None:
        return thread  # type: ignore[return-value]  # a _Probe is both

    def learn_wait_site(self) -> None:
        pass


class _Governor(Governor):
    """One whose lookout is a simulated thread."""

    def __init__(self, pool: "SimulatedPool", settings: Settings, seed: int) -> None:
        self._machine = pool.machine
        super().__init__(settings, pool, settings.most, SimulatedSenses(pool.machine, seed))

    def _post_lookout(self) -> None:
        self._machine.start(self._look())

    def _look(self) -> Program:
        while self.look_out():
            yield Sleep(LOOKOUT_S)
            yield Compute(LOOK_S)


class Completion(NamedTuple):
    """A task that has ended: when it was begun and ended, in seconds, and whether it succeeded."""

    began: float
    ended: float
    succeeded: bool


class SimulatedPool:
    """Keeps ``population`` customers busy, each with one task outstanding.

    ``workers`` fixes the size; without it a governor with ``settings`` decides.
    """

    def __init__(
        self,
        machine: Machine,
        tasks: Tasks,
        population: int,
        *,
        size: int | None = None,
        settings: Settings | None = None,
        seed: int = 0,
    ) -> None:
        self.machine = machine
        self.completions: list[Completion] = []
        #: (seconds, workers wanted), whenever that changed
        self.sizes: list[tuple[float, int]] = []
        self._tasks = tasks
        self._population = population
        self._next_index = 0
        self._threads: dict[Worker, Thread] = {}
        self._busy = 0
        self.governor: _Governor | None = None
        if size is None:
            assert settings is not None, "a pool without a size needs a governor"
            self.governor = _Governor(self, settings, seed)
            size = self.governor.target
        self._limit = size
        self.apply(size)
        if self.governor is None:
            for _ in range(size - 1):
                self._hire()
        else:
            self.governor.wake()

    # -- as its governor sees it --------------------------------------------------------------

    @property
    def workers(self) -> Collection[Worker]:
        """Every worker that will still take tasks."""
        return self._threads.keys()

    @property
    def threads(self) -> Collection[Thread]:
        """Their threads."""
        return self._threads.values()

    @property
    def backlog(self) -> int:
        """Customers whose task nobody has begun."""
        return max(0, self._population - self._busy)

    @property
    def occupied(self) -> int:
        """Nobody waits for another task of the pool."""
        return len(self._threads)

    @property
    def completed(self) -> int:
        """Tasks that have ended."""
        return len(self.completions)

    def apply(self, target: int) -> None:
        """Become as large as the governor wants it."""
        if not self.sizes or self.sizes[-1][1] != target:
            self.sizes.append((self.machine.clock.now, target))
        self._limit = target
        self._hire()

    # -- workers -----------------------------------------------------------------------------

    def _hire(self) -> None:
        if len(self._threads) >= min(self._limit, self._population):
            return
        worker = Worker(self)
        worker.unoccupied = (0.0, self.machine.clock.now)
        thread = self.machine.start(self._work(worker))
        self._threads[worker] = thread
        probe: Any = _Probe(self.machine, thread)
        worker.identity = probe

    def _work(self, worker: Worker) -> Program:
        clock = self.machine.clock
        yield Compute(THREAD_START_S)
        governor = self.governor
        if governor is not None:
            governor.place(worker)
            self._hire()  # one starts the next
        worker.unoccupied = (clock.now - (worker.unoccupied[1] or 0.0), None)
        while True:
            index = self._next_index
            self._next_index += 1
            self._busy += 1
            began = clock.now
            succeeded = yield from self._tasks.steps(index)
            yield Compute(OVERHEAD_S)
            self._busy -= 1
            self.completions.append(Completion(began, clock.now, succeeded))
            if governor is not None and clock.now >= governor.due:
                governor.attend(worker, clock.now)
            if len(self._threads) < self._limit:
                self._hire()
            elif len(self._threads) > max(1, self._limit):
                break
        del self._threads[worker]
