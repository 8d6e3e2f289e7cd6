"""What every table of this folder is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from harness.analysis.data.printed import Printed


@dataclass(frozen=True)
class Inputs:
    """Normalised trials, their efficiency table, the printed numbers and titles of names.

    ``timelines`` and ``decisions`` are the rows of the files of that name, ``micro`` the folder
    of the micro-benchmarks; None where there are none. ``note`` is what every table says of its
    intervals and of missing interpreters.
    """

    trials: pd.DataFrame
    efficiency: pd.DataFrame
    printed: Printed
    titles: Mapping[str, str]
    note: str = ""
    timelines: pd.DataFrame | None = None
    decisions: pd.DataFrame | None = None
    micro: Path | None = None
