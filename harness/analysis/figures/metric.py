"""Figure: what the blocking ratios say of the same tasks at every pool size."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.figures import style
from harness.analysis.tables.estimates import estimates_table

NAME = "metric"
SIZE = style.Columns("concurrency")
#: column, its bounds, label
SERIES = (
    (style.Columns("beta_naive", "beta_naive_low", "beta_naive_high"), "naive beta, 1 - cpu/wall"),
    (style.Columns("beta_star", "beta_star_low", "beta_star_high"), "beta*, decomposed"),
    (
        style.Columns("gil_share", "gil_share_low", "gil_share_high"),
        "GIL wait, sampled by the runtime",
    ),
    (
        style.Columns("gil_share_known", "gil_share_known_low", "gil_share_known_high"),
        "GIL wait, known",
    ),
)


def draw_metric(
    trials: pd.DataFrame,
    folder: Path,
    titles: Mapping[str, str],
    missing_interpreters: Sequence[str] = (),
) -> list[str]:
    """A panel per workload, interpreter and pinning of the experiment on known tasks."""
    rows = estimates_table(trials)
    if rows.empty:
        return []
    remarks = style.remarks_text(trials, titles, missing_interpreters, as_measured=True)
    with style.styled():
        style.save(_draw(rows, titles, remarks), rows, folder, NAME)
    return [NAME]


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
