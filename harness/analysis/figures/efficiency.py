"""Figure: efficiency of each strategy against the best fixed pool, per workload."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.figures import style
from harness.analysis.trials import TWIN

NAME = "efficiency"
# Points' vertical band around a workload's line; the rest is the gap to the next workload.
BAND = 0.76
EFFICIENCY = style.Columns("efficiency", "ci_low", "ci_high")

Series = tuple[str, int | None]


def draw_efficiency(
    trials: pd.DataFrame,
    efficiency: pd.DataFrame,
    folder: Path,
    titles: Mapping[str, str],
    missing_interpreters: Sequence[str] = (),
) -> list[str]:
    """A panel per interpreter and pinning of one experiment; strategies side by side."""
    rows = efficiency[efficiency["strategy"].notna() & (efficiency["strategy"] != "fixed")]
    if rows.empty:
        return []
    remarks = style.remarks_text(trials, titles, missing_interpreters)
    with style.styled():
        style.save(_draw(rows, titles, remarks), rows, folder, NAME)
    return [NAME]


def _draw(rows: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    interpreters = style.ordered(rows["interpreter"], titles)
    pinnings = sorted(int(cores) for cores in rows["cores"].unique())
    workloads = style.ordered(rows["workload"], titles)
    series = _series(rows, titles)
    look = style.looks(series, joined=False)
    height = 1.1 + len(interpreters) * (0.35 + len(workloads) * max(0.07 * len(series), 0.25))
    figure = Figure(figsize=(style.FULL_WIDTH, height))
    grid = figure.subplots(
        len(interpreters), len(pinnings), sharex=True, sharey=True, squeeze=False
    )
    for line, interpreter in enumerate(interpreters):
        for column, cores in enumerate(pinnings):
            axes = grid[line][column]
            cell = rows[(rows["interpreter"] == interpreter) & (rows["cores"] == cores)]
            _panel(axes, cell, workloads, look, titles)
            counts = style.blocks_text(list(cell["n_blocks"]))
            name = style.titled(interpreter, titles)
            axes.set_title(f"{name}, {style.cores_text(cores)}, {counts}")
    grid[0][0].set_yticks(range(len(workloads)), [style.titled(w, titles) for w in workloads])
    grid[0][0].set_ylim(len(workloads) - 0.5, -0.5)
    grid[0][0].set_xlim(0, _reach(rows))
    for axes in grid.flat:
        style.mark_cut_bars(axes, "x")
    figure.legend(
        [Line2D([], [], color=drawn.colour, marker=drawn.marker, ls="") for drawn in look.values()],
        [_label(strategy, size, titles) for strategy, size in series],
        loc="outside upper center",
        ncols=min(len(series), 4),
    )
    notes = "bars: 95% intervals over blocks; hollow: no interval; line at 1: the best fixed pool"
    style.footer(figure, "efficiency against the best fixed pool", notes, remarks)
    return figure


def _reach(rows: pd.DataFrame) -> float:
    """Upper end of the axis: every point is inside it, bars are cut beyond 1.6 or the points."""
    bars = rows["ci_high"].fillna(rows["efficiency"]).max()
    if pd.isna(bars):
        return 1.1
    return max(1.1, min(float(bars), 1.6), 1.05 * float(rows["efficiency"].max()))


def _label(strategy: str, size: int | None, titles: Mapping[str, str]) -> str:
    name = style.titled(strategy, titles)
    return name if size is None else f"{name}, {size}"


def _series(rows: pd.DataFrame, titles: Mapping[str, str]) -> list[Series]:
    """Strategy and pool size of each series, the twin last.

    A strategy that has one size in every cell, be it another one in each, is one series.
    """
    single = rows.groupby(["workload", "interpreter", "cores", "strategy"], dropna=False).size()
    several = set(single[single > 1].index.get_level_values("strategy"))
    found: set[tuple[str, int]] = set()
    for strategy, size in zip(rows["strategy"], rows["concurrency"], strict=True):
        found.add((strategy, int(size) if strategy in several and pd.notna(size) else 0))
    names = style.ordered((strategy for strategy, _ in found), titles)
    ordered = sorted(found, key=lambda item: (item[0] == TWIN, names.index(item[0]), item[1]))
    return [(strategy, size or None) for strategy, size in ordered]


def _panel(
    axes: Axes,
    cell: pd.DataFrame,
    workloads: Sequence[str],
    look: Mapping[Series, style.Look],
    titles: Mapping[str, str],
) -> None:
    axes.axvline(1, color="black", lw=0.8, zorder=1)
    for edge in range(1, len(workloads)):
        axes.axhline(edge - 0.5, color="#bbbbbb", lw=0.5, zorder=1)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    for index, ((strategy, size), drawn) in enumerate(look.items()):
        offset = BAND * ((index + 0.5) / len(look) - 0.5)
        chosen = cell[cell["strategy"] == strategy]
        if size is not None:
            chosen = chosen[chosen["concurrency"] == size]
        points = chosen.assign(height=[workloads.index(w) + offset for w in chosen["workload"]])
        style.draw_points(axes, points, EFFICIENCY, style.Columns("height"), drawn, size=3.2)
    for place, workload in enumerate(workloads):
        text = _without_value(cell[cell["workload"] == workload], titles)
        if text:
            axes.text(0.01, place, text, fontsize=7, va="center", zorder=5)


def _without_value(rows: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Which strategies have no efficiency and why, folded into at most three lines."""
    bare = rows[rows["efficiency"].isna()]
    reasons = [
        f"{', '.join(style.titled(name, titles) for name in group['strategy'])}: {status}"
        for status, group in bare.groupby("status", sort=True)
    ]
    return "\n".join(textwrap.wrap("; ".join(reasons), 30, max_lines=3, placeholder=" …"))
