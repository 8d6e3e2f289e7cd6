"""trials.csv as a DataFrame, and the arrays of one cell that the estimators work on.

A cell is experiment x workload x interpreter x cores; a configuration is strategy x
concurrency x label within it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from harness.analysis.data.reading import TrialsError, read_table, refuse_empty
from harness.analysis.estimate import speed
from harness.analysis.estimate.statistics import Array
from harness.store.table import ESTIMATE_COLUMNS, METRIC_COLUMNS

CELL = ["experiment", "workload", "interpreter", "cores"]
CONFIGURATION = ["strategy", "concurrency", "label"]
TWIN = "aa_twin"
NOT_RUN = "not_run"
TEXT = ["experiment", "workload", "interpreter", "strategy", "label", "status", "reason"]
TEXT += ["exclusion_reason", "notes"]
INTEGERS = ["cores", "concurrency", "block"]
NEEDED = {*CELL, *CONFIGURATION, "block", "status", "excluded"}
NUMERIC = {*METRIC_COLUMNS, *ESTIMATE_COLUMNS, "gil_wait_share_true", "window_s", "warmup_s"}
NUMERIC |= {"tasks", "sequence", "attempt", "final_workers", "decision_count", "vetoes"}


@dataclass(frozen=True)
class CellName:
    """What identifies a cell."""

    experiment: str
    workload: str
    interpreter: str
    cores: int


def trials_file(folder: Path) -> Path:
    """The trials in a results folder: trials.csv, or trials.csv.gz where only that is there."""
    packed = folder / "trials.csv.gz"
    plain = folder / "trials.csv"
    return packed if packed.is_file() and not plain.is_file() else plain


def read_trials(path: Path, *needed: str) -> pd.DataFrame:
    """Read trials.csv; raises ``TrialsError`` that names the file, and the line of what is wrong.

    ``needed`` are columns that a caller cannot do without, beside those that name a trial.
    """
    table = read_table(path, needed=NEEDED | {*needed}, numeric=NUMERIC, whole=INTEGERS)
    ran = table["status"] != NOT_RUN
    refuse_empty(path, table, "cores", ran | ~ran)
    for name in ("block", "concurrency"):
        refuse_empty(path, table, name, ran)
    table.attrs.clear()
    return normalised(table)


def normalised(trials: pd.DataFrame) -> pd.DataFrame:
    """A copy with texts as str (empty for a missing one), Int64 integers, boolean ``excluded``
    and, where speeds were measured, ``relative_speed`` (see ``speed``).

    ``trials`` are all of a run, or part of what this function has returned: that keeps the
    relative speeds, so that every table of a run means the same by them.
    """
    missing = NEEDED - set(trials.columns)
    if missing:
        raise TrialsError(f"trials lack the columns {', '.join(sorted(missing))}")
    frame = trials.copy()
    for name in TEXT:
        values = frame[name] if name in frame else pd.Series("", index=frame.index)
        frame[name] = [value if isinstance(value, str) else "" for value in values]
    for name in INTEGERS:
        frame[name] = pd.to_numeric(frame[name]).astype("Int64")
    frame["excluded"] = [str(value).lower() in ("true", "1", "1.0") for value in frame["excluded"]]
    if "speed_window" in frame and speed.RELATIVE not in frame:
        frame[speed.RELATIVE] = speed.relative_speeds(frame)
    return frame


class Cell:
    """The trials of one cell; never changed once it is made.

    Where a block holds several attempts at a trial, the first usable one counts.
    ``use_exclusions=False`` keeps trials that the exclusion rules set aside and knows of no
    second attempts: what was measured at first, as it came. Log throughputs are at the machine
    speed ``at``, relative to the run's mean (see ``estimate.speed``); None: as measured.
    """

    def __init__(
        self,
        name: CellName,
        trials: pd.DataFrame,
        *,
        use_exclusions: bool = True,
        at: float | None = 1.0,
    ) -> None:
        self.name = name
        self.trials = trials
        self.use_exclusions = use_exclusions
        self.not_run_reason = self._not_run_reason()
        ran = trials[trials["status"] != NOT_RUN]
        self.blocks = sorted(int(block) for block in ran["block"].dropna().unique())
        usable = ran[ran["status"] == "ok"]
        if use_exclusions:
            usable = usable[~usable["excluded"]]
        elif "attempt" in usable:
            usable = usable[~(usable["attempt"] > 1)]
        if "attempt" in usable:
            usable = usable.sort_values("attempt", kind="stable")
        usable = usable.drop_duplicates(["block", *CONFIGURATION], keep="first")
        #: whether log throughputs are at one machine speed
        self.adjusted = at is not None and speed.has_covariate(usable)
        if at is not None and self.adjusted:
            elasticity = speed.elasticities(usable)
            usable = usable.assign(
                speed_elasticity=elasticity,
                log_correction=speed.log_corrections(usable, elasticity, at),
            )
        self.usable = usable
        fixed = ran[(ran["strategy"] == "fixed") & (ran["label"] == "")]
        self.sizes = sorted(int(size) for size in fixed["concurrency"].dropna().unique())

    def at_speed(self, target: float | None) -> "Cell":
        """The same with log throughputs at a machine speed of ``target`` times the run's mean,
        where the trials carry the speed of theirs; None: as they were measured."""
        return Cell(self.name, self.trials, use_exclusions=self.use_exclusions, at=target)

    def _not_run_reason(self) -> str | None:
        skipped = self.trials[self.trials["status"] == NOT_RUN]
        if skipped.empty:
            return None
        return str(skipped["reason"].iloc[0]) or "not run"

    def configurations(self) -> Iterator[tuple[str, int | None, str, pd.DataFrame]]:
        """Strategy, concurrency, label and planned trials of each configuration that ran."""
        ran = self.trials[self.trials["status"] != NOT_RUN]
        for _, group in ran.groupby(CONFIGURATION, sort=True, dropna=False):
            first = group.iloc[0]
            size = None if pd.isna(first["concurrency"]) else int(first["concurrency"])
            yield str(first["strategy"]), size, str(first["label"]), group

    def series(self, column: str, strategy: str, concurrency: int | None, label: str = "") -> Array:
        """Values of ``column`` by block, shape (blocks,); NaN where no usable trial gives one."""
        values = np.full(len(self.blocks), np.nan)
        rows = self._rows.get((strategy, concurrency, label), ())
        if rows and column in self.usable:
            places = [self.blocks.index(self._row_blocks[row]) for row in rows]
            values[places] = self.usable[column].iloc[list(rows)].astype(float)
        return values

    @cached_property
    def _row_blocks(self) -> list[int]:
        return [int(block) for block in self.usable["block"]]

    @cached_property
    def _rows(self) -> dict[tuple[str, int | None, str], list[int]]:
        """Which rows of ``usable`` are of which strategy, concurrency and label."""
        found: dict[tuple[str, int | None, str], list[int]] = {}
        sizes = (None if pd.isna(n) else int(n) for n in self.usable["concurrency"])
        keys = zip(self.usable["strategy"], sizes, self.usable["label"], strict=True)
        for row, key in enumerate(keys):
            found.setdefault(key, []).append(row)
        return found

    def log_throughput(self, strategy: str, concurrency: int | None, label: str = "") -> Array:
        """Log of throughput (tasks/s) by block, at one machine speed where the cell is
        ``adjusted``; an ok trial without completions has none."""
        rate = self.series("throughput_tps", strategy, concurrency, label)
        logs: Array = np.log(np.where(rate > 0, rate, np.nan))
        if self.adjusted:
            logs += self.series("log_correction", strategy, concurrency, label)
        return logs

    @cached_property
    def fixed(self) -> Array:
        """Log throughput of the fixed pools, shape (blocks, sizes)."""
        columns = [self.log_throughput("fixed", size) for size in self.sizes]
        return np.stack(columns, axis=1) if columns else np.empty((len(self.blocks), 0))


def cells(trials: pd.DataFrame, *, use_exclusions: bool = True) -> Iterator[Cell]:
    """Every cell of the trials, in the order of its name, at the run's mean machine speed."""
    for _, group in trials.groupby(CELL, sort=True, dropna=False):
        first = group.iloc[0]
        name = CellName(
            experiment=str(first["experiment"]),
            workload=str(first["workload"]),
            interpreter=str(first["interpreter"]),
            cores=int(first["cores"]),
        )
        yield Cell(name, group, use_exclusions=use_exclusions)


def comparable(*group: Cell) -> tuple[Cell, ...]:
    """The cells as ratios between them are taken: all at the run's mean machine speed, or all
    as measured where one of them cannot be adjusted."""
    if all(cell.adjusted for cell in group):
        return group
    return tuple(cell.at_speed(None) for cell in group)


def tally(values: "pd.Series[str]") -> str:
    """How often each text occurs, most frequent first: ``crash x2, oom x1``; empty for none."""
    return ", ".join(f"{value} x{count}" for value, count in Counter(values).most_common())
