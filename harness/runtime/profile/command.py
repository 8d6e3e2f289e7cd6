"""Run a program unchanged and report on its thread pools."""

import argparse
import atexit
import contextlib
import io
import json
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType

from .render import as_json
from .session import Profile

_DESCRIPTION = """
Run a Python program and say, on stderr at its end, what the tasks of its thread pools wait
for and how many threads are enough. Its output, exceptions and exit status are its own.
"""


def main(argv: Sequence[str] | None = None, prog: str = f"python -m {__package__}") -> int:
    """Run the program; what it raises with ``sys.exit`` passes through. ``prog``: how help calls
    this command.

    Returns 0, or 1 after an exception that nobody caught (its traceback has been printed),
    130 after Ctrl-C, 2 when there is no such program. An exit status of 0 becomes 1 when the
    JSON file cannot be written.
    """
    parser = _parser(prog)
    options = parser.parse_args(argv)
    if not options.program:
        parser.error("which program?")
    name, *arguments = options.program
    if not options.module and not Path(name).exists():
        print(f"{name}: no such program", file=sys.stderr)
        return 2
    ending = _Ending(Profile(use_proc=not options.without_proc), options.json)
    # Pools that the program leaves to the interpreter's exit are joined before this is called.
    atexit.register(ending.report)
    ending.profile.start()
    sys.argv = [name, *arguments]
    try:
        _run(name, module=options.module)
    except SystemExit as stop:
        ending.failed = stop.code not in (None, 0)
        raise
    except BaseException as error:
        ending.failed = True
        own = _of_program(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(own), own)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=_DESCRIPTION,
        usage="%(prog)s [--json FILE] [--without-proc] (SCRIPT | -m MODULE) [ARGUMENT ...]",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there, too")
    parser.add_argument(
        "--without-proc", action="store_true", help="measure as on systems without /proc"
    )
    parser.add_argument("-m", dest="module", action="store_true", help="run a module")
    parser.add_argument("program", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


class _Ending:
    """What happens when the program has come to its end."""

    def __init__(self, profile: Profile, json_file: Path | None) -> None:
        self.profile = profile
        self.failed = False
        # The program may change its directory.
        self._json_file = json_file.absolute() if json_file is not None else None
        self._pid = os.getpid()

    def report(self) -> None:
        """Print the report and write the file; in this process only, not in its forks."""
        if os.getpid() != self._pid:
            return
        self.profile.stop()
        report = self.profile.report()
        with contextlib.suppress(OSError, ValueError):  # the program closed its stderr
            print(f"\n{report}", file=sys.stderr, flush=True)
        if self._json_file is None:
            return
        try:
            self._json_file.write_text(json.dumps(as_json(report), indent=1) + "\n")
        except OSError as error:
            why = error.strerror or str(error)
            print(f"{self._json_file}: the profile was not saved: {why}", file=sys.stderr)
            if not self.failed:
                _exit_at_once(1)


def _exit_at_once(status: int) -> None:
    """End with ``status`` from a function of ``atexit``, the only way there is."""
    if "logging" in sys.modules:
        sys.modules["logging"].shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _run(name: str, *, module: bool) -> None:
    """As ``python name`` or ``python -m name`` would."""
    if module:
        sys.path[0] = str(Path.cwd())
        runpy.run_module(name, run_name="__main__", alter_sys=True)
        return
    path = Path(name)
    if not path.is_file():  # a folder or an archive with a __main__.py
        runpy.run_path(name, run_name="__main__")
        return
    sys.path[0] = str(path.resolve().parent)
    # Unlike runpy's, this module stays: calls that outlive the script may look it up.
    main_module = ModuleType("__main__")
    main_module.__file__ = name
    main_module.__dict__["__cached__"] = None
    sys.modules["__main__"] = main_module
    with io.open_code(str(path.absolute())) as file:
        source = file.read()
    exec(compile(source, name, "exec"), main_module.__dict__)


def _of_program(traceback: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that is the program's own; None: it did not get to run."""
    ours = {__file__, runpy.__file__, "<frozen runpy>"}
    rest = traceback
    while rest is not None and rest.tb_frame.f_code.co_filename in ours:
        rest = rest.tb_next
    return rest
