"""Cores, a run queue and a GIL, as far as they decide about a pool's throughput.

A simulated thread is a generator of requests: :class:`Compute`, :class:`Sleep` and
:class:`Acquire`. Whoever waits gives up the core and the GIL, and has to get both again.

What is modelled, with its costs in seconds (orders of magnitude, measured on the machine of the
reference run): a switch between threads; the wake-up of an idle core, during which a GIL that
was passed on is held by nobody; caches that are cold on another core; the GIL's switch interval
and the wake-ups of all who wait for it at every interval; time slices, and wake-ups that preempt
who has run for long; a machine that changes its speed. Not modelled: memory, priorities.
"""

from collections import deque
from collections.abc import Generator
from functools import partial
from typing import Any, NamedTuple

from harness.simulation.clock import Clock

SWITCH_S = 3e-6
IDLE_WAKE_S = 40e-6
MIGRATION_S = 15e-6
SLICE_S = 3e-3
PREEMPTED_AFTER_S = 1.5e-3
SWITCH_INTERVAL_S = 5e-3
#: of one wake-up of a thread that has waited for the GIL for a switch interval
TIMEOUT_S = 8e-6
#: the least share of the speed that is left for tasks
LEAST_SPEED = 0.1


class Compute(NamedTuple):
    """Use a core for ``seconds`` at speed 1; ``droppable`` gives the GIL up when asked."""

    seconds: float
    gil: bool = True
    droppable: bool = True


class Sleep(NamedTuple):
    """Wait for ``seconds``, with neither core nor GIL."""

    seconds: float


class Acquire(NamedTuple):
    """Wait for a semaphore; the answer is whether it was had within ``patience`` seconds."""

    semaphore: "Semaphore"
    patience: float | None = None


Program = Generator[Compute | Sleep | Acquire, Any, None]


class Thread:
    """A simulated thread and its counters; ``waits`` says for what, if it does."""

    __slots__ = (
        "answer",
        "between",
        "core",
        "cpu",
        "cpus",
        "droppable",
        "ended",
        "gil_wait",
        "last_core",
        "overhead",
        "program",
        "rate",
        "remaining",
        "run_queue",
        "since",
        "slice_began",
        "turn",
        "waits",
        "wants_gil",
    )

    def __init__(self, program: Program, cpus: frozenset[int]) -> None:
        self.program = program
        self.cpus = cpus
        self.cpu = self.run_queue = self.gil_wait = 0.0
        self.remaining = self.overhead = 0.0
        self.wants_gil = self.droppable = False
        #: on a core, done with one request and not yet at the next: nobody takes the core away
        self.between = False
        self.core: int | None = None
        self.last_core = -1
        #: when the present stay on a core, or in the run queue, began to be counted
        self.since = self.slice_began = 0.0
        self.rate = 1.0
        #: grows whenever what was planned for the thread no longer holds
        self.turn = 0
        self.waits: str | None = None
        self.answer: Any = None
        self.ended = False


