"""Figures on disk: PDF, PNG and the CSV they were drawn from."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.figures.style.look import styled
from harness.analysis.tables.writing import write_atomically

DOTS_PER_INCH = 300


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


def write(draw: Callable[[], Figure], data: pd.DataFrame, folder: Path, name: str) -> list[str]:
    """Draw a figure in the style of all and save it; returns its name, in a list."""
    with styled():
        save(draw(), data, folder, name)
    return [name]
