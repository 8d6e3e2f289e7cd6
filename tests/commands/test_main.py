"""The command line: help, reports, refusals."""

from pathlib import Path
from typing import Any

import pytest

from harness.commands import options
from harness.commands.main import main
from harness.commands.run import Run
from harness.design.plan import make_plan
from tests.samples import ROOT, a_config

PINNED = "cpython-3.12"


def a_run(tmp_path: Path, **changes: Any) -> Run:
    config = a_config(**changes)
    return Run(config, make_plan(config, (0, 1)), tmp_path / "results", tmp_path / "figures")


@pytest.fixture(autouse=True)
def in_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_help_lists_what_people_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    words = capsys.readouterr().out.split()
    assert {"doctor", "plan", "interpreters", "compare"} <= set(words)


def test_plan_prints_trials_time_and_disk(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--preset", "smoke", "--interpreters", PINNED]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("in all ")
    assert " trials, about " in last
    assert last.endswith(" MB of records")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["plan", "--preset", "nothing"], "'nothing' is not known"),
        (["plan", "--preset", "../x"], "preset: '../x' does not match"),
        (["plan", "--interpreters", "cpython-2.7"], "'cpython-2.7' is not known"),
        (["plan", "--config-folder", "absent"], "cannot be read"),
        (["compare", "absent-a", "absent-b"], "absent-a: No such file"),
    ],
)
def test_errors_exit_1_with_the_reason_and_without_a_traceback(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert reason in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


def test_incomplete_measurements_cannot_be_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = a_run(tmp_path)
    monkeypatch.setattr(options, "open_run", lambda _: run)
    table = tmp_path / "trials.csv"
    arguments = ["collect", "--trials", str(table), "--titles", str(tmp_path / "titles.json")]
    assert main(arguments) == 1
    assert "run the same command again" in capsys.readouterr().err
    assert not table.exists()


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(options, "open_run", interrupted)
    assert main(["plan"]) == 130


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["plan", "--presets", "x"], ["run-block"]])
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m harness" in capsys.readouterr().err
