"""Scales, tick labels, and bars that go on beyond the axes."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator


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


def from_zero(axes: Axes, highest: float, axis: Literal["x", "y"] = "y") -> None:
    """Start at 0 and end where bars do, but above 1.6 times the highest value let bars be cut:
    with few blocks they would flatten everything else. Cut ends are marked."""
    limits = axes.get_ylim if axis == "y" else axes.get_xlim
    end = min(limits()[1], 1.6 * highest)
    (axes.set_ylim if axis == "y" else axes.set_xlim)(0, end)
    mark_cut_bars(axes, axis)


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
