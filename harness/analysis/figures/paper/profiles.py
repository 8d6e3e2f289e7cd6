"""Counterpart of Table 13: efficiency per profile, printed beside measured."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.figures import beside, style
from harness.analysis.figures.paper.dots import BAND, EFFICIENCY, HEIGHT
from harness.analysis.tables.paper.beside import RAW_ONLY


def draw_profiles(
    table: pd.DataFrame, titles: Mapping[str, str], remarks: str
) -> tuple[Figure, pd.DataFrame] | None:
    """A panel per interpreter and pinning, a line per workload, a series per controller."""
    drawn = table[table["efficiency"].notna()]
    if drawn.empty:
        return None
    workloads = style.ordered(drawn["workload"], titles)
    look = style.looks(style.ordered(drawn["strategy"], titles), joined=False)
    figure, grid = style.cell_panels(drawn, titles, 0.35 + 0.3 * len(workloads))
    reach = max(1.1, min(float(drawn["efficiency_high"].fillna(0).max()), 1.6))
    for (interpreter, cores), axes in grid.items():
        cell = table[(table["interpreter"] == interpreter) & (table["cores"] == cores)]
        cell = cell[cell["workload"].isin(workloads)]
        style.categories(axes, [style.titled(name, titles) for name in workloads])
        _panel(axes, cell.assign(height=cell["workload"].map(workloads.index)), look)
        axes.set_xlim(0, max(reach, 1.05 * float(drawn["efficiency"].max())))
        axes.set_title(style.series_text(interpreter, cores, titles))
    names = [style.titled(name, titles) for name in look]
    more = beside.legend_entries([table], "printed_efficiency")
    raw = beside.legend_entries([_raw(table)], "printed_raw_efficiency")
    style.legend_of(figure, style.handles(look) + more[0] + raw[0], names + more[1] + raw[1], 4)
    notes = f"{style.blocks_text(list(drawn['n_ok']))}; {style.bars_text(drawn, EFFICIENCY)}"
    style.footer(figure, "efficiency against the best fixed pool", notes, remarks)
    return figure, table


def _raw(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(printed_note=RAW_ONLY)


def _panel(axes: Axes, cell: pd.DataFrame, look: Mapping[str, style.Look]) -> None:
    axes.axvline(1, color="black", lw=0.8, zorder=1)
    style.draw_series(axes, cell, "strategy", EFFICIENCY, HEIGHT, look, size=3.2, band=BAND)
    for value, rows in (("printed_efficiency", cell), ("printed_raw_efficiency", _raw(cell))):
        marks = beside.one_of_each(rows, value, ["workload"])
        beside.draw_printed(axes, marks, style.Columns(value), HEIGHT)
