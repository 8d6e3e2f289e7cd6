"""Counterparts of the paper's curves over the number of threads, printed numbers beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.figures import beside, style

SIZE = style.Columns("concurrency")
CURVE = ["experiment", "workload", "interpreter", "cores"]


@dataclass(frozen=True)
class Curves:
    """What a figure of curves shows.

    ``y`` are the measured columns and ``printed`` the name of the printed quantity. With
    ``over_peak`` each curve is divided by its own highest value. ``protocols`` maps
    experiments to names where a figure holds two of them.
    """

    y: style.Columns
    printed: str
    label: str
    over_peak: bool = False
    log_y: bool = False
    ideal: bool = False
    protocols: Mapping[str, str] | None = None


THROUGHPUT = style.Columns("throughput_tps", "throughput_tps_low", "throughput_tps_high")
PROTOCOLS = {"cliff": "steady", "cliff_batch": "batch"}
CLIFF = Curves(
    THROUGHPUT, "throughput_tps", "throughput / own peak", over_peak=True, protocols=PROTOCOLS
)
TAIL = Curves(
    style.Columns("latency_p99_ms", "latency_p99_ms_low", "latency_p99_ms_high"),
    "p99_ms",
    "P99 service time [ms]",
    log_y=True,
    protocols=PROTOCOLS,
)
GIL = Curves(THROUGHPUT, "throughput_tps", "throughput [tasks/s]")
PURE_IO = Curves(
    style.Columns("speed_up", "speed_up_low", "speed_up_high"),
    "speed_up",
    "throughput / that of one thread",
    log_y=True,
    ideal=True,
)
MIXES = Curves(THROUGHPUT, "throughput_tps", "throughput / own peak", over_peak=True)


def draw_by_cores(
    table: pd.DataFrame, curves: Curves, titles: Mapping[str, str], remarks: str
) -> tuple[Figure, pd.DataFrame] | None:
    """A panel per pinning, a curve per interpreter and protocol; None without measurements.

    Printed numbers for more cores than were measured stand in the panel with the most.
    """
    fixed = _fixed(table, curves)
    drawn = fixed[fixed[curves.y.value].notna()]
    if drawn.empty:
        return None
    pinnings = sorted(int(cores) for cores in drawn["cores"].unique())
    interpreters = style.ordered(drawn["interpreter"], titles)
    present = set(drawn["experiment"])
    experiments = [e for e in curves.protocols or sorted(present) if e in present]
    colours = style.looks(interpreters)
    shapes = style.looks(experiments)
    look = style.crossed(interpreters, experiments)
    printed = _printed(fixed, curves)
    figure, grid = style.panels(len(pinnings), 3, 2.5)
    for axes, cores in zip(grid, pinnings, strict=True):
        rows = drawn[drawn["cores"] == cores]
        style.draw_series(axes, rows, ["interpreter", "experiment"], SIZE, curves.y, look)
        places = [
            c for c in printed["cores"].dropna().unique() if _place(int(c), pinnings) == cores
        ]
        mine = printed[printed["cores"].isin(places)]
        _draw_printed(axes, mine, curves, {n: look.colour for n, look in colours.items()})
        foreign = sorted(int(c) for c in places if c != cores)
        extra = f" (printed: {style.cores_text(foreign[0])})" if foreign else ""
        axes.set_title(f"{style.cores_text(cores)}{extra}")
        _finish(axes, curves, [*drawn["concurrency"], *printed["concurrency"]], 9)
    style.cut_bars(grid, _values(drawn, printed, curves), "y")
    grid[0].set_ylabel(curves.label)
    _legend(figure, [printed], curves, colours, shapes, titles)
    notes = f"{style.blocks_text(list(drawn['n_ok']))}; {style.bars_text(drawn, curves.y)}"
    style.footer(figure, "threads N", notes, remarks)
    return figure, fixed


def draw_by_workload(
    table: pd.DataFrame, curves: Curves, titles: Mapping[str, str], remarks: str
) -> tuple[Figure, pd.DataFrame] | None:
    """A panel per workload, a curve per interpreter and pinning; None without measurements."""
    fixed = _fixed(table, curves)
    drawn = fixed[fixed[curves.y.value].notna()]
    if drawn.empty:
        return None
    workloads = style.ordered(drawn["workload"], titles)
    look = style.crossed(
        style.ordered(drawn["interpreter"], titles), sorted(int(c) for c in drawn["cores"].unique())
    )
    printed = _printed(fixed, curves)
    figure, grid = style.panels(len(workloads), 3, 1.9)
    for axes, workload in zip(grid, workloads, strict=True):
        rows = drawn[drawn["workload"] == workload]
        style.draw_series(axes, rows, ["interpreter", "cores"], SIZE, curves.y, look, size=3)
        mine = printed[printed["workload"] == workload]
        _draw_printed(axes, mine, curves, {})
        axes.set_title(style.titled(workload, titles))
        _finish(axes, curves, [*drawn["concurrency"], *printed["concurrency"]], 6)
    names = [style.series_text(interpreter, cores, titles) for interpreter, cores in look]
    more = beside.legend_entries([printed], f"printed_{curves.printed}")
    where = sorted({style.cores_text(int(c)) for c in printed["cores"].dropna()})
    names += [f"{name}, {', '.join(where)}" for name in more[1]]
    style.legend_of(figure, style.handles(look) + more[0], names, 3)
    style.cut_bars(grid, _values(drawn, printed, curves), "y")
    figure.supylabel(curves.label, fontsize=8)
    notes = f"{style.blocks_text(list(drawn['n_ok']))}; {style.bars_text(drawn, curves.y)}"
    style.footer(figure, "threads N", notes, remarks)
    return figure, fixed


def _fixed(table: pd.DataFrame, curves: Curves) -> pd.DataFrame:
    rows = table[(table["strategy"] == "fixed") & table["concurrency"].notna()]
    if curves.over_peak:
        rows = beside.over_peak(rows, curves.y, CURVE)
        rows = beside.over_peak(rows, beside.printed_columns(curves.printed), CURVE)
    return rows


def _printed(rows: pd.DataFrame, curves: Curves) -> pd.DataFrame:
    keys = ["workload", "interpreter", "cores", "concurrency"]
    return beside.one_of_each(rows, f"printed_{curves.printed}", keys)


def _values(drawn: pd.DataFrame, printed: pd.DataFrame, curves: Curves) -> "pd.Series[float]":
    """Everything that has to be inside the axes: measured and printed values, bars aside."""
    column = f"printed_{curves.printed}"
    marks = printed[column] if column in printed else printed.iloc[:, 0].iloc[:0]
    values: pd.Series[float] = pd.concat([drawn[curves.y.value], marks]).astype(float)
    return values


def _place(cores: int, pinnings: Sequence[int]) -> int:
    """The panel in which printed numbers for ``cores`` stand."""
    return cores if cores in pinnings else max(pinnings)


def _draw_printed(
    axes: Axes, rows: pd.DataFrame, curves: Curves, colours: Mapping[str, str]
) -> None:
    columns = beside.printed_columns(curves.printed)
    if columns.value not in rows:
        return
    for interpreter, group in rows.groupby("interpreter", sort=True):
        colour = colours.get(str(interpreter), beside.BLACK)
        beside.draw_printed(axes, group, SIZE, columns, colour)


def _finish(axes: Axes, curves: Curves, sizes: Sequence[object], room: int) -> None:
    known = sorted({int(str(n)) for n in sizes if not pd.isna(n)})  # type: ignore[call-overload]
    if curves.ideal:
        axes.plot(known, known, color="#999999", lw=0.7, zorder=1)
    if curves.log_y:
        axes.set_yscale("log")
    style.log2_sizes(axes, known, room)
    style.plain_y(axes)


def _legend(
    figure: Figure,
    printed: Sequence[pd.DataFrame],
    curves: Curves,
    colours: Mapping[str, style.Look],
    shapes: Mapping[str, style.Look],
    titles: Mapping[str, str],
) -> None:
    handles = [Line2D([], [], color=look.colour, lw=2.5) for look in colours.values()]
    names = [style.titled(name, titles) for name in colours]
    if curves.protocols:
        handles += [
            Line2D([], [], color="black", marker=look.marker, ls=look.dashes, lw=0.9)
            for look in shapes.values()
        ]
        names += [curves.protocols[experiment] for experiment in shapes]
    if curves.ideal:
        handles.append(Line2D([], [], color="#999999", lw=0.7))
        names.append("N times one thread")
    more = beside.legend_entries(printed, f"printed_{curves.printed}")
    style.legend_of(figure, handles + more[0], names + more[1], 6)
