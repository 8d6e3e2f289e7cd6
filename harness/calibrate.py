"""Measures a workload's CPU part and its contention-free blocking ratio.

One worker, pinned to one core, runs a workload's tasks back to back and sleeps their waits.
The blocking ratio is beta = 1 - CPU time / wall time of a task, both on the thread's clocks;
without contention it is the workload's own: Z / (Z + C) for a wait Z and a CPU part C.

    python -m harness.calibrate cpython-3.12=/path/to/python [cpython-3.13t=…]

Interpreters take turns within each repetition, each turn a fresh process, because a shared
machine changes speed by the second. The printed values are medians over the repetitions, with
the smallest and the largest CPU part beside them as a measure of how restless the machine was.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from harness.workload import Workload, load_workload

ROOT = Path(__file__).resolve().parents[1]
WARMUP_TASKS = 3
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Entry(TypedDict):
    """What a turn needs to know of a workload: its file and the arguments of its ``setup``."""

    file: str
    parameters: dict[str, object]


@dataclass(frozen=True)
class Turn:
    """One workload on one interpreter in one repetition; times are medians over its tasks."""

    cpu_ms: float
    wall_ms: float
    beta: float
    gil_enabled: bool


def measure(workload: Workload, tasks: int) -> Turn:
    """Run ``tasks`` tasks alone on the calling thread, after a few for warming up."""
    cpu_s: list[float] = []
    wall_s: list[float] = []
    for index in range(WARMUP_TASKS + tasks):
        wall_start, cpu_start = time.perf_counter(), time.thread_time()
        for wait_s in workload.task(index):
            time.sleep(wait_s)
        cpu_s.append(time.thread_time() - cpu_start)
        wall_s.append(time.perf_counter() - wall_start)
    cpu = statistics.median(cpu_s[WARMUP_TASKS:])
    wall = statistics.median(wall_s[WARMUP_TASKS:])
    # Absent before 3.13, where the GIL cannot be off.
    gil_enabled = bool(getattr(sys, "_is_gil_enabled", lambda: True)())
    return Turn(1e3 * cpu, 1e3 * wall, 1 - cpu / wall, gil_enabled)


def _take_turns(entries: Mapping[str, Entry], tasks: int) -> dict[str, Turn]:
    """The worker's side: every workload once, on one core."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return {
        name: measure(load_workload(ROOT / "workloads" / e["file"], e["parameters"]), tasks)
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


def _entries_of_config(only: Sequence[str]) -> dict[str, Entry]:
    """The workloads of config/workloads.yaml, all or some; generates the model they need."""
    import yaml

    from harness.model import build_mobilenet_v2, verify_model

    config = yaml.safe_load((ROOT / "config" / "workloads.yaml").read_text())["workloads"]
    entries: dict[str, Entry] = {}
    for name in only or config:
        parameters = dict(config[name]["parameters"])
        if config[name]["needs_model"]:
            model = config[name]["model"]
            if model["path"] is None:
                path = ROOT / "results" / "models" / "calibrate.onnx"
                sha256 = build_mobilenet_v2(path, model["image_size"], model["seed"])
            else:
                path, sha256 = Path(model["path"]), model["sha256"]
                verify_model(path, sha256)
            parameters |= {"model_path": str(path), "model_sha256": sha256}
        entries[name] = {"file": config[name]["file"], "parameters": parameters}
    return entries


def _print_table(turns: Mapping[tuple[str, str], Sequence[Turn]]) -> None:
    print(f"{'workload':18} {'interpreter':16} {'cpu_ms':>8} {'min':>8} {'max':>8}", end="")
    print(f" {'wall_ms':>8} {'beta':>6} gil")
    for (workload, interpreter), taken in sorted(turns.items()):
        cpu_ms = [turn.cpu_ms for turn in taken]
        middle = [statistics.median(cpu_ms), min(cpu_ms), max(cpu_ms)]
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
    parser.add_argument("--tasks", type=int, default=40, help="tasks a turn")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--turn", action="store_true", help="one turn, JSON from stdin to stdout")
    options = parser.parse_args(arguments)
    if options.turn:
        turns = _take_turns(json.load(sys.stdin), options.tasks)
        json.dump({name: asdict(turn) for name, turn in turns.items()}, sys.stdout)
        return 0
    interpreters = dict(item.split("=", 1) for item in options.interpreters)
    entries = _entries_of_config(options.only)
    taken: dict[tuple[str, str], list[Turn]] = {}
    for _ in range(options.repetitions):
        for workload, entry in entries.items():
            for interpreter, python in interpreters.items():
                turn = _turns_elsewhere(python, {workload: entry}, options.tasks)[workload]
                taken.setdefault((workload, interpreter), []).append(turn)
    _print_table(taken)
    return 0


if __name__ == "__main__":
    sys.exit(main())
