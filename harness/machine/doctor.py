"""What this machine can measure, and what would disturb it: findings with advice in each."""

import os
import resource
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.machine import counters
from harness.machine.cpus import available_cpus
from harness.machine.finding import Check, Finding, finding
from harness.machine.noise import Roots, stat_lines
from harness.machine.surroundings import SURROUNDINGS

PRESSURE_LIMIT_PERCENT = 5.0
DISK_NEEDED_MB = 2000
THREADS_NEEDED = 2100
LARGEST_PINNING = 4


def pressure_avg10(text: str | None) -> float | None:
    """The share of time, in percent over 10 s, that some task waited for a CPU."""
    for line in (text or "").splitlines():
        if line.startswith("some"):
            return float(line.split("avg10=")[1].split()[0])
    return None


def _pressure(roots: Roots) -> Finding:
    average = pressure_avg10(counters.read_text(roots.proc / "pressure" / "cpu"))
    if average is None:
        return Finding("CPU pressure", "unavailable", advice="kernel without PSI: look at top")
    return finding(
        "CPU pressure",
        f"{average:g} % over the last 10 s",
        average > PRESSURE_LIMIT_PERCENT,
        "something else is running: end it, or expect excluded trials",
        serious=True,
    )


def _cores(_: Roots) -> Finding:
    cpus = available_cpus()
    return finding(
        "CPUs",
        f"{len(cpus)} usable of {os.cpu_count()}",
        len(cpus) < LARGEST_PINNING,
        "larger pinnings are listed as not run",
        serious=False,
    )


def _readable(subject: str, name: str, advice: str) -> Check:
    def check(roots: Roots) -> Finding:
        there = (roots.proc / name).exists()
        state = "available" if there else "unavailable"
        return finding(subject, state, not there, advice, serious=False)

    return check


def _steal(roots: Roots) -> Finding:
    there = any(len(fields) > 7 for fields in stat_lines(roots.proc).values())
    return finding(
        "steal time",
        "available" if there else "unavailable",
        not there,
        "time taken by the hypervisor stays empty in the tables",
        serious=False,
    )


def _disk(_: Roots) -> Finding:
    free = shutil.disk_usage(Path()).free // 2**20
    return finding(
        "disk",
        f"{free} MB free here",
        free < DISK_NEEDED_MB,
        "make room: environments and results need about 2 GB",
        serious=True,
    )


def _threads(_: Roots) -> Finding:
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    unlimited = limit == resource.RLIM_INFINITY
    return finding(
        "process and thread limit",
        "unlimited" if unlimited else str(limit),
        not unlimited and limit < THREADS_NEEDED,
        "raise it (ulimit -u), or large pools will be recorded as refused",
        serious=True,
    )


def _system(_: Roots) -> Finding:
    return finding(
        "operating system",
        sys.platform,
        not sys.platform.startswith("linux"),
        "pinning and process control need Linux",
        serious=True,
    )


CHECKS: tuple[Check, ...] = (
    _system,
    _cores,
    _pressure,
    _steal,
    _readable("run-queue wait", "self/schedstat", "kernel without schedstat: column stays empty"),
    _readable("PSS and USS", "self/smaps_rollup", "memory columns stay empty"),
    _threads,
    _disk,
    *SURROUNDINGS,
)


def examine(roots: Roots | None = None, extra: Sequence[Check] = ()) -> list[Finding]:
    """Look at everything once, and at what the caller adds."""
    return [check(roots or Roots()) for check in (*CHECKS, *extra)]


def report(findings: list[Finding]) -> str:
    """Findings as one screen of text: ``!!`` spoils measurements, ``--`` costs something."""
    width = max(len(found.subject) for found in findings)
    return "\n".join(
        f"{found.mark}  {found.subject:<{width}}  {found.state}"
        + (f" - {found.advice}" if found.advice else "")
        for found in findings
    )
