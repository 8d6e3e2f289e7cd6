"""Counterpart of Table 13: efficiency per profile, printed beside measured."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.figures import beside, style
from harness.analysis.figures.paper_dots import BAND, EFFICIENCY
from harness.analysis.paper_tables.beside import RAW_ONLY


def draw_profiles(
    table: pd.DataFrame, titles: Mapping[str, str], remarks: str
) -> tuple[Figure, pd.DataFrame] | None:
    """A panel per interpreter and pinning, a line per workload, a series per controller."""
    drawn = table[table["efficiency"].notna()]
    if drawn.empty:
        return None
    workloads = style.ordered(drawn["workload"], titles)
    interpreters = style.ordered(drawn["interpreter"], titles)
    pinnings = sorted(int(cores) for cores in drawn["cores"].unique())
    look = style.looks(style.ordered(drawn["strategy"], titles), joined=False)
    height = 1.1 + len(interpreters) * (0.35 + 0.3 * len(workloads))
    figure = Figure(figsize=(style.FULL_WIDTH, height))
    grid = figure.subplots(
        len(interpreters), len(pinnings), sharex=True, sharey=True, squeeze=False
    )
    for line, interpreter in enumerate(interpreters):
        for column, cores in enumerate(pinnings):
            axes = grid[line][column]
            cell = table[(table["interpreter"] == interpreter) & (table["cores"] == cores)]
            cell = cell[cell["workload"].isin(workloads)]
            _panel(axes, cell, workloads, look)
            axes.set_title(style.series_text(interpreter, cores, titles))
    grid[0][0].set_yticks(range(len(workloads)), [style.titled(w, titles) for w in workloads])
    grid[0][0].set_ylim(len(workloads) - 0.5, -0.5)
    reach = max(1.1, min(float(drawn["efficiency_high"].fillna(0).max()), 1.6))
    grid[0][0].set_xlim(0, max(reach, 1.05 * float(drawn["efficiency"].max())))
    handles = [Line2D([], [], color=s.colour, marker=s.marker, ls="none") for s in look.values()]
    names = [style.titled(name, titles) for name in look]
    more = beside.legend_entries([table], "printed_efficiency")
    raw = beside.legend_entries([_raw(table)], "printed_raw_efficiency")
    style.legend_of(figure, handles + more[0] + raw[0], names + more[1] + raw[1], 4)
    notes = f"{style.blocks_text(list(drawn['n_ok']))}; {style.bars_text(drawn, EFFICIENCY)}"
    style.footer(figure, "efficiency against the best fixed pool", notes, remarks)
    return figure, table


def _raw(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(printed_note=RAW_ONLY)


def _panel(
    axes: Axes, cell: pd.DataFrame, workloads: list[str], look: Mapping[str, style.Look]
) -> None:
    axes.axvline(1, color="black", lw=0.8, zorder=1)
    for edge in range(1, len(workloads)):
        axes.axhline(edge - 0.5, color="#bbbbbb", lw=0.5, zorder=1)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    height = style.Columns("height")
    for index, (strategy, drawn) in enumerate(look.items()):
        offset = BAND * ((index + 0.5) / len(look) - 0.5)
        mine = cell[cell["strategy"] == strategy]
        points = mine.assign(height=[workloads.index(w) + offset for w in mine["workload"]])
        style.draw_points(axes, points, EFFICIENCY, height, drawn, size=3.2)
    for value, note in (("printed_efficiency", None), ("printed_raw_efficiency", "raw")):
        mine = beside.one_of_each(cell, value, ["workload"])
        places = mine.assign(height=[workloads.index(w) for w in mine["workload"]])
        places = _raw(places) if note else places
        beside.draw_printed(axes, places, style.Columns(value), height)
