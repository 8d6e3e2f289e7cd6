"""Figure: efficiency of each strategy against the best fixed pool, per workload."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.data.trials import TWIN
from harness.analysis.figures import style
from harness.analysis.tables.columns import EFFICIENCY
from harness.analysis.tables.inputs import Inputs

NAME = "efficiency"
# Points' vertical band around a workload's line; the rest is the gap to the next workload.
BAND = 0.76
HEIGHT = style.Columns("height")

Series = tuple[str, int]


def draw_efficiency(inputs: Inputs, experiment: str | None, folder: Path) -> list[str]:
    """A panel per interpreter and pinning of one experiment; strategies side by side."""
    table = inputs.efficiency[inputs.efficiency["experiment"] == experiment]
    rows = table[table["strategy"].notna() & (table["strategy"] != "fixed")]
    if rows.empty:
        return []
    trials = inputs.trials[inputs.trials["experiment"] == experiment]
    remarks = style.remarks_text(inputs, trials)
    return style.write(lambda: _draw(rows, inputs.titles, remarks), rows, folder, NAME)


def _draw(rows: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    workloads = style.ordered(rows["workload"], titles)
    rows = rows.assign(
        size=_told_sizes(rows), height=[workloads.index(name) for name in rows["workload"]]
    )
    look = style.looks(_series(rows, titles), joined=False)
    height = 0.35 + len(workloads) * max(0.07 * len(look), 0.25)
    figure, grid = style.cell_panels(rows, titles, height)
    for (interpreter, cores), axes in grid.items():
        cell = rows[(rows["interpreter"] == interpreter) & (rows["cores"] == cores)]
        style.categories(axes, [style.titled(name, titles) for name in workloads])
        _panel(axes, cell, look, titles)
        axes.set_xlim(0, _reach(rows))
        style.mark_cut_bars(axes, "x")
        counts = style.blocks_text(list(cell["n_blocks"]))
        axes.set_title(f"{style.series_text(interpreter, cores, titles)}, {counts}")
    names = [_label(strategy, size, titles) for strategy, size in look]
    style.legend_of(figure, style.handles(look), names)
    notes = "bars: 95% intervals over blocks; hollow: no interval; line at 1: the best fixed pool"
    style.footer(figure, "efficiency against the best fixed pool", notes, remarks)
    return figure


def _reach(rows: pd.DataFrame) -> float:
    """Upper end of the axis: every point is inside it, bars are cut beyond 1.6 or the points."""
    bars = rows["ci_high"].fillna(rows["efficiency"]).max()
    if pd.isna(bars):
        return 1.1
    return max(1.1, min(float(bars), 1.6), 1.05 * float(rows["efficiency"].max()))


def _label(strategy: str, size: int, titles: Mapping[str, str]) -> str:
    name = style.titled(strategy, titles)
    return f"{name}, {size}" if size else name


def _told_sizes(rows: pd.DataFrame) -> "pd.Series[int]":
    """Pool sizes where they tell series apart, else 0.

    A strategy that has one size in every cell, be it another one in each, is one series.
    """
    single = rows.groupby(["workload", "interpreter", "cores", "strategy"], dropna=False).size()
    several = set(single[single > 1].index.get_level_values("strategy"))
    return rows["concurrency"].where(rows["strategy"].isin(several), 0).fillna(0).astype(int)


def _series(rows: pd.DataFrame, titles: Mapping[str, str]) -> list[Series]:
    """Strategy and told pool size of each series, the twin last."""
    names = style.ordered(rows["strategy"], titles)
    found = set(zip(rows["strategy"], rows["size"], strict=True))
    return sorted(found, key=lambda item: (item[0] == TWIN, names.index(item[0]), item[1]))


def _panel(
    axes: Axes,
    cell: pd.DataFrame,
    look: Mapping[Series, style.Look],
    titles: Mapping[str, str],
) -> None:
    axes.axvline(1, color="black", lw=0.8, zorder=1)
    style.draw_series(
        axes, cell, ["strategy", "size"], EFFICIENCY, HEIGHT, look, size=3.2, band=BAND
    )
    for place, rows in style.groups(cell, "height").items():
        if text := _without_value(rows, titles):
            axes.text(0.01, place, text, fontsize=7, va="center", zorder=5)


def _without_value(rows: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Which strategies have no efficiency and why, folded into at most three lines."""
    bare = rows[rows["efficiency"].isna()]
    reasons = [
        f"{', '.join(style.titled(name, titles) for name in group['strategy'])}: {status}"
        for status, group in bare.groupby("status", sort=True)
    ]
    return "\n".join(textwrap.wrap("; ".join(reasons), 30, max_lines=3, placeholder=" …"))
