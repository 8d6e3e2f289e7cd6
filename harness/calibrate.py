"""Measures a workload's CPU part and its contention-free blocking ratio.

One worker, pinned to one core, runs a workload's tasks back to back and sleeps their waits.
The blocking ratio is beta = 1 - CPU time / wall time of a task; without contention it is the
workload's own: Z / (Z + C) for a wait Z and a CPU part C. Time that the thread spent runnable
but waiting for the core, because something else ran there, is no part of either and is taken
off the wall time (the kernel counts it in schedstat).

    python -m harness.calibrate cpython-3.12=/path/to/python [cpython-3.13t=…]

Interpreters take turns within each repetition, each turn a fresh process, because a shared
machine changes speed by the second. The printed values are medians over the repetitions, with
the smallest and the largest CPU part beside them as a measure of how restless the machine was.
``hot_ms`` is the CPU part when the same tasks run without waiting: caches and clocks stay warm,
as they do in a saturated pool, and the difference to ``cpu_ms`` is what a cold start costs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from harness.workload import Workload, load_workload

ROOT = Path(__file__).resolve().parents[1]
WARMUP_TASKS = 3
SCHEDSTAT = Path("/proc/thread-self/schedstat")
"""Nanoseconds on the core, nanoseconds waiting for it, number of turns on it."""
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


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


def _take_turns(entries: Mapping[str, Entry], tasks: int) -> dict[str, Turn]:
    """The worker's side: every workload once, on one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return {
        name: measure(load_workload(Path(e["file"]), e["parameters"]), tasks)
        for name, e in entries.items()
    }


def _turns_elsewhere(python: str, entries: Mapping[str, Entry], tasks: int) -> dict[str, Turn]:
    """Let another interpreter take a turn; raises ``CalledProcessError`` when it fails."""
    done = subprocess.run(
        [python, "-m", "harness.calibrate", "--turn", "--tasks", str(tasks)],
        input=json.dumps(entries),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | SINGLE_THREADED,
    )
    return {name: Turn(**turn) for name, turn in json.loads(done.stdout).items()}


def _entries_of_config(settings: Path, only: Sequence[str], folder: Path) -> dict[str, Entry]:
    """The workloads of a configuration's folder, all or some; puts a model they need in folder."""
    import yaml

    from harness.model import build_mobilenet_v2, verify_model

    config = yaml.safe_load((settings / "workloads.yaml").read_text(encoding="utf-8"))["workloads"]
    files = settings.resolve().parent / "workloads"
    entries: dict[str, Entry] = {}
    for name in only or config:
        parameters = dict(config[name]["parameters"])
        if config[name]["needs_model"]:
            model = config[name]["model"]
            if model["path"] is None:
                path = folder / f"{name}.onnx"
                sha256 = build_mobilenet_v2(path, model["image_size"], model["seed"])
            else:
                path, sha256 = Path(model["path"]), model["sha256"]
                verify_model(path, sha256)
            parameters |= {"model_path": str(path), "model_sha256": sha256}
        entries[name] = {"file": str(files / config[name]["file"]), "parameters": parameters}
    return entries


def _repeat(
    interpreters: Mapping[str, str], entries: Mapping[str, Entry], repetitions: int, tasks: int
) -> dict[tuple[str, str], list[Turn]]:
    """All turns by (workload, interpreter), the interpreters alternating."""
    turns: dict[tuple[str, str], list[Turn]] = {}
    for _ in range(repetitions):
        for workload, entry in entries.items():
            for interpreter, python in interpreters.items():
                turn = _turns_elsewhere(python, {workload: entry}, tasks)[workload]
                turns.setdefault((workload, interpreter), []).append(turn)
    return turns


def _print_table(turns: Mapping[tuple[str, str], Sequence[Turn]]) -> None:
    print(f"{'workload':18} {'interpreter':16} {'cpu_ms':>8} {'min':>8} {'max':>8}", end="")
    print(f" {'hot_ms':>8} {'wall_ms':>8} {'beta':>6} gil")
    for (workload, interpreter), taken in sorted(turns.items()):
        cpu_ms = [turn.cpu_ms for turn in taken]
        middle = [statistics.median(cpu_ms), min(cpu_ms), max(cpu_ms)]
        middle.append(statistics.median(turn.hot_cpu_ms for turn in taken))
        middle.append(statistics.median(turn.wall_ms for turn in taken))
        beta = statistics.median(turn.beta for turn in taken)
        print(f"{workload:18} {interpreter:16}", *(f"{x:8.3f}" for x in middle), end="")
        print(f" {beta:6.3f} {'on' if any(turn.gil_enabled for turn in taken) else 'off'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m harness.calibrate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("interpreters", nargs="*", metavar="NAME=PYTHON")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORKLOAD")
    parser.add_argument("--config-folder", type=Path, default=Path("config"))
    parser.add_argument("--tasks", type=int, default=40, help="tasks a turn")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--turn", action="store_true", help="one turn, JSON from stdin to stdout")
    options = parser.parse_args(arguments)
    if options.turn:
        turns = _take_turns(json.load(sys.stdin), options.tasks)
        json.dump({name: asdict(turn) for name, turn in turns.items()}, sys.stdout)
        return 0
    interpreters = dict(item.split("=", 1) for item in options.interpreters)
    with tempfile.TemporaryDirectory() as folder:
        entries = _entries_of_config(options.config_folder, options.only, Path(folder))
        _print_table(_repeat(interpreters, entries, options.repetitions, options.tasks))
    return 0


if __name__ == "__main__":
    sys.exit(main())
