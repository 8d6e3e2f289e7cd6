"""What the kernel counts, read from /proc; a counter that does not exist reads as None.

Readers take a path so that tests can give them a fake /proc. Deciding what a reading means
is left to others.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SCHEDSTAT_SAMPLE = 256
#: seconds within which readings count as taken at the same moment, and how often to try
AT_ONCE_S = 0.003
TRIES = 5


def read_text(path: Path) -> str | None:
    """The content of a file of the kernel; None where it does not exist or may not be read."""
    try:
        return path.read_text()
    except OSError:
        return None


def pressure_totals(proc: Path = PROC) -> dict[str, float]:
    """Seconds since boot during which some task waited, for ``cpu``, ``memory`` and ``io``.

    Resources that the kernel keeps no pressure of are absent.
    """
    found = {}
    for resource in ("cpu", "memory", "io"):
        for line in (read_text(proc / "pressure" / resource) or "").splitlines():
            if line.startswith("some"):
                found[resource] = int(line.rpartition("total=")[2]) / 1e6
    return found


def vmstat(proc: Path = PROC) -> dict[str, int]:
    """Counters of the memory management; empty where the kernel has none."""
    lines = (read_text(proc / "vmstat") or "").splitlines()
    return {key: int(value) for key, _, value in (line.partition(" ") for line in lines)}


def difference(later: float | None, earlier: float | None) -> float | None:
    """``later - earlier``, or None when either is unavailable."""
    return None if later is None or earlier is None else later - earlier


def descendants(pid: int, proc: Path = PROC) -> list[int]:
    """``pid`` and every process below it, as far as the kernel tells."""
    found = [pid]
    for parent in found:
        for task in (proc / str(parent) / "task").glob("*/children"):
            text = read_text(task) or ""
            found += [int(child) for child in text.split() if int(child) not in found]
    return found


def children(pid: int, proc: Path = PROC) -> list[int]:
    """Processes that the main thread of ``pid`` has started and not yet collected."""
    text = read_text(proc / str(pid) / "task" / str(pid) / "children") or ""
    return [int(child) for child in text.split()]


def _grown(pids: list[int], proc: Path) -> list[int]:
    """``pids`` with what their main threads have started since."""
    for parent in pids:
        pids += [child for child in children(parent, proc) if child not in pids]
    return pids


def process_cpu_seconds(pids: Iterable[int]) -> float:
    """CPU seconds used so far by living processes, in nanosecond resolution.

    Uses each process's CPU clock (clock id ``~pid << 3 | 2``, see clock_getcpuclockid(3)),
    which includes threads that have ended.
    """
    total = 0.0
    for pid in pids:
        with suppress(OSError):
            total += time.clock_gettime((~pid << 3) | 2)
    return total


@dataclass(frozen=True, slots=True)
class TreeCounters:
    """Counters of a process tree at ``at`` (seconds of ``perf_counter``)."""

    at: float
    cpu_s: float
    run_queue_s: float | None
    threads: int


def read_tree(
    pid: int,
    proc: Path = PROC,
    *,
    known: Sequence[int] = (),
    at_once: Callable[[], float] | None = None,
) -> TreeCounters:
    """CPU time and run-queue wait (schedstat field 2) of a tree.

    ``known`` are processes of the tree found earlier: only the children of main threads are
    then looked for, since finding those of thousands of threads takes tenths of a second.
    ``at_once`` is called right after the CPU clocks were read, for whatever has to be read at
    the same moment, and says when it read (``perf_counter``): both are read again, a few
    times, when this process was kept off the CPU in between.

    With many threads an evenly spread sample of them is read and scaled up, so that
    looking does not disturb what is looked at.
    """
    pids = _grown(list(known), proc) if known else descendants(pid, proc)
    for _ in range(TRIES):
        began = time.perf_counter()
        cpu = process_cpu_seconds(pids)
        at = time.perf_counter()
        if at_once is None or at_once() - began < AT_ONCE_S:
            break
    tasks = [task for member in pids for task in (proc / str(member) / "task").glob("*")]
    sample = tasks[:: max(1, len(tasks) // SCHEDSTAT_SAMPLE)]
    waits = []
    for task in sample:
        if (text := read_text(task / "schedstat")) and len(fields := text.split()) == 3:
            waits.append(int(fields[1]) / 1e9)
    run_queue = sum(waits) * len(tasks) / len(waits) if waits else None
    return TreeCounters(at, cpu, run_queue, len(tasks))


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Memory of a process tree in MiB.

    ``pss`` shares each shared page among its users, ``uss`` counts private pages only,
    ``rss`` counts shared pages once per process.
    """

    pss_mb: float
    uss_mb: float
    rss_mb: float


def read_memory(pids: Iterable[int], proc: Path = PROC) -> MemoryUse | None:
    """Sum of smaps_rollup over ``pids``; None when none of them can be read."""
    totals = {"Pss": 0, "Private_Clean": 0, "Private_Dirty": 0, "Rss": 0}
    seen = False
    for pid in pids:
        for line in (read_text(proc / str(pid) / "smaps_rollup") or "").splitlines():
            key, _, value = line.partition(":")
            if key in totals:
                totals[key] += int(value.split()[0])
                seen = True
    if not seen:
        return None
    return MemoryUse(
        totals["Pss"] / 1024,
        (totals["Private_Clean"] + totals["Private_Dirty"]) / 1024,
        totals["Rss"] / 1024,
    )
