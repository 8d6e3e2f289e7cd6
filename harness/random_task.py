"""A task drawn at random, as data: what it computes, what it waits for, what it shares.

The seed is the task. ``workloads/drawn.py`` runs it in the measured process and
``harness.simulation`` simulates it; both read the same description.

Most of what programs send to a pool is in reach: CPU from 20 microseconds to 300 milliseconds,
as bytecode, as C code that keeps the GIL or as C code that releases it; waits that are fixed,
exponential, of a bounded Pareto distribution or nine short and one long; several stretches of
both; a lock around the computing; a remote that serves a few at a time; two kinds of tasks, mixed
or taking turns; failures that come with too many workers.
"""

import math
import random
from typing import Literal, NamedTuple, get_args

Work = Literal["bytecode", "held", "released"]
Distribution = Literal["fixed", "exponential", "pareto", "bimodal"]
Family = Literal[
    "plain", "stretches", "lock", "remote", "mixture", "phases", "refused", "impatient"
]

FAMILIES: tuple[Family, ...] = get_args(Family)

#: inputs of a task; a prime, so that every customer of a closed loop meets all of them
VARIANTS = 61
CPU_S = (20e-6, 0.3)
#: wait over CPU
RATIO = (0.03, 100.0)
LONGEST_WAIT_S = 0.3
SERVERS = (2, 32)
PHASE_S = (1.0, 4.0)
#: of a bounded Pareto distribution: its shape, and its longest over its shortest wait
PARETO_SHAPE = 1.5
PARETO_RANGE = 200.0
#: of the bimodal one: how many are long, and how much longer
LONG_SHARE = 0.1
LONG_FACTOR = 150.0


class Kind(NamedTuple):
    """Tasks of one kind: seconds of a whole task, in ``stretches`` of computing and waiting.

    ``locked`` is the share of the computing that is done under a lock of the tasks' own.
    """

    work: Work
    cpu_s: float
    wait_s: float
    distribution: Distribution
    stretches: int
    locked: float

    def waits(self, count: int) -> list[float]:
        """``count`` waits of a whole task, in seconds: quantiles with the right mean, ordered."""
        middles = [(k + 0.5) / count for k in range(count)]
        values = [_quantile(self.distribution, u) for u in middles]
        return [self.wait_s * value * count / sum(values) for value in values]


class Limit(NamedTuple):
    """What fails when too many tasks wait at once.

    ``places`` tasks may; others are refused at once, or give up after ``patience_s``.
    """

    places: int
    patience_s: float


class RandomTask(NamedTuple):
    """A task. ``share`` of the tasks are of the second kind, if there are two.

    With ``phase_s`` above 0 the two take turns of that many seconds instead. ``servers`` above 0:
    the waits are answers of a remote in another process that serves so many at a time.
    """

    seed: int
    family: Family
    kinds: tuple[Kind, ...]
    share: float = 0.0
    phase_s: float = 0.0
    servers: int = 0
    limit: Limit | None = None

    @property
    def cpu_s(self) -> float:
        """Seconds of computing of a mean task."""
        return self._mean([kind.cpu_s for kind in self.kinds])

    @property
    def wait_s(self) -> float:
        """Seconds of waiting of a mean task that is served at once."""
        return self._mean([kind.wait_s for kind in self.kinds])

    def _mean(self, values: list[float]) -> float:
        share = 0.5 if self.phase_s > 0 else self.share
        return values[0] if len(values) == 1 else (1 - share) * values[0] + share * values[1]

    def variants(self) -> list[tuple[int, float]]:
        """``VARIANTS`` inputs: the kind's number, and the seconds that a task waits in all."""
        second = round(self.share * VARIANTS) if len(self.kinds) > 1 else 0
        inputs = [(0, wait) for wait in self.kinds[0].waits(VARIANTS - second)]
        if second:
            inputs += [(1, wait) for wait in self.kinds[1].waits(second)]
        random.Random(self.seed).shuffle(inputs)
        return inputs


def draw(seed: int, family: Family | None = None) -> RandomTask:
    """The task that ``seed`` stands for, the same in every process; of a ``family`` if given.

    Raises ``ValueError`` for an unknown family.
    """
    rng = random.Random(seed)
    drawn = rng.choice(FAMILIES)
    family = family or drawn
    if family not in FAMILIES:
        raise ValueError(f"family: {family!r} is not one of {', '.join(FAMILIES)}")
    first = _draw_kind(rng, family)
    kinds: tuple[Kind, ...] = (first,)
    if family in ("mixture", "phases"):
        kinds += (_draw_kind(rng, family),)
    task = RandomTask(seed, family, kinds)
    if family == "mixture":
        return task._replace(share=rng.choice([0.1, 0.3, 0.5]))
    if family == "phases":
        return task._replace(phase_s=round(rng.uniform(*PHASE_S), 1))
    if family == "remote":
        return task._replace(servers=round(_log_uniform(rng, SERVERS)))
    if family in ("refused", "impatient"):
        places = round(_log_uniform(rng, SERVERS))
        patience_s = 0.0 if family == "refused" else first.wait_s * rng.uniform(0.5, 3.0)
        return task._replace(limit=Limit(places, patience_s))
    return task


def _draw_kind(rng: random.Random, family: Family) -> Kind:
    cpu_s = _log_uniform(rng, CPU_S)
    wait_s = min(LONGEST_WAIT_S, cpu_s * _log_uniform(rng, RATIO))
    if family in ("remote", "refused", "impatient"):  # where too many wait, there is waiting
        wait_s = min(LONGEST_WAIT_S, max(wait_s, 2 * cpu_s, 2e-3))
    return Kind(
        work=rng.choice(get_args(Work)),
        cpu_s=cpu_s,
        wait_s=wait_s,
        distribution=rng.choice(get_args(Distribution)),
        stretches=rng.choice([2, 3, 5]) if family == "stretches" else 1,
        locked=rng.choice([0.3, 0.7, 1.0]) if family == "lock" else 0.0,
    )


def _log_uniform(rng: random.Random, ends: tuple[float, float]) -> float:
    return math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1])))


def _quantile(distribution: Distribution, u: float) -> float:
    """Of a distribution whose scale does not matter."""
    if distribution == "exponential":
        return -math.log1p(-u)
    if distribution == "pareto":
        bound = 1 - PARETO_RANGE**-PARETO_SHAPE
        return float((1 - u * bound) ** (-1 / PARETO_SHAPE))
    if distribution == "bimodal":
        return LONG_FACTOR if u > 1 - LONG_SHARE else 1.0
    return 1.0
