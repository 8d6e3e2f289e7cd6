"""Figure: throughput of the fixed pools against their size, a panel per workload."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.figures import style
from harness.analysis.tables.columns import THROUGHPUT
from harness.analysis.tables.inputs import Inputs

NAME = "throughput_vs_n"
COLUMNS = 4
SIZE = style.Columns("concurrency")

Series = tuple[str, int]


def draw_throughput(inputs: Inputs, experiment: str | None, folder: Path) -> list[str]:
    """All interpreters and pinnings of one experiment, from its rows of the efficiency table."""
    chosen = inputs.efficiency["experiment"] == experiment
    rows = inputs.efficiency[chosen & (inputs.efficiency["strategy"] == "fixed")]
    if rows["throughput_tps"].notna().sum() == 0:
        return []
    trials = inputs.trials[inputs.trials["experiment"] == experiment]
    remarks = style.remarks_text(inputs, trials)
    return style.write(lambda: _draw(rows, inputs.titles, remarks), rows, folder, NAME)


def _draw(rows: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    workloads = style.ordered(rows["workload"], titles)
    # The last panel holds the legend.
    figure, grid = style.panels(len(workloads) + 1, COLUMNS, 1.75, base=0.5, share_y=False)
    look = style.looks_of_cells(rows)
    for axes, workload in zip(grid, workloads, strict=False):
        _panel(axes, rows[rows["workload"] == workload], look)
        axes.set_title(style.titled(workload, titles))
    names = [style.series_text(interpreter, cores, titles) for interpreter, cores in look]
    style.legend_in(grid[-1], style.handles(look), names, style.blocks_text(list(rows["n_ok"])))
    notes = "bars: 95% intervals over blocks; hollow: no interval; cross on the axis: all failed"
    figure.supylabel("throughput [tasks/s]", fontsize=8)
    style.footer(figure, "threads N", notes, remarks)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, look: Mapping[Series, style.Look]) -> None:
    style.draw_series(axes, rows, ["interpreter", "cores"], SIZE, THROUGHPUT, look, size=3)
    style.mark_failures(axes, rows, ["interpreter", "cores"], SIZE, THROUGHPUT, look)
    if rows["throughput_tps"].notna().any():
        style.from_zero(axes, float(rows["throughput_tps"].max()))
    style.log2_sizes(axes, [int(n) for n in rows["concurrency"]], 5)
    style.plain_y(axes)
