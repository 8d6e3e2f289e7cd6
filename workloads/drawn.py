"""A task drawn at random: what it computes, how much, in how many stretches, how waits vary.

Kind of work: bytecode or small objects, which hold the GIL, or PBKDF2, which releases it, with
waits between; some tasks also take turns at a remote of few servers or at a lock.
Mean wait and limit are given, the rest is the seed's choice: further seeds are workloads that a
runtime has not been fitted to.
"""

import hashlib
import math
import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from harness.workload import Task

ITERATIONS_PER_MS = 25_000
OBJECTS_PER_MS = 3_000
ROUNDS_PER_MS = 3_500
"""Roughly, on the reference machine. Work is counted, not timed, so that contention which makes
it dearer shows in throughput."""

CPU_MS = (0.05, 16.0)
RATIO = (0.03, 30.0)
VARIANTS = 31
"""Waits drawn by quantile; a prime, so that every customer meets all of them."""


class Drawn:
    """Stretches of computing and waiting; what limits them is held over the one or the other."""

    variants = VARIANTS

    def __init__(
        self,
        compute: Callable[[], bool],
        waits_s: list[float],
        stretches: int,
        computing: AbstractContextManager[object],
        waiting: AbstractContextManager[object],
    ) -> None:
        self._compute = compute
        self._waits_s = waits_s
        self._stretches = stretches
        self._computing = computing
        self._waiting = waiting

    def task(self, index: int) -> Task:
        """Returns the variant if every stretch was computed, else -1."""
        variant = index % self.variants
        done = True
        for _ in range(self._stretches):
            with self._computing:
                done = self._compute() and done
            with self._waiting:
                yield self._waits_s[variant]
        return variant if done else -1


def _bytecode(ms: float) -> Callable[[], bool]:
    iterations = max(1, round(ms * ITERATIONS_PER_MS))

    def compute() -> bool:
        x = 0
        for _ in range(iterations):
            x += 1
        return x == iterations

    return compute


def _objects(ms: float) -> Callable[[], bool]:
    number = max(1, round(ms * OBJECTS_PER_MS))

    def compute() -> bool:
        names = {f"key {i % 97}": [i, str(i)] for i in range(number)}
        return len(names) == min(97, number)

    return compute


def _native(ms: float) -> Callable[[], bool]:
    rounds = max(1, round(ms * ROUNDS_PER_MS))

    def compute() -> bool:
        return len(hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds)) > 0

    return compute


def _between(rng: random.Random, ends: tuple[float, float]) -> float:
    return math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1])))


def setup(seed: int, wait_ms: float, limit: str = "none") -> Drawn:
    """The task that ``seed`` draws around a mean wait, the same in every process.

    ``limit``: ``lock`` around the computing, ``remote`` of few servers, or ``none``.
    """
    rng = random.Random(seed)
    cpu_ms = min(CPU_MS[1], max(CPU_MS[0], wait_ms / _between(rng, RATIO)))
    stretches = rng.choice([1, 1, 2, 4])
    make = rng.choice([_bytecode, _objects, _native])
    spread = rng.choice([0.0, 0.3, 0.95])
    servers = rng.choice([1, 2, 4, 8, 16])
    quantiles = [-math.log1p(-(k + 0.5) / VARIANTS) for k in range(VARIANTS)]
    mean = sum(quantiles) / VARIANTS
    waits_s = [wait_ms / 1e3 / stretches * (1 + spread * (q / mean - 1)) for q in quantiles]
    rng.shuffle(waits_s)
    computing: AbstractContextManager[object] = nullcontext()
    waiting: AbstractContextManager[object] = nullcontext()
    if limit == "lock":
        computing = threading.Lock()
    elif limit == "remote":
        waiting = threading.Semaphore(servers)
    elif limit != "none":
        raise ValueError(f"limit is {limit!r}; it can be none, lock or remote")
    return Drawn(make(cpu_ms / stretches), waits_s, stretches, computing, waiting)
