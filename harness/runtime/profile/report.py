"""From counts to rows: pure, no clocks, no threads.

Everything is summed first and divided then; the equations are those of
``decomposition``. Seconds are of pool threads unless a name says otherwise.
"""

from dataclasses import dataclass, replace
from typing import Self

from ..decomposition import Decomposition, Window
from ..estimate import RATIO_RANGE, SATURATED
from ..policy import Policy
from ..queueing_network import enough_workers, ratio_from_utilisation
from .advice import Situation, advise

#: a function with fewer samples is given its pool's share of GIL waits
ENOUGH_SAMPLES = 10
#: with less than this share of the time off the CPU, where it went does not matter
_LITTLE_WAITING = 0.1
_MOST_THREADS = 10_000
#: without /proc: a CPU busier than this does not tell how long tasks block
_BUSY = 0.9


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted of one function in one pool; counts of a function can be added.

    ``run_queue_seconds`` is known for ``run_queue_wall_seconds`` of ``wall_seconds``.
    ``samples`` of threads that ran it found ``blocked`` thread seconds off the CPU, and
    ``gil_waits`` of these in waiting for the GIL; ``seen``, ``free`` and ``unwaited`` as in
    ``recording.FunctionRecord``.
    """

    name: str
    calls: int = 0
    in_flight: int = 0
    wall_seconds: float = 0.0
    queued_seconds: float = 0.0
    cpu_seconds: float = 0.0
    run_queue_seconds: float = 0.0
    run_queue_wall_seconds: float = 0.0
    samples: int = 0
    blocked: float = 0.0
    gil_waits: float = 0.0
    seen: float = 0.0
    free: float = 0.0
    unwaited: float = 0.0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.name,
            self.calls + other.calls,
            self.in_flight + other.in_flight,
            self.wall_seconds + other.wall_seconds,
            self.queued_seconds + other.queued_seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.run_queue_seconds + other.run_queue_seconds,
            self.run_queue_wall_seconds + other.run_queue_wall_seconds,
            self.samples + other.samples,
            self.blocked + other.blocked,
            self.gil_waits + other.gil_waits,
            self.seen + other.seen,
            self.free + other.free,
            self.unwaited + other.unwaited,
        )


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """One pool as it was recorded; ``busy_seconds``: wall time in which it had work."""

    number: int
    kind: str
    label: str
    adaptive: bool
    max_workers: int | None
    threads: int
    busy_seconds: float
    functions: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a report is made of.

    ``gil``: whether there was a GIL at any time. ``run_queue_known`` and ``gil_wait_known``:
    whether the machine told. ``cores_granted``: what the process may use. ``busy_seconds``:
    wall time in which any pool had work.
    """

    python: str
    gil: bool
    run_queue_known: bool
    gil_wait_known: bool
    cores_granted: float
    wall_seconds: float
    busy_seconds: float
    pools: tuple[PoolFacts, ...]


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """Where the time of one function (or of all of a pool) went.

    ``calls`` are finished ones; those ``in_flight`` count in the seconds. ``queued_seconds``
    is the time calls waited for a thread. Shares are of ``wall_seconds``. None: cannot be
    told, see the report's ``notes``.
    """

    name: str
    calls: int
    in_flight: int
    wall_seconds: float
    queued_seconds: float
    cpu_seconds: float
    run_queue_seconds: float | None
    gil_seconds: float | None
    blocked_seconds: float | None
    beta_naive: float | None
    beta_star: float | None
    gil_wait_share: float | None
    run_queue_share: float | None
    samples: int

    @classmethod
    def of(cls, count: Count, share: tuple[float, float] | None, run_queue_known: bool) -> Self:
        """Decompose a count. ``share``: GIL waits and blocked seconds to go by; None: not known."""
        parts = Decomposition.of(_window(count, share))
        any_time = parts.occupied_seconds > 0
        waiting = parts.occupied_seconds - parts.cpu_seconds - parts.run_queue_seconds
        little = waiting <= _LITTLE_WAITING * parts.occupied_seconds
        told = any_time and run_queue_known and (share is not None or little)
        return cls(
            name=count.name,
            calls=count.calls,
            in_flight=count.in_flight,
            wall_seconds=parts.occupied_seconds,
            queued_seconds=count.queued_seconds,
            cpu_seconds=parts.cpu_seconds,
            run_queue_seconds=parts.run_queue_seconds if run_queue_known else None,
            gil_seconds=parts.gil_seconds if told else None,
            blocked_seconds=parts.blocked_seconds if told else None,
            beta_naive=parts.beta_naive if any_time else None,
            beta_star=parts.beta_star if told else None,
            gil_wait_share=parts.gil_share if told else None,
            run_queue_share=parts.run_queue_share if any_time and run_queue_known else None,
            samples=count.samples,
        )


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A pool: the sums of its functions, its size, and the size it should have.

    ``threads`` took part at some time, ``busy_threads`` on average while there was work;
    ``mean_queue`` calls waited for a thread then. ``ratio`` is a = Z/C, ``capacity`` the
    cores the pool's tasks can use at once, ``enough_threads`` the fewest threads that keep
    98 % of it busy, never more than there were calls; None: cannot be told.
    """

    number: int
    label: str
    kind: str
    adaptive: bool
    max_workers: int | None
    threads: int
    busy_seconds: float
    busy_threads: float
    mean_queue: float
    cores_used: float
    capacity: float
    ratio: float | None
    enough_threads: int | None
    advice: str
    total: FunctionRow
    functions: tuple[FunctionRow, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A profile's result; ``str`` of it is a table to be read by people."""

    python: str
    gil: bool
    cores_granted: float
    wall_seconds: float
    notes: tuple[str, ...]
    pools: tuple[PoolRow, ...]

    def __str__(self) -> str:
        from .render import as_text

        return as_text(self)


