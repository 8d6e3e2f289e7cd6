"""Which tables are recomputed, by what keys their rows are found, and what is not computed."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.reference.steps import Run

Make = Callable[[Run], "list[dict[str, object]]"]


@dataclass(frozen=True)
class Recomputation:
    """How a table is made a second time.

    ``given``: a pattern for columns that are not computed from trials. ``tolerance``: absolute
    differences that are no fault, by patterns for the first key and for columns, where numbers
    rest on random draws.
    """

    make: Make
    keys: tuple[str, ...]
    given: str = ""
    tolerance: tuple[tuple[str, str, float], ...] = ()

    def is_given(self, column: str) -> bool:
        return bool(self.given) and re.fullmatch(self.given, column) is not None

    def allowed(self, key: object, column: str) -> float:
        """Absolute difference that is no fault in a row with this first key."""
        return max(
            (
                most
                for row, name, most in self.tolerance
                if re.fullmatch(row, str(key)) and re.fullmatch(name, column)
            ),
            default=0.0,
        )


TABLES: dict[str, Recomputation] = {}


def table(
    name: str, *keys: str, given: str = "", tolerance: tuple[tuple[str, str, float], ...] = ()
) -> Callable[[Make], Make]:
    """Register a function that makes the rows of the table ``name``."""

    def register(make: Make) -> Make:
        TABLES[name] = Recomputation(make, keys, given, tolerance)
        return make

    return register
