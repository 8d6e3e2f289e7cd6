"""Run the steps of a long set-up: one log file, a progress line on stderr, errors that say where.

On a terminal the line is rewritten in place; elsewhere (CI) a new line is printed now and then.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from harness.interpreters.interpreter import InterpreterError
from harness.interpreters.probe import clean_environment

_TERMINAL_SECONDS = 0.2  # between two redraws
_LOG_SECONDS = 15.0  # between two printed lines


@dataclass
class Display:
    """Shows phase, elapsed time and how much of the output has been seen."""

    title: str
    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    _started: float = field(init=False)
    _phase: str = field(default="", init=False)
    _phase_started: float = field(default=0.0, init=False)
    _seen: int = field(default=0, init=False)
    _expected: int = field(default=0, init=False)
    _drawn: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def phase(self, name: str, expected: int = 0) -> None:
        """Begin a phase; `expected` is how many steps it is thought to have, 0 if unknown."""
        self._finish_line()
        self._phase, self._seen, self._expected = name, 0, expected
        self._phase_started = self.clock()
        self._draw()

    def step(self) -> None:
        """Count one step of the phase."""
        self._seen += 1
        interval = _TERMINAL_SECONDS if self.stream.isatty() else _LOG_SECONDS
        if self.clock() - self._drawn >= interval:
            self._draw()

    def done(self, message: str) -> None:
        """End the display."""
        self._finish_line()
        self._phase = ""
        print(f"{self.title}: {message} ({self.clock() - self._started:.0f} s)", file=self.stream)

    def text(self) -> str:
        """Return the current line."""
        elapsed = self.clock() - self._phase_started
        parts = [f"{self.title}: {self._phase}", f"{elapsed:.0f} s"]
        if self._expected:
            # The estimate may be too low; a line that says 100 % before the end would lie.
            parts.append(f"about {min(99, 100 * self._seen // self._expected)} %")
        elif self._seen:
            parts.append(f"{self._seen} lines")
        return ", ".join(parts)

    def _draw(self) -> None:
        self._drawn = self.clock()
        end = "" if self.stream.isatty() else "\n"
        start = "\r\x1b[K" if self.stream.isatty() else ""
        print(start + self.text(), end=end, file=self.stream, flush=True)

    def _finish_line(self) -> None:
        if self._phase and self.stream.isatty():
            print(file=self.stream)


@dataclass(frozen=True)
class Steps:
    """Runs commands; everything they print goes to the log."""

    log: Path
    progress: Display
    lock: int | None = None  # descriptor the children inherit, see cache.exclusive

    def run(
        self,
        phase: str,
        command: Sequence[str],
        *,
        cwd: Path,
        limit_seconds: float,
        environment: Mapping[str, str] | None = None,
        expected: int = 0,
        counts: Callable[[str], bool] = lambda _line: True,
    ) -> None:
        """Run one command; `counts` tells which lines of its output are steps of progress.

        Raises InterpreterError with the last lines and the log's path when it cannot be
        started, fails or outlasts its limit.
        """
        self.progress.phase(phase, expected)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        last: list[str] = []
        with self.log.open("a", encoding="utf-8") as log:
            print(f"\n$ {' '.join(command)}", file=log, flush=True)
            try:
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=clean_environment(os.environ, environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    pass_fds=() if self.lock is None else (self.lock,),
                )
            except OSError as error:
                raise InterpreterError(
                    f"{phase}: {command[0]} cannot be started: {error.strerror or error}"
                ) from None
            expired = threading.Event()

            def stop() -> None:
                expired.set()
                process.kill()

            timer = threading.Timer(limit_seconds, stop)
            timer.daemon = True
            timer.start()
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    log.write(line)
                    last = [*last[-4:], line.rstrip()]
                    if counts(line):
                        self.progress.step()
                status = process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
            finally:
                timer.cancel()
                if process.stdout:
                    process.stdout.close()
        if expired.is_set():
            raise InterpreterError(
                f"{phase} took longer than {limit_seconds:.0f} s and was stopped; log: {self.log}"
            )
        if status != 0:
            said = "\n  ".join(last)
            raise InterpreterError(
                f"{phase} failed with status {status}; log: {self.log}\n  {said}"
            )
