"""Which trials are left out of the analysis: rules fixed in config.yaml before anything runs.

A rule never acts on what a machine cannot tell, and never on less than its probe can
resolve: what is held against a trial is the reading less the resolution of the probe.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from harness.design.rules import Exclusion

Metrics = Mapping[str, float | None]

#: CPU time per thread that a batch may leave unaccounted for. Batches start and end their threads
#: inside the window; on a quiet machine those with 512 and 2048 threads on CPython 3.12 left .03 to
#: .17 ms a thread, every time, repetitions too. Probably it is the kernel's work on threads whose
#: clocks have stopped; that was not traced. With thousands of threads the rule for foreign CPU
#: time can therefore hardly fire in a batch.
THREAD_LIFE_MS = 0.2


def reasons(metrics: Metrics, cores: int, rules: Exclusion, usual_speed: float | None) -> list[str]:
    """Which rules leave a trial out, in words; empty when none does.

    ``usual_speed`` is the median ``speed_window`` of the trial's cell, None where unknown.
    """
    capacity_ms = (metrics.get("noise_span_s") or 0.0) * cores * 1e3
    found = []
    for key, error, limit in (
        ("foreign_cpu_ms", "foreign_resolution_ms", rules.max_foreign_cpu_share),
        ("steal_ms", "steal_resolution_ms", rules.max_steal_share),
        ("quota_throttled_ms", None, rules.max_quota_throttled_share),
    ):
        value = metrics.get(key)
        if limit is None or value is None or capacity_ms <= 0:
            continue
        doubt = (metrics.get(error) or 0.0) if error else 0.0
        if (value - doubt) / capacity_ms > limit:
            found.append(f"{key} above {limit:.0%} of capacity")
    if _above(metrics.get("thermal_throttles"), rules.max_thermal_throttles):
        found.append(f"thermal_throttles above {rules.max_thermal_throttles}")
    drift = _log_ratio(metrics.get("speed_after"), metrics.get("speed_before"))
    if _above(drift, _log(rules.max_speed_drift)):
        found.append(f"speed_after and speed_before differ by more than {rules.max_speed_drift}x")
    departure = _log_ratio(metrics.get("speed_window"), usual_speed)
    if _above(departure, _log(rules.max_speed_departure)):
        found.append(
            f"speed_window is more than {rules.max_speed_departure}x from the cell's median"
        )
    step = metrics.get("clock_step_ms")
    if step is not None and _above(abs(step), rules.max_clock_step_ms):
        found.append(f"clock_step_ms above {rules.max_clock_step_ms}")
    swapped = [metrics.get(key) for key in ("swap_in_mb", "swap_out_mb")]
    if _above(sum(value or 0.0 for value in swapped), rules.max_swap_mb):
        found.append(f"swap_in_mb and swap_out_mb above {rules.max_swap_mb} together")
    return found


def _above(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value > limit


def _log(ratio: float | None) -> float | None:
    return None if ratio is None else math.log(ratio)


def _log_ratio(value: float | None, reference: float | None) -> float | None:
    """How far apart two speeds are, as the absolute log of their ratio."""
    if not value or not reference or value < 0 or reference < 0:
        return None
    return abs(math.log(value / reference))


def cell_key(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    """What trials must share for their CPUs' speeds to be comparable: the cell."""
    return spec["experiment"], spec["workload"], spec["interpreter"], spec["cores"]


def usual_speeds(records: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, ...], float]:
    """Median speed in the window over the trials of each cell that have one."""
    speeds: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for record in records:
        speed = record["result"]["metrics"].get("speed_window")
        if speed:
            speeds[cell_key(record["spec"])].append(speed)
    return {key: median(values) for key, values in speeds.items()}


def judge(
    record: Mapping[str, Any], rules: Exclusion, usual: Mapping[tuple[Any, ...], float]
) -> str:
    """Why the rules leave a record out; empty when they do not. ``usual``: `usual_speeds`."""
    spec, metrics = record["spec"], record["result"]["metrics"]
    if spec.get("protocol") == "batch":
        doubt = (metrics.get("foreign_resolution_ms") or 0.0) + THREAD_LIFE_MS * spec["concurrency"]
        metrics = {**metrics, "foreign_resolution_ms": doubt}
    return "; ".join(reasons(metrics, spec["cores"], rules, usual.get(cell_key(spec))))
