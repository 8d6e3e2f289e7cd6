"""Figures on disk: PDF, PNG and the CSV they were drawn from."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.figures.style.look import styled
from harness.base.whole_files import write_whole

DOTS_PER_INCH = 300


def save(figure: Figure, data: pd.DataFrame, folder: Path, name: str) -> None:
    """Write NAME.pdf, NAME.png and NAME.csv into ``folder``, the same bytes for the same data."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{name}.csv", data.to_csv(index=False))
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
        drawn = io.BytesIO()
        figure.savefig(drawn, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
        write_whole(folder / f"{name}.{kind}", drawn.getvalue())


def write(draw: Callable[[], Figure], data: pd.DataFrame, folder: Path, name: str) -> list[str]:
    """Draw a figure in the style of all and save it; returns its name, in a list."""
    with styled():
        save(draw(), data, folder, name)
    return [name]