def build_report(facts: Facts) -> Report:
    """The report on a profile's facts; pools in the order of their first call."""
    return Report(
        python=facts.python,
        gil=facts.gil,
        cores_granted=facts.cores_granted,
        wall_seconds=facts.wall_seconds,
        notes=tuple(_notes(facts)),
        pools=tuple(_pool_row(pool, facts) for pool in facts.pools),
    )


def _notes(facts: Facts) -> list[str]:
    notes = []
    if not facts.run_queue_known:
        notes.append(
            "this system does not tell what threads wait for (no /proc): beta* and the shares "
            "are unknown, and sizes are estimated from CPU time alone"
        )
    elif not facts.gil_wait_known:
        notes.append(
            "the place where threads wait for the GIL was not found: beta* is unknown, and "
            "sizes are estimated from CPU time alone"
        )
    return notes


def _window(count: Count, share: tuple[float, float] | None) -> Window:
    known = count.run_queue_wall_seconds
    waits, blocked = share or (0, 0)
    return Window(
        occupied_seconds=count.wall_seconds,
        cpu_seconds=count.cpu_seconds,
        run_queue_seconds=count.run_queue_seconds * count.wall_seconds / known if known else 0.0,
        blocked=blocked,
        gil_waits=waits,
    )


def _share(
    count: Count, fallback: Count, facts: Facts, busy_threads: float
) -> tuple[float, float] | None:
    """GIL waits and blocked seconds to go by: its own, else its pool's; None: not known."""
    if not facts.gil:
        return 0, 1
    if not facts.gil_wait_known:
        return None
    chosen = count if count.samples >= ENOUGH_SAMPLES else fallback
    if chosen.samples < ENOUGH_SAMPLES:
        return None
    return _at_any_time(chosen, busy_threads).gil_share_of_waits, 1


def _at_any_time(count: Count, busy_threads: float) -> Window:
    """A second in which ``busy_threads`` threads run a function, as its samples show it."""
    known, seen = count.run_queue_wall_seconds, count.seen
    return Window(
        wall_seconds=1.0,
        run_queue_seconds=busy_threads * count.run_queue_seconds / known if known else 0.0,
        blocked=count.blocked,
        gil_waits=count.gil_waits,
        running=max(0.0, seen - count.blocked),
        free_seconds=count.free / seen if seen else 0.0,
        looks=seen,
        unwaited=count.unwaited,
    )


