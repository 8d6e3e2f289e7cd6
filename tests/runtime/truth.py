"""What the profiler and the pool say of tasks that wake together, held against the truth.

``python -m tests.runtime.truth`` runs, on every build at hand, tasks that sleep for a fixed
time and then compute for a known time by their thread's own clock, all started together
behind a barrier, and prints what was estimated beside what was so. The truth comes from the
tasks' own clocks and knows nothing of samples. Over all tasks of all threads::

    B  wall seconds: in the tasks (profiler); from a worker's first task to its last (pool)
    C  CPU seconds of the same threads over the same time
    R  their seconds in a run queue (schedstat)
    Z  tasks x (sleep + lateness)
    G  B - C - R - Z, at least 0; 0 on a build without a GIL

The lateness is how much longer than asked for the same sleep takes in a thread that has the
interpreter to itself (timer slack, the way out of the kernel): the median, measured before
each case. "Enough" is the model's size for a = Z/C and c, the cores that are in use where
(G + R)/B says that they are fought for, else what the build can use.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from harness.runtime import AdaptiveThreadPoolExecutor
from harness.runtime.decomposition import Window
from harness.runtime.estimate import RATIO_RANGE, SATURATED
from harness.runtime.policy import Policy
from harness.runtime.probes import (
    ProcReader,
    ThreadIdentity,
    ThreadProbe,
    cpus_granted,
    gil_enabled,
)
from harness.runtime.profile import Profile
from harness.runtime.queueing_network import enough_workers
from tests import ROOT

SLEEPS_MS = (1.0, 10.0, 50.0)
CPUS_MS = (0.0, 0.02, 0.2, 2.0)
THREADS = (2, 4, 6, 16, 64)
SECONDS = 1.3
#: what an executor spends on a task besides, for guessing how many tasks a run takes
OVERHEAD_S = 30e-6
SHARE_WITHIN = 0.05
SIZE_WITHIN = 1.5
MOST_THREADS = 10_000
WANTED = 0.95


class Case(NamedTuple):
    """Tasks of one kind on a number of threads, watched by ``tool``: profiler or pool."""

    tool: str
    sleep_ms: float
    cpu_ms: float
    threads: int


class Outcome(NamedTuple):
    """Truth and estimate of one run; shares are of occupied time."""

    gil_share: float
    gil_share_true: float
    enough: int
    enough_true: int
    run_queue_share: float
    cores_used: float
    capacity: float

    @property
    def share_is_right(self) -> bool:
        """Whether the GIL share is near enough."""
        return abs(self.gil_share - self.gil_share_true) <= SHARE_WITHIN

    @property
    def size_is_right(self) -> bool:
        """Whether the size is near enough."""
        factor = math.log(self.enough / self.enough_true)
        return abs(factor) <= math.log(SIZE_WITHIN) + 1e-9


class Truth:
    """Adds up what tasks know about themselves: one record a thread, written by it alone."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._here = threading.local()
        self.records: list[_Record] = []
        self.until = math.inf

    def task(self) -> None:
        """Sleep, compute, write down."""
        record: _Record | None = getattr(self._here, "record", None)
        if record is None:
            record = self._here.record = _Record()
            self.records.append(record)
        began = time.perf_counter()
        if began > self.until:
            return
        cpu_began = time.thread_time()
        if record.tasks == 0:
            record.first = (began, cpu_began, record.run_queue())
        time.sleep(self._case.sleep_ms * 1e-3)
        cpu_ms = self._case.cpu_ms
        if cpu_ms:
            end, x = time.thread_time() + cpu_ms * 1e-3, 0
            while time.thread_time() < end:
                for i in range(20):
                    x += i
        run_queue = record.run_queue()
        cpu, ended = time.thread_time(), time.perf_counter()
        record.tasks += 1
        record.cpu_seconds += cpu - cpu_began
        record.wall_seconds += ended - began
        record.last = (ended, cpu, run_queue)


class _Record:
    """A thread's own sums; ``first`` and ``last``: wall, CPU and run-queue clocks."""

    def __init__(self) -> None:
        identity = ThreadIdentity.of_caller(threading.get_ident(), threading.get_native_id())
        self._probe = ThreadProbe(ProcReader(), identity)
        self.tasks = 0
        self.wall_seconds = self.cpu_seconds = 0.0
        self.first = self.last = (0.0, 0.0, 0.0)

    def run_queue(self) -> float:
        """The thread's run-queue seconds so far."""
        return self._probe.run_queue_seconds() or 0.0

    def close(self) -> None:
        """Close the thread's files."""
        self._probe.close()


