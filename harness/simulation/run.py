"""One simulated trial: a random task, a build, some cores, a pool; its throughput and sizes."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from harness.random_task import RandomTask
from harness.runtime.governor import Settings
from harness.runtime.policy import Decision, Policy
from harness.simulation.clock import Clock
from harness.simulation.machine import Machine
from harness.simulation.pool import SimulatedPool
from harness.simulation.programs import ChangingSpeed, Tasks


class Outcome(NamedTuple):
    """What came of it: tasks a second in the window, and the sizes a governor wanted."""

    goodput: float
    failures: float
    sizes: Sequence[tuple[float, int]]
    decisions: Sequence[Decision]

    @property
    def size(self) -> int:
        """The last one."""
        return self.sizes[-1][1]


def simulate(
    task: RandomTask,
    *,
    gil: bool,
    cores: int,
    size: int | None = None,
    most: int = 120,
    population: int = 128,
    warmup_s: float = 1.0,
    window_s: float = 1.0,
    speed: float = 1.0,
    slow: float = 1.0,
    policy: Policy | None = None,
    seed: int = 0,
) -> Outcome:
    """Simulate a pool of ``size`` threads, or the adaptive one of at most ``most``.

    A machine of ``speed`` 1 computes tasks in the CPU time that they were drawn with; ``slow``
    above 1 lets it be so many times slower in stretches of about a second.
    ``seed`` is for the meter's choices and the machine's speed; the task has its own.
    """
    clock = Clock()
    machine = Machine(clock, cores, gil=gil)
    machine.set_speed(speed)
    if slow > 1:
        ChangingSpeed(machine, random.Random(seed), (speed, speed / slow), 1.0)
    decisions: list[Decision] = []
    settings = Settings(1, most, policy or Policy(), True, True, decisions.append)
    pool = SimulatedPool(
        machine, Tasks(machine, task), population, size=size, settings=settings, seed=seed
    )
    clock.run(warmup_s + window_s)
    ended = [one for one in pool.completions if one.ended > warmup_s]
    succeeded = sum(one.succeeded for one in ended)
    return Outcome(
        goodput=succeeded / window_s,
        failures=(len(ended) - succeeded) / window_s,
        sizes=pool.sizes,
        decisions=decisions,
    )
