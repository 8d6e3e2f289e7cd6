"""From names to interpreters, and the command line over it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.commands import main as cli
from harness.interpreters import obtain
from harness.interpreters.interpreter import Interpreter, InterpreterError
from harness.interpreters.obtain import build_differences, differing_wheels, ensure

pytestmark = pytest.mark.real

PLAIN = Interpreter(
    name="cpython-3.12",
    executable=Path("/opt/python3.12"),
    python=Path("/cache/envs/a/bin/python"),
    version="3.12.1",
    gil_enabled=True,
    free_threaded=False,
    found_by="PATH",
    config_args="",
    compiler="GCC",
    soabi="cpython-312",
    environment={},
    wheels={"numpy": "2.4.6"},
)
FREE = dataclasses.replace(
    PLAIN, name="cpython-3.13t", version="3.13.5", gil_enabled=False, free_threaded=True
)


def test_different_libraries_are_named() -> None:
    assert differing_wheels({"a": {"numpy": "1"}, "b": {"numpy": "1"}}) is None
    text = differing_wheels({"a": {"numpy": "1", "x": "1"}, "b": {"numpy": "2", "x": "1"}})
    assert text and "(numpy: 1 on a, 2 on b)" in text
    assert "scipy: none on a, 1 on b" in str(differing_wheels({"a": {}, "b": {"scipy": "1"}}))


def test_differently_optimised_builds_are_told() -> None:
    assert build_differences([PLAIN, FREE]) is None
    fast = dataclasses.replace(FREE, config_args="'--enable-optimizations' '--with-lto'")
    assert str(build_differences([PLAIN, fast])).startswith("cpython-3.13t was compiled with")


def test_every_missing_interpreter_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "interpreters.yaml"
    config.write_text(
        'interpreters:\n  a: {version: "3.12"}\n  b: {version: "3.13"}\ndefault: [a, b]\n'
    )
    for name in ("HOME", "XDG_DATA_HOME", "EDGE_GIL_HARNESS_CACHE", "PYENV_ROOT", "PATH"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.delenv("UV_PYTHON_INSTALL_DIR", raising=False)
    monkeypatch.delenv("MAMBA_ROOT_PREFIX", raising=False)
    with pytest.raises(InterpreterError) as caught:
        ensure(["a", "b"], config, provision=False)
    assert "a: no CPython 3.12 on this machine" in str(caught.value)
    assert "b: no CPython 3.13 on this machine" in str(caught.value)


def test_json_goes_alone_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[list[str], bool]] = []

    def fake(
        names: list[str], _config: Path, *, provision: bool, allow_version_differences: bool
    ) -> list[Interpreter]:
        asked.append((list(names), provision))
        return [PLAIN, dataclasses.replace(FREE, config_args="--with-lto")]

    monkeypatch.setattr(obtain, "ensure", fake)
    assert cli.main(["interpreters", "--json", "--no-provision"]) == 0
    out, err = capsys.readouterr()
    printed = json.loads(out)
    assert printed["cpython-3.13t"]["gil_enabled"] is False
    assert printed["cpython-3.12"]["executable"] == "/opt/python3.12"
    assert printed["cpython-3.12"]["wheels"] == {"numpy": "2.4.6"}
    assert err.startswith("warning: ")
    assert cli.main(["interpreters", "--only", "cpython-3.14"]) == 0
    assert asked == [(["cpython-3.12", "cpython-3.13t"], False), (["cpython-3.14"], True)]
    assert capsys.readouterr().out.splitlines()[2].split()[:3] == ["cpython-3.13t", "3.13.5", "off"]


def test_an_unknown_name_ends_in_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["interpreters", "--only", "jython"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "unknown interpreter 'jython'" in err