def lateness(sleep_ms: float) -> float:
    """Seconds a sleep takes beyond what was asked for, with the GIL free."""
    case = Case("", sleep_ms, 0.0, 1)
    late = []
    for _ in range(max(5, min(60, int(200 / sleep_ms)))):
        one = Truth(case)
        one.task()
        (record,) = one.records
        record.close()
        queued = record.last[2] - record.first[2]
        late.append(record.wall_seconds - record.cpu_seconds - queued - sleep_ms * 1e-3)
    return max(0.0, median(late))


def run(case: Case, seconds: float) -> Outcome:
    """One run of a case."""
    late = lateness(case.sleep_ms)
    truth = Truth(case)
    each = (case.sleep_ms + case.cpu_ms) * 1e-3
    busy = case.cpu_ms * 1e-3 + OVERHEAD_S
    cores = 1.0 if gil_enabled() else cpus_granted()
    tasks = math.ceil(seconds * min(case.threads / each, cores / busy)) + case.threads
    watch = _profiler if case.tool == "profiler" else _pool
    said = watch(case, truth, tasks, seconds)
    for record in truth.records:
        record.close()
    return _held_against(case, truth, late, said)


class _Said(NamedTuple):
    """What a tool said; ``most``: the size could not be larger."""

    gil_share: float
    enough: int
    capacity: float
    most: int


def _start_together(pool: Executor, case: Case, truth: Truth, tasks: int) -> Callable[[], None]:
    """Occupy every thread, queue the tasks; what is returned lets them go."""
    inside, go = threading.Barrier(case.threads + 1), threading.Event()

    def stand_by() -> None:
        inside.wait()
        go.wait()

    for _ in range(case.threads):
        pool.submit(stand_by)
    inside.wait()
    return go.set


def _profiler(case: Case, truth: Truth, tasks: int, seconds: float) -> _Said:
    with ThreadPoolExecutor(case.threads) as pool:
        release = _start_together(pool, case, truth, tasks)
        with Profile() as profile:
            for _ in range(tasks):
                pool.submit(truth.task)
            release()
            time.sleep(seconds)
            (row,) = profile.report().pools
            truth.until = 0.0
    share, enough = row.total.gil_wait_share, row.enough_threads
    if share is None or enough is None:  # too few samples is not near enough, either
        share, enough = 1.0, 1
    most = min(MOST_THREADS, row.total.calls + row.total.in_flight)
    return _Said(share, enough, row.capacity, most)


def _pool(case: Case, truth: Truth, tasks: int, seconds: float) -> _Said:
    with AdaptiveThreadPoolExecutor(
        case.threads, min_workers=case.threads, keep_together=False
    ) as pool:
        release = _start_together(pool, case, truth, tasks)
        for _ in range(tasks):
            pool.submit(truth.task)
        governor = pool._pool.governor
        with governor._tick:  # what was seen of the wait for the start is not asked for
            governor.recent = Window()
            governor.controller.estimate.forget_phase()
            governor._begin_window()
        release()
        time.sleep(seconds)
        stats = pool.stats()
        estimate = governor.controller.estimate
        enough = enough_workers(estimate.ratio, estimate.capacity, Policy().spare, MOST_THREADS)
        truth.until = 0.0
    return _Said(stats.gil_wait_share, enough, stats.capacity, MOST_THREADS)


def _held_against(case: Case, truth: Truth, late: float, said: _Said) -> Outcome:
    records = [record for record in truth.records if record.tasks]
    tasks = sum(record.tasks for record in records)
    spans = [record.last[0] - record.first[0] for record in records]
    run_queue = sum(record.last[2] - record.first[2] for record in records)
    if case.tool == "profiler":
        wall = sum(record.wall_seconds for record in records)
        cpu = sum(record.cpu_seconds for record in records)
    else:
        wall = sum(spans)
        cpu = sum(record.last[1] - record.first[1] for record in records)
    blocked = tasks * (case.sleep_ms * 1e-3 + late)
    gil = max(0.0, wall - cpu - run_queue - blocked) if gil_enabled() else 0.0
    used = cpu / max(spans)
    capacity = 1.0 if gil_enabled() else cpus_granted()
    capacity = used if (gil + run_queue) / wall > SATURATED else max(capacity, used)
    ratio = min(RATIO_RANGE[1], max(RATIO_RANGE[0], blocked / cpu))
    return Outcome(
        said.gil_share,
        gil / wall,
        said.enough,
        enough_workers(ratio, capacity, Policy().spare, said.most),
        run_queue / wall,
        used,
        said.capacity,
    )


