"""Figure: what the blocking ratios say of the same tasks at every pool size."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.figures import style
from harness.analysis.tables.estimates import estimates_table
from harness.analysis.tables.inputs import Inputs

NAME = "metric"
SIZE = style.Columns("concurrency")
#: column, its bounds, label
SERIES = (
    (style.Columns.of("beta_naive"), "naive beta, 1 - cpu/wall"),
    (style.Columns.of("beta_star"), "beta*, decomposed"),
    (
        style.Columns.of("gil_share"),
        "GIL wait, sampled by the runtime",
    ),
    (
        style.Columns.of("gil_share_known"),
        "GIL wait, known",
    ),
)


def draw_metric(inputs: Inputs, folder: Path) -> list[str]:
    """A panel per workload, interpreter and pinning of the experiment on known tasks."""
    rows = estimates_table(inputs.trials)
    if rows.empty:
        return []
    chosen = inputs.trials[inputs.trials["experiment"] == "estimates"]
    remarks = style.remarks_text(inputs, chosen, as_measured=True)
    return style.write(lambda: _draw(rows, inputs.titles, remarks), rows, folder, NAME)


def _draw(rows: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    cells = style.groups(rows.sort_values("concurrency"), ["workload", "interpreter", "cores"])
    figure, grid = style.panels(len(cells), 4, 1.7)
    look = style.looks([name for _, name in SERIES])
    for axes, ((workload, interpreter, cores), cell) in zip(grid, cells.items(), strict=True):
        _panel(axes, cell, look)
        where = style.series_text(interpreter, cores, titles)
        axes.set_title(f"{style.titled(workload, titles)}\n{where}", fontsize=7)
    style.legend_of(figure, style.handles(look), list(look))
    figure.supylabel("share of time", fontsize=8)
    notes = f"{style.blocks_text(list(rows['n_blocks']))}; bars: 95% intervals over blocks"
    style.footer(figure, "threads N", notes, remarks)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, look: Mapping[str, style.Look]) -> None:
    for values, name in SERIES:
        style.draw_points(axes, rows, SIZE, values, look[name], size=3)
    axes.set_ylim(-0.02, 1.02)
    style.log2_sizes(axes, [int(n) for n in rows["concurrency"]], 6)
