"""What all commands have in common: output that arrives or is missed, errors in a sentence."""

import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress

from harness.base.errors import RefusedError

#: what a shell reports for a program that nobody listens to any more (SIGPIPE)
NOBODY_LISTENS = 141


def run(command: Callable[[], int]) -> int:
    """Run a command and return its exit status.

    It is 1 after a ``RefusedError`` or an error of the system, which are told; 130 after Ctrl-C.
    A character that the terminal does not have is written as its number, so that no report is
    lost for it. Output that cannot be written is an error, but for a reader that went away, as
    in ``| head``: that ends the command in silence.
    """
    _open_streams()
    try:
        status = command()
    except SystemExit:  # from argparse, which may have printed help
        if lost := _flush_output():
            return lost
        raise
    except RefusedError as error:
        say(str(error))
        status = 1
    except OSError as error:
        if lost := _flush_output() or _nobody_listens():
            return lost
        say(f"{error.filename or 'system'}: {error.strerror or error}")
        status = 1
    except KeyboardInterrupt:
        status = 130
    return _flush_output() or status


def say(text: str) -> None:
    """Tell the user something on standard error, if anybody reads it."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as people say them: ``45 s``, ``3 min 20 s``, ``2 h 05 min``."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def _open_streams() -> None:
    """Have three standard streams that take any text.

    A stream that was closed is replaced by nothing at all: else the next file that is opened
    would get its number, and what child processes print.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    if sys.stderr is None:  # print() would take standard output instead
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _nobody_listens() -> int:
    """``NOBODY_LISTENS`` when standard output is a pipe that nobody reads, else 0.

    To be asked where nothing is left to be flushed, as under ``python -u``.
    """
    poll = select.poll()
    poll.register(1, select.POLLOUT)
    return NOBODY_LISTENS if any(event & select.POLLERR for _, event in poll.poll(0)) else 0


def _flush_output() -> int:
    """0, or the exit status of a command whose output could not be written."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # The interpreter flushes once more as it ends, and must not fail again.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
        if isinstance(error, BrokenPipeError):
            return NOBODY_LISTENS
        say(f"standard output: {error.strerror}")
        return 1
    return 0
