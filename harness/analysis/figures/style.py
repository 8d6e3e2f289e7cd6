"""How every figure looks, and how it is saved: PDF, PNG and the CSV it was drawn from.

Colours are those of Okabe and Ito, told apart with every common colour blindness; no
distinction rests on colour alone. Sizes are those of print: text of 7 points and more at
the width of one (3.5 in) or two columns (7 in).
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from harness.analysis.data.trials import NOT_RUN
from harness.analysis.estimate import speed
from harness.analysis.tables.writing import write_atomically

FULL_WIDTH = 7.0
DOTS_PER_INCH = 300
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")
# No diamonds and no plain crosses: these are printed numbers and raw results.
MARKERS = ("o", "s", "^", "v", "P", "*", "<", ">", "p", "h")
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), "-.")
SETTINGS: dict[Any, Any] = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper", font_scale=0.8),
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "axes.linewidth": 0.7,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "figure.constrained_layout.use": True,
}

Name = TypeVar("Name")


A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Look:
    """How one series is drawn."""

    colour: str
    marker: str
    dashes: str | tuple[int, tuple[float, ...]]


def looks(names: Sequence[Name], *, joined: bool = True) -> dict[Name, Look]:
    """A look for each name, in their order; neighbours differ in colour, marker and dashes."""
    return {
        name: Look(
            COLOURS[index % len(COLOURS)],
            MARKERS[index % len(MARKERS)],
            DASHES[index % len(DASHES)] if joined else "none",
        )
        for index, name in enumerate(names)
    }


def crossed(colours: Sequence[A], shapes: Sequence[B]) -> dict[tuple[A, B], Look]:
    """A look for each pair: the colour from its first part, dashes and marker from its second."""
    coloured, shaped = looks(colours), looks(shapes)
    return {
        (a, b): Look(coloured[a].colour, shaped[b].marker, shaped[b].dashes)
        for a in colours
        for b in shapes
    }


def looks_of_cells(frame: pd.DataFrame) -> dict[tuple[str, int], Look]:
    """A look for each interpreter and pinning in a table."""
    pairs = zip(frame["interpreter"], frame["cores"], strict=True)
    return looks(sorted({(str(interpreter), int(cores)) for interpreter, cores in pairs}))


def series_text(interpreter: str, cores: int, titles: Mapping[str, str]) -> str:
    """``CPython 3.12, 2 cores``."""
    return f"{titled(interpreter, titles)}, {cores_text(cores)}"


def panels(
    count: int, columns: int, height: float, *, base: float = 0.9, share_y: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure of full width with ``count`` panels, at most ``columns`` a line, the rest blank.

    Heights in inches: ``height`` per line of panels, ``base`` for legend and footer.
    """
    columns = min(columns, count)
    lines = -(-count // columns)
    figure = Figure(figsize=(FULL_WIDTH, base + height * lines))
    grid = list(figure.subplots(lines, columns, squeeze=False, sharey=share_y).ravel())
    for axes in grid[count:]:
        axes.axis("off")
    return figure, grid[:count]


def handles(looks: Mapping[Any, Look], *, marks: bool = True) -> list[Line2D]:
    """What a legend shows of each look: without the bars that its points have."""
    return [
        Line2D([], [], color=look.colour, marker=look.marker if marks else "", ls=look.dashes)
        for look in looks.values()
    ]


def legend_of(
    figure: Figure, handles: Sequence[Any], names: Sequence[str], columns: int = 4
) -> None:
    """One legend over all panels."""
    figure.legend(
        handles, names, loc="outside upper center", ncols=min(columns, len(names)), fontsize=7
    )


def legend_in(
    axes: Axes, handles: Sequence[Any], names: Sequence[str], heading: str | None = None
) -> None:
    """A legend in a panel of its own, whose size does not push the others together."""
    axes.axis("off")
    legend = axes.legend(
        handles,
        names,
        loc="center",
        title=heading,
        fontsize=7,
        title_fontsize=7,
        handlelength=2.2,
        borderpad=0,
        labelspacing=0.4,
    )
    legend.set_in_layout(False)


def cell_panels(
    rows: pd.DataFrame, titles: Mapping[str, str], height: float
) -> tuple[Figure, dict[tuple[str, int], Axes]]:
    """A panel for each interpreter and pinning in a table, with common axes.

    ``height`` is that of a panel in inches, its title included.
    """
    interpreters = ordered(rows["interpreter"], titles)
    pinnings = sorted(int(cores) for cores in rows["cores"].unique())
    figure = Figure(figsize=(FULL_WIDTH, 1.1 + len(interpreters) * height))
    grid = figure.subplots(
        len(interpreters), len(pinnings), sharex=True, sharey=True, squeeze=False
    )
    return figure, dict(zip(product(interpreters, pinnings), grid.flat, strict=True))


def categories(axes: Axes, names: Sequence[str]) -> None:
    """Names from top to bottom instead of numbers on the vertical axis, lines between them."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    for edge in range(1, len(names)):
        axes.axhline(edge - 0.5, color="#bbbbbb", lw=0.5, zorder=1)


@contextmanager
def styled() -> Iterator[None]:
    """Within it, figures made have this style."""
    with mpl.rc_context(SETTINGS):
        yield


def titled(name: object, titles: Mapping[str, str]) -> str:
    """The title of a name, or the name; dollar signs do not start mathematics."""
    return titles.get(str(name), str(name)).replace("$", r"\$")


def ordered(names: Iterable[object], titles: Mapping[str, str]) -> list[str]:
    """Each name once, in the order in which ``titles`` lists them, others behind by name."""
    places = {name: place for place, name in enumerate(titles)}
    return sorted({str(n) for n in names}, key=lambda name: (places.get(name, len(places)), name))


def cores_text(cores: int) -> str:
    """``1 core``, ``2 cores``."""
    return f"{cores} core" if cores == 1 else f"{cores} cores"


def blocks_text(counts: Sequence[int]) -> str:
    """``n = 5 blocks``, or the range where the points of a figure differ."""
    present = [int(count) for count in counts if count > 0]
    if not present:
        return "n = 0 blocks"
    low, high = min(present), max(present)
    if high == 1:
        return "n = 1 block"
    return f"n = {high} blocks" if low == high else f"n = {low} to {high} blocks"


def remarks_text(
    trials: pd.DataFrame,
    titles: Mapping[str, str],
    missing_interpreters: Sequence[str],
    *,
    as_measured: bool = False,
) -> str:
    """What a reader has to know: cells not run, with their reason, interpreters missing, and
    whether the machine's changes of speed were taken out; not if all is drawn ``as_measured``."""
    skipped = trials[trials["status"] == NOT_RUN]
    everyone = ordered(trials["interpreter"], titles)
    parts = []
    for reason in sorted(set(skipped["reason"])):
        group = skipped[skipped["reason"] == reason]
        where = ", ".join(cores_text(int(cores)) for cores in sorted(group["cores"].unique()))
        concerned = ordered(group["interpreter"], titles)
        if concerned != everyone:
            where += f" of {', '.join(titled(name, titles) for name in concerned)}"
        parts.append(f"{where} {reason}" if reason else f"{where} not run")
    if missing_interpreters:
        names = ", ".join(titled(name, titles) for name in missing_interpreters)
        parts.append(f"missing interpreters: {names}")
    if not as_measured and speed.has_covariate(trials):
        parts.append("throughputs at equal machine speed")
    return "; ".join(parts)


def log2_sizes(axes: Axes, sizes: Sequence[int], room: int) -> None:
    """A logarithmic axis of pool sizes with at most ``room`` of them as labels."""
    axes.set_xscale("log", base=2)
    ordered = sorted(set(sizes))
    step = -(-len(ordered) // room)
    axes.xaxis.set_major_locator(FixedLocator(ordered[::step]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def plain_numbers(value: float, _: object = None) -> str:
    """Tick labels: 40, 1.5k, 12k."""
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"


def plain_y(axes: Axes) -> None:
    """Ordinary numbers on the vertical axis, on a logarithmic one as well."""
    axes.yaxis.set_major_formatter(FuncFormatter(plain_numbers))
    axes.yaxis.set_minor_formatter(NullFormatter())


def plain_x(axes: Axes) -> None:
    """Ordinary numbers on a logarithmic horizontal axis."""
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(plain_numbers))
    axes.xaxis.set_minor_formatter(NullFormatter())


def plain_log_y(axes: Axes, base: int = 10) -> None:
    """Ordinary numbers on a logarithmic vertical axis, enough of them on a short one."""
    steps = (1.0,) if base == 2 else (1.0, 2.0, 5.0)
    axes.yaxis.set_major_locator(LogLocator(base=base, subs=steps))
    plain_y(axes)


@dataclass(frozen=True)
class Columns:
    """Names of the columns that hold a value and its interval; no interval without names."""

    value: str
    low: str = ""
    high: str = ""

    def bars(self, frame: pd.DataFrame) -> list[list[float]] | None:
        """Lengths below and above each value; NaN, no bar, for a value without an interval."""
        if not self.low:
            return None
        below = (frame[self.value] - frame[self.low]).clip(lower=0)
        above = (frame[self.high] - frame[self.value]).clip(lower=0)
        return [list(below), list(above)]

    def bare(self, frame: pd.DataFrame) -> "pd.Series[bool]":
        """Which values lack the interval they should have."""
        return frame[self.low].isna() if self.low else pd.Series(False, frame.index)


def draw_points(
    axes: Axes,
    frame: pd.DataFrame,
    x: Columns,
    y: Columns,
    look: Look,
    *,
    size: float = 4.0,
    label: str = "",
) -> None:
    """Markers with error bars, joined if the look has dashes; hollow where one is missing."""
    present = frame[frame[x.value].notna() & frame[y.value].notna()]
    axes.errorbar(
        present[x.value].astype(float),
        present[y.value].astype(float),
        xerr=x.bars(present),
        yerr=y.bars(present),
        color=look.colour,
        marker=look.marker,
        ls=look.dashes,
        ms=size,
        label=label,
        zorder=3,
        capsize=1.6,
        elinewidth=0.8,
        capthick=0.8,
    )
    bare = present[x.bare(present) | y.bare(present)]
    axes.plot(
        bare[x.value].astype(float),
        bare[y.value].astype(float),
        look.marker,
        mfc="white",
        mec=look.colour,
        ms=size,
        zorder=4,
    )


def groups(frame: pd.DataFrame, by: str | list[str]) -> dict[Any, pd.DataFrame]:
    """Rows by the value of a column, or by those of several."""
    return dict(list(frame.groupby(by)))


def draw_series(
    axes: Axes,
    frame: pd.DataFrame,
    by: str | list[str],
    x: Columns,
    y: Columns,
    looks: Mapping[Any, Look],
    *,
    size: float = 4.0,
    band: float = 0.0,
) -> None:
    """``draw_points`` for each series, told apart by the column or columns ``by``.

    Points of one place stand side by side along the categories' axis within ``band`` of it: the
    vertical one, if only ``x`` has an interval.
    """
    along = x if y.low else y
    found = groups(frame, by)
    for index, (name, look) in enumerate(looks.items()):
        if name in found:
            rows = found[name].sort_values(x.value)
            shift = band * ((index + 0.5) / len(looks) - 0.5)
            rows = rows.assign(**{along.value: rows[along.value] + shift})
            draw_points(axes, rows, x, y, look, size=size)


def mark_failures(
    axes: Axes,
    frame: pd.DataFrame,
    by: str | list[str],
    x: Columns,
    y: Columns,
    looks: Mapping[Any, Look],
) -> None:
    """A cross on the axis for each configuration without a single usable trial."""
    failed = frame[frame[y.value].isna() & frame[x.value].notna()]
    for name, rows in groups(failed, by).items():
        at = rows[x.value].astype(float)
        axes.plot(at, 0 * at, "x", color=looks[name].colour, clip_on=False, zorder=5)


def from_zero(axes: Axes, highest: float, axis: Literal["x", "y"] = "y") -> None:
    """Start at 0 and end where bars do, but above 1.6 times the highest value let bars be cut:
    with few blocks they would flatten everything else. Cut ends are marked."""
    limits = axes.get_ylim if axis == "y" else axes.get_xlim
    end = min(limits()[1], 1.6 * highest)
    (axes.set_ylim if axis == "y" else axes.set_xlim)(0, end)
    mark_cut_bars(axes, axis)


def bars_text(frame: pd.DataFrame, *columns: Columns) -> str:
    """What the bars are; that some points have none, where that is so."""
    text = "bars: 95% intervals over blocks, open triangle: goes on"
    bare = any((frame[c.value].notna() & c.bare(frame)).any() for c in columns)
    return f"{text}; filled white: no interval" if bare else text


def cut_bars(grid: Iterable[Axes], values: "pd.Series[float]", axis: Literal["x", "y"]) -> None:
    """Let bars far beyond all ``values`` be cut: with few blocks they would flatten the rest.
    Cut ends are marked."""
    known = values[values > 0]
    if known.empty:
        return
    low, high = float(known.min()), float(known.max())
    for axes in grid:
        bottom, top = axes.get_ylim() if axis == "y" else axes.get_xlim()
        scale = axes.get_yscale() if axis == "y" else axes.get_xscale()
        if scale == "log":
            limits = max(bottom, low / 4), min(top, high * 4)
        else:
            limits = 0.0, min(max(top, 1.08 * high), 1.6 * high)
        (axes.set_ylim if axis == "y" else axes.set_xlim)(*limits)
        mark_cut_bars(axes, axis)


def mark_cut_bars(axes: Axes, axis: Literal["x", "y"]) -> None:
    """A small open triangle at the edge of the axes for each bar that goes on beyond it."""
    along = 0 if axis == "x" else 1
    low, high = sorted(axes.get_xlim() if axis == "x" else axes.get_ylim())
    containers = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    for bars in (bars for container in containers for bars in container.lines[2]):
        # Not get_segments, which leaves out the ends of bars that are not there (NaN).
        for start, end in (np.asarray(path.vertices) for path in bars.get_paths()):
            first, last = sorted((start[along], end[along]))
            if first == last or last < low or first > high:
                continue  # of the other axis, or not to be seen at all
            for cut, edge, marker in ((first < low, low, "<v"), (last > high, high, ">^")):
                if cut:
                    place = (edge, start[1]) if axis == "x" else (start[0], edge)
                    look: dict[str, Any] = {"mfc": "white", "mec": bars.get_color()[0]}
                    axes.plot(*place, marker[along], ms=3, mew=0.6, clip_on=False, zorder=5, **look)


def footer(figure: Figure, *lines: str) -> None:
    """The label under all panels: axis label, then what the figure shows and what it lacks."""
    figure.supxlabel("\n".join(line for line in lines if line), fontsize=7)


def save(figure: Figure, data: pd.DataFrame, folder: Path, name: str) -> None:
    """Write NAME.pdf, NAME.png and NAME.csv into ``folder``, the same bytes for the same data."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"{name}.csv", data.to_csv(index=False))
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=f".{kind}")
        os.close(handle)
        try:
            figure.savefig(temporary, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(folder / f"{name}.{kind}")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
