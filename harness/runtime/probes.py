"""Reading other threads' counters without giving the GIL away.

A read through ``os`` releases the GIL, and under contention getting it back costs up to a
switch interval for every other waiter. Everything here is called through ``ctypes.PyDLL``,
which keeps it. Linux only; :func:`open_reader` answers None where a probe does not exist.
"""

import os
import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple

_LINE_BYTES = 160


def gil_enabled() -> bool:
    """Whether this interpreter runs with a GIL right now; an import can switch it on."""
    probe = getattr(sys, "_is_gil_enabled", None)
    return True if probe is None else bool(probe())


def cpus_granted() -> float:
    """CPU time a second this process may use, in cores: its affinity or its cgroup's quota.

    ``os.process_cpu_count`` knows nothing of quotas.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = float(len(os.sched_getaffinity(0)))
    else:
        cores = float(os.cpu_count() or 1)
    return min([cores, *_cgroup_quotas("/proc/self/cgroup", "/sys/fs/cgroup")])


def read_text(path: str) -> str:
    """A small file's contents; raises ``OSError``."""
    # not pathlib: importing it costs a pool 0.8 MB
    with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123
        return file.read()


def _cgroup_quotas(membership: str, mount: str) -> list[float]:
    """The CPU quotas, in cores, of a process's cgroup and all above it, versions 1 and 2."""
    try:
        lines = read_text(membership).splitlines()
    except OSError:
        return []
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = f"{mount}/cpu" if controllers else mount
        parts = [part for part in path.split("/") if part]
        for depth in range(len(parts), -1, -1):
            folder = "/".join([root, *parts[:depth]])
            with suppress(OSError, ValueError, IndexError):
                if controllers:
                    quota = read_text(f"{folder}/cpu.cfs_quota_us").strip()
                    period = read_text(f"{folder}/cpu.cfs_period_us").strip()
                else:
                    quota, period = read_text(f"{folder}/cpu.max").split()[:2]
                if quota not in ("max", "-1"):
                    quotas.append(int(quota) / int(period))
    return quotas


class ProcReader:
    """Opens and reads small files of /proc with the GIL held.

    One buffer serves all reads: whoever uses a reader holds the lock that guards it (here:
    the pool's tick), which free-threaded builds need too.
    """

    def __init__(self) -> None:
        import ctypes  # here, as it is not everywhere

        libc: Any = ctypes.PyDLL(None)
        self._open = libc.open
        self._open.argtypes = [ctypes.c_char_p, ctypes.c_int]
        self._pread = libc.pread
        self._pread.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_long]
        self._pread.restype = ctypes.c_ssize_t
        self._close = libc.close
        self._close.argtypes = [ctypes.c_int]
        self._buffer: Any = ctypes.create_string_buffer(_LINE_BYTES)

    def open(self, path: str) -> int:
        """A descriptor that a child does not inherit through exec, or -1."""
        return int(self._open(path.encode(), os.O_RDONLY | os.O_CLOEXEC))

    def close(self, descriptor: int) -> None:
        """Close what :meth:`open` gave; -1 is ignored."""
        if descriptor >= 0:
            self._close(descriptor)

    def read(self, descriptor: int) -> bytes:
        """The first line of an open file, read from its start; empty when it is gone."""
        length = self._pread(descriptor, self._buffer, _LINE_BYTES, 0)
        return self._buffer.raw[:length] if length > 0 else b""


def open_reader() -> ProcReader | None:
    """A reader, or None where /proc does not tell what threads wait for."""
    if not sys.platform.startswith("linux"):
        return None
    if not os.access("/proc/thread-self/schedstat", os.R_OK):
        return None
    try:
        return ProcReader()
    except (ImportError, OSError, AttributeError):
        return None


class ThreadIdentity(NamedTuple):
    """What it takes to read a thread's counters from another thread.

    ``cpu_clock`` is a clock id for ``time.clock_gettime``, None where threads have none.
    """

    native_id: int
    cpu_clock: int | None

    @classmethod
    def of_caller(cls, ident: int, native_id: int) -> "ThreadIdentity":
        """Of the calling thread, given its ``get_ident()`` and ``get_native_id()``."""
        clock = None
        if hasattr(time, "pthread_getcpuclockid"):
            with suppress(OSError):
                clock = time.pthread_getcpuclockid(ident)
        return cls(native_id, clock)

    def cpu_seconds(self) -> float | None:
        """CPU time of the thread so far; None when it has ended or has no clock."""
        if self.cpu_clock is None:
            return None
        try:
            return time.clock_gettime(self.cpu_clock)
        except OSError:
            return None


class ThreadProbe:
    """One thread's open files: its run-queue wait, and the system call it is blocked in."""

    __slots__ = ("_reader", "_schedstat", "_syscall", "identity")

    def __init__(self, reader: ProcReader, identity: ThreadIdentity) -> None:
        self._reader = reader
        self.identity = identity
        folder = f"/proc/self/task/{identity.native_id}"
        self._schedstat = reader.open(f"{folder}/schedstat")
        self._syscall = reader.open(f"{folder}/syscall")

    def run_queue_seconds(self) -> float | None:
        """Seconds the thread was runnable and not running: field 2 of schedstat."""
        fields = self._reader.read(self._schedstat).split()
        return int(fields[1]) * 1e-9 if len(fields) >= 2 else None

    def syscall(self) -> bytes:
        """``running``, or number and arguments of the system call; empty when unknown."""
        return self._reader.read(self._syscall)

    def close(self) -> None:
        """Close the files; a closed probe answers None and empty."""
        self._reader.close(self._schedstat)
        self._reader.close(self._syscall)
        self._schedstat = self._syscall = -1
