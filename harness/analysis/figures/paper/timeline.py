"""Counterpart of Figure 9: size and throughput of controllers over time."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.analysis.figures import style
from harness.analysis.tables.paper.timeline import EXPERIMENT, IDENTITY, size_at, sizes

#: width over which throughput is averaged, in seconds
SMOOTHED_S = 0.5
STEP_S = 0.05
#: letters of a title across the figure; each column has its share
TITLE_LETTERS = 104
COLUMNS = [*IDENTITY, "block", "at_s", "quantity", "value"]


def progress(
    trials: pd.DataFrame, timelines: pd.DataFrame, decisions: pd.DataFrame
) -> pd.DataFrame:
    """Size and throughput of each trial over time, one row per moment and quantity."""
    parts = []
    decided = sizes(trials, decisions)
    for key, trial in decided.groupby([*IDENTITY, "block", "spec_hash"], sort=True):
        place = dict(zip([*IDENTITY, "block"], key, strict=False))
        counts = timelines[timelines["spec_hash"] == key[-1]].sort_values("from_s")
        end = float(counts["to_s"].max()) if len(counts) else float(trial["at_s"].max())
        moments = np.arange(0, end, STEP_S)
        at, workers = trial["at_s"].to_numpy(float), trial["workers"].to_numpy(float)
        found = [size_at(at, workers, float(moment)) for moment in moments]
        parts.append(
            pd.DataFrame({**place, "at_s": moments, "quantity": "workers", "value": found})
        )
        if len(counts):
            parts.append(pd.DataFrame({**place, **_rate(counts)}))
    frame = pd.concat(parts) if parts else pd.DataFrame(columns=COLUMNS)
    return frame.astype({"value": float, "at_s": float})[COLUMNS]


def _rate(counts: pd.DataFrame) -> dict[str, object]:
    width = float((counts["to_s"] - counts["from_s"]).iloc[0])
    bins = min(len(counts), max(1, round(SMOOTHED_S / width)))
    rates = np.convolve(counts["completed"].to_numpy(float), np.ones(bins) / bins, mode="valid")
    moments = counts["to_s"].to_numpy(float)[bins - 1 :] - bins * width / 2
    return {"at_s": moments, "quantity": "throughput_tps", "value": rates / width}


def draw_timeline(
    trials: pd.DataFrame,
    timelines: pd.DataFrame,
    decisions: pd.DataFrame,
    titles: Mapping[str, str],
    remarks: str,
) -> tuple[Figure, pd.DataFrame] | None:
    """A column per workload and strategy; above its size, below its throughput.

    None without decisions.
    """
    rows = progress(trials[trials["experiment"] == EXPERIMENT], timelines, decisions)
    if rows.empty:
        return None
    workloads = style.ordered(rows["workload"], titles)
    strategies = style.ordered(rows["strategy"], titles)
    columns = [(w, s) for w in workloads for s in strategies]
    look = style.looks_of_cells(rows)
    figure = Figure(figsize=(style.FULL_WIDTH, 3.9))
    grid = figure.subplots(2, len(columns), sharex="col", sharey=False, squeeze=False)
    for column, (workload, strategy) in enumerate(columns):
        for axes, quantity in zip(grid[:, column], ("workers", "throughput_tps"), strict=True):
            mine = rows[(rows["workload"] == workload) & (rows["strategy"] == strategy)]
            _panel(axes, mine[mine["quantity"] == quantity], look)
        width = TITLE_LETTERS // len(columns)
        lines = [f"{style.titled(workload, titles)}:", style.titled(strategy, titles)]
        title = "\n".join(textwrap.fill(line, width) for line in lines)
        grid[0][column].set_title(title, fontsize=7)
        grid[0][column].yaxis.set_major_locator(MaxNLocator(integer=True))
        style.plain_y(grid[1][column])
    grid[0][0].set_ylabel("pool size N")
    grid[1][0].set_ylabel("throughput [tasks/s]")
    for workload in workloads:
        same = [place for place, (name, _) in enumerate(columns) if name == workload]
        for line in grid:  # strategies on the same task are read against the same scale
            top = max(line[place].get_ylim()[1] for place in same)
            for place in same:
                line[place].set_ylim(0, top)
    names = [style.series_text(interpreter, cores, titles) for interpreter, cores in look]
    style.legend_of(figure, style.handles(look, marks=False), names)
    blocks = rows.groupby([*IDENTITY])["block"].nunique()
    notes = f"{style.blocks_text(list(blocks))}; thin: blocks, thick: their median; "
    notes += f"throughput as measured, mean over {SMOOTHED_S:g} s"
    style.footer(figure, "seconds since the first submit", notes, remarks)
    return figure, rows


def _panel(axes: Axes, rows: pd.DataFrame, look: Mapping[tuple[str, int], style.Look]) -> None:
    for cell, mine in style.groups(rows, ["interpreter", "cores"]).items():
        drawn = look[cell]
        for _, trial in mine.groupby(["concurrency", "block"]):
            axes.plot(trial["at_s"], trial["value"], color=drawn.colour, lw=0.4, alpha=0.5)
        rounded = (mine["at_s"] / STEP_S).round() * STEP_S
        middle = mine.groupby(rounded)["value"].median()
        axes.plot(middle.index, middle, color=drawn.colour, ls=drawn.dashes, lw=1.4)
