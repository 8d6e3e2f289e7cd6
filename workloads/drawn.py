"""A task drawn at random by a seed (see ``harness/random_task.py`` for what can be drawn).

Kind of work: counting, adding up in C with the GIL held, or PBKDF2, which releases it, with waits
between. Work is counted, not timed, so that contention which makes it dearer shows in throughput.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

from harness.random_task import VARIANTS, Family, Kind, Limit, draw
from harness.workload import Task

PER_SECOND = {"bytecode": 2.5e7, "held": 6e7, "released": 3.5e6}
"""Iterations, items and rounds, roughly, on the machine of the reference run."""


class Drawn:
    """Tasks of one or two kinds; which of them a task is its variant says, or the time."""

    variants = VARIANTS
    #: computing them would take 61 tasks, of up to 0.3 s each, in every trial
    results = tuple(range(VARIANTS))
    errors = (ConnectionRefusedError, TimeoutError)

    def __init__(self, seed: int, family: Family | None) -> None:
        drawn = draw(seed, family)
        self._inputs = drawn.variants()
        self._kinds = [_Compute(kind) for kind in drawn.kinds]
        self._phase_s = drawn.phase_s
        self._waits = [kind.waits(VARIANTS) for kind in drawn.kinds]
        self._gate = None if drawn.limit is None else _Gate(drawn.limit)
        self._began = time.monotonic()

    def task(self, index: int) -> Task:
        """Returns the variant if every stretch was computed, else -1.

        Raises ``ConnectionRefusedError`` or ``TimeoutError`` where too many tasks wait at once.
        """
        variant = index % self.variants
        number, wait_s = self._inputs[variant]
        if self._phase_s:
            number = int((time.monotonic() - self._began) / self._phase_s) % 2
            wait_s = self._waits[number][variant]
        kind = self._kinds[number]
        done = True
        for _ in range(kind.stretches):
            done = kind.compute() and done
            with self._gate or nullcontext():
                yield wait_s / kind.stretches
        return variant if done else -1


class _Compute:
    """The computing of a kind's tasks, a stretch at a time."""

    def __init__(self, kind: Kind) -> None:
        self.stretches = kind.stretches
        self._lock = threading.Lock() if kind.locked else nullcontext()
        make = {"bytecode": _bytecode, "held": _held, "released": _released}[kind.work]
        count = kind.cpu_s / kind.stretches * PER_SECOND[kind.work]
        self._alone = make(round(count * (1 - kind.locked)))
        self._locked = make(round(count * kind.locked))

    def compute(self) -> bool:
        """Whether it all was computed."""
        done = self._alone()
        with self._lock:
            return self._locked() and done


class _Gate:
    """A limited number of places; who finds none is refused, or waits as long as it may."""

    def __init__(self, limit: Limit) -> None:
        self._places = threading.Semaphore(limit.places)
        self._patience_s = limit.patience_s

    def __enter__(self) -> None:
        if self._patience_s > 0:
            if not self._places.acquire(timeout=self._patience_s):
                raise TimeoutError("no place became free")
        elif not self._places.acquire(blocking=False):
            raise ConnectionRefusedError("no place is free")

    def __exit__(self, *exception: object) -> None:
        self._places.release()


def _bytecode(iterations: int) -> Callable[[], bool]:
    def compute() -> bool:
        x = 0
        for _ in range(iterations):
            x += 1
        return x == iterations

    return compute


def _held(items: int) -> Callable[[], bool]:
    def compute() -> bool:
        return sum(range(items)) == items * (items - 1) // 2

    return compute


def _released(rounds: int) -> Callable[[], bool]:
    def compute() -> bool:
        return rounds == 0 or len(hashlib.pbkdf2_hmac("sha256", b"key", b"salt", rounds)) > 0

    return compute


def setup(seed: int, family: Family | None = None) -> Drawn:
    """The task that ``seed`` draws, of a ``family`` if given."""
    return Drawn(seed, family)
