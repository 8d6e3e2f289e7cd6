"""A soak of the adaptive executor, run by hand: tiny tasks by the million, then changing phases.

    python tests/runtime/soak.py [--tasks 10000000] [--minutes 30]

Standard library only, on any supported interpreter. Exits with 1 when a result was lost or
doubled, or when threads, descriptors or memory have grown. Memory is taken with one malloc
arena: glibc gives threads that come and go up to eight arenas a core, and what is free in one
cannot be used by another, so that resident memory creeps up by some 10 MB in half an hour
while the number of Python's memory blocks stays the same.
"""

import argparse
import gc
import itertools
import os
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from harness.runtime import AdaptiveThreadPoolExecutor

CHUNK = 20_000
POPULATION = 96
PHASE_S = 5.0
#: iterations of a loop, and seconds of sleep
PHASES = ((3_000, 0.02), (30_000, 0.005), (100_000, 0.0), (0, 0.05), (1_000, 0.001))
ALLOWED_KB = 4_096
ALLOWED_BLOCKS = 10_000


def footprint() -> tuple[int, int, int, int]:
    """Threads, open descriptors, resident kilobytes, Python's memory blocks."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    descriptors = len(os.listdir("/proc/self/fd"))
    return (
        threading.active_count(),
        descriptors,
        int(resident.split()[1]),
        sys.getallocatedblocks(),
    )


def tiny(tasks: int) -> int:
    """Submit ``tasks`` numbers and check that each comes back once; the number of errors."""
    errors = 0
    with AdaptiveThreadPoolExecutor() as pool:
        for first in range(0, tasks, CHUNK):
            numbers = range(first, min(first + CHUNK, tasks))
            futures = [pool.submit(abs, number) for number in numbers]
            errors += sum(f.result() != n for f, n in zip(futures, numbers, strict=True))
        for _ in range(100):  # the last worker counts its task a moment after its result is there
            if pool.stats().completed == tasks:
                break
            time.sleep(0.01)
        errors += abs(pool.stats().completed - tasks)
    return errors


def phases(seconds: float) -> tuple[int, int]:
    """A closed loop whose tasks change every ``PHASE_S``; errors and tasks run."""
    started = time.monotonic()
    end = started + seconds
    submitted, begun, ended = itertools.count(), itertools.count(), itertools.count()
    idle = threading.Semaphore(0)

    def work(number: int) -> int:
        next(begun)
        loops, sleep = PHASES[int((time.monotonic() - started) / PHASE_S) % len(PHASES)]
        for _ in range(loops):
            pass
        if sleep:
            time.sleep(sleep)
        return number

    with AdaptiveThreadPoolExecutor() as pool:

        def again(future: Future[int]) -> None:
            next(ended)
            if time.monotonic() < end:
                submit()
            else:
                idle.release()

        def submit() -> None:
            pool.submit(work, next(submitted)).add_done_callback(again)

        for _ in range(POPULATION):
            submit()
        for _ in range(POPULATION):
            idle.acquire()
    counts = [next(counter) for counter in (submitted, begun, ended)]
    return max(counts) - min(counts), counts[0]


def main() -> int:
    """Run both parts after a warm-up, and compare footprints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000_000)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    if os.environ.get("MALLOC_ARENA_MAX") != "1":
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "MALLOC_ARENA_MAX": "1"})
    tiny(200_000)
    phases(2 * PHASE_S)
    before = footprint()
    began = time.monotonic()
    errors = tiny(options.tasks)
    between = time.monotonic()
    print(f"{options.tasks} tiny tasks in {between - began:.0f} s, {errors} lost or doubled")
    phase_errors, tasks = phases(options.minutes * 60)
    print(f"{tasks} tasks of changing phases, {phase_errors} lost or doubled")
    after = footprint()
    print(f"threads, descriptors, kB, blocks: {before} before, {after} after")
    allowed = (0, 0, ALLOWED_KB, ALLOWED_BLOCKS)
    grown = any(a > b + more for a, b, more in zip(after, before, allowed, strict=True))
    return int(errors + phase_errors > 0 or grown)


if __name__ == "__main__":
    sys.exit(main())
