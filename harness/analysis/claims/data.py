"""What the measures read: cells of trials, controllers' names, micro-benchmarks.

Whatever is not there raises ``NotMeasuredError`` with a reason for people, so that a measure never
has to think of missing data.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyperf

from harness.analysis.data.trials import NOT_RUN, Cell, CellName, comparable, tally
from harness.analysis.estimate.statistics import Array, Interval
from harness.design.workloads import FRESH_SEEDS

MOST = "most"


class NotMeasuredError(Exception):
    """Data that a claim needs is not there; the message says which, and what it would take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a measure found, and what a reader has to know of it."""

    interval: Interval
    note: str = ""


class Data:
    """The results of one run. ``trials`` are normalised rows of trials.csv; ``micro`` is the
    folder of the micro-benchmarks; the two switches are those of :class:`Cell`."""

    def __init__(
        self,
        trials: pd.DataFrame,
        micro: Path | None = None,
        *,
        use_exclusions: bool = True,
        at: float | None = 1.0,
    ) -> None:
        self.trials = trials
        self.micro = micro
        self.use_exclusions = use_exclusions
        self.at = at
        self._experiments = {str(name): rows for name, rows in trials.groupby("experiment")}
        self._cells: dict[tuple[str, str, str, int | str], Cell] = {}

    def cell(self, experiment: str, workload: str, interpreter: str, cores: int | str) -> Cell:
        """The cell with this name; raises ``NotMeasuredError`` where nothing of it ran."""
        rows = self._experiments.get(experiment)
        if rows is None:
            raise NotMeasuredError(f"experiment {experiment} was not run")
        key = (experiment, workload, interpreter, cores)
        if key not in self._cells:
            self._cells[key] = self._cell(rows, *key)
        return self._cells[key]

    def _cell(
        self,
        rows: pd.DataFrame,
        experiment: str,
        workload: str,
        interpreter: str,
        cores: int | str,
    ) -> Cell:
        rows = rows[rows["workload"] == workload]
        if rows.empty:
            raise NotMeasuredError(f"experiment {experiment} was not run with workload {workload}")
        rows = rows[rows["interpreter"] == interpreter]
        if rows.empty:
            raise NotMeasuredError(
                f"needs interpreter {interpreter}, which {experiment} did not run"
            )
        if cores == MOST:
            ran = rows.loc[rows["status"] != NOT_RUN, "cores"]
            cores = int(ran.max()) if len(ran) else int(rows["cores"].min())
        rows = rows[rows["cores"] == cores]
        wanted = f"{cores} core{'' if cores == 1 else 's'}"
        if rows.empty:
            raise NotMeasuredError(f"needs {experiment} on {wanted}, which this run did not pin to")
        if (rows["status"] == NOT_RUN).all():
            raise NotMeasuredError(f"needs {wanted} ({rows['reason'].iloc[0] or 'not run'})")
        return Cell(
            CellName(experiment, workload, interpreter, int(cores)),
            rows,
            use_exclusions=self.use_exclusions,
            at=self.at,
        )

    def benchmark(self, interpreter: str, name: str) -> Array:
        """Seconds of a micro-benchmark, one mean per process, shape (processes,)."""
        path = None if self.micro is None else self.micro / f"micro-{interpreter}.json"
        if path is None or not path.is_file():
            raise NotMeasuredError(f"the micro-benchmarks of {interpreter} were not run")
        try:
            bench = pyperf.BenchmarkSuite.load(str(path)).get_benchmark(name)
        except KeyError:
            raise NotMeasuredError(f"there is no micro-benchmark {name} of {interpreter}") from None
        except (ValueError, TypeError, OSError) as error:
            raise NotMeasuredError(f"{path.name} cannot be read: {error}") from None
        return np.array([np.mean(run.values) for run in bench.get_runs() if run.values])


@dataclass(frozen=True, slots=True)
class Source:
    """The data as one part of a claim sees it: with the names of its cells filled in."""

    data: Data
    names: Mapping[str, Any]
    versus_names: Mapping[str, Any]
    #: every cell that was asked for and found
    read: list[CellName] = field(default_factory=list)

    def cell(self, **override: Any) -> Cell:
        """The part's cell, or one that differs from it in what is given."""
        found = self.data.cell(**{**self.names, **override})
        self.read.append(found.name)
        return found

    def drawn(self) -> list[Cell]:
        """The cells of all tasks that were drawn afresh for the part's workload; at least one.

        Seeds below ``FRESH_SEEDS`` are for training: whoever works on a runtime knows them.
        """
        template = str(self.names["workload"])
        experiment = self.data.trials["experiment"] == self.names["experiment"]
        names = sorted(
            name
            for name in self.data.trials.loc[experiment, "workload"].unique()
            if (found := re.fullmatch(rf"{template}_(\d+)", name)) and int(found[1]) in FRESH_SEEDS
        )
        if not names:
            raise NotMeasuredError(
                f"no fresh {template} task was measured in {self.names['experiment']}"
            )
        return [self.cell(workload=name) for name in names]

    def pair(self) -> tuple[Cell, Cell]:
        """The part's cell and the one it is compared with."""
        cell, other = comparable(self.cell(), self.cell(**self.versus_names))
        return cell, other


