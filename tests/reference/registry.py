"""Which tables are recomputed, by what keys their rows are found, and what is not computed."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from tests.reference.steps import Run

Make = Callable[[Run], "list[dict[str, object]]"]


@dataclass(frozen=True)
class Recomputation:
    """How a table is made a second time.

    ``given``: a pattern for columns that are not computed from trials. ``tolerance``: absolute
    differences that are no fault, by a pattern for columns, where a table rests on random draws.
    """

    make: Make
    keys: tuple[str, ...]
    given: str = ""
    tolerance: tuple[tuple[str, float], ...] = ()

    def is_given(self, column: str) -> bool:
        return bool(self.given) and re.fullmatch(self.given, column) is not None

    def allowed(self, column: str) -> float:
        return max((t for name, t in self.tolerance if re.fullmatch(name, column)), default=0.0)


TABLES: dict[str, Recomputation] = {}


def table(
    name: str, *keys: str, given: str = "", tolerance: tuple[tuple[str, float], ...] = ()
) -> Callable[[Make], Make]:
    """Register a function that makes the rows of the table ``name``."""

    def register(make: Make) -> Make:
        TABLES[name] = Recomputation(make, keys, given, tolerance)
        return make

    return register


def frame_of(rows: "list[dict[str, object]]") -> pd.DataFrame:
    return pd.DataFrame(rows)
