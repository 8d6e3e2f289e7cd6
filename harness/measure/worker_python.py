"""The interpreters that measured processes start with, as the ``interpreters`` step found them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.base.errors import ConfigError
from harness.base.whole_files import read_json, refused_by_name


@dataclass(frozen=True, slots=True)
class WorkerPython:
    """How to start measured processes of one interpreter."""

    python: Path
    environment: Mapping[str, str]


def read_interpreters(path: Path) -> dict[str, WorkerPython]:
    """The worker environments found by the ``interpreters`` step.

    Raises ``ConfigError`` when one of them has vanished since.
    """
    content = read_json(path)
    with refused_by_name(path):
        found = {
            name: WorkerPython(Path(entry["python"]), dict(entry["environment"]))
            for name, entry in content.items()
        }
    for name, worker in found.items():
        if not worker.python.exists():
            raise ConfigError(
                f"{path}: {name}: {worker.python} is gone; delete {path.name} and run again to "
                "recreate it"
            )
    return found
