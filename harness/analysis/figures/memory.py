"""Figure: peak memory against throughput, a panel per workload, one figure per pinning."""

import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from harness.analysis.data.trials import TWIN, cells
from harness.analysis.estimate.statistics import mean_interval, scale_of
from harness.analysis.figures import style
from harness.analysis.tables.columns import THROUGHPUT
from harness.analysis.tables.efficiency import series_name
from harness.analysis.tables.inputs import Inputs

COLUMNS = 4
LEGEND_WIDTH = 20
MEMORY = style.Columns("pss_peak_mb", "pss_ci_low", "pss_ci_high")
KEY = ["workload", "interpreter", "cores", "strategy", "concurrency"]


def draw_memory(inputs: Inputs, experiment: str | None, folder: Path) -> list[str]:
    """Fixed pools as a line from the smallest to the largest, other strategies as points."""
    trials = inputs.trials[inputs.trials["experiment"] == experiment]
    efficiency = inputs.efficiency[inputs.efficiency["experiment"] == experiment]
    rows = efficiency[efficiency["throughput_tps"].notna() & (efficiency["strategy"] != TWIN)]
    unseen = efficiency[efficiency["throughput_tps"].isna() & efficiency["strategy"].notna()]
    data = rows.merge(_memory_intervals(trials), on=KEY, how="left")
    data = data[data["pss_peak_mb"].notna()]
    names: list[str] = []
    for cores, group in data.groupby("cores", sort=True):
        name = f"memory_vs_throughput_{cores}core"
        remarks = style.remarks_text(inputs, trials)
        failed = int((unseen["cores"] == cores).sum())
        if failed:
            remarks = f"{failed} configurations without a usable trial are not shown; {remarks}"
        draw = partial(_draw, group, inputs.titles, remarks)
        names += style.write(draw, group, folder, name)
    return names


def _memory_intervals(trials: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for cell in cells(trials):
        for strategy, size, label, _ in cell.configurations():
            values = cell.series(MEMORY.value, strategy, size, label)
            peak = mean_interval(values, scale_of(MEMORY.value))
            name = series_name(strategy, label)
            identity = (cell.name.workload, cell.name.interpreter, cell.name.cores, name, size)
            rows.append((*identity, peak.low, peak.high))
    frame = pd.DataFrame(rows, columns=[*KEY, "pss_ci_low", "pss_ci_high"])
    return frame.astype({"cores": "Int64", "concurrency": "Int64"}).astype(
        {"pss_ci_low": float, "pss_ci_high": float}
    )


def _draw(rows: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    workloads = style.ordered(rows["workload"], titles)
    interpreters = style.ordered(rows["interpreter"], titles)
    strategies = style.ordered(set(rows["strategy"]) - {"fixed"}, titles)
    colours = {key: look.colour for key, look in style.looks(interpreters).items()}
    # The same markers as in the figure of efficiency; the pools' line has dots.
    markers = {key: look.marker for key, look in style.looks(strategies).items()}
    markers = {"fixed": "."} | markers
    figure, grid = style.panels(len(workloads) + 1, COLUMNS, 1.8, base=0.6)
    for axes, workload in zip(grid, workloads, strict=False):
        _panel(axes, rows[rows["workload"] == workload], colours, markers)
        axes.set_title(style.titled(workload, titles))
    style.cut_bars(grid[: len(workloads)], rows[MEMORY.value], "y")
    _legend(grid[-1], colours, markers, titles)
    cores = style.cores_text(int(rows["cores"].iloc[0]))
    counts = style.blocks_text(list(rows["n_ok"]))
    figure.supylabel("peak PSS [MB]", fontsize=8)
    notes = (
        "line: fixed pools, small to large; bars: 95% intervals over blocks; hollow: no interval"
    )
    style.footer(figure, "throughput [tasks/s]", f"{cores}; {counts}; {notes}", remarks)
    return figure


def _panel(
    axes: Axes,
    rows: pd.DataFrame,
    colours: Mapping[str, str],
    markers: Mapping[str, str],
) -> None:
    series = style.groups(rows.sort_values("concurrency"), ["interpreter", "strategy"])
    for (interpreter, strategy), points in series.items():
        dashes = "-" if strategy == "fixed" else "none"
        look = style.Look(colours[interpreter], markers[strategy], dashes)
        style.draw_points(axes, points, THROUGHPUT, MEMORY, look)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    style.from_zero(axes, float(rows["throughput_tps"].max()), "x")
    style.plain_y(axes)


def _legend(
    axes: Axes,
    colours: Mapping[str, str],
    markers: Mapping[str, str],
    titles: Mapping[str, str],
) -> None:
    handles = [Line2D([], [], color=colour, lw=3) for colour in colours.values()]
    handles += [
        Line2D([], [], color="black", marker=marker, ls="-" if name == "fixed" else "none", lw=0.8)
        for name, marker in markers.items()
    ]
    # The panel it stands in is narrow: long names are folded.
    names = [
        textwrap.fill(style.titled(name, titles), LEGEND_WIDTH) for name in (*colours, *markers)
    ]
    style.legend_in(axes, handles, names)
