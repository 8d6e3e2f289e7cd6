"""Why throughput falls when a pool grows: where a core's time goes, per task.

With c cores a completed task takes c / X seconds of core time. Some of it is CPU time of the
trial, the rest the cores were idle (or with others). From the peak to a larger pool,

    growth of c / X  =  switches  +  other CPU  +  idle

where *switches* is the growth of context switches per task times what one costs, the slope of
CPU time per task on switches per task over the trials past the peak (least squares); *other
CPU* is the growth of CPU time that switches do not explain: caches, and the scheduler's and
the interpreter's work that grows with the number of threads; *idle* is what is left. The three
add up by construction; that the slope is causal is an assumption, and R2 says how well the line
fits. Hardware cache counters are not recorded: virtual machines seldom have them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis.data.trials import CELL, Cell, cells
from harness.analysis.estimate.optimum import optimum
from harness.analysis.estimate.statistics import (
    MINIMUM,
    NOTHING,
    Array,
    Interval,
    Scale,
    mean_interval,
    mean_t_interval,
    scale_of,
    t_interval_from,
)
from harness.analysis.tables.columns import BLOCKS, CELL_TEXTS, Columns, Text, capitalised, view
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table
from harness.store.parameter_text import parse_parameters

EXPERIMENTS = ("cliff", "cliff_batch")
SWITCH_INTERVAL_MS = 5.0
#: means over blocks, with intervals, at each size
MEASURED = (
    "core_us_per_task",
    "cpu_us_per_task",
    "idle_us_per_task",
    "switches_per_s",
    "switches_per_task",
    "wakeups_per_interval",
    "run_queue_us_per_task",
    "startup_share",
)
#: shares of the growth of core time per task since the peak
SHARES = ("share_switches", "share_other_cpu", "share_idle")
SWITCH_COST = Columns.of("switch_cost_us", "switch_cost")
COLUMNS = [
    *CELL,
    *["concurrency", "peak_concurrency"],
    *[column for name in ("growth", *MEASURED, *SHARES) for column in Columns.of(name).names],
    *[*SWITCH_COST.names, "r2", "n_blocks", "status"],
]


@dataclass(frozen=True, slots=True)
class SwitchCost:
    """Microseconds of CPU per context switch, from a line through trials past the peak."""

    slope: Interval
    r2: float | None


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if a cliff was measured."""
    found = cliff_causes_table(inputs.trials)
    if len(found):
        yield Table(
            "cliff_causes",
            "Why throughput falls past the peak",
            found,
            capitalised(view(found, *TEXTS), inputs.titles),
            "Core time per task is cores / throughput. Its growth since the peak is split into "
            "context switches (at the slope of CPU time on switches, by least squares past the "
            "peak), other CPU time and idle cores; shares add up to 100 %. Hardware cache "
            "counters: unavailable, not recorded. Throughputs as measured. Intervals: 95 %, over "
            "blocks.",
        )


