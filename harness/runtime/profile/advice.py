"""One line on each pool that a person can act on. Pure."""

from dataclasses import dataclass

from ..controller import DEAD_BAND
from ..estimate import SATURATED

#: less than this was too short a look
FEW_CALLS = 10
LITTLE_SECONDS = 0.1
#: few calls tell enough if they took this long
LONG_SECONDS = 2.0
#: above it, threads are better replaced by an event loop
MANY_THREADS = 512
#: a queue shorter than this share of the threads hardly makes anything wait
SHORT_QUEUE = 0.1


@dataclass(frozen=True, slots=True)
class Situation:
    """What advice depends on; see ``report.PoolRow`` for the meanings."""

    calls: int
    occupied_seconds: float
    threads: int
    adaptive: bool
    gil: bool
    probes_known: bool
    gil_wait_share: float | None
    run_queue_share: float | None
    beta_star: float | None
    enough_threads: int | None
    mean_queue: float


def advise(pool: Situation) -> str:
    """What to do about a pool's size, and why."""
    few = pool.calls < FEW_CALLS and pool.occupied_seconds < LONG_SECONDS
    if few or pool.occupied_seconds < LITTLE_SECONDS:
        return "too few calls to tell"
    if not pool.probes_known:
        return _by_cpu_time(pool)
    if pool.enough_threads is None or pool.beta_star is None:
        return "too few samples to tell what it waits for; let it run longer"
    return _of_adaptive(pool) if pool.adaptive else _of_fixed(pool, pool.enough_threads)


def _of_fixed(pool: Situation, enough: int) -> str:
    threads = pool.threads
    if enough > threads * (1 + DEAD_BAND):
        return _more(pool, enough)
    if enough * (1 + DEAD_BAND) < threads:
        return _fewer(pool, enough)
    return f"{_threads(threads)} {_fit(threads)}: {_own_time(pool)}"


def _more(pool: Situation, enough: int) -> str:
    have = _threads(pool.threads)
    if pool.mean_queue < SHORT_QUEUE * pool.threads:
        return f"{have} {_are(pool.threads)} enough for this load: calls hardly wait for one"
    if enough > MANY_THREADS:
        return (
            f"{have}; hardly any CPU is used, {_own_time(pool)}: "
            f"hundreds more would pay, or asyncio"
        )
    return f"{have}; {enough} would keep the CPU busy: {_own_time(pool)}"


def _fewer(pool: Situation, enough: int) -> str:
    have = pool.threads
    gil, queue = pool.gil_wait_share or 0.0, pool.run_queue_share or 0.0
    does = "does" if enough == 1 else "do"
    same = f"{_threads(enough)} {does} as well as {have}"
    if gil + queue <= SATURATED:
        return f"{same}: {_own_time(pool)}"
    if gil > queue:
        line = f"GIL-bound: {same} ({_percent(gil)} of their time goes into waiting for the GIL)"
        if (pool.beta_star or 0.0) < 0.5:
            line += "; only processes or a free-threaded build use more cores"
        return line
    return f"CPU-bound: {same} ({_percent(queue)} of their time goes into waiting for a CPU)"


def _of_adaptive(pool: Situation) -> str:
    return (
        f"sizes itself, {_threads(pool.threads)} in all took part; "
        f"the model asks for {pool.enough_threads}: {_own_time(pool)}"
    )


def _by_cpu_time(pool: Situation) -> str:
    """Without probes: waiting for the CPU or the GIL looks like any other waiting."""
    if pool.enough_threads is None:
        return (
            f"the CPU is busy; whether fewer than {_threads(pool.threads)} would do cannot be "
            "told without /proc: try half as many"
        )
    if pool.mean_queue < SHORT_QUEUE * pool.threads:
        return f"{_threads(pool.threads)} {_are(pool.threads)} enough: calls hardly wait for one"
    return f"{_threads(pool.threads)}; about {pool.enough_threads} would keep the CPU busy"


def _own_time(pool: Situation) -> str:
    return f"tasks block {_percent(pool.beta_star or 0.0)} of their own time"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _threads(number: int) -> str:
    return "1 thread" if number == 1 else f"{number} threads"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _fit(number: int) -> str:
    return "fits" if number == 1 else "fit"
