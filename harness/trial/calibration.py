"""One worker alone on a core: a task's CPU part and its contention-free blocking ratio.

``python -m harness.trial.calibration TASKS`` reads workloads as JSON, a name to an
:class:`Entry`, from standard input, and writes a :class:`Turn` for each name.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from harness.workload import Workload, load_workload

WARMUP_TASKS = 3
SCHEDSTAT = Path("/proc/thread-self/schedstat")
"""Nanoseconds on the core, nanoseconds waiting for it, number of turns on it."""


class Entry(TypedDict):
    """What a turn needs to know of a workload: its file and the arguments of its ``setup``."""

    file: str
    parameters: dict[str, object]


@dataclass(frozen=True)
class Turn:
    """One workload on one interpreter in one repetition; times are medians over its tasks."""

    cpu_ms: float
    hot_cpu_ms: float
    wall_ms: float
    beta: float
    gil_enabled: bool


def measure(workload: Workload, tasks: int) -> Turn:
    """Run ``tasks`` tasks alone on the calling thread, waiting, then again without waiting."""
    cpu_s, wall_s = _time_tasks(workload, tasks, time.sleep)
    hot_cpu_s, _ = _time_tasks(workload, tasks, lambda seconds: None)
    # Absent before 3.13, where the GIL cannot be off.
    gil_enabled = bool(getattr(sys, "_is_gil_enabled", lambda: True)())
    return Turn(1e3 * cpu_s, 1e3 * hot_cpu_s, 1e3 * wall_s, 1 - cpu_s / wall_s, gil_enabled)


def _time_tasks(
    workload: Workload, tasks: int, wait: Callable[[float], None]
) -> tuple[float, float]:
    """Median CPU and uncontended wall seconds of a task, after a few tasks for warming up."""
    cpu_s: list[float] = []
    wall_s: list[float] = []
    for index in range(WARMUP_TASKS + tasks):
        queued_before_s = _run_queue_s()
        wall_start, cpu_start = time.perf_counter(), time.thread_time()
        for wait_s in workload.task(index):
            wait(wait_s)
        cpu_s.append(time.thread_time() - cpu_start)
        wall = time.perf_counter() - wall_start
        wall_s.append(wall - (_run_queue_s() - queued_before_s))
    return statistics.median(cpu_s[WARMUP_TASKS:]), statistics.median(wall_s[WARMUP_TASKS:])


def _run_queue_s() -> float:
    """Seconds the calling thread has spent runnable but not running, since it started."""
    return int(SCHEDSTAT.read_text().split()[1]) / 1e9


def take_turns(entries: Mapping[str, Entry], tasks: int) -> dict[str, Turn]:
    """Every workload once, on one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return {
        name: measure(load_workload(Path(e["file"]), e["parameters"]), tasks)
        for name, e in entries.items()
    }


def main() -> None:
    """Take one turn, JSON from standard input to standard output."""
    turns = take_turns(json.load(sys.stdin), int(sys.argv[1]))
    json.dump({name: asdict(turn) for name, turn in turns.items()}, sys.stdout)


if __name__ == "__main__":
    main()
