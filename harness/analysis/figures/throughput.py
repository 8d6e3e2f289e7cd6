"""Figure: throughput of the fixed pools against their size, a panel per workload."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.figures import style

NAME = "throughput_vs_n"
COLUMNS = 4
SIZE = style.Columns("concurrency")
THROUGHPUT = style.Columns("throughput_tps", "throughput_ci_low", "throughput_ci_high")

Series = tuple[str, int]


def draw_throughput(
    trials: pd.DataFrame,
    efficiency: pd.DataFrame,
    folder: Path,
    titles: Mapping[str, str],
    missing_interpreters: Sequence[str] = (),
) -> list[str]:
    """All interpreters and pinnings of one experiment, from its rows of the efficiency table."""
    rows = efficiency[efficiency["strategy"] == "fixed"]
    if rows["throughput_tps"].notna().sum() == 0:
        return []
    remarks = style.remarks_text(trials, titles, missing_interpreters)
    with style.styled():
        style.save(_draw(rows, titles, remarks), rows, folder, NAME)
    return [NAME]


def _draw(rows: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    workloads = style.ordered(rows["workload"], titles)
    # The last panel holds the legend.
    figure, grid = style.panels(len(workloads) + 1, COLUMNS, 1.75, base=0.5, share_y=False)
    pairs = zip(rows["interpreter"], rows["cores"], strict=True)
    look = style.looks(sorted({(str(name), int(cores)) for name, cores in pairs}))
    for axes, workload in zip(grid, workloads, strict=False):
        _panel(axes, rows[rows["workload"] == workload], look)
        axes.set_title(style.titled(workload, titles))
    handles = [Line2D([], [], color=d.colour, marker=d.marker, ls=d.dashes) for d in look.values()]
    names = [style.series_text(interpreter, cores, titles) for interpreter, cores in look]
    style.legend_in(grid[-1], handles, names, style.blocks_text(list(rows["n_ok"])))
    notes = "bars: 95% intervals over blocks; hollow: no interval; cross on the axis: all failed"
    figure.supylabel("throughput [tasks/s]", fontsize=8)
    style.footer(figure, "threads N", notes, remarks)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, look: Mapping[Series, style.Look]) -> None:
    for (interpreter, cores), drawn in look.items():
        chosen = (rows["interpreter"] == interpreter) & (rows["cores"] == cores)
        series = rows[chosen].sort_values("concurrency")
        style.draw_points(axes, series, SIZE, THROUGHPUT, drawn, size=3)
        style.mark_failures(axes, series, "concurrency", "throughput_tps", drawn)
    if rows["throughput_tps"].notna().any():
        style.from_zero(axes, float(rows["throughput_tps"].max()))
    style.log2_sizes(axes, [int(n) for n in rows["concurrency"]], 5)
    style.plain_y(axes)
