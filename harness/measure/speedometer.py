"""How fast each CPU is while a trial runs: a tiny spin every few milliseconds.

A neighbour on the sibling hyper-thread slows a virtual CPU by a factor of up to 1.7, for
tenths of a second to minutes, without any steal time or other trace in the guest. A process
pinned to each measured CPU therefore spins about one per cent of the time and notes how many
loop iterations it got per microsecond of its own CPU time: waiting for the CPU does not
count, so the rate does not depend on what the trial does. The analysis uses it as a covariate.

Run as ``python -m harness.measure.speedometer --cpu N --descriptor FD``. The shared memory
holds, as float64: [0] the number of samples written so far, then a ring of (time, rate) pairs
with times in seconds of ``perf_counter``.
"""

import argparse
import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

import numpy as np

from harness.base.lifeline import die_with_parent
from harness.measure.watch import shared_memory_folder, worker_environment

PERIOD_S = 0.01
ITERATIONS = 2000
RING = 65_536
SLOTS = 1 + 2 * RING


def _spin(iterations: int) -> None:
    x = 0
    for step in range(iterations):
        x += step


def record(cpu: int, descriptor: int) -> None:
    """Sample until killed."""
    os.sched_setaffinity(0, {cpu})
    view = memoryview(mmap.mmap(descriptor, SLOTS * 8)).cast("d")
    written = 0
    while True:
        time.sleep(PERIOD_S)
        started = time.thread_time()
        _spin(ITERATIONS)
        spent = time.thread_time() - started
        slot = 1 + 2 * (written % RING)
        view[slot] = time.perf_counter()
        view[slot + 1] = ITERATIONS / spent / 1e6
        written += 1
        view[0] = written


class Speedometer:
    """Samples the speed of some CPUs from construction to :meth:`close`. A context manager."""

    def __init__(self, cpus: Sequence[int], inherit: Sequence[int] = ()) -> None:
        self._memory: dict[int, mmap.mmap] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        parent = os.getpid()
        for cpu in cpus:
            with tempfile.TemporaryFile(dir=shared_memory_folder()) as file:
                file.truncate(SLOTS * 8)
                self._memory[cpu] = mmap.mmap(file.fileno(), SLOTS * 8)
                self._processes.append(
                    subprocess.Popen(
                        [
                            *(sys.executable, "-m", "harness.measure.speedometer"),
                            *(f"--cpu={cpu}", f"--descriptor={file.fileno()}"),
                        ],
                        env=worker_environment({}),
                        pass_fds=(file.fileno(), *inherit),
                        start_new_session=True,
                        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - no threads
                    )
                )

    def rate(self, cpus: Sequence[int], start: float, end: float) -> float | None:
        """Mean iterations per microsecond over ``cpus`` between two times of ``perf_counter``.

        None when some CPU has no sample in between.
        """
        means = []
        for cpu in cpus:
            ring = np.frombuffer(self._memory[cpu], dtype=np.float64)[1:].reshape(RING, 2).copy()
            inside = (ring[:, 0] >= start) & (ring[:, 0] < end)
            if not inside.any():
                return None
            means.append(float(ring[inside, 1].mean()))
        return float(np.mean(means))

    @property
    def pids(self) -> list[int]:
        """The sampling processes."""
        return [process.pid for process in self._processes]

    def close(self) -> None:
        """End the sampling processes."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
        for memory in self._memory.values():
            memory.close()

    def __enter__(self) -> "Speedometer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def main() -> None:
    """Run the sampling process."""
    parser = argparse.ArgumentParser(prog="python -m harness.measure.speedometer")
    parser.add_argument("--cpu", type=int, required=True)
    parser.add_argument("--descriptor", type=int, required=True)
    arguments = parser.parse_args()
    die_with_parent()
    record(arguments.cpu, arguments.descriptor)


if __name__ == "__main__":
    main()
