"""Stands in for the machine and the measured interpreter where only the order matters."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.design.config import Config
from harness.measure.bench import Setting
from harness.measure.progress import Progress
from harness.measure.worker_python import WorkerPython
from harness.store.records import Record
from harness.trial.spec import TrialSpec
from tests.samples import a_record

TWO_CPUS = (0, 1)


@dataclass
class FakeBench:
    """A machine that measures nothing: notes what it is asked for, and answers ``metrics``."""

    metrics: Mapping[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    @contextmanager
    def hold(self, *_: object) -> Iterator["FakeBench"]:
        yield self

    @contextmanager
    def seat(self, _: TrialSpec) -> Iterator["FakeBench"]:
        yield self

    def measure(self, trial: TrialSpec) -> Record:
        self.asked.append((trial.workload, trial.concurrency))
        return a_record(trial, metrics=self.metrics)


def no_progress() -> Progress:
    """Progress that is told to nobody."""
    return Progress(total=0, done_before=0, remaining_s=0, expected_s={}, stream=io.StringIO())


def a_setting(config: Config, raw: Path) -> Setting:
    python = WorkerPython(Path("python"), {})
    return Setting(config, dict.fromkeys(config.interpreters, python), raw, models={}, run_id="r")
