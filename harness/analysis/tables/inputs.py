"""What every table and figure of a run is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from harness.analysis.data.printed import Printed, read_printed
from harness.analysis.data.trials import normalised
from harness.analysis.estimate import speed
from harness.analysis.tables.efficiency import efficiency_table


@dataclass(frozen=True)
class Inputs:
    """The rows of trials.csv and all that is shown beside them.

    ``titles`` maps names of workloads, interpreters and strategies to what people read;
    ``missing_interpreters`` are configured and not there; ``timelines`` and ``decisions`` are the
    rows of the files of that name, ``micro`` the folder of the micro-benchmarks: None where
    there are none. ``printed``: the paper's numbers, by default those of this checkout.
    """

    rows: pd.DataFrame
    titles: Mapping[str, str] = field(default_factory=dict)
    missing_interpreters: Sequence[str] = ()
    timelines: pd.DataFrame | None = None
    decisions: pd.DataFrame | None = None
    micro: Path | None = None
    printed: Printed = field(default_factory=read_printed)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The trials, normalised."""
        return normalised(self.rows)

    @cached_property
    def efficiency(self) -> pd.DataFrame:
        """The efficiency table of all trials."""
        return efficiency_table(self.trials)

    @property
    def absent(self) -> str:
        """A sentence about missing interpreters; empty without any."""
        names = ", ".join(self.missing_interpreters)
        return f"Interpreters missing here: {names}." if names else ""

    @cached_property
    def note(self) -> str:
        """What every table says of its numbers: speed, intervals, interpreters missing."""
        adjusted = speed.has_covariate(self.trials)
        at_speed = "Throughputs at equal machine speed. " if adjusted else ""
        return f"{at_speed}Intervals: 95 %, over blocks. {self.absent}".strip()
