"""Columns that hold a value and its interval, and the texts that people read of a table."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from harness.analysis.data.trials import CELL
from harness.analysis.estimate.statistics import Interval
from harness.analysis.tables.writing import number, percent_with_interval, with_interval

Row = Mapping[Hashable, object]
CELL_HEADERS = {
    "experiment": "Experiment",
    "workload": "Workload",
    "interpreter": "Interpreter",
    "cores": "Cores",
}


@dataclass(frozen=True)
class Columns:
    """Names of the columns that hold a value and its interval; no interval without names."""

    value: str
    low: str = ""
    high: str = ""

    @classmethod
    def of(cls, name: str, ends: str = "") -> "Columns":
        """``NAME`` with ``ENDS_low`` and ``ENDS_high``; ``ends`` is the name if not given."""
        stem = ends or name
        return cls(name, f"{stem}_low", f"{stem}_high")

    @property
    def names(self) -> list[str]:
        """All of them, the value first."""
        return [name for name in (self.value, self.low, self.high) if name]

    def holding(self, found: Interval) -> dict[str, object]:
        """The entries of a row."""
        return {self.value: found.estimate, self.low: found.low, self.high: found.high}

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


EFFICIENCY = Columns.of("efficiency", "ci")
THROUGHPUT = Columns.of("throughput_tps", "throughput_ci")


@dataclass(frozen=True)
class Text:
    """A column that people read.

    ``of`` is a column, a value with its interval, or a function of the row. Intervals have
    ``decimals``, single numbers as many significant digits; ``percent``: a share, shown as a
    percentage. ``n`` names the column that counts the blocks behind an interval.
    """

    header: str
    of: str | Columns | Callable[[Row], object]
    decimals: int | None = None
    percent: bool = False
    n: str = "n_blocks"

    def __call__(self, row: Row) -> object:
        """The text of a row."""
        if isinstance(self.of, str):
            return number(row[self.of], 3 if self.decimals is None else self.decimals)
        if not isinstance(self.of, Columns):
            return self.of(row)
        parts = [row[name] if name else None for name in (self.of.value, self.of.low, self.of.high)]
        count = row[self.n] if self.n else None
        if self.percent:
            return percent_with_interval(*parts, n=count)
        return with_interval(*parts, decimals=self.decimals, n=count)


CELL_TEXTS = tuple(Text(name, name) for name in CELL)
BLOCKS = Text("blocks", "n_blocks")


def view(table: pd.DataFrame, *texts: Text) -> pd.DataFrame:
    """What people read of every row."""
    return pd.DataFrame(
        [{text.header: text(row) for text in texts} for row in table.to_dict("records")]
    )


def titled(frame: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Names replaced by their titles, in cells and in headers."""
    names = ("Workload", "Interpreter", "Strategy", "strategy")
    shown = _with_titles(frame.rename(columns=CELL_HEADERS), names, titles)
    return shown.rename(columns=lambda name: titles.get(name, str(name).replace("_", " ")))


def capitalised(frame: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Names replaced by their titles in cells; headers begin with a capital."""
    names = ("workload", "interpreter", "strategy", "experiment")
    shown = _with_titles(frame, names, titles)
    return shown.rename(columns=lambda name: str(name)[:1].upper() + str(name)[1:])


def _with_titles(
    frame: pd.DataFrame, columns: Sequence[str], titles: Mapping[str, str]
) -> pd.DataFrame:
    shown = frame.copy()
    for column in columns:
        if column in shown:
            shown[column] = [titles.get(v, v) if isinstance(v, str) else v for v in shown[column]]
    return shown