def _pool_row(pool: PoolFacts, facts: Facts) -> PoolRow:
    total = sum(pool.functions, Count("all"))
    busy = pool.busy_seconds
    busy_threads = total.wall_seconds / busy if busy > 0 else 0.0
    share = _share(total, total, facts, busy_threads)
    whole = FunctionRow.of(total, share, facts.run_queue_known)
    functions = [
        FunctionRow.of(count, _share(count, total, facts, busy_threads), facts.run_queue_known)
        for count in pool.functions
        if count.calls or count.in_flight
    ]
    whole = _with_sums(whole, functions)
    cores_used = whole.cpu_seconds / busy if busy > 0 else 0.0
    capacity = _capacity(whole, cores_used, facts)
    ratio = _ratio(whole, busy_threads, cores_used, capacity)
    enough = None
    if ratio is not None:
        most = min(_MOST_THREADS, max(1, whole.calls + whole.in_flight))
        enough = enough_workers(ratio, capacity, Policy().spare, most)
    row = PoolRow(
        number=pool.number,
        label=pool.label,
        kind=pool.kind,
        adaptive=pool.adaptive,
        max_workers=pool.max_workers,
        threads=pool.threads,
        busy_seconds=busy,
        busy_threads=busy_threads,
        mean_queue=total.queued_seconds / busy if busy > 0 else 0.0,
        cores_used=cores_used,
        capacity=capacity,
        ratio=ratio,
        enough_threads=enough,
        advice="",
        total=whole,
        functions=tuple(sorted(functions, key=lambda row: -row.wall_seconds)),
    )
    return replace(row, advice=advise(_situation(row, facts)))


def _with_sums(whole: FunctionRow, functions: list[FunctionRow]) -> FunctionRow:
    """The pool's row with its functions' seconds, where all of them are known.

    Functions with samples of their own know better where their time went than the pool's
    samples do, which favour neither.
    """
    gil = [row.gil_seconds for row in functions]
    blocked = [row.blocked_seconds for row in functions]
    if None in gil or None in blocked or not whole.wall_seconds:
        return whole
    gil_s = sum(s for s in gil if s is not None)
    blocked_s = sum(s for s in blocked if s is not None)
    own = blocked_s + whole.cpu_seconds
    return replace(
        whole,
        gil_seconds=gil_s,
        blocked_seconds=blocked_s,
        beta_star=blocked_s / own if own > 0 else 0.0,
        gil_wait_share=gil_s / whole.wall_seconds,
    )


def _capacity(whole: FunctionRow, cores_used: float, facts: Facts) -> float:
    """The cores the pool can use: where it contends for them, as many as are in use.

    In use by all pools: they share them, and each is sized as if it were alone.
    """
    if (whole.gil_wait_share or 0.0) + (whole.run_queue_share or 0.0) > SATURATED:
        cpu_seconds = sum(count.cpu_seconds for pool in facts.pools for count in pool.functions)
        return max(0.05, cores_used, cpu_seconds / facts.busy_seconds)
    return max(1.0 if facts.gil else facts.cores_granted, cores_used)


def _ratio(
    whole: FunctionRow, busy_threads: float, cores_used: float, capacity: float
) -> float | None:
    """a = Z/C, from the decomposition or, without one, from CPU time by the network."""
    low, high = RATIO_RANGE
    if whole.wall_seconds <= 0:
        return None
    if whole.blocked_seconds is not None:
        ratio = whole.blocked_seconds / whole.cpu_seconds if whole.cpu_seconds > 0 else high
        return min(high, max(low, ratio))
    if cores_used <= 0:
        return high
    if cores_used > _BUSY * capacity:
        return None
    return min(
        high, max(low, ratio_from_utilisation(round(busy_threads) or 1, cores_used, capacity))
    )


def _situation(row: PoolRow, facts: Facts) -> Situation:
    total = row.total
    return Situation(
        calls=total.calls + total.in_flight,
        occupied_seconds=total.wall_seconds,
        threads=row.threads,
        adaptive=row.adaptive,
        gil=facts.gil,
        probes_known=facts.run_queue_known and facts.gil_wait_known,
        gil_wait_share=total.gil_wait_share,
        run_queue_share=total.run_queue_share,
        beta_star=total.beta_star,
        enough_threads=row.enough_threads,
        mean_queue=row.mean_queue,
    )
