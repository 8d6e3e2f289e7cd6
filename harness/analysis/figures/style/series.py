"""Points with error bars, series by series."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from harness.analysis.figures.style.look import Look
from harness.analysis.tables.columns import Columns


def groups(frame: pd.DataFrame, by: str | list[str]) -> dict[Any, pd.DataFrame]:
    """Rows by the value of a column, or by those of several."""
    return dict(list(frame.groupby(by)))


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
