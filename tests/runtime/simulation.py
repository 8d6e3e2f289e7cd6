"""A closed network of simulated workers, measured as a real pool's meter would measure it.

Event-driven: each worker waits (at a remote, a lock, or nowhere in particular), then uses the
CPU, first come first served, and starts over. Times are exponential around their means unless
``variation`` is 0. The clock is a number; nothing sleeps.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from harness.runtime.controller import Controller
from harness.runtime.decomposition import Window
from harness.runtime.policy import Decision, Policy
from harness.runtime.queueing_network import enough_workers, utilisation
from harness.runtime.sample_times import SampleTimes

SAMPLE_S = 0.005
SAMPLES_AT_ONCE = 3
MANY = 10**9


@dataclass(frozen=True)
class Kind:
    """What tasks are like.

    ``servers`` is how many of them the thing waited for serves at a time (None: all);
    ``by_lock`` says that the rest queues for a lock of the user's. ``releases_gil`` tasks
    may use every core at once. Waits end at multiples of ``grain_ms``, so that tasks wake
    together, however they were started.
    """

    cpu_ms: float
    wait_ms: float
    servers: int | None = None
    by_lock: bool = False
    releases_gil: bool = False
    variation: float = 1.0
    grain_ms: float = 0.0

    @property
    def ratio(self) -> float:
        """a = Z/C without any queueing."""
        return self.wait_ms / self.cpu_ms


@dataclass
class Samples:
    """What finishing workers saw; see ``Window``."""

    blocked: float = 0
    gil_waits: float = 0
    lock_waits: float = 0
    running: float = 0
    looks: float = 0
    unwaited: float = 0


class Machine:
    """Workers on ``cores`` cores; ``slowness(now)`` multiplies the CPU time of a task."""

    def __init__(
        self,
        kind: Kind,
        *,
        seed: int = 1,
        cores: int = 2,
        gil: bool = True,
        slowness: Callable[[float], float] = lambda now: 1.0,
    ) -> None:
        self.kind, self.cores, self.gil, self.slowness = kind, cores, gil, slowness
        self.now = 0.0
        self.size = self.wanted = 0
        self.completed = 0
        self.cpu_seconds = self.ready_seconds = self.occupied_seconds = 0.0
        self._random = Random(seed)
        #: when finishing workers look at the others; None: never
        self.sample_times: SampleTimes | None = None
        self.pause, self.rate = SAMPLE_S, 0.0
        self.samples = Samples()
        self._events: list[tuple[float, int, str]] = []
        self._order = 0
        self.waiting = self.on_cpu = self.ready = self.queued = 0

    @property
    def gil_bound(self) -> bool:
        """Whether only one task computes at a time, by a lock."""
        return self.gil and not self.kind.releases_gil

    @property
    def capacity(self) -> int:
        """The cores that the tasks can use at once."""
        return 1 if self.gil_bound else self.cores

    def model_size(self, most: int = 512, spare: float = Policy().spare) -> int:
        """N* for what the tasks truly are."""
        return enough_workers(self.kind.ratio, self.capacity, spare, most)

    def resize(self, size: int) -> None:
        """Hire at once; let go at the end of a task each."""
        self.wanted = size
        while self.size < size:
            self.size += 1
            self._begin_task()

    def _time(self, mean_ms: float) -> float:
        mean = mean_ms * 1e-3
        varying = self.kind.variation
        return mean * (1 - varying) + varying * self._random.expovariate(1.0) * mean

    def _schedule(self, delay: float, what: str) -> None:
        self._order += 1
        heapq.heappush(self._events, (self.now + delay, self._order, what))

    def _begin_task(self) -> None:
        if self.kind.servers is not None and self.waiting >= self.kind.servers:
            self.queued += 1
        else:
            self.waiting += 1
            wait, grain = self._time(self.kind.wait_ms), self.kind.grain_ms * 1e-3
            if grain:
                wait = math.ceil((self.now + wait) / grain) * grain - self.now
            self._schedule(wait, "waited")

    def release(self) -> None:
        """Serve at once whatever queues: to be called when ``kind`` has got more servers."""
        queued, self.queued = self.queued, 0
        for _ in range(queued):
            self._begin_task()

    def _to_cpu(self) -> None:
        if self.on_cpu >= self.capacity:
            self.ready += 1
        else:
            self.on_cpu += 1
            self._schedule(self._time(self.kind.cpu_ms) * self.slowness(self.now), "computed")

    def step(self) -> None:
        """Let the next thing happen."""
        then, _, what = heapq.heappop(self._events)
        elapsed, self.now = then - self.now, then
        self.cpu_seconds += elapsed * self.on_cpu
        self.ready_seconds += elapsed * self.ready
        self.occupied_seconds += elapsed * self.size
        if what == "waited":
            self.waiting -= 1
            if self.queued and self.waiting < (self.kind.servers or MANY):
                self.queued -= 1
                self._begin_task()
            self._to_cpu()
            return
        self.on_cpu -= 1
        if self.sample_times is not None and self.sample_times.is_due(self.now):
            self._look_at_others()
            self.sample_times.plan(self.now, self.pause, self.rate, self.size)
        if self.ready:
            self.ready -= 1
            self._to_cpu()
        self.completed += 1
        if self.size > self.wanted:
            self.size -= 1
        else:
            self._begin_task()

    @property
    def next_event(self) -> float:
        """When the next thing happens."""
        return self._events[0][0]

    def _look_at_others(self) -> None:
        """What the worker that has just finished a task, and has the GIL, sees of the rest."""
        others, samples = self.size - 1, self.samples
        seen = waits = 0
        for at in self._random.sample(range(others), min(SAMPLES_AT_ONCE, others)):
            seen += 1
            if at < self.waiting + self.queued:
                samples.blocked += 1
                samples.lock_waits += self.kind.by_lock and at >= self.waiting
            elif at < self.waiting + self.queued + self.ready and self.gil_bound:
                samples.blocked += 1
                waits += 1
            else:
                samples.running += 1
        if seen:
            samples.gil_waits += waits
            samples.looks += 1
            samples.unwaited += 0 if waits else seen + 1
            samples.running += seen / others


def one_window(machine: Machine, controller: Controller, *, visible: bool = True) -> Window:
    """Run until the window that the controller asks for is complete.

    ``visible`` off: there is no /proc, so neither run queue nor samples.
    """
    began, completed = machine.now, machine.completed
    cpu, ready, occupied = machine.cpu_seconds, machine.ready_seconds, machine.occupied_seconds
    machine.samples = samples = Samples()
    machine.pause = SAMPLE_S * (4 if controller.settled else 1)
    if visible and machine.sample_times is None:
        machine.sample_times = SampleTimes()
    goal = controller.goal
    while True:
        done = machine.completed - completed
        if done >= goal.completions and machine.now - began >= goal.seconds and done > 0:
            break
        silent_at = began + max(controller.silence, goal.seconds)
        if done == 0 and machine.next_event > silent_at:
            break
        machine.step()
    machine.rate = (machine.completed - completed) / (machine.now - began)
    # A GIL waiter sleeps; only a thread that waits for a core is in a run queue.
    run_queue = 0.0 if machine.gil_bound or not visible else machine.ready_seconds - ready
    return Window(
        wall_seconds=machine.now - began,
        occupied_seconds=machine.occupied_seconds - occupied,
        cpu_seconds=machine.cpu_seconds - cpu,
        run_queue_seconds=run_queue,
        completions=machine.completed - completed,
        free_seconds=max(0.0, machine.now - began - (machine.cpu_seconds - cpu)),
        **vars(samples),
    )


def drive(
    controller: Controller,
    machine: Machine,
    seconds: float,
    *,
    visible: bool = True,
    backlog: int = 1000,
) -> list[Decision]:
    """Let the controller size the machine for so long; every window's decision."""
    decisions = []
    until = machine.now + seconds
    machine.resize(controller.target)
    while machine.now < until:
        window = one_window(machine, controller, visible=visible)
        decisions.append(controller.observe(window, machine.now, backlog, sampled=visible))
        machine.resize(controller.target)
    return decisions


