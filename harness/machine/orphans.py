"""Processes that measuring left behind: known by a mark in their environment, and ended.

A trial may start processes that leave its session and so escape every signal sent to it. The
environment of whatever the harness measures therefore names the process that runs it. Once
that one is gone, or has closed the host the trial ran on, what still carries its mark is
nobody's, and would run beside a later trial.
"""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

VARIABLE = "EDGE_GIL_HARNESS_RUNNER"
END_LIMIT_S = 10.0
PROC = Path("/proc")


def started_ticks(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None when there is no such process.

    A zombie counts as gone: it runs nothing. (proc_pid_stat(5), fields 3 and 22)
    """
    try:
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _namespace() -> str:
    """Which process ids are meant: those of one container say nothing in another."""
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return "unknown"


def runner_mark(part: str = "") -> str:
    """The mark of what this process measures, or of one part of it."""
    pid = os.getpid()
    return f"{_namespace()} {pid} {started_ticks(pid)} {part}"


def _mark_of(pid: int) -> str:
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:  # gone, or somebody else's
        return ""
    wanted = f"{VARIABLE}=".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(wanted):
            return entry.removeprefix(wanted).decode(errors="replace")
    return ""


def _runner_is_gone(mark: str) -> bool:
    """Whether a mark names a runner of this machine's that does not live any more."""
    namespace, _, rest = mark.partition(" ")
    numbers = rest.split()[:2]
    if namespace != _namespace() or len(numbers) < 2 or not all(n.isdecimal() for n in numbers):
        return False
    pid, ticks = map(int, numbers)
    return started_ticks(pid) != ticks


def _marked(wanted: Callable[[str], bool]) -> Iterator[int]:
    for entry in PROC.glob("[0-9]*"):
        pid = int(entry.name)
        if pid != os.getpid() and (mark := _mark_of(pid)) and wanted(mark):
            yield pid


def _end(wanted: Callable[[str], bool]) -> list[int]:
    """SIGKILL every process whose mark is wanted, until none is left; returns their pids."""
    ended: list[int] = []
    while found := [pid for pid in _marked(wanted) if started_ticks(pid) is not None]:
        if set(found) <= set(ended):
            break  # killed and waited for: not even SIGKILL ends them now
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                descriptor = os.pidfd_open(pid)
                try:
                    # Looked at again: the pid may have been given to another meanwhile.
                    if wanted(_mark_of(pid)):
                        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                        select.select([descriptor], [], [], END_LIMIT_S)
                finally:
                    os.close(descriptor)
        ended += found
    return ended


def end_part(mark: str) -> list[int]:
    """End what carries exactly this mark; returns the pids. Nothing where /proc is missing."""
    return _end(mark.__eq__)


def end_orphans() -> list[int]:
    """End what runners that are gone left behind; returns the pids.

    To be called by whoever holds the machine: nobody else is measuring then.
    """
    return _end(_runner_is_gone)
