"""Ties a process's life to its parent's, so that a killed run leaves nothing behind.

``python -m harness.base.lifeline COMMAND ARGS…`` becomes COMMAND, which dies when the process
that started it dies (Linux ``prctl(PR_SET_PDEATHSIG)``, kept across exec).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(expected_parent: int | None = None) -> bool:
    """Ask the kernel to SIGKILL this process when its parent ends.

    ``expected_parent`` is the pid that must still be the parent afterwards: without the
    check a parent that died before the call would go unnoticed. Returns False where the
    kernel has no such call (anything but Linux).
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        return False
    if expected_parent is not None and os.getppid() != expected_parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return True


def main() -> None:
    """Become the command given on the command line."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m harness.base.lifeline COMMAND [ARGUMENT …]")
    die_with_parent()
    try:
        os.execvp(sys.argv[1], sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: {error.strerror}")


if __name__ == "__main__":
    main()
