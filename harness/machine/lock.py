"""One measurement at a time on a machine, whoever runs it and from whichever checkout.

The lock is a file that the kernel locks, in a folder that is the same for all: neither TMPDIR
nor HOME nor the user decides where. Containers with folders of their own count as machines.
"""

import errno
import fcntl
import json
import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from harness.machine.orphans import end_orphans

NAME = "edge-gil-harness.lock"
#: the first of these that is a folder for everybody's files holds the lock
FOLDERS = ("/run/lock", "/dev/shm", "/tmp", "/var/tmp")
#: another file for the lock: for tests, which must not wait for a run on the same machine
TEST_VARIABLE = "EDGE_GIL_HARNESS_TEST_LOCK"
FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK  # no link is followed, no pipe waited for
POLL_S = 0.5


class LockRefusedError(Exception):
    """The machine is measuring for somebody else and waiting was not wanted."""


def _shared_folder(folders: Sequence[str] = FOLDERS) -> Path:
    """The folder of the lock: the same for every user and whatever their environment says.

    Only what a folder is counts, not what the caller may do: two users would else take
    different locks. The last is taken where there is none; opening the lock then says why not.
    """
    for name in folders:
        with suppress(OSError):
            state, system = Path(name).stat(), os.statvfs(name)
            for_all = stat.S_ISVTX | stat.S_IWOTH
            read_only = system.f_flag & os.ST_RDONLY
            if stat.S_ISDIR(state.st_mode) and state.st_mode & for_all == for_all and not read_only:
                return Path(name)
    return Path(folders[-1])


LOCK_FILE = _shared_folder() / NAME


def lock_file() -> Path:
    """The file of this machine's lock."""
    return Path(os.environ.get(TEST_VARIABLE) or LOCK_FILE)


def _open(path: Path) -> int:
    """A descriptor of the lock's file, made if need be; raises ``OSError`` that says what to do."""
    try:
        descriptor = _descriptor(path)
    except OSError as error:
        raise _unusable(path, error.errno, error.strerror) from None
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or state.st_nlink > 1:  # a link to somebody's own file
        os.close(descriptor)
        raise _unusable(path, errno.EINVAL, "is no file of its own")
    return descriptor


def _descriptor(path: Path) -> int:
    while True:
        try:
            return os.open(path, FLAGS | os.O_RDWR)
        except PermissionError:  # to be read is enough to be locked
            return os.open(path, FLAGS | os.O_RDONLY)
        except FileNotFoundError:
            # Only now O_CREAT: in a sticky folder the kernel may refuse that flag on a file
            # that belongs to another user.
            with suppress(FileExistsError):
                descriptor = os.open(path, FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
                with suppress(PermissionError):
                    os.fchmod(descriptor, 0o666)  # the umask must not lock other users out
                return descriptor


def _unusable(path: Path, number: int | None, reason: str | None) -> OSError:
    advice = "this is the lock for one measurement at a time; remove it or have it removed"
    return OSError(number, f"{reason} ({advice})", str(path))


def current_holder(path: Path | None = None) -> str:
    """Who is measuring on this machine right now, in words; empty when nobody is."""
    try:
        descriptor = os.open(path or lock_file(), FLAGS | os.O_RDONLY)
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


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one at ``path``: others may have tidied it away."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


@contextmanager
def machine_lock(
    purpose: str,
    *,
    wait: bool = True,
    path: Path | None = None,
    stream: TextIO | None = None,
) -> Iterator[int]:
    """Hold the machine while measuring; yields the lock's file descriptor.

    Hand the descriptor to the measured processes: the kernel then frees the lock only when
    the last of them is gone, even after a SIGKILL of the process that took it.

    What a killed run left behind is ended first, so that it cannot disturb a measurement.

    With ``wait`` a second run says who holds the machine and waits; otherwise raises
    ``LockRefusedError``. Raises ``OSError`` when the lock cannot be had at all.
    """
    stream = stream or sys.stderr
    path = path or lock_file()
    descriptor = _open(path)
    try:
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = f"this machine is measuring already: {_told(descriptor)}"
                if not wait:
                    raise LockRefusedError(message) from None
                if not told:
                    print(f"{message}; waiting for it to finish", file=stream, flush=True)
                    told = True
                time.sleep(POLL_S)
            else:
                if _is_at(descriptor, path):
                    break
                newer = _open(path)
                os.close(descriptor)
                descriptor = newer
        holder = json.dumps({"pid": os.getpid(), "purpose": purpose, "folder": str(Path.cwd())})
        with suppress(OSError):  # no room, or a file that may only be read: a holder unknown
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode(), 0)
        if ended := end_orphans():
            found = f"{len(ended)} process{'' if len(ended) == 1 else 'es'}"
            print(f"ended {found} of a run that was killed", file=stream, flush=True)
        yield descriptor
    finally:
        os.close(descriptor)
