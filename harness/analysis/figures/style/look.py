"""How series are told apart, and the style of every figure.

Colours are those of Okabe and Ito, told apart with every common colour blindness; no
distinction rests on colour alone. Sizes are those of print: text of 7 points and more at
the width of one (3.5 in) or two columns (7 in).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import matplotlib as mpl
import pandas as pd
import seaborn as sns

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


@contextmanager
def styled() -> Iterator[None]:
    """Within it, figures made have this style."""
    with mpl.rc_context(SETTINGS):
        yield
