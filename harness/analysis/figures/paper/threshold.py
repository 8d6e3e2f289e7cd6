"""Counterpart of Table 12: what the threshold does to throughput and size, controller running."""

import re
import textwrap
from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.figures import beside, style

# Horizontal band of a category's points; the rest is the gap to the next category.
BAND = 0.5
LABEL_WIDTH = 18
PLACE = style.Columns("place")
LINES = (
    (
        style.Columns("efficiency", "efficiency_low", "efficiency_high"),
        "efficiency",
        "throughput /\nbest fixed pool's",
    ),
    (
        style.Columns("final_workers", "final_workers_low", "final_workers_high"),
        "final_workers",
        "final N",
    ),
)
THRESHOLD = re.compile(r"paper_algorithm1_t(\d\d)")
SPARE = re.compile(r"adaptive(?:_spare_(\d+)\D*)?")


def draw_threshold(
    table: pd.DataFrame, titles: Mapping[str, str], remarks: str
) -> tuple[Figure, pd.DataFrame] | None:
    """A column per pinning; above throughput, below the size, by threshold and by spare."""
    rows = table[table["strategy"].notna() & (table["strategy"] != "fixed")].copy()
    peak = rows.get("printed_throughput_tps", pd.Series(dtype=float)).max()
    for end in ("", "_low", "_high"):
        name = f"printed_throughput_tps{end}"
        if name in rows:
            rows[f"printed_efficiency{end}"] = rows[name] / peak
    names = {name: _category(name, titles) for name in rows["strategy"].unique()}
    order = sorted({n for n in names.values() if n is not None})
    places = {name: order.index(text) for name, text in names.items() if text is not None}
    rows["place"] = rows["strategy"].map(places).astype(float)
    known = rows["efficiency"].notna() | rows["final_workers"].notna()
    drawn = rows[known & rows["place"].notna()]
    if drawn.empty:
        return None
    labels = [textwrap.fill(text, LABEL_WIDTH) for _, _, text in order]
    pinnings = sorted(int(cores) for cores in drawn["cores"].unique())
    look = style.looks(style.ordered(drawn["interpreter"], titles), joined=False)
    figure = Figure(figsize=(style.FULL_WIDTH, 4.4))
    grid = figure.subplots(2, len(pinnings), sharex=True, sharey="row", squeeze=False)
    for column, cores in enumerate(pinnings):
        cell = rows[rows["cores"] == cores]
        for axes, (columns, printed, label) in zip(grid[:, column], LINES, strict=True):
            style.draw_series(axes, cell, "interpreter", PLACE, columns, look, band=BAND)
            marks = beside.one_of_each(cell, f"printed_{printed}", ["strategy"])
            beside.draw_printed(axes, marks, PLACE, beside.printed_columns(printed))
            if column == 0:
                axes.set_ylabel(label)
        grid[0][column].set_title(style.cores_text(cores))
        grid[1][column].set_yscale("log", base=2)
        style.plain_log_y(grid[1][column], base=2)
        grid[1][column].set_xticks(range(len(order)), labels, rotation=90)
    for line, (columns, printed, _) in zip(grid, LINES, strict=True):
        shown = [rows[c] for c in (columns.value, f"printed_{printed}") if c in rows]
        style.cut_bars(line, pd.concat(shown).astype(float), "y")
    titled = [style.titled(interpreter, titles) for interpreter in look]
    more = beside.legend_entries([rows], "printed_efficiency")
    style.legend_of(figure, style.handles(look) + more[0], titled + more[1])
    counts = style.blocks_text(list(drawn["n_ok"]))
    bars = style.bars_text(drawn, *(columns for columns, _, _ in LINES))
    notes = f"{counts}; {bars}; printed: fixed pools, no controller ran"
    style.footer(figure, "threshold of Algorithm 1; spare of the adaptive runtime", notes, remarks)
    return figure, rows


def _category(strategy: str, titles: Mapping[str, str]) -> tuple[int, int, str] | None:
    """Place among the categories and the text of its tick; None for other strategies."""
    if found := THRESHOLD.fullmatch(strategy):
        return 0, int(found[1]), f"{int(found[1]) / 100:g}"
    if found := SPARE.fullmatch(strategy):
        return 1, int(found[1] or 0), style.titled(strategy, titles)
    return None
