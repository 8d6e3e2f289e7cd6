"""How fast the machine is right now, by a fixed spin."""

from time import perf_counter

SPIN_ITERATIONS = 20_000
SPIN_REPEATS = 5


def _spin(iterations: int) -> int:
    x = 0
    for _ in range(iterations):
        x += 1
    return x


def spin_rate() -> float:
    """Loop iterations per microsecond of wall time, the median of a few short spins.

    Comparable within one interpreter only. A neighbour on the sibling hyper-thread shows
    here as a slow-down of up to a third without any steal time.
    """
    rates = []
    for _ in range(SPIN_REPEATS):
        started = perf_counter()
        _spin(SPIN_ITERATIONS)
        rates.append(SPIN_ITERATIONS / (perf_counter() - started) / 1e6)
    return sorted(rates)[SPIN_REPEATS // 2]
