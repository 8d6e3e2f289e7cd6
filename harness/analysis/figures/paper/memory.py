"""Counterpart of Table 9: memory against the number of workers, by start method."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.figures import beside, style

SIZE = style.Columns("concurrency")
METRICS = (("pss_peak_mb", "PSS"), ("uss_peak_mb", "USS"), ("rss_peak_mb", "RSS"))


def draw_memory_of_workers(
    table: pd.DataFrame, titles: Mapping[str, str], remarks: str
) -> tuple[Figure, pd.DataFrame] | None:
    """A line of panels per interpreter, a panel per metric, a curve per strategy.

    Memory hardly depends on the pinning: only the largest one measured is drawn.
    """
    drawn = table[table["pss_peak_mb"].notna()]
    if drawn.empty:
        return None
    cores = int(drawn["cores"].max())
    rows = table[table["cores"] == cores]
    drawn = drawn[drawn["cores"] == cores]
    interpreters = style.ordered(drawn["interpreter"], titles)
    look = style.looks(style.ordered(drawn["strategy"], titles))
    figure, grid = style.panels(3 * len(interpreters), 3, 1.9)
    for place, axes in enumerate(grid):
        interpreter, (metric, name) = interpreters[place // 3], METRICS[place % 3]
        mine = rows[rows["interpreter"] == interpreter]
        columns = style.Columns(metric, f"{metric}_low", f"{metric}_high")
        style.draw_series(axes, mine, "strategy", SIZE, columns, look, size=3.2)
        if metric == "rss_peak_mb":
            printed = beside.one_of_each(mine, "printed_rss_mb", ["concurrency"])
            beside.draw_printed(axes, printed, SIZE, beside.printed_columns("rss_mb"))
        axes.set_title(f"{name}, {style.titled(interpreter, titles)}")
        axes.set_yscale("log")
        style.log2_sizes(axes, [int(n) for n in rows["concurrency"].dropna()], 6)
        style.plain_log_y(axes)
    shown_values = [rows[c] for c in (*(m for m, _ in METRICS), "printed_rss_mb") if c in rows]
    style.cut_bars(grid, pd.concat(shown_values).astype(float), "y")
    names = [style.titled(strategy, titles) for strategy in look]
    more = beside.legend_entries([rows], "printed_rss_mb")
    style.legend_of(figure, style.handles(look) + more[0], names + more[1], 3)
    figure.supylabel("memory of the process tree [MiB]", fontsize=8)
    counts = style.blocks_text(list(drawn["n_ok"]))
    shown = [style.Columns(m, f"{m}_low", f"{m}_high") for m, _ in METRICS]
    notes = f"{style.cores_text(cores)}; {counts}; {style.bars_text(drawn, *shown)}"
    style.footer(figure, "workers, threads or the most a controller may use", notes, remarks)
    return figure, table