def sizes_of(cell: Cell, strategy: str) -> list[int]:
    """Pool sizes at which a strategy ran, ascending; raises ``NotMeasuredError`` without any."""
    ran = cell.trials[(cell.trials["strategy"] == strategy) & (cell.trials["label"] == "")]
    sizes = sorted(int(size) for size in ran["concurrency"].dropna().unique())
    if not sizes:
        raise NotMeasuredError(f"strategy {strategy} did not run in {cell.name.experiment}")
    return sizes


def checked(values: Array, cell: Cell, strategy: str, size: int) -> Array:
    """``values``, one per block; raises ``NotMeasuredError`` saying why there is none."""
    if np.isfinite(values).any():
        return values
    named = cell.trials[(cell.trials["strategy"] == strategy) & (cell.trials["label"] == "")]
    named = named[(named["concurrency"] == size).fillna(False)]
    what = f"{strategy} at {size} in {cell.name.experiment}"
    if named.empty:
        raise NotMeasuredError(f"{what} was not measured")
    failed = named.loc[named["status"] != "ok", "status"]
    if len(failed):
        raise NotMeasuredError(f"{what} failed: {tally(failed)}")
    if named["excluded"].all():
        rules = tally(named["exclusion_reason"].replace("", "unnamed rule"))
        raise NotMeasuredError(f"{what} was left out: {rules}")
    raise NotMeasuredError(f"{what} has no value in any usable trial")


def column(cell: Cell, name: str, strategy: str, size: int) -> Array:
    """A column's values by block, shape (blocks,), at least one of them known."""
    return checked(cell.series(name, strategy, size), cell, strategy, size)


def logs(cell: Cell, strategy: str, size: int) -> Array:
    """Log throughput by block, shape (blocks,), at least one of them known."""
    return checked(cell.log_throughput(strategy, size), cell, strategy, size)


def log_matrix(cell: Cell, strategy: str, sizes: list[int]) -> Array:
    """Log throughput, shape (blocks, sizes); at least one value known."""
    found = np.stack([cell.log_throughput(strategy, size) for size in sizes], axis=1)
    checked(found.ravel(), cell, strategy, sizes[0])
    return found


def common_blocks(first: Cell, second: Cell) -> tuple[list[int], list[int]]:
    """Positions, in each cell's blocks, of the blocks both have; raises without any."""
    both = [block for block in first.blocks if block in second.blocks]
    if not both:
        raise NotMeasuredError("the two cells have no block in common")
    return [first.blocks.index(b) for b in both], [second.blocks.index(b) for b in both]
