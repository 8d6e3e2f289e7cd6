"""Setting up .venv/: when something is done, and that nothing half-done passes for finished."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness import bootstrap

PIPELINE = (
    "a==1 \\\n    --hash=sha256:00\nuv==2 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n"
)


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "pipeline.txt").write_text(PIPELINE)
    (folder / "dev.txt").write_text(PIPELINE + "b==1 \\\n    --hash=sha256:33\n")
    return folder


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files installed so far, newest last; nothing is really installed or created."""
    done: list[str] = []
    monkeypatch.setattr(bootstrap, "install", lambda _python, file: done.append(file.name))

    def create(folder: Path, clear: bool, with_pip: bool) -> None:
        assert clear and with_pip
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(bootstrap.venv, "create", create)
    return done


def test_it_is_set_up_once_and_again_when_the_pins_change(
    tmp_path: Path, requirements: Path, installed: list[str]
) -> None:
    environment = tmp_path / "environment"

    def make(dev: bool) -> list[str]:
        installed.clear()
        bootstrap.set_up(environment, requirements, dev)
        return list(installed)

    assert make(False) == ["pipeline.txt"]
    assert make(False) == []
    assert make(True) == ["dev.txt"]
    assert make(False) == make(True) == []
    (requirements / "pipeline.txt").write_text(PIPELINE.replace("a==1", "a==2"))
    assert make(False) == ["pipeline.txt"]
    assert make(True) == ["dev.txt"]


def test_a_failed_installation_is_repeated(
    tmp_path: Path, requirements: Path, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_python: Path, _file: Path) -> None:
        raise bootstrap.SetUpError("no network")

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install", fail)
        with pytest.raises(bootstrap.SetUpError):
            bootstrap.set_up(tmp_path / "environment", requirements, False)
    bootstrap.set_up(tmp_path / "environment", requirements, False)
    assert installed == ["pipeline.txt"]


def test_a_broken_python_is_replaced(
    tmp_path: Path, requirements: Path, installed: list[str]
) -> None:
    assert not bootstrap.works(tmp_path / "absent")
    bootstrap.set_up(tmp_path / "environment", requirements, False)
    assert bootstrap.works(tmp_path / "environment" / "bin" / "python")
    assert installed == ["pipeline.txt"]


def test_one_packages_lines_are_cut_out() -> None:
    block = "uv==2 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n"
    assert bootstrap.requirement_block(PIPELINE + "z==1\n", "uv") == block
    with pytest.raises(bootstrap.SetUpError, match="make requirements"):
        bootstrap.requirement_block(PIPELINE, "u")


def test_pip_takes_over_when_uv_does_not_succeed(
    requirements: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str]) -> None:
        commands.append(command[1:])
        if "uv" in command:
            raise bootstrap.SetUpError("uv failed")

    monkeypatch.setattr(bootstrap, "run", run)
    bootstrap.install(tmp_path / "bin" / "python", requirements / "pipeline.txt")
    assert [" ".join(command[:3]) for command in commands] == [
        "-m pip install",
        "-m uv pip",
        "-m pip install",
        "-m compileall -q",
    ]
    assert all("--require-hashes" in command for command in commands[:3])
