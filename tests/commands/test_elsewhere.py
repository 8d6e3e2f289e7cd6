"""Commands of a user without a home, and of a run with a configuration folder of its own."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from harness.commands.main import main
from harness.interpreters import cache
from tests import ROOT


def ran(*words: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of ``python -m harness``."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main([str(word) for word in words])
    return status, out.getvalue(), err.getvalue()


def unknown(_: int) -> None:
    raise KeyError("no such user")


@pytest.mark.parametrize("home", [None, "", "relative", "/nonexistent", "/dev/null"])
def test_doctor_reports_without_a_home(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    if home is not None:
        monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(cache.pwd, "getpwuid", unknown)
    _, out, err = ran("doctor", "--config-folder", ROOT / "config")
    assert err == ""
    assert "interpreters" in out and "not looked for" not in out


@pytest.mark.parametrize("broken", ["the folder is not there", "a home that is not known"])
def test_what_keeps_doctor_from_looking_for_interpreters_costs_that_line_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str
) -> None:
    folder = ROOT / "config"
    if broken == "the folder is not there":
        folder = tmp_path / "absent"
    else:
        monkeypatch.setenv(cache.CACHE_VARIABLE, "~nobody-of-this-name/x")
    _, out, _ = ran("doctor", "--json", "--config-folder", folder)
    found = {entry["subject"]: entry for entry in json.loads(out)}
    assert len(found) > 10
    assert found["interpreters"]["state"] == "not looked for"
    assert found["interpreters"]["advice"]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder beside the usual one, which knows another interpreter."""
    for name in ("config", "own"):
        shutil.copytree(ROOT / "config", tmp_path / name)
    (tmp_path / "own" / "interpreters.yaml").write_text(
        'interpreters:\n  mine: {version: "3.98"}\ndefault: [mine]\n'
    )
    monkeypatch.chdir(tmp_path)
    return Path("own")


def test_interpreters_are_those_of_the_folder(own: Path) -> None:
    status, _, err = ran("interpreters", "--no-provision", "--config-folder", own)
    assert status == 1
    assert "mine: no CPython 3.98 on this machine" in err
    assert "`executable` in own/interpreters.yaml" in err
    status, _, err = ran("interpreters", "--config-folder", own, "--only", "cpython-3.12")
    assert status == 1
    assert err == "unknown interpreter 'cpython-3.12'; own/interpreters.yaml knows mine\n"
    _, out, _ = ran("doctor", "--config-folder", own)
    assert "mine: not found" in out


def test_printed_numbers_are_those_of_the_folder(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("trials.csv").write_text(
        "experiment,workload,interpreter,cores,strategy,concurrency,label,block,status,excluded,"
        "throughput_tps\n"
        + "".join(f"e,w,cpython-3.12,1,fixed,8,,{block},ok,False,9\n" for block in range(3))
    )
    (own / "printed.yaml").write_text("sources: {a: 1}\n")
    for command in ("tables", "figures"):
        words = [command, "--trials", "trials.csv", "--out", "out", "--config-folder", str(own)]
        assert main(words) == 1
        assert "own/printed.yaml" in capsys.readouterr().err
