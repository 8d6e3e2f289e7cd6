"""``calibrate``: a workload's CPU part and its contention-free blocking ratio.

One worker, pinned to one core, runs a workload's tasks back to back and sleeps their waits.
The blocking ratio is beta = 1 - CPU time / wall time of a task; without contention it is the
workload's own: Z / (Z + C) for a wait Z and a CPU part C. Time that the thread spent runnable
but waiting for the core, because something else ran there, is no part of either and is taken
off the wall time (the kernel counts it in schedstat).

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
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.commands.options import Commands, add_command, add_config_folder
from harness.trial.calibration import Entry, Turn

ROOT = Path(__file__).resolve().parents[2]
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "measure workloads alone: CPU time and blocking ratio of a task"
    command = add_command(commands, "calibrate", _calibrate, text)
    command.description = __doc__
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("interpreters", nargs="*", metavar="NAME=PYTHON")
    command.add_argument("--only", nargs="+", default=[], metavar="WORKLOAD")
    add_config_folder(command)
    command.add_argument("--tasks", type=int, default=40, help="tasks a turn")
    command.add_argument("--repetitions", type=int, default=7)


def _calibrate(options: argparse.Namespace) -> int:
    interpreters = dict(item.split("=", 1) for item in options.interpreters)
    with tempfile.TemporaryDirectory() as folder:
        entries = _entries(options.config_folder, options.only, Path(folder))
        _print_table(_repeat(interpreters, entries, options.repetitions, options.tasks))
    return 0


def _entries(settings: Path, only: Sequence[str], folder: Path) -> dict[str, Entry]:
    """The workloads of a configuration's folder, all or some; puts a model they need in folder."""
    from harness.design.provide_model import provide_model
    from harness.design.workloads import read_workloads

    workloads = read_workloads(settings)
    entries: dict[str, Entry] = {}
    for name in only or workloads:
        model = workloads[name].model if workloads[name].needs_model else None
        place = {} if model is None else provide_model(model, folder)
        parameters = {**workloads[name].parameters, **place}
        entries[name] = {"file": str(workloads[name].path), "parameters": parameters}
    return entries


def _turns_elsewhere(python: str, entries: Mapping[str, Entry], tasks: int) -> dict[str, Turn]:
    """Let another interpreter take a turn; raises ``CalledProcessError`` when it fails."""
    done = subprocess.run(
        [python, "-m", "harness.trial.calibration", str(tasks)],
        input=json.dumps(entries),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | SINGLE_THREADED,
    )
    return {name: Turn(**turn) for name, turn in json.loads(done.stdout).items()}


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
