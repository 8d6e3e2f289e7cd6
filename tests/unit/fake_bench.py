"""Stands in for the machine and the measured interpreter where only the order matters."""

from pathlib import Path
from typing import Any

from harness.config import Config
from harness.machine.busy import Sample
from harness.measure import run_block

TWO_CPUS = (0, 1)
QUIET = Sample(0.1, 0.0, 0.0, ())


class Seen(dict[str, Any]):
    """What was asked for, with room for what is noted beside it."""

    usage: object = None


class FakeHost:
    """Stands in for the measured interpreter: notes what it is asked for."""

    asked: list[tuple[str, int]]
    pid = 1

    def __init__(self, python: Path, workload_file: Path, **_: Any) -> None:
        self._workload = workload_file.stem

    def measure(self, spec: dict[str, Any]) -> Seen:
        self.asked.append((self._workload, spec["concurrency"]))
        return Seen(spec)

    def close(self) -> None:
        pass


class SilentProgress:
    def trial_done(self, trial: object, result: object) -> None:
        pass


class IdleSpeedometer:
    pids: tuple[int, ...] = ()


def a_setting(config: Config, raw: Path) -> run_block.Setting:
    python = run_block.WorkerPython(Path("python"), {})
    interpreters = dict.fromkeys(config.interpreters, python)
    return run_block.Setting(config, interpreters, raw, models={}, run_id="r")