class Machine:
    """``cores`` cores; with ``gil`` the threads of the process share one."""

    def __init__(self, clock: Clock, cores: int, *, gil: bool) -> None:
        self.clock = clock
        self.gil = gil
        self.cpus = frozenset(range(cores))
        #: of the process whose pool is simulated
        self.process_cpu = 0.0
        self._speed = 1.0
        self._running: list[Thread | None] = [None] * cores
        self._foreign: set[Thread] = set()
        self._ready: deque[Thread] = deque()
        self._dispatching = False
        self._holder: Thread | None = None
        self._waiters: deque[Thread] = deque()
        self._switches = 0
        self._drop_requested = False

    # -- from outside ----------------------------------------------------------------------

    def start(self, program: Program, *, foreign: bool = False) -> Thread:
        """Start a thread; ``foreign``: of another process, which has no part in the GIL."""
        thread = Thread(program, self.cpus)
        if foreign:
            self._foreign.add(thread)
        self._make_ready(thread)
        return thread

    def place(self, thread: Thread, cpus: frozenset[int]) -> None:
        """Let a thread run on ``cpus`` only, from its next turn on."""
        thread.cpus = cpus

    def set_speed(self, speed: float) -> None:
        """All computing goes at ``speed`` from now on."""
        for thread in self._running:
            if thread is not None:
                self._account(thread)
        self._speed = speed
        for thread in self._running:
            if thread is not None:
                self._go_on(thread)

    def counters(self, thread: Thread) -> tuple[float, float]:
        """CPU and run-queue seconds of a thread up to now."""
        elapsed = self.clock.now - thread.since
        if thread.core is not None:
            return thread.cpu + elapsed, thread.run_queue
        if thread.waits is None and not thread.ended:
            return thread.cpu, thread.run_queue + elapsed
        return thread.cpu, thread.run_queue

    def cpu_of_process(self) -> float:
        """CPU seconds of all threads but the foreign ones, up to now."""
        now = self.clock.now
        running = [t for t in self._running if t is not None and t not in self._foreign]
        return self.process_cpu + sum(now - thread.since for thread in running)

    # -- cores and run queue -----------------------------------------------------------------

    def _make_ready(self, thread: Thread) -> None:
        """A thread wants a core; who has run for long makes room."""
        if thread.waits == "gil":
            thread.gil_wait += self.clock.now - thread.since
        thread.waits = None
        thread.since = self.clock.now
        self._ready.append(thread)
        if self._idle_core(thread) is None:
            for core in thread.cpus:
                other = self._running[core]
                if other is None or other.between:
                    continue
                if self.clock.now - other.slice_began > PREEMPTED_AFTER_S:
                    self._preempt(other)
                    break
        self._dispatch()

    def _idle_core(self, thread: Thread) -> int | None:
        if thread.last_core in thread.cpus and self._running[thread.last_core] is None:
            return thread.last_core
        return next((core for core in thread.cpus if self._running[core] is None), None)

    def _dispatch(self) -> None:
        """Give idle cores to whoever has waited longest."""
        if self._dispatching:  # by somebody who has just got a core and wants no more
            return
        self._dispatching = True
        while None in self._running:
            for thread in self._ready:
                core = self._idle_core(thread)
                if core is not None:
                    break
            else:
                break
            self._ready.remove(thread)
            self._enter(thread, core)
        self._dispatching = False

    def _enter(self, thread: Thread, core: int) -> None:
        now = self.clock.now
        thread.run_queue += now - thread.since
        thread.core = core
        thread.since = thread.slice_began = now
        thread.overhead = SWITCH_S
        if thread.last_core not in (core, -1):
            thread.overhead += MIGRATION_S
        thread.last_core = core
        self._running[core] = thread
        self._step(thread)

    def _leave(self, thread: Thread, waits: str | None) -> None:
        """Off the core: to wait, or (None) back into the run queue."""
        self._account(thread)
        assert thread.core is not None
        self._running[thread.core] = None
        thread.core = None
        thread.between = False
        thread.waits = waits
        thread.since = self.clock.now

    def _preempt(self, thread: Thread) -> None:
        self._leave(thread, None)
        self._ready.append(thread)

    def _account(self, thread: Thread) -> None:
        """Count what a running thread has done up to now."""
        elapsed = self.clock.now - thread.since
        thread.cpu += elapsed
        if thread not in self._foreign:
            self.process_cpu += elapsed
        spent = min(elapsed, thread.overhead)
        thread.overhead -= spent
        thread.remaining -= (elapsed - spent) * thread.rate
        thread.since = self.clock.now
        thread.turn += 1

    def _go_on(self, thread: Thread) -> None:
        """Plan the end of what a running thread does, or of its slice."""
        thread.turn += 1
        thread.between = False
        waiting = len(self._waiters) * TIMEOUT_S / SWITCH_INTERVAL_S / len(thread.cpus)
        thread.rate = self._speed * max(LEAST_SPEED, 1 - waiting)
        end = thread.overhead + max(0.0, thread.remaining) / thread.rate
        left = max(0.0, SLICE_S - (self.clock.now - thread.slice_began))
        self.clock.after(min(end, left), partial(self._paused, thread, thread.turn, end <= left))

    def _paused(self, thread: Thread, turn: int, ended: bool) -> None:
        if turn != thread.turn:
            return  # something else came first
        self._account(thread)
        if ended:
            thread.remaining = 0.0
            self._step(thread)
        else:
            thread.slice_began = self.clock.now
            misplaced = thread.core not in thread.cpus
            if misplaced or any(thread.core in other.cpus for other in self._ready):
                self._preempt(thread)
                self._dispatch()
            else:
                self._go_on(thread)

    # -- a thread's way ----------------------------------------------------------------------

    def _step(self, thread: Thread) -> None:
        """A thread is on a core: go on with what it does, or with the next."""
        thread.between = True
        while True:
            if thread.wants_gil and self._holder is not thread:
                if self._holder is not None:
                    self._wait_for_gil(thread)
                    return
                self._take_gil(thread)
            if thread.remaining > 0:
                if self._holder is thread and self._drop_requested and thread.droppable:
                    self._wait_for_gil(thread)
                    return
                self._go_on(thread)
                return
            if self._holder is thread and self._drop_requested:
                # Also code that cannot be interrupted ends some time.
                self._wait_for_gil(thread)
                return
            if not self._next(thread):
                return

    def _next(self, thread: Thread) -> bool:
        """Take up a thread's next request; False: it has left the core."""
        answer, thread.answer = thread.answer, None
        try:
            request = thread.program.send(answer)
        except StopIteration:
            thread.ended = True
            self._release_gil(thread)
            self._leave(thread, "ended")
            self._dispatch()
            return False
        if isinstance(request, Compute):
            thread.remaining = request.seconds
            thread.wants_gil = request.gil and self.gil and thread not in self._foreign
            thread.droppable = request.droppable
            if not thread.wants_gil:
                self._release_gil(thread)
            return True
        if isinstance(request, Acquire):
            thread.answer = request.semaphore.take()
            if thread.answer or request.patience == 0:
                return True
        thread.wants_gil = self.gil and thread not in self._foreign
        self._release_gil(thread)
        self._leave(thread, "sleep" if isinstance(request, Sleep) else "lock")
        if isinstance(request, Sleep):
            self.clock.after(request.seconds, partial(self._wake, thread))
        else:
            request.semaphore.queue(thread, request.patience)
        self._dispatch()
        return False

    def _wake(self, thread: Thread) -> None:
        """A wait is over; a core that was idle takes a moment."""
        if self._idle_core(thread) is None:
            self._make_ready(thread)
        else:
            self.clock.after(IDLE_WAKE_S, partial(self._make_ready, thread))

    def resume(self, thread: Thread, answer: object) -> None:
        """A thread that waited for a semaphore has its answer."""
        thread.answer = answer
        self._wake(thread)

    # -- the GIL -----------------------------------------------------------------------------

    def _take_gil(self, thread: Thread) -> None:
        self._holder = thread
        self._switches += 1
        self._drop_requested = False
        self._watch()

    def _release_gil(self, thread: Thread) -> None:
        """Whoever waits longest is woken, and has it if it is still free then."""
        if self._holder is not thread:
            return
        self._holder = None
        self._drop_requested = False
        if self._waiters:
            self._wake(self._waiters.popleft())

    def _wait_for_gil(self, thread: Thread) -> None:
        thread.between = True
        self._release_gil(thread)
        self._leave(thread, "gil")
        self._waiters.append(thread)
        if len(self._waiters) == 1:
            self._watch()
        self._dispatch()

    def _watch(self) -> None:
        """Ask the holder for the GIL if nobody got it within a switch interval."""
        if self._waiters:
            self.clock.after(SWITCH_INTERVAL_S, partial(self._request_drop, self._switches))

    def _request_drop(self, switches: int) -> None:
        holder = self._holder
        if switches != self._switches or holder is None or not self._waiters:
            return
        self._drop_requested = True
        if holder.core is not None and holder.droppable and holder.remaining > 0:
            self._wait_for_gil(holder)


class Semaphore:
    """``places`` threads at a time; others wait in the order of their coming."""

    def __init__(self, machine: Machine, places: int) -> None:
        self._machine = machine
        self._free = places
        self._waiting: dict[Thread, None] = {}

    def take(self) -> bool:
        """A place, if one is free."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    def queue(self, thread: Thread, patience: float | None) -> None:
        """Let a thread wait for a place."""
        self._waiting[thread] = None
        if patience is not None:
            turn = thread.turn
            self._machine.clock.after(patience, lambda: self._give_up(thread, turn))

    def _give_up(self, thread: Thread, turn: int) -> None:
        if thread.turn == turn and thread in self._waiting:
            del self._waiting[thread]
            self._machine.resume(thread, False)

    def release(self) -> None:
        """Give a place back, or on to whoever waits longest."""
        if self._waiting:
            thread = next(iter(self._waiting))
            del self._waiting[thread]
            self._machine.resume(thread, True)
        else:
            self._free += 1
