"""Which of the project's own files are inside a trial, and the hash that says so in its record."""

from hashlib import sha256
from pathlib import Path

from harness.measure.watch import PROJECT_ROOT

#: what of ``harness/`` a measured process may load: the only list of it
MEASURED = (
    *("__init__.py", "random_task.py", "workload.py", "base/__init__.py", "base/lifeline.py"),
    *("machine/__init__.py", "machine/counters.py"),
    *("trial/**/*.py", "strategies/**/*.py", "runtime/**/*.py"),
)
#: what shares the trials' folders and interpreter, but is loaded by none of them
NOT_IN_TRIALS = ("trial/micro.py", "trial/calibration.py", "runtime/profile/**/*.py")


def measured_files(root: Path = PROJECT_ROOT) -> list[Path]:
    """The project's own files that a measured process may load, beside the workload's."""
    measured, others = (
        {path for entry in entries for path in (root / "harness").glob(entry)}
        for entries in (MEASURED, NOT_IN_TRIALS)
    )
    return sorted(measured - others)


def source_hash(workload_file: Path, root: Path = PROJECT_ROOT) -> str:
    """Hash of the code inside a trial: the workload and what of this project it may load."""
    digest = sha256()
    for path in (workload_file, *measured_files(root)):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]
