"""What a size is decided from: one record for every controller that looks at regular times."""

from collections.abc import Callable, Sequence
from functools import cached_property
from time import perf_counter, process_time
from typing import NamedTuple

Run = Callable[[float, int], None]


class Spread:
    """Some tasks' times in seconds: how many, their sum, their quantiles."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self._seconds = seconds

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._seconds)

    @cached_property
    def sum(self) -> float:
        """All together."""
        return sum(self._seconds)

    @cached_property
    def _ordered(self) -> list[float]:
        return sorted(self._seconds)

    def quantile(self, share: float) -> float | None:
        """The time that a ``share``, 0 to 1, of the tasks come before in order of their times, or
        the longest; None of none."""
        if not self._seconds:
            return None
        return self._ordered[min(self.count - 1, int(share * self.count))]


class Tick(NamedTuple):
    """What happened since the last look, and how things stand.

    ``seconds`` since then; ``workers`` there are, ``busy`` ones among them, and the ``backlog`` of
    tasks nobody has begun; ``completions`` that succeeded and ``failures``; of the successes the
    ``service`` (begun to ended) and the ``sojourn`` (submitted to ended); ``cpu_seconds`` of the
    whole process.
    """

    seconds: float
    workers: int
    busy: int
    backlog: int
    completions: int
    failures: int
    service: Spread
    sojourn: Spread
    cpu_seconds: float


class Change(NamedTuple):
    """What a controller wants: a size, what it did in a word, and the metric it went by, if any."""

    size: int
    action: str
    metric: float | None = None


class Counting:
    """Counts what tasks do, and makes a :class:`Tick` of it."""

    def __init__(
        self,
        clock: Callable[[], float] = perf_counter,
        cpu_clock: Callable[[], float] = process_time,
    ) -> None:
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._since = clock()
        self._cpu = cpu_clock()
        self._service: list[float] = []
        self._sojourn: list[float] = []
        self._failed: list[None] = []

    def around(self, run: Run) -> Run:
        """A task runner that is counted."""

        def counted(submitted: float, index: int) -> None:
            started = self._clock()
            try:
                run(submitted, index)
            except Exception:
                self._failed.append(None)
                raise
            ended = self._clock()
            self._service.append(ended - started)
            self._sojourn.append(ended - submitted)

        return counted

    def tick(self, workers: int, busy: int, backlog: int) -> Tick:
        """What happened since the last call."""
        # Workers append to the lists they see; swapping them loses nothing that matters.
        service, self._service = self._service, []
        sojourn, self._sojourn = self._sojourn, []
        failed, self._failed = self._failed, []
        now, cpu = self._clock(), self._cpu_clock()
        seconds, self._since = now - self._since, now
        used, self._cpu = cpu - self._cpu, cpu
        return Tick(
            seconds=seconds,
            workers=workers,
            busy=busy,
            backlog=backlog,
            completions=len(service),
            failures=len(failed),
            service=Spread(service),
            sojourn=Spread(sojourn),
            cpu_seconds=used,
        )