def cliff_causes_table(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and fixed size of the cliff experiments.

    ``growth`` is c/X over its value at the peak, less 1. ``wakeups_per_interval`` are voluntary
    switches in a switch interval. ``startup_share`` is the part of a batch's time spent until
    all workers ran and after the last task had ended.
    """
    rows = []
    for cell in cells(trials[trials["experiment"].isin(EXPERIMENTS)]):
        rows += list(_rows(cell.at_speed(None)))
    table = pd.DataFrame(rows, columns=COLUMNS)
    for column in ("cores", "concurrency", "peak_concurrency", "n_blocks"):
        table[column] = table[column].astype("Int64")
    return table


def per_block(cell: Cell, size: int) -> dict[str, Array]:
    """Every quantity of ``MEASURED`` at a size, by block; NaN where it is not known."""

    def of(column: str) -> Array:
        return cell.series(column, "fixed", size)

    rate = of("throughput_tps")
    rate = np.where(rate > 0, rate, np.nan)
    core = cell.name.cores * 1e6 / rate
    cpu = 1e3 * of("cpu_ms_per_task")
    voluntary = of("voluntary_switches_per_s")
    switches = voluntary + of("involuntary_switches_per_s")
    elapsed = of("elapsed_s")
    return {
        "core_us_per_task": core,
        "cpu_us_per_task": cpu,
        "idle_us_per_task": core - cpu,
        "switches_per_s": switches,
        "switches_per_task": switches / rate,
        "wakeups_per_interval": voluntary * switch_interval_s(cell),
        "run_queue_us_per_task": 1e3 * of("run_queue_ms_per_task"),
        "startup_share": (of("startup_s") + of("shutdown_s")) / elapsed,
    }


def switch_interval_s(cell: Cell) -> float:
    """The switch interval of a cell's trials: Python's own unless conditions say otherwise."""
    texts = cell.trials["conditions"] if "conditions" in cell.trials else pd.Series(dtype=object)
    conditions = parse_parameters(next(iter(texts.dropna()), ""))
    return float(str(conditions.get("switch_interval_ms", SWITCH_INTERVAL_MS))) / 1e3


def switch_cost(seen: Mapping[int, Mapping[str, Array]], peak: int) -> SwitchCost:
    """Slope of CPU per task on switches per task at the peak and beyond, at least zero.

    ``n`` counts trials, but those of a block share its machine: no interval below three blocks.
    """
    sizes = [size for size in seen if size >= peak]
    if not sizes:
        return SwitchCost(NOTHING, None)
    x = np.stack([seen[size]["switches_per_task"] for size in sizes])
    y = np.stack([seen[size]["cpu_us_per_task"] for size in sizes])
    known = np.isfinite(x) & np.isfinite(y)
    blocks = int(known.any(axis=0).sum())
    x, y = x[known], y[known]
    if len(x) < 3 or float(np.ptp(x)) <= 0:
        return SwitchCost(Interval(None, None, None, len(x)), None)
    line = stats.linregress(x, y)
    error = float(line.stderr) if blocks >= MINIMUM else None
    # A line takes one degree of freedom more than a mean.
    found = t_interval_from(float(line.slope), error, len(x) - 1)
    parts = (found.estimate, found.low, found.high)
    slope, low, high = (None if part is None else max(0.0, part) for part in parts)
    return SwitchCost(Interval(slope, low, high, n=len(x)), float(line.rvalue) ** 2)


def _rows(cell: Cell) -> Iterator[dict[str, object]]:
    identity: dict[str, object] = {
        "experiment": cell.name.experiment,
        "workload": cell.name.workload,
        "interpreter": cell.name.interpreter,
        "cores": cell.name.cores,
    }
    if cell.not_run_reason is not None:
        yield identity | {"status": cell.not_run_reason}
    seen = {size: per_block(cell, size) for size in cell.sizes}
    peak = optimum(cell.fixed, cell.sizes)
    cost = switch_cost(seen, peak) if peak is not None else None
    for size, values in seen.items():
        row = identity | {"concurrency": size, "peak_concurrency": peak}
        for name in MEASURED:
            row |= Columns.of(name).holding(mean_interval(values[name], scale_of(name)))
        row["n_blocks"] = int(np.isfinite(values["core_us_per_task"]).sum())
        row["status"] = "" if row["n_blocks"] else "no usable trial"
        if peak is not None and cost is not None:
            row |= _growth(values, seen[peak], cost, past_the_peak=size > peak)
            row |= SWITCH_COST.holding(cost.slope) | {"r2": cost.r2}
        yield row


def _growth(
    here: Mapping[str, Array], peak: Mapping[str, Array], cost: SwitchCost, *, past_the_peak: bool
) -> dict[str, object]:
    """Growth of core time since the peak, and past it the share of each part.

    Shares are ratios of means over blocks, as growth in a single block can be near zero; their
    intervals come from the linearised ratio (delta method) with n - 1 degrees of freedom. A part
    can fall while the whole grows: its share is then negative, and another's above 1.
    """
    ratios = here["core_us_per_task"] / peak["core_us_per_task"]
    entries = Columns.of("growth").holding(mean_interval(ratios, Scale.RATIO).moved(1, -1))
    if not past_the_peak or cost.slope.estimate is None:
        return entries
    grown = {
        name: here[name] - peak[name]
        for name in ("core_us_per_task", "cpu_us_per_task", "switches_per_task")
    }
    switches = cost.slope.estimate * grown["switches_per_task"]
    parts = {
        "share_switches": switches,
        "share_other_cpu": grown["cpu_us_per_task"] - switches,
        "share_idle": grown["core_us_per_task"] - grown["cpu_us_per_task"],
    }
    for name, part in parts.items():
        entries |= Columns.of(name).holding(ratio_of_means(part, grown["core_us_per_task"]))
    return entries


def ratio_of_means(part: Array, whole: Array) -> Interval:
    """Mean of ``part`` over mean of ``whole`` with an interval; nothing where ``whole`` has not
    grown for certain."""
    known = np.isfinite(part) & np.isfinite(whole)
    total = mean_t_interval(whole[known])
    if total.estimate is None or total.estimate <= 0 or (total.low is not None and total.low <= 0):
        return Interval(None, None, None, total.n)
    ratio = float(np.mean(part[known])) / total.estimate
    spread = mean_t_interval((part[known] - ratio * whole[known]) / total.estimate)
    if spread.low is None or spread.high is None:
        return Interval(ratio, None, None, total.n)
    return Interval(ratio, ratio + spread.low, ratio + spread.high, total.n)


def _shown(header: str, name: str, *, percent: bool = False) -> Text:
    return Text(header, Columns.of(name), percent=percent)


TEXTS = (
    *CELL_TEXTS,
    Text("N", "concurrency"),
    Text("peak N", "peak_concurrency"),
    _shown("core time per task [µs]", "core_us_per_task"),
    _shown("CPU [µs]", "cpu_us_per_task"),
    _shown("growth since the peak [%]", "growth", percent=True),
    _shown("of it switches [%]", "share_switches", percent=True),
    _shown("other CPU [%]", "share_other_cpu", percent=True),
    _shown("idle [%]", "share_idle", percent=True),
    _shown("switches per s", "switches_per_s"),
    _shown("per task", "switches_per_task"),
    _shown("wake-ups per switch interval", "wakeups_per_interval"),
    _shown("run queue per task [µs]", "run_queue_us_per_task"),
    _shown("start-up and shutdown [%]", "startup_share", percent=True),
    Text("µs per switch", SWITCH_COST),
    Text("R2", "r2", 2),
    BLOCKS,
    Text("status", "status"),
)
