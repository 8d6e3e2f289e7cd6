"""One measurement at a time on a machine, whoever runs it and from whichever checkout."""

import fcntl
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from harness.machine.orphans import end_orphans

LOCK_FILE = Path(tempfile.gettempdir()) / "edge-gil-harness.lock"
POLL_S = 0.5


class LockRefusedError(Exception):
    """The machine is measuring for somebody else and waiting was not wanted."""


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW
    # Not O_CREAT at first: in a sticky folder the kernel may refuse that flag on a file
    # that belongs to another user.
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT, 0o666)
        with suppress(PermissionError):
            os.fchmod(descriptor, 0o666)  # the umask must not lock other users out
        return descriptor


def current_holder(path: Path = LOCK_FILE) -> str:
    """Who is measuring on this machine right now, in words; empty when nobody is."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _told(descriptor)
    finally:
        os.close(descriptor)
    return ""


def _told(descriptor: int) -> str:
    """What the holder wrote about itself."""
    text = os.pread(descriptor, 500, 0).decode(errors="replace").strip()
    return text or "holder unknown"


@contextmanager
def machine_lock(
    purpose: str,
    *,
    wait: bool = True,
    path: Path = LOCK_FILE,
    stream: TextIO | None = None,
) -> Iterator[int]:
    """Hold the machine while measuring; yields the lock's file descriptor.

    Hand the descriptor to the measured processes: the kernel then frees the lock only when
    the last of them is gone, even after a SIGKILL of the process that took it.

    What a killed run left behind is ended first, so that it cannot disturb a measurement.

    With ``wait`` a second run says who holds the machine and waits; otherwise raises
    ``LockRefusedError``.
    """
    stream = stream or sys.stderr
    descriptor = _open(path)
    try:
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                message = f"this machine is measuring already: {_told(descriptor)}"
                if not wait:
                    raise LockRefusedError(message) from None
                if not told:
                    print(f"{message}; waiting for it to finish", file=stream, flush=True)
                    told = True
                time.sleep(POLL_S)
        holder = json.dumps({"pid": os.getpid(), "purpose": purpose, "folder": str(Path.cwd())})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
        if ended := end_orphans():
            found = f"{len(ended)} process{'' if len(ended) == 1 else 'es'}"
            print(f"ended {found} of a run that was killed", file=stream, flush=True)
        yield descriptor
    finally:
        os.close(descriptor)
