"""Panels, legends and the label under all of them."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.figures.style.look import Look
from harness.analysis.figures.style.texts import ordered

FULL_WIDTH = 7.0


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


def categories(axes: Axes, names: Sequence[str]) -> None:
    """Names from top to bottom instead of numbers on the vertical axis, lines between them."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    for edge in range(1, len(names)):
        axes.axhline(edge - 0.5, color="#bbbbbb", lw=0.5, zorder=1)


def footer(figure: Figure, *lines: str) -> None:
    """The label under all panels: axis label, then what the figure shows and what it lacks."""
    figure.supxlabel("\n".join(line for line in lines if line), fontsize=7)
