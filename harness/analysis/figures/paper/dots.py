"""Counterparts of the paper's comparisons of strategies: dots with bars, printed numbers beside."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.figures import beside, style

# Vertical band of a category's points; the rest is the gap to the next category.
BAND = 0.7
EFFICIENCY = style.Columns("efficiency", "efficiency_low", "efficiency_high")
TAIL = style.Columns("latency_p99_ms", "latency_p99_ms_low", "latency_p99_ms_high")
HEIGHT = style.Columns("height")
LABEL_WIDTH = 26
BEST_HERE = "Best fixed pool here"


@dataclass(frozen=True)
class Panel:
    """One panel: the measured columns, the printed quantity, and the axis."""

    x: style.Columns
    printed: str
    label: str
    log: bool = False
    line: float | None = None


SHARE = Panel(EFFICIENCY, "efficiency", "throughput / best fixed pool's", line=1.0)
P99 = Panel(TAIL, "p99_ms", "P99 service time [ms]", log=True)


def draw_solution(
    table: pd.DataFrame, titles: Mapping[str, str], remarks: str
) -> tuple[Figure, pd.DataFrame] | None:
    """Naive, optimal and adaptive pool."""
    rows = table[table["strategy"].notna()]
    parts = [rows.assign(category=_solution_names(rows, titles))]
    best = rows[rows["part"].fillna("").str.startswith("optimum here")]
    printed = [name for name in map(str, best.columns) if name.startswith("printed_")]
    parts.append(best.drop(columns=printed).assign(category=BEST_HERE))
    frame = pd.concat(parts)
    frame = frame[frame["category"] != ""]
    order = [BEST_HERE, *sorted(set(frame["category"]) - {BEST_HERE}, key=_fixed_first)]
    return _draw(frame, order, (SHARE, P99), titles, remarks)


def _solution_names(rows: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    names = []
    for strategy, size, part in zip(
        rows["strategy"], rows["concurrency"], rows["part"], strict=True
    ):
        if strategy != "fixed":
            names.append(style.titled(strategy, titles))
        elif pd.isna(part) or part == "optimum here":
            names.append("")
        else:
            names.append(f"{style.titled('fixed', titles)}, {size}")
    return names


def _fixed_first(name: str) -> tuple[bool, str]:
    return "," not in name, name


def draw_baselines(
    table: pd.DataFrame, titles: Mapping[str, str], remarks: str
) -> tuple[Figure, pd.DataFrame] | None:
    """All strategies on the micro task; printed throughputs over the best printed fixed pool."""
    rows = table[table["strategy"].notna() & table["concurrency"].notna()].copy()
    fixed = rows.loc[rows["strategy"] == "fixed", "printed_throughput_tps"]
    for end in ("", "_low", "_high"):
        rows[f"printed_efficiency{end}"] = rows[f"printed_throughput_tps{end}"] / fixed.max()
    rows["category"] = [
        f"{style.titled(strategy, titles)}, {size}"
        for strategy, size in zip(rows["strategy"], rows["concurrency"], strict=True)
    ]
    strategies = style.ordered(rows["strategy"], titles)
    places = {
        category: (strategies.index(strategy), int(size))
        for category, strategy, size in zip(
            rows["category"], rows["strategy"], rows["concurrency"], strict=True
        )
    }
    order = sorted(places, key=lambda category: places[category])
    return _draw(rows, order, (SHARE, P99), titles, remarks)


def _draw(
    rows: pd.DataFrame,
    categories: Sequence[str],
    panels: Sequence[Panel],
    titles: Mapping[str, str],
    remarks: str,
) -> tuple[Figure, pd.DataFrame] | None:
    """Categories from top to bottom, a series per interpreter and pinning."""
    drawn = rows[rows["efficiency"].notna() | rows["latency_p99_ms"].notna()]
    if drawn.empty:
        return None
    crossed = style.crossed(
        style.ordered(drawn["interpreter"], titles), sorted(int(c) for c in drawn["cores"].unique())
    )
    look = {key: replace(shape, dashes="none") for key, shape in crossed.items()}
    drawn, rows = _placed(drawn, categories), _placed(rows, categories)
    labels = [textwrap.fill(category, LABEL_WIDTH) for category in categories]
    figure = Figure(figsize=(style.FULL_WIDTH, 1.2 + 0.34 * len(categories)))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(grid, panels, strict=True):
        style.draw_series(
            axes, drawn, ["interpreter", "cores"], panel.x, HEIGHT, look, size=3.2, band=BAND
        )
        columns = beside.printed_columns(panel.printed)
        marks = beside.one_of_each(rows, columns.value, ["category"])
        beside.draw_printed(axes, marks, columns, HEIGHT)
        if panel.line is not None:
            axes.axvline(panel.line, color="black", lw=0.8, zorder=1)
        style.categories(axes, labels)
        _finish(axes, panel, drawn)
        shown = [rows[c] for c in (panel.x.value, f"printed_{panel.printed}") if c in rows]
        style.cut_bars([axes], pd.concat(shown).astype(float), "x")
    names = [style.series_text(interpreter, cores, titles) for interpreter, cores in look]
    more = beside.legend_entries([rows], f"printed_{panels[0].printed}")
    style.legend_of(figure, style.handles(look) + more[0], names + more[1], 3)
    bars = style.bars_text(drawn, *(panel.x for panel in panels))
    style.footer(figure, f"{style.blocks_text(list(drawn['n_ok']))}; {bars}", remarks)
    return figure, rows.drop(columns=HEIGHT.value)


def _placed(rows: pd.DataFrame, categories: Sequence[str]) -> pd.DataFrame:
    return rows.assign(height=[categories.index(category) for category in rows["category"]])


def _finish(axes: Axes, panel: Panel, drawn: pd.DataFrame) -> None:
    axes.set_xlabel(panel.label)
    if panel.log:
        axes.set_xscale("log")
        style.plain_x(axes)
    elif drawn[panel.x.value].notna().any():
        axes.set_xlim(left=0)
