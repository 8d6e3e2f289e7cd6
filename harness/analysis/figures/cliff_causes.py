"""Figure: where a core's time goes, per task, as the pool grows past its peak."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.figures import style
from harness.analysis.tables.cliff_causes import EXPERIMENTS, cliff_causes_table
from harness.analysis.tables.inputs import Inputs

NAME = "cliff_causes"
SIZE = style.Columns("concurrency")
PROTOCOLS = {EXPERIMENTS[0]: "steady state", EXPERIMENTS[1]: "batch"}


#: rows of panels: title, columns with their labels, whether the axis is logarithmic
LINES = (
    (
        "core time per task [µs]",
        (
            (style.Columns.of("core_us_per_task"), "all"),
            (style.Columns.of("cpu_us_per_task"), "CPU"),
            (style.Columns.of("idle_us_per_task"), "idle"),
        ),
    ),
    (
        "context switches",
        (
            (style.Columns.of("switches_per_task"), "per task"),
            (style.Columns.of("wakeups_per_interval"), "wake-ups per switch interval"),
        ),
    ),
)


def draw_cliff_causes(inputs: Inputs, folder: Path) -> list[str]:
    """A column of panels per interpreter and protocol, on the smallest pinning measured."""
    table = cliff_causes_table(inputs.trials)
    rows = table[table["core_us_per_task"].notna()]
    if rows.empty:
        return []
    rows = rows[rows["cores"] == rows["cores"].min()]
    chosen = inputs.trials[inputs.trials["experiment"].isin(EXPERIMENTS)]
    remarks = style.remarks_text(inputs, chosen, as_measured=True)
    return style.write(lambda: _draw(rows, inputs.titles, remarks), rows, folder, NAME)


def _draw(rows: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    places = [
        (protocol, interpreter)
        for interpreter in style.ordered(rows["interpreter"], titles)
        for protocol in EXPERIMENTS
        if ((rows["experiment"] == protocol) & (rows["interpreter"] == interpreter)).any()
    ]
    figure = Figure(figsize=(style.FULL_WIDTH, 4.4))
    grid = figure.subplots(len(LINES), len(places), squeeze=False, sharey="row")
    for column, (protocol, interpreter) in enumerate(places):
        here = rows[(rows["experiment"] == protocol) & (rows["interpreter"] == interpreter)]
        for line, (label, series) in enumerate(LINES):
            axes = grid[line, column]
            _panel(axes, here.sort_values("concurrency"), series)
            if column == 0:
                axes.set_ylabel(label)
            if column == len(places) - 1:
                axes.legend(fontsize=6.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        title = f"{style.titled(interpreter, titles)}\n{PROTOCOLS[protocol]}"
        grid[0, column].set_title(title, fontsize=7.5)
    for line, (_, series) in zip(grid, LINES, strict=True):
        values = pd.concat([rows[columns.value] for columns, _ in series])
        style.cut_bars(line, values, "y")
    cores = style.cores_text(int(rows["cores"].iloc[0]))
    notes = f"{cores}; {style.blocks_text(list(rows['n_blocks']))}; bars: 95% intervals"
    style.footer(figure, "threads N", f"{notes} over blocks", remarks)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, series: Sequence[tuple[style.Columns, str]]) -> None:
    look = style.looks([label for _, label in series])
    for columns, label in series:
        above_zero = rows[rows[columns.value] > 0]  # the axis is logarithmic
        style.draw_points(axes, above_zero, SIZE, columns, look[label], size=3, label=label)
    axes.set_yscale("log")
    style.plain_y(axes)
    style.log2_sizes(axes, [int(n) for n in rows["concurrency"]], 5)
