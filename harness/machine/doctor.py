"""What this machine can measure, and what would disturb it: findings with advice in each."""

import os
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.machine import counters
from harness.machine.noise import stat_lines
from harness.plan import available_cpus

PRESSURE_LIMIT_PERCENT = 5.0
DISK_NEEDED_MB = 2000
THREADS_NEEDED = 2100
LARGEST_PINNING = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``serious`` means that measurements would suffer."""

    subject: str
    state: str
    serious: bool = False
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def pressure_avg10(text: str | None) -> float | None:
    """The share of time, in percent over 10 s, that some task waited for a CPU."""
    for line in (text or "").splitlines():
        if line.startswith("some"):
            return float(line.split("avg10=")[1].split()[0])
    return None


def _finding(subject: str, state: str, problem: bool, advice: str, *, serious: bool) -> Finding:
    """A finding that carries its advice only when there is a problem."""
    return Finding(subject, state, problem and serious, advice if problem else "")


def _pressure(proc: Path) -> Finding:
    try:
        average = pressure_avg10((proc / "pressure" / "cpu").read_text())
    except OSError:
        average = None
    if average is None:
        return Finding("CPU pressure", "unavailable", advice="kernel without PSI: look at top")
    return _finding(
        "CPU pressure",
        f"{average:g} % over the last 10 s",
        average > PRESSURE_LIMIT_PERCENT,
        "something else is running: end it, or expect excluded trials",
        serious=True,
    )


def _cores(_: Path) -> Finding:
    cpus = available_cpus()
    return _finding(
        "CPUs",
        f"{len(cpus)} usable of {os.cpu_count()}",
        len(cpus) < LARGEST_PINNING,
        "larger pinnings are listed as not run",
        serious=False,
    )


def _readable(subject: str, name: str, advice: str) -> Callable[[Path], Finding]:
    def check(proc: Path) -> Finding:
        there = (proc / name).exists()
        state = "available" if there else "unavailable"
        return _finding(subject, state, not there, advice, serious=False)

    return check


def _steal(proc: Path) -> Finding:
    there = any(len(fields) > 7 for fields in stat_lines(proc).values())
    return _finding(
        "steal time",
        "available" if there else "unavailable",
        not there,
        "time taken by the hypervisor stays empty in the tables",
        serious=False,
    )


def _disk(_: Path) -> Finding:
    free = shutil.disk_usage(Path()).free // 2**20
    return _finding(
        "disk",
        f"{free} MB free here",
        free < DISK_NEEDED_MB,
        "make room: environments and results need about 2 GB",
        serious=True,
    )


def _threads(_: Path) -> Finding:
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    unlimited = limit == resource.RLIM_INFINITY
    return _finding(
        "process and thread limit",
        "unlimited" if unlimited else str(limit),
        not unlimited and limit < THREADS_NEEDED,
        "raise it (ulimit -u), or large pools will be recorded as refused",
        serious=True,
    )


def _system(_: Path) -> Finding:
    return _finding(
        "operating system",
        sys.platform,
        not sys.platform.startswith("linux"),
        "pinning and process control need Linux",
        serious=True,
    )


CHECKS: tuple[Callable[[Path], Finding], ...] = (
    _system,
    _cores,
    _pressure,
    _steal,
    _readable("run-queue wait", "self/schedstat", "kernel without schedstat: column stays empty"),
    _readable("PSS and USS", "self/smaps_rollup", "memory columns stay empty"),
    _threads,
    _disk,
)


def examine(proc: Path = counters.PROC) -> list[Finding]:
    """Look at everything once."""
    return [check(proc) for check in CHECKS]


def report(findings: list[Finding]) -> str:
    """Findings as one screen of text."""
    width = max(len(finding.subject) for finding in findings)
    return "\n".join(
        f"{'!!' if finding.serious else 'ok'}  {finding.subject:<{width}}  {finding.state}"
        + (f" - {finding.advice}" if finding.advice else "")
        for finding in findings
    )
