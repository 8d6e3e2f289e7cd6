"""Which interpreter is chosen, and why the others are not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.interpreters.cache import mark_complete
from harness.interpreters.find import Places, built_prefix, candidates, places, search, why_not
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter
from harness.interpreters.provision import rejected
from tests.interpreters.conftest import FakeMaker, a_probe, write_script

pytestmark = pytest.mark.real

WANTED = WantedInterpreter("cpython-3.13t", "3.13", free_threaded=True)
PLAIN = WantedInterpreter("cpython-3.13", "3.13")


@pytest.fixture
def where(tmp_path: Path) -> Places:
    """An empty machine."""
    return Places(
        path=(tmp_path / "bin1", tmp_path / "bin2"),
        pyenv_versions=tmp_path / "pyenv" / "versions",
        uv_folders=(tmp_path / "uv",),
        conda_prefixes=(tmp_path / "conda" / "envs" / "a",),
        cache=tmp_path / "cache",
    )


def test_places_are_tried_in_the_documented_order(where: Places, fake: FakeMaker) -> None:
    built = built_prefix(where.cache, WANTED)
    files = [
        fake(where.path[0] / "python3.13t"),
        fake(where.path[1] / "python3.13t"),
        fake(where.pyenv_versions / "3.13.10t" / "bin" / "python3.13t"),
        fake(where.pyenv_versions / "3.13.9t" / "bin" / "python3.13t"),
        fake(where.uv_folders[0] / "cpython-3.13.5+freethreaded-x" / "bin" / "python3.13t"),
        fake(where.conda_prefixes[0] / "bin" / "python3.13t"),
        fake(built / "bin" / "python3.13t"),
    ]
    mark_complete(built, {})
    assert [item.executable for item in candidates(WANTED, where, {})] == files
    while files:
        found = search(WANTED, where, {}).found
        assert found and found.candidate.executable == files[0]
        files.pop(0).unlink()
    assert search(WANTED, where, {}).found is None


def test_an_unfinished_build_is_no_candidate(where: Places, fake: FakeMaker) -> None:
    fake(built_prefix(where.cache, WANTED) / "bin" / "python3.13t")
    assert list(candidates(WANTED, where, {})) == []


def test_a_failing_shim_is_skipped_and_remembered(where: Places, fake: FakeMaker) -> None:
    write_script(where.path[0] / "python3.13t", "echo 'pyenv: command not found' >&2; exit 127")
    write_script(where.path[1] / "python3.13t", "echo hello")
    good = fake(where.pyenv_versions / "3.13.5t" / "bin" / "python3.13t")
    result = search(WANTED, where, {})
    assert result.found and result.found.candidate.executable == good
    first, second = (rejection.reason for rejection in result.rejections)
    assert first == "failed with status 127: pyenv: command not found"
    assert second == "did not answer like a Python"


def test_a_build_with_a_gil_is_refused_by_name(where: Places, fake: FakeMaker) -> None:
    fake(where.path[0] / "python3.13", free_threaded=False, gil_enabled=True, version="3.13.0")
    text = rejected(search(WANTED, where, {}))
    assert "3.13.0 with a GIL was offered where 3.13t is wanted" in text


@pytest.mark.parametrize(
    ("wanted", "changes", "reason"),
    [
        (WANTED, {}, None),
        (WANTED, {"implementation": "PyPy"}, "PyPy 3.13.5 was offered where 3.13t is wanted"),
        (WANTED, {"version": "3.14.1"}, "3.14.1 was offered where 3.13t is wanted"),
        (PLAIN, {}, "free-threaded 3.13.5 was offered where 3.13 is wanted"),
        (WANTED, {"debug": True}, "a debug build of 3.13.5 was offered where 3.13t is wanted"),
        (WANTED, {"missing_modules": ["sqlite3"]}, "it was compiled without sqlite3"),
        (WANTED, {"gil_enabled": True}, "its GIL is on at start-up where it has to be off"),
        (
            dataclasses.replace(WANTED, environment={"PYTHON_GIL": "1"}),
            {},
            "its GIL is off at start-up where it has to be on",
        ),
        (PLAIN, {"free_threaded": False, "gil_enabled": True}, None),
    ],
)
def test_reasons(wanted: WantedInterpreter, changes: dict[str, object], reason: str | None) -> None:
    assert why_not(wanted, a_probe(**changes)) == reason


def test_the_entrys_environment_reaches_the_interpreter(where: Places, fake: FakeMaker) -> None:
    script = fake(where.path[0] / "python3.13t")
    on = script.read_text().replace('"gil_enabled": false', '"gil_enabled": true')
    off = script.read_text().removeprefix("#!/bin/sh\n")
    write_script(script, f'if [ "$PYTHON_GIL" = 1 ]; then\n{on}\nelse\n{off}\nfi')
    with_gil = dataclasses.replace(WANTED, environment={"PYTHON_GIL": "1"})
    assert search(WANTED, where, {}).found
    assert search(with_gil, where, {}).found


def test_the_users_pythonhome_does_not(
    where: Places, fake: FakeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = fake(where.path[0] / "python3.13t")
    body = script.read_text().removeprefix("#!/bin/sh\n")
    write_script(script, f'test -z "$PYTHONHOME$PYTHON_GIL$MAKEFLAGS" || exit 3\n{body}')
    for name in ("PYTHONHOME", "PYTHON_GIL", "MAKEFLAGS"):
        monkeypatch.setenv(name, "1")
    assert search(WANTED, where, {}).found


def test_the_users_path_comes_first_and_nothing_replaces_it(
    where: Places, fake: FakeMaker, tmp_path: Path
) -> None:
    fake(where.path[0] / "python3.13t")
    mine = fake(tmp_path / "mine" / "python")
    configured = dataclasses.replace(WANTED, executable=mine)
    found = search(configured, where, {}).found
    assert found and found.candidate.executable == mine
    other = fake(tmp_path / "other" / "python")
    found = search(configured, where, {WANTED.environment_variable: str(other)}).found
    assert found and found.candidate.executable == other
    assert found.candidate.source == "EDGE_GIL_HARNESS_CPYTHON_3_13T"
    with pytest.raises(InterpreterError, match="is no executable file"):
        search(dataclasses.replace(WANTED, executable=tmp_path / "absent"), where, {})
    wrong = fake(tmp_path / "wrong", version="3.12.1")
    with pytest.raises(InterpreterError, match=r"named by config.*3\.12\.1 was offered"):
        search(dataclasses.replace(WANTED, executable=wrong), where, {})


def test_places_follow_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".conda").mkdir()
    (tmp_path / ".conda" / "environments.txt").write_text("/c/one\n\n/c/two\n")
    (tmp_path / "miniforge3" / "envs" / "three").mkdir(parents=True)
    environ = {"PATH": "/a::/b", "PYENV_ROOT": "/p", "UV_PYTHON_INSTALL_DIR": "/u"}
    seen = places(environ | {"CONDA_PREFIX": "/c/active"}, tmp_path, tmp_path / "cache")
    assert seen.path == (Path("/a"), Path("/b"))
    assert seen.pyenv_versions == Path("/p/versions")
    assert seen.uv_folders == (Path("/u"), tmp_path / "cache" / "uv")
    for expected in ("/c/active", "/c/one", "/c/two", tmp_path / "miniforge3" / "envs" / "three"):
        assert Path(expected) in seen.conda_prefixes
    assert places({}, tmp_path, tmp_path).pyenv_versions == tmp_path / ".pyenv" / "versions"


def test_this_very_python_can_be_probed() -> None:
    import sys

    from harness.interpreters.probe import probe

    seen = probe(Path(sys.executable), {})
    assert seen.implementation == "CPython"
    assert seen.version == ".".join(map(str, sys.version_info[:3]))
    assert seen.base_executable.exists()
