"""Steps of a set-up: log, progress, and errors that say where to look."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from harness.interpreters.interpreter import InterpreterError
from harness.interpreters.steps import Display, Steps

pytestmark = pytest.mark.real


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_prints_now_and_then_where_nobody_watches() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Display("cpython-3.13t", stream, clock)
    progress.phase("compiling", expected=10)
    for _ in range(12):  # the estimate was too low
        clock.now += 5
        progress.step()
    progress.done("ready")
    assert stream.getvalue().splitlines() == [
        "cpython-3.13t: compiling, 0 s, about 0 %",
        "cpython-3.13t: compiling, 15 s, about 30 %",
        "cpython-3.13t: compiling, 30 s, about 60 %",
        "cpython-3.13t: compiling, 45 s, about 90 %",
        "cpython-3.13t: compiling, 60 s, about 99 %",
        "cpython-3.13t: ready (60 s)",
    ]


def test_progress_rewrites_its_line_on_a_terminal() -> None:
    clock, stream = Clock(), Terminal()
    progress = Display("x", stream, clock)
    progress.phase("configuring")
    clock.now += 1
    progress.step()
    progress.phase("compiling")
    progress.done("ready")
    first, second, last, end = stream.getvalue().split("\n")
    assert first == "\r\x1b[Kx: configuring, 0 s\r\x1b[Kx: configuring, 1 s, 1 lines"
    assert second == "\r\x1b[Kx: compiling, 0 s"
    assert (last, end) == ("x: ready (1 s)", "")


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path / "logs" / "x.log", Display("x", io.StringIO()))


def test_everything_printed_goes_to_the_log(steps: Steps, tmp_path: Path) -> None:
    steps.run("talking", ["sh", "-c", "echo a; echo b >&2"], cwd=tmp_path, limit_seconds=60)
    steps.run("more", ["sh", "-c", "echo c; pwd"], cwd=tmp_path, limit_seconds=60)
    log = steps.log.read_text()
    assert "$ sh -c echo a; echo b >&2\na\nb\n" in log
    assert f"c\n{tmp_path}\n" in log


def test_a_failure_names_phase_status_log_and_last_lines(steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(InterpreterError) as caught:
        steps.run("compiling", ["sh", "-c", "seq 9; exit 3"], cwd=tmp_path, limit_seconds=60)
    text = str(caught.value)
    assert f"compiling failed with status 3; log: {steps.log}" in text
    assert text.endswith("5\n  6\n  7\n  8\n  9")


def test_a_missing_command_is_named(steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match="fetching: no-such-command cannot be started"):
        steps.run("fetching", ["no-such-command"], cwd=tmp_path, limit_seconds=60)


def test_a_hanging_step_is_stopped(steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match="took longer than 0 s and was stopped"):
        steps.run("hanging", ["sleep", "600"], cwd=tmp_path, limit_seconds=0.05)


def test_the_outer_makes_flags_do_not_reach_the_build(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-- ARGS=x")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    steps.run("printing", ["env"], cwd=tmp_path, limit_seconds=60, environment={"NEW": "1"})
    log = steps.log.read_text()
    assert "MAKEFLAGS" not in log and "DONTWRITE" not in log
    assert "NEW=1" in log and os.environ["PATH"] in log
