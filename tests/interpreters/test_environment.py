"""Worker environments: when they are made, what they are checked for."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import pytest

from harness.interpreters import environment
from harness.interpreters.cache import MARKER
from harness.interpreters.environment import direct, ensure_environment, folder_name, pins
from harness.interpreters.find import Candidate, Found
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter
from harness.interpreters.steps import Display, Steps
from tests.interpreters.conftest import a_probe, write_script

pytestmark = pytest.mark.real

WANTED = WantedInterpreter("cpython-3.13t", "3.13", free_threaded=True)
COMPILED = "numpy==2.4.6 \\\n    --hash=sha256:00\ntzdata==1 ; sys_platform == 'win32' \\\n"


def make_steps(lock: int, log: Path) -> Steps:
    return Steps(log, Display("x", io.StringIO()), lock)


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "worker.in").write_text("# why\nnumpy==2.4.6\n")
    (folder / "worker.txt").write_text(COMPILED)
    return folder


@pytest.fixture
def found(tmp_path: Path) -> Found:
    base = tmp_path / "python3.13t"
    return Found(Candidate(base, "PATH"), a_probe(base_executable=str(base)))


def answer(**changes: object) -> dict[str, object]:
    installed = {"NumPy": "2.4.6", "pip": "25"}
    return {"gil_enabled": False, "installed": installed, "failures": {}} | changes


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A uv that writes down its calls and creates an environment whose python answers."""
    script = write_script(
        tmp_path / "uv",
        f'echo "$@" >> {tmp_path}/calls\n'
        'if [ "$1" = venv ]; then for last; do :; done; mkdir -p "$last/bin"\n'
        f'printf "#!/bin/sh\\ncat {tmp_path}/answer\\n" > "$last/bin/python"\n'
        'chmod +x "$last/bin/python"; fi',
    )
    monkeypatch.setattr(environment, "find_uv", lambda: str(script))
    (tmp_path / "answer").write_text(json.dumps(answer()))
    return script


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


@pytest.mark.usefixtures("uv")
def test_it_is_made_once(requirements: Path, found: Found, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    python, wheels = ensure_environment(WANTED, found, cache, make_steps, requirements)
    assert wheels == {"numpy": "2.4.6"}
    assert python.parents[2] == cache / "envs"
    first, second = calls(tmp_path)
    assert first.startswith("venv --no-project --python")
    assert "--require-hashes --no-build --compile-bytecode" in second
    again = ensure_environment(WANTED, found, cache, make_steps, requirements)
    assert again == (python, wheels)
    assert len(calls(tmp_path)) == 2


@pytest.mark.usefixtures("uv")
def test_an_unfinished_one_is_made_anew(requirements: Path, found: Found, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    python, _ = ensure_environment(WANTED, found, cache, make_steps, requirements)
    folder = python.parents[1]
    (folder / MARKER).unlink()
    (folder / "leftover").touch()
    ensure_environment(WANTED, found, cache, make_steps, requirements)
    assert len(calls(tmp_path)) == 4
    assert not (folder / "leftover").exists()


def test_its_name_follows_interpreter_and_requirements(found: Found) -> None:
    upgraded = dataclasses.replace(found, probe=a_probe(build_text="3.13.6"))
    names = {
        folder_name(WANTED, found, b"a"),
        folder_name(WANTED, found, b"b"),
        folder_name(WANTED, upgraded, b"a"),
    }
    assert len(names) == 3
    control = dataclasses.replace(WANTED, name="cpython-3.13t-gil", environment={"PYTHON_GIL": "1"})
    assert folder_name(control, found, b"a") in names  # shared: the same binary


@pytest.mark.usefixtures("uv")
def test_entries_that_share_it_are_verified_each(
    requirements: Path, found: Found, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    ensure_environment(WANTED, found, cache, make_steps, requirements)
    control = dataclasses.replace(WANTED, name="cpython-3.13t-gil", environment={"PYTHON_GIL": "1"})
    with pytest.raises(InterpreterError, match=r"t-gil: after importing.* GIL is off"):
        ensure_environment(control, found, cache, make_steps, requirements)


@pytest.mark.usefixtures("uv")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gil_enabled": True}, "after importing the worker libraries the GIL is on"),
        ({"failures": {"numpy": "ImportError: x"}}, r"numpy cannot be imported \(ImportError: x\)"),
        ({"installed": {"numpy": "2.0.0"}}, "numpy is 2.0.0 where .* pins 2.4.6"),
        ({"installed": {}}, "numpy is None where"),
    ],
)
def test_refusals(
    requirements: Path, found: Found, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    (tmp_path / "answer").write_text(json.dumps(answer(**changes)))
    with pytest.raises(InterpreterError, match=message):
        ensure_environment(WANTED, found, tmp_path / "cache", make_steps, requirements)


def test_pip_where_uv_does_not_succeed(
    uv: Path, requirements: Path, found: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_script(uv, "echo no index; exit 2")
    python = 'f="$3/bin/python"; mkdir -p "$3/bin"\n'
    python += (
        f'printf "#!/bin/sh\\necho \\$* >> {tmp_path}/calls\\ncat {tmp_path}/answer\\n" > $f\n'
    )
    write_script(found.probe.base_executable, python + "chmod +x $f")
    ensure_environment(WANTED, found, tmp_path / "cache", make_steps, requirements)
    assert "trying pip" in capsys.readouterr().err
    install, compiled, *_ = calls(tmp_path)
    assert install.startswith("-m pip install --require-hashes --only-binary=:all:")
    assert compiled.startswith("-m compileall -q")


def test_requirement_files_are_read() -> None:
    assert pins(COMPILED) == {"numpy": "2.4.6", "tzdata": "1"}
    assert direct("# c\n-r x.in\nPyYAML\nnum_py==1\n") == ["pyyaml", "num-py"]
