"""config/interpreters.yaml: what is accepted and how refusals read."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.base.errors import ConfigError
from harness.interpreters.config import load, parse
from harness.interpreters.interpreter import InterpreterError
from tests import ROOT

REAL = ROOT / "config" / "interpreters.yaml"


def test_the_shipped_file() -> None:
    config = load(REAL)
    assert config.default == ("cpython-3.12", "cpython-3.13t")
    assert {"cpython-3.13", "cpython-3.14", "cpython-3.14t"} <= config.known.keys()
    free, control = config.select(["cpython-3.13t", "cpython-3.13t-gil"])
    assert (free.expects_gil, control.expects_gil) == (False, True)
    assert free.build == control.build == "cpython-3.13t"
    for name, wanted in config.known.items():
        assert name.removesuffix("-gil") == wanted.build


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InterpreterError, match=r"'cpython-2\.7'.*knows cpython-3\.12, "):
        load(REAL).select(["cpython-2.7"])


def entry(**fields: object) -> dict[str, object]:
    return {"interpreters": {"a": {"version": "3.13"} | fields}, "default": ["a"]}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "f: (top level): []"),
        (entry() | {"extra": 1}, "f: (top level): 'extra' is not known; known are default, inter"),
        (entry() | {"default": []}, "f: default: "),
        (entry() | {"default": ["b"]}, "f: default: 'b' is not among the interpreters"),
        (entry(version=3.1), 'interpreters.a.version: 3.1: must be quoted, like "3.13"'),
        (entry(version="3"), "interpreters.a.version: '3' does not match"),
        ({"interpreters": {"a": {}}, "default": ["a"]}, "interpreters.a: 'version' is missing"),
        (entry(verison="3.13"), "interpreters.a: 'verison' is not known; known are environment,"),
        (entry(free_threaded="no"), "interpreters.a.free_threaded: 'no': input should be a valid"),
        (entry(environment={"PYTHON_GIL": 1}), "interpreters.a.environment.PYTHON_GIL: 1: must be"),
        (entry(sha256="abc"), "interpreters.a.sha256: 'abc' does not match"),
        (entry(source_package="x; rm"), "interpreters.a.source_package: 'x; rm' does not match"),
        (entry(source_package="python3.13"), "suite is needed with source_package"),
        (
            {"interpreters": {"../a": {"version": "3.13"}}, "default": ["a"]},
            "'../a' does not match",
        ),
    ],
)
def test_refusals_name_file_key_and_reason(raw: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(raw, Path("f"))
    assert message in str(caught.value)
    assert str(caught.value).startswith("f: ")


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_text('interpreters:\n  a: {version: "3.13"}\n  a: {version: "3.12"}\n')
    with pytest.raises(ConfigError, match="the key 'a' occurs twice"):
        load(path)


def test_code_in_yaml_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_text("!!python/object/apply:os.getcwd []\n")
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        load(path)
