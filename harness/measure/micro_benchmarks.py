"""Runs the pyperf micro-benchmarks on every interpreter, holding the machine."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.base.errors import RefusedError
from harness.machine.lock import machine_lock
from harness.measure.watch import worker_environment
from harness.measure.worker_python import WorkerPython

# Fewer processes than pyperf's twenty: seconds rather than minutes per interpreter.
PRECISION = {
    "smoke": ["--debug-single-value"],
    "paper": ["--processes=20"],
}
DEFAULT_PRECISION = ["--processes=5", "--values=3", "--warmups=1", "--min-time=0.05"]


class MicroBenchmarkError(RefusedError):
    """A micro-benchmark did not end well; the message holds its last output."""


def run_micro_benchmarks(
    interpreters: Mapping[str, WorkerPython], folder: Path, preset: str, cpus: Sequence[int]
) -> None:
    """Write ``folder/micro-<interpreter>.json`` in pyperf's format for each interpreter."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, worker in interpreters.items():
        target = folder / f"micro-{name}.json"
        temporary = target.with_name(f".{target.name}.tmp")
        temporary.unlink(missing_ok=True)  # pyperf refuses to write over a file
        command = [
            str(worker.python),
            "-m",
            "harness.trial.micro",
            f"--affinity={cpus[-1]}",
            "--inherit-environ=" + ",".join(["PYTHONPATH", "PYTHONHASHSEED", *worker.environment]),
            "--quiet",
            *PRECISION.get(preset, DEFAULT_PRECISION),
            "-o",
            str(temporary),
        ]
        with machine_lock(f"micro-benchmarks on {name}") as lock_fd:
            done = subprocess.run(
                command,
                env=worker_environment(worker.environment),
                pass_fds=(lock_fd,),
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            raise MicroBenchmarkError(f"{name}: {done.stderr[-1000:] or done.stdout[-1000:]}")
        temporary.replace(target)