def cases(arguments: argparse.Namespace) -> Iterator[Case]:
    """Every combination asked for."""
    for one in product(arguments.tools, arguments.sleeps, arguments.cpus, arguments.threads):
        yield Case(*one)


def _table(build: str, rows: list[tuple[Case, Outcome]]) -> None:
    print(f"\n{build}")
    print("tool      sleep    cpu threads | GIL share  true | enough  true |    R     U     c")
    for case, found in rows:
        wrong = ("" if found.share_is_right else " share") + (
            "" if found.size_is_right else " size"
        )
        print(
            f"{case.tool:8} {case.sleep_ms:6g} {case.cpu_ms:6g} {case.threads:7} |"
            f" {found.gil_share:9.3f} {found.gil_share_true:5.3f} |"
            f" {found.enough:6} {found.enough_true:5} |"
            f" {found.run_queue_share:4.2f} {found.cores_used:5.2f} {found.capacity:5.2f}{wrong}"
        )


def _summary(name: str, outcomes: list[Outcome]) -> None:
    shares = sum(outcome.share_is_right for outcome in outcomes) / len(outcomes)
    sizes = sum(outcome.size_is_right for outcome in outcomes) / len(outcomes)
    worst = max(abs(outcome.gil_share - outcome.gil_share_true) for outcome in outcomes)
    factor = max(abs(math.log(outcome.enough / outcome.enough_true)) for outcome in outcomes)
    print(
        f"{name:24} {len(outcomes):4} runs: GIL share within {SHARE_WITHIN} in {shares:6.1%}"
        f" (worst {worst:.3f}), enough within {SIZE_WITHIN} in {sizes:6.1%}"
        f" (worst factor {math.exp(factor):.1f})"
    )


def _on_build(python: str, arguments: argparse.Namespace) -> list[tuple[Case, Outcome]]:
    command = [python, "-m", "tests.runtime.truth", "--here"]
    for name in ("tools", "sleeps", "cpus", "threads"):
        command += [f"--{name}", *map(str, getattr(arguments, name))]
    command += ["--seconds", str(arguments.seconds), "--repeats", str(arguments.repeats)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [(Case(*case), Outcome(*outcome)) for case, outcome in lines]


def _pythons() -> list[str]:
    from tests.runtime.interpreters import RUNNING, interpreter

    found = [interpreter(name) for name in (RUNNING, "cpython-3.13t")]
    return [str(one[0]) for one in found if one is not None]


def main(arguments: list[str] | None = None) -> int:
    """Run the table; 0 when enough runs were right, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", nargs="+", help="interpreters; default: those at hand")
    parser.add_argument("--tools", nargs="+", default=["profiler", "pool"])
    parser.add_argument("--sleeps", nargs="+", type=float, default=SLEEPS_MS, help="in ms")
    parser.add_argument("--cpus", nargs="+", type=float, default=CPUS_MS, help="in ms")
    parser.add_argument("--threads", nargs="+", type=int, default=THREADS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.here:
        for case in cases(chosen):
            for _ in range(chosen.repeats):
                print(json.dumps([case, run(case, chosen.seconds)]), flush=True)
        return 0
    everything: list[Any] = []
    for python in chosen.python or _pythons():
        rows = _on_build(python, chosen)
        _table(python, rows)
        everything += [(python, *row) for row in rows]
    print()
    for python, tool in product(dict.fromkeys(row[0] for row in everything), chosen.tools):
        found = [outcome for one, case, outcome in everything if (one, case.tool) == (python, tool)]
        _summary(f"{Path(python).parent.parent.name[-15:]} {tool}", found)
    pooled = [outcome for _, _, outcome in everything]
    _summary("all", pooled)
    right = min(
        sum(outcome.share_is_right for outcome in pooled),
        sum(outcome.size_is_right for outcome in pooled),
    )
    return 0 if right >= WANTED * len(pooled) else 1


if __name__ == "__main__":
    sys.exit(main())
