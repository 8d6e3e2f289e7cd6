"""What simulated threads do: random tasks, remotes, machines that change their speed."""

import random
from collections.abc import Generator
from functools import partial
from typing import Any

from harness.random_task import VARIANTS, Kind, RandomTask
from harness.simulation.machine import Acquire, Compute, Machine, Program, Semaphore, Sleep

#: of the interpreter, around what a task computes outside of bytecode
RETURN_S = 3e-6
#: what a request costs its server before and after the wait
SERVER_S = 60e-6

Steps = Generator[Compute | Sleep | Acquire, Any, bool]


class Remote:
    """Another process on the same cores that serves ``places`` requests at a time."""

    def __init__(self, machine: Machine, places: int) -> None:
        self._machine = machine
        self._places = Semaphore(machine, places)

    def request(self, seconds: float) -> Acquire:
        """What a thread yields to have its request served in ``seconds``."""
        answered = Semaphore(self._machine, 0)
        self._machine.start(self._serve(seconds, answered), foreign=True)
        return Acquire(answered)

    def _serve(self, seconds: float, answered: Semaphore) -> Program:
        yield Acquire(self._places)
        yield Compute(SERVER_S)
        yield Sleep(seconds)
        yield Compute(SERVER_S)
        self._places.release()
        answered.release()


class Tasks:
    """Random tasks on a machine: :meth:`steps` is one of them."""

    def __init__(self, machine: Machine, task: RandomTask) -> None:
        self._machine = machine
        self._task = task
        self._inputs = task.variants()
        self._waits = [kind.waits(VARIANTS) for kind in task.kinds]
        self._locks = [Semaphore(machine, 1) for _ in task.kinds]
        limit = task.limit
        self._gate = None if limit is None else Semaphore(machine, limit.places)
        self._patience_s = None if limit is None else limit.patience_s
        self._remote = Remote(machine, task.servers) if task.servers else None

    def steps(self, index: int) -> Steps:
        """What a thread yields to run a task; returns whether it succeeded."""
        task, variant = self._task, index % VARIANTS
        number, wait_s = self._inputs[variant]
        if task.phase_s:
            number = int(self._machine.clock.now / task.phase_s) % 2
            wait_s = self._waits[number][variant]
        kind = task.kinds[number]
        for _ in range(kind.stretches):
            yield from self._compute(kind, 1 - kind.locked)
            if kind.locked:
                yield Acquire(self._locks[number])
                yield from self._compute(kind, kind.locked)
                self._locks[number].release()
            if self._gate is not None and not (yield Acquire(self._gate, self._patience_s)):
                return False
            wait = wait_s / kind.stretches
            yield Sleep(wait) if self._remote is None else self._remote.request(wait)
            if self._gate is not None:
                self._gate.release()
        return True

    def _compute(self, kind: Kind, share: float) -> Generator[Compute, Any, None]:
        seconds = kind.cpu_s / kind.stretches * share
        if seconds > 0:
            gil = kind.work != "released"
            yield Compute(seconds, gil=gil, droppable=kind.work == "bytecode")
            if not gil:
                yield Compute(RETURN_S)


class ChangingSpeed:
    """A machine that goes at one of two speeds, for about ``dwell_s`` at a time."""

    def __init__(
        self, machine: Machine, rng: random.Random, speeds: tuple[float, float], dwell_s: float
    ) -> None:
        self._machine = machine
        self._rng = rng
        self._speeds = speeds
        self._dwell_s = dwell_s
        self._change(rng.randrange(2))

    def _change(self, state: int) -> None:
        self._machine.set_speed(self._speeds[state])
        pause = self._rng.expovariate(1 / self._dwell_s)
        self._machine.clock.after(pause, partial(self._change, 1 - state))
