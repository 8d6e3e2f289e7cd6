"""Measures of micro-benchmarks: the values that matter are means of processes."""

import numpy as np

from harness.analysis.claims import intervals
from harness.analysis.claims.data import Finding, Source
from harness.analysis.claims.registry import measure
from harness.analysis.estimate.statistics import Interval, Scale, mean_interval


@measure
def cost_share(source: Source, *, interpreter: str, benchmark: str, task_ms: float) -> Finding:
    """A benchmark's time over that of a task."""
    seconds = source.data.benchmark(interpreter, benchmark)
    found = mean_interval(seconds / (task_ms / 1e3), Scale.POSITIVE)
    return Finding(found, f"{np.mean(seconds) * 1e6:.2f} µs on {task_ms:g} ms")


@measure
def cpu_share(
    source: Source, *, interpreter: str, benchmarks: list[str], every_ms: list[int]
) -> Finding:
    """Share of a core that calls take which are made every so many milliseconds, together."""
    seconds = [source.data.benchmark(interpreter, name) for name in benchmarks]
    processes = min(map(len, seconds))
    shares = sum(
        taken[:processes] / (pause / 1e3) for taken, pause in zip(seconds, every_ms, strict=True)
    )
    shown = ", ".join(
        f"{name} {np.mean(taken) * 1e6:.3g} µs every {pause} ms"
        for name, taken, pause in zip(benchmarks, seconds, every_ms, strict=True)
    )
    return Finding(mean_interval(shares, Scale.POSITIVE), shown)


@measure
def cost_exponent(source: Source, *, interpreter: str, benchmark: str, sizes: list[int]) -> Finding:
    """Slope of log time over log N of a benchmark that is named with its N; 0: independent."""
    x: list[float] = []
    y: list[float] = []
    shown = []
    for size in sizes:
        seconds = source.data.benchmark(interpreter, benchmark.format(size))
        x += [float(np.log(size))] * len(seconds)
        y += [float(value) for value in np.log(seconds)]
        shown.append(f"{np.mean(seconds) * 1e6:.3g}")
    found: Interval = intervals.regression_slope(x, y)
    return Finding(found, f"{', '.join(shown)} µs at N = {', '.join(map(str, sizes))}")