def steady(machine: Machine, size: int, seconds: float) -> float:
    """Throughput of a fixed size, for comparison: tasks a second."""
    machine.resize(size)
    while machine.now < 0.2 * seconds:
        machine.step()
    began, completed = machine.now, machine.completed
    while machine.now < began + seconds:
        machine.step()
    return (machine.completed - completed) / (machine.now - began)


def network_window(
    workers: int,
    kind: Kind,
    capacity: float = 1.0,
    seconds: float = 0.1,
    *,
    gil: bool = True,
    faster: float = 1.0,
) -> Window:
    """What the network predicts for a window, without any noise, on a ``faster`` machine."""
    cores = utilisation(workers, kind.ratio, capacity) * capacity
    rate = cores / (kind.cpu_ms * 1e-3)
    blocked = rate * kind.wait_ms * 1e-3 * seconds
    contended = max(0.0, workers * seconds - cores * seconds - blocked)
    waits = round(1000 * contended / (contended + blocked)) if gil and blocked + contended else 0
    return Window(
        wall_seconds=seconds,
        occupied_seconds=workers * seconds,
        cpu_seconds=cores * seconds,
        run_queue_seconds=0.0 if gil else contended,
        blocked=1000,
        gil_waits=waits,
        completions=rate * seconds * faster,
    )
