"""What disturbed a trial, from readings of the machine: pure functions.

Numbers cover the trial's window, read together with the trial's own CPU clocks; a trial
whose window never closed has what can be said of its whole life. Whether a number is too
large is for ``harness.store.exclusion`` to say.
"""

import math
import resource

from harness.machine.counters import difference
from harness.machine.noise import EXACT_RESOLUTION_S, USER_TICK_S, Noise
from harness.measure.observation import Observation

Metrics = dict[str, float | int | None]

PAGE_MB = resource.getpagesize() / 2**20
#: standard deviations of a sampled CPU time that count as its resolution
SAMPLING_DEVIATIONS = 3.0
RESOURCES = ("cpu", "memory", "io")


def noise_metrics(seen: Observation) -> Metrics:
    """Everything that is known; None where the machine has no such probe."""
    before, after = _span(seen)
    cpus = len(seen.cpus)
    if before is None or after is None:
        return {}
    span_s = after.monotonic_s - before.monotonic_s
    steal = difference(after.steal_s, before.steal_s)
    foreign = foreign_cpu_seconds(seen)
    throttled = difference(after.quota_throttled_s, before.quota_throttled_s)
    return {
        "noise_span_s": span_s,
        "steal_ms": _ms(steal),
        "steal_resolution_ms": None if steal is None else USER_TICK_S * cpus * 1e3,
        "foreign_cpu_ms": _ms(foreign),
        "foreign_resolution_ms": (
            None if foreign is None else resolution_s(after.busy_source, span_s, cpus) * 1e3
        ),
        **{f"psi_{name}_some_ms": _ms(_pressure(before, after, name)) for name in RESOURCES},
        "swap_in_mb": _pages(difference(after.pages_swapped_in, before.pages_swapped_in)),
        "swap_out_mb": _pages(difference(after.pages_swapped_out, before.pages_swapped_out)),
        "thermal_throttles": difference(after.thermal_throttles, before.thermal_throttles),
        "quota_throttled_ms": _ms(throttled),
        "cpu_frequency_mhz": after.frequency_mhz,
        "clock_step_ms": clock_step_ms(seen),
    }


def _span(seen: Observation) -> tuple[Noise | None, Noise | None]:
    if seen.at_open is not None and seen.at_close is not None:
        return seen.at_open.noise, seen.at_close.noise
    return seen.noise_before, seen.noise_after


def foreign_cpu_seconds(seen: Observation) -> float | None:
    """CPU seconds that neither the trial nor the harness used on the trial's CPUs in the window.

    The harness's own are taken off in full although some of them fall on other CPUs: a
    doubtful millisecond is not held against anybody. None outside a window: while a trial
    starts and ends, what is its own cannot be told exactly.
    """
    opened, closed = seen.at_open, seen.at_close
    if opened is None or closed is None or seen.tree_at_open is None or seen.tree_at_close is None:
        return None
    if opened.noise.busy_source != closed.noise.busy_source:
        return None
    busy = difference(closed.noise.busy_s, opened.noise.busy_s)
    own = seen.tree_at_close.cpu_s - seen.tree_at_open.cpu_s
    if seen.batch is not None:  # whose trees do not cover its shutdown
        own = max(own, seen.batch.cpu_s)
    harness = closed.harness_cpu_s - opened.harness_cpu_s
    return None if busy is None else max(0.0, busy - own - harness)


def resolution_s(source: str, span_s: float, cpus: int) -> float:
    """How many CPU seconds over ``span_s`` on ``cpus`` CPUs may be an error of the probe.

    Exact clocks are behind by at most a tick per CPU. Tick sampling charges a CPU's time in
    units of a tick t to whoever is caught: over n = span / t samples, of which half hit, the
    standard deviation is t sqrt(n) / 2 (binomial), and three of them are taken.
    """
    if source != "ticks":
        return EXACT_RESOLUTION_S * cpus
    samples = max(1.0, span_s / USER_TICK_S)
    return cpus * USER_TICK_S * max(1.0, SAMPLING_DEVIATIONS * math.sqrt(samples) / 2)


def clock_step_ms(seen: Observation) -> float | None:
    """By how much the wall clock moved against the monotonic one during the whole trial.

    NTP slews by up to half a millisecond per second; more is a step, or a machine that slept.
    """
    if seen.noise_before is None or seen.noise_after is None:
        return None
    wall = seen.noise_after.wall_s - seen.noise_before.wall_s
    return (wall - (seen.noise_after.monotonic_s - seen.noise_before.monotonic_s)) * 1e3


def _pressure(before: Noise, after: Noise, name: str) -> float | None:
    first, last = before.pressure_s or {}, after.pressure_s or {}
    return difference(last.get(name), first.get(name))


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def _pages(pages: float | None) -> float | None:
    return None if pages is None else pages * PAGE_MB
