"""Leaves no process behind: adopts orphans and ends them with the trial that made them."""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans(adopt: bool) -> None:
    """Become (or stop being) the parent of descendants whose own parent has ended."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)


def children() -> list[int]:
    """Pids of this process's children; empty where the kernel does not list them."""
    pids: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            pids += [int(pid) for pid in task.read_text().split()]
    return pids


def cpu_seconds() -> float:
    """CPU seconds of this process and of all descendants collected so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def await_end(pid: int) -> None:
    """Wait for the child ``pid`` to end, and leave it to be collected."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def reap(pid: int) -> tuple[int, resource.struct_rusage, int]:
    """Wait for ``pid`` to end, then kill and collect everything it left behind.

    Its process group is killed before the pid is released, so the id cannot have been
    given to somebody else. Descendants that left the group are adopted (see
    :func:`adopt_orphans`) and killed in turn. Returns wait status, resource usage of
    ``pid`` and of the children it waited for, and the number of strays that were killed.
    """
    await_end(pid)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    strays = 0
    while stray_pids := children():
        for stray in stray_pids:
            with suppress(ProcessLookupError):
                os.kill(stray, signal.SIGKILL)
        for stray in stray_pids:
            with suppress(ChildProcessError):
                os.waitpid(stray, 0)
                strays += 1
    return status, usage, strays
