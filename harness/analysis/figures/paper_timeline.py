"""Counterpart of Figure 9: size and throughput of controllers over time."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from harness.analysis.figures import style
from harness.analysis.paper_tables.timeline import EXPERIMENT, IDENTITY, size_at, sizes

#: width over which throughput is averaged, in seconds
SMOOTHED_S = 0.5
STEP_S = 0.05
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
    """A column per strategy; above its size, below its throughput; None without decisions."""
    rows = progress(trials[trials["experiment"] == EXPERIMENT], timelines, decisions)
    if rows.empty:
        return None
    strategies = style.ordered(rows["strategy"], titles)
    pairs = zip(rows["interpreter"], rows["cores"], strict=True)
    look = style.looks(sorted({(str(name), int(cores)) for name, cores in pairs}))
    figure = Figure(figsize=(style.FULL_WIDTH, 3.9))
    grid = figure.subplots(2, len(strategies), sharex="col", sharey="row", squeeze=False)
    for column, strategy in enumerate(strategies):
        for axes, quantity in zip(grid[:, column], ("workers", "throughput_tps"), strict=True):
            mine = rows[(rows["strategy"] == strategy) & (rows["quantity"] == quantity)]
            _panel(axes, mine, look)
        grid[0][column].set_title(style.titled(strategy, titles))
    grid[0][0].set_ylabel("pool size N")
    grid[1][0].set_ylabel("throughput [tasks/s]")
    style.plain_y(grid[1][0])
    grid[0][0].yaxis.set_major_locator(MaxNLocator(integer=True))
    style.share_zero(grid.ravel())
    handles = [Line2D([], [], color=drawn.colour, ls=drawn.dashes) for drawn in look.values()]
    names = [style.series_text(interpreter, cores, titles) for interpreter, cores in look]
    style.legend_of(figure, handles, names)
    blocks = rows.groupby([*IDENTITY])["block"].nunique()
    notes = f"{style.blocks_text(list(blocks))}; thin: blocks, thick: their median; "
    notes += f"throughput as measured, mean over {SMOOTHED_S:g} s"
    style.footer(figure, "seconds since the first submit", notes, remarks)
    return figure, rows


def _panel(axes: Axes, rows: pd.DataFrame, look: Mapping[tuple[str, int], style.Look]) -> None:
    for (interpreter, cores), drawn in look.items():
        mine = rows[(rows["interpreter"] == interpreter) & (rows["cores"] == cores)]
        for _, trial in mine.groupby(["concurrency", "block"]):
            axes.plot(trial["at_s"], trial["value"], color=drawn.colour, lw=0.4, alpha=0.5)
        rounded = (mine["at_s"] / STEP_S).round() * STEP_S
        middle = mine.groupby(rounded)["value"].median()
        axes.plot(middle.index, middle, color=drawn.colour, ls=drawn.dashes, lw=1.4)
