"""Fake interpreters: shell scripts that answer the probe as told, or fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.interpreters.interpreter import Probe

FakeMaker = Callable[..., Path]


def description(**changes: object) -> dict[str, object]:
    """Return what a plain CPython 3.13.5t would answer, with changes."""
    return {
        "implementation": "CPython",
        "version": "3.13.5",
        "build_text": "3.13.5 experimental free-threading build",
        "free_threaded": True,
        "gil_enabled": False,
        "debug": False,
        "config_args": "'--disable-gil'",
        "compiler": "GCC 12.2.0",
        "soabi": "cpython-313t-x86_64-linux-gnu",
        "base_executable": "/opt/python3.13t",
        "base_prefix": "/opt",
        "missing_modules": [],
    } | changes


def a_probe(**changes: object) -> Probe:
    """Return the record of the same."""
    return Probe.from_json(description(**changes))


def write_script(path: Path, body: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def fake() -> FakeMaker:
    """Write a fake interpreter that answers with the description and the given changes."""

    def make(path: Path, **changes: object) -> Path:
        answer = json.dumps(description(base_executable=str(path)) | changes)
        return write_script(path, f"cat <<'END'\n{answer}\nEND")

    return make
