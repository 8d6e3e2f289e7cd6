"""What the kernel counts, read from /proc; a counter that does not exist reads as None.

Readers take a path so that tests can give them a fake /proc. Deciding what a reading means
is left to others.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SCHEDSTAT_SAMPLE = 256


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class SystemCounters:
    """Counters of the whole machine since boot; None where the kernel has none.

    ``busy_s`` and ``steal_s`` in CPU seconds over all CPUs (resolution: a clock tick),
    ``pressure_s`` seconds during which some task waited for a CPU.
    """

    busy_s: float | None
    steal_s: float | None
    pressure_s: float | None
    oom_kills: int | None


def read_system(proc: Path = PROC) -> SystemCounters:
    """Read the machine's counters now."""
    busy = steal = pressure = None
    oom_kills = None
    if text := _text(proc / "stat"):
        # cpu user nice system idle iowait irq softirq steal guest guest_nice
        fields = [int(field) for field in text.split("\n", 1)[0].split()[1:]]
        tick = os.sysconf("SC_CLK_TCK")
        busy = (sum(fields[:3]) + sum(fields[5:7])) / tick
        steal = fields[7] / tick if len(fields) > 7 else None
    if (text := _text(proc / "pressure" / "cpu")) is not None:
        for line in text.splitlines():
            if line.startswith("some"):
                pressure = int(line.rpartition("total=")[2]) / 1e6
    if (text := _text(proc / "vmstat")) is not None:
        for line in text.splitlines():
            if line.startswith("oom_kill "):
                oom_kills = int(line.split()[1])
    return SystemCounters(busy, steal, pressure, oom_kills)


def difference(later: float | None, earlier: float | None) -> float | None:
    """``later - earlier``, or None when either is unavailable."""
    return None if later is None or earlier is None else later - earlier


def descendants(pid: int, proc: Path = PROC) -> list[int]:
    """``pid`` and every process below it, as far as the kernel tells."""
    found = [pid]
    for parent in found:
        for task in (proc / str(parent) / "task").glob("*/children"):
            text = _text(task) or ""
            found += [int(child) for child in text.split() if int(child) not in found]
    return found


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


def read_tree(pid: int, proc: Path = PROC) -> TreeCounters:
    """CPU time and run-queue wait (schedstat field 2) of a tree.

    With many threads an evenly spread sample of them is read and scaled up, so that
    looking does not disturb what is looked at.
    """
    pids = descendants(pid, proc)
    cpu = process_cpu_seconds(pids)
    at = time.perf_counter()
    tasks = [task for member in pids for task in (proc / str(member) / "task").glob("*")]
    sample = tasks[:: max(1, len(tasks) // SCHEDSTAT_SAMPLE)]
    waits = []
    for task in sample:
        if (text := _text(task / "schedstat")) and len(fields := text.split()) == 3:
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
        for line in (_text(proc / str(pid) / "smaps_rollup") or "").splitlines():
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
