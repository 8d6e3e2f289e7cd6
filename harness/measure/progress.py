"""Tells how far a run is and when it will be done."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from harness.base.console import duration
from harness.design.cost import estimate
from harness.design.plan import Plan
from harness.store.places import cell_file
from harness.trial.spec import TrialSpec

LINE_EVERY_S = 15.0


class Progress:
    """Counts trials against the plan; the ETA scales the plan's estimate by the pace so far.

    On a terminal one line is rewritten; elsewhere a line is printed every now and then.
    Trials that did not end well are always told.
    """

    def __init__(
        self,
        total: int,
        done_before: int,
        remaining_s: float,
        expected_s: Mapping[str, float],
        stream: TextIO | None = None,
        clock: Any = time.monotonic,
    ) -> None:
        self._total = total
        self._done = done_before
        self._remaining_s = remaining_s
        self._expected_s = expected_s
        self._spent_estimate = 0.0
        self._stream = stream or sys.stderr
        self._clock = clock
        self._started = clock()
        self._last_line = self._started - LINE_EVERY_S

    def eta_s(self) -> float:
        """Seconds left: the estimate of what remains, scaled by how the estimate has held."""
        elapsed = self._clock() - self._started
        pace = elapsed / self._spent_estimate if self._spent_estimate > 0 else 1.0
        return max(0.0, self._remaining_s - self._spent_estimate) * pace

    def trial_done(self, trial: TrialSpec, result: Mapping[str, Any]) -> None:
        """Note one finished trial."""
        self._done += 1
        self._spent_estimate += self._expected_s.get(trial.spec_hash, 0.0)
        what = (
            f"{trial.workload} {trial.interpreter} {trial.cores} core(s) "
            f"{trial.strategy} N={trial.concurrency}"
        )
        if result["status"] != "ok":
            print(f"\n{result['status']}: {what}: {result['reason']}", file=self._stream)
        line = (
            f"trial {self._done}/{self._total}, block {trial.block} of {trial.experiment}, "
            f"{what}; {duration(self.eta_s())} left"
        )
        if self._stream.isatty():
            print(f"\r\x1b[K{line}", end="", file=self._stream, flush=True)
        elif self._clock() - self._last_line >= LINE_EVERY_S:
            self._last_line = self._clock()
            print(line, file=self._stream, flush=True)


def progress_of(plan: Plan, raw: Path) -> Progress:
    """The progress of a run that goes on from the records in ``raw``."""
    todo: list[TrialSpec] = []
    cells_todo = 0
    for cell in plan.cell_blocks:
        file = cell_file(raw, cell)
        if file.finished:
            continue
        cells_todo += 1
        done = {record["spec_hash"] for record in file.recover()}
        todo += [trial for trial in cell.trials if trial.spec_hash not in done]
    total = sum(1 for _ in plan.trials())
    return Progress(
        total=total,
        done_before=total - len(todo),
        remaining_s=estimate(todo, cells_todo).seconds,
        expected_s={trial.spec_hash: estimate([trial], 0).seconds for trial in todo},
    )
