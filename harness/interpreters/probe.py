"""Ask an executable what it is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.interpreters.interpreter import Probe

PROBE_SECONDS = 60.0  # a cold start from a slow SD card takes seconds
_SCRIPT = Path(__file__).with_name("probe_script.py")


class ProbeError(Exception):
    """The executable did not run, or did not answer like a Python; the message says which."""


def clean_environment(
    environ: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return `environ` without what would make an interpreter or make(1) behave otherwise.

    PYTHON* would change the probed interpreter (PYTHONHOME, PYTHONPATH, PYTHON_GIL), MAKE*
    would hand the flags of `make reproduce` to the make that builds an interpreter.
    """
    unwanted = ("PYTHON", "MAKE", "MFLAGS", "VIRTUAL_ENV", "__PYVENV")
    kept = {key: value for key, value in environ.items() if not key.startswith(unwanted)}
    return kept | dict(extra or {})


def run_json(command: list[str], environment: Mapping[str, str], seconds: float) -> dict[str, Any]:
    """Run `command` and parse the last line of its output as a JSON object.

    Raises ProbeError with the reason when it cannot be started, fails, hangs or prints
    something else.
    """
    try:
        done = subprocess.run(
            command,
            env=clean_environment(os.environ, environment),
            cwd="/",  # `python -c` puts the working directory on sys.path
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(f"gave no answer within {seconds:.0f} s") from None
    except OSError as error:
        raise ProbeError(f"cannot be started: {error.strerror or error}") from None
    if done.returncode != 0:
        raise ProbeError(f"failed with status {done.returncode}: {_gist(done.stderr)}")
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        raise ProbeError("did not answer like a Python") from None
    if not isinstance(answer, dict):
        raise ProbeError("did not answer like a Python")
    return answer


def _gist(stderr: str) -> str:
    """Return the line that tells most: a traceback's last, any other message's first."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if not lines:
        return "no message"
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def probe(executable: Path, environment: Mapping[str, str]) -> Probe:
    """Describe `executable` as it behaves under `environment`; ProbeError when it cannot be."""
    answer = run_json(
        [str(executable), "-s", "-c", _SCRIPT.read_text(encoding="utf-8")],
        environment,
        PROBE_SECONDS,
    )
    try:
        return Probe.from_json(answer)
    except (KeyError, TypeError):
        raise ProbeError("did not answer like a Python") from None
