"""Printed numbers in figures: hollow diamonds, and crosses for what only raw results hold."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from harness.analysis.figures import style
from harness.analysis.tables.paper.beside import RAW_ONLY, columns_of

BLACK = "#000000"


def printed_columns(quantity: str) -> style.Columns:
    """Where the tables keep a printed quantity and its interval."""
    return style.Columns(*columns_of(quantity))


def draw_printed(
    axes: Axes, frame: pd.DataFrame, x: style.Columns, y: style.Columns, colour: str = BLACK
) -> bool:
    """Marks without a line, in front of the measured ones; returns whether there were any.

    ``frame`` holds rows of a table with printed numbers; one of ``x`` and ``y`` is printed.
    """
    present = frame[frame[x.value].notna() & frame[y.value].notna()]
    raw = present["printed_note"] == RAW_ONLY
    for chosen, marker, size in ((present[~raw], "D", 4.6), (present[raw], "x", 3.6)):
        if len(chosen):
            axes.errorbar(
                chosen[x.value].astype(float),
                chosen[y.value].astype(float),
                xerr=x.bars(chosen),
                yerr=y.bars(chosen),
                ls="none",
                marker=marker,
                ms=size,
                mfc="none",
                mec=colour,
                mew=0.9,
                ecolor=colour,
                elinewidth=0.6,
                zorder=6,
            )
    return bool(len(present))


def legend_entries(frames: Sequence[pd.DataFrame], column: str) -> tuple[list[Any], list[str]]:
    """Handles and names for the marks that the frames give rise to."""
    notes = pd.concat(
        [frame.loc[frame[column].notna(), "printed_note"] for frame in frames if column in frame]
        or [pd.Series(dtype=str)]
    )
    handles, names = [], []
    for present, marker, name in (
        ((notes != RAW_ONLY).any(), "D", "printed"),
        ((notes == RAW_ONLY).any(), "x", "raw results only"),
    ):
        if present:
            handles.append(
                Line2D([], [], ls="none", marker=marker, mfc="none", mec=BLACK, ms=4.4, mew=0.9)
            )
            names.append(name)
    return handles, names


def one_of_each(frame: pd.DataFrame, value: str, keys: Sequence[str]) -> pd.DataFrame:
    """Rows with a printed ``value``, once for each of ``keys``: a printed number stands beside
    every protocol or strategy that answers it."""
    if value not in frame:
        return frame.iloc[:0]
    return frame[frame[value].notna()].drop_duplicates(list(keys))


def over_peak(frame: pd.DataFrame, columns: style.Columns, keys: Sequence[str]) -> pd.DataFrame:
    """A copy with value and interval divided by the largest value among rows alike in ``keys``."""
    present = [name for name in (columns.value, columns.low, columns.high) if name in frame]
    if columns.value not in present:
        return frame
    peaks = frame.groupby(list(keys), dropna=False)[columns.value].transform("max")
    return frame.assign(**{name: frame[name] / peaks for name in present})
