"""The micro-benchmarks of the runtime measure what they say, and nothing breaks them."""

import subprocess
import sys

import pytest

from tests import ROOT

CALLS = (
    "time_submissions(1, 2, micro._fixed)",
    "time_submissions(1, 2, micro._adaptive)",
    "time_windows(3, 5)",
    "time_windows(3, 40)",
    "time_samples(3, 5)",
    "time_calls(3, micro.enough_workers, 60.0, 1.0, micro.SPARE, 1024)",
    *(f"time_decisions(3, {size})" for size in (4, 64, 512)),
    *(f"time_ticks(3, {size})" for size in (4, 512)),
)


@pytest.fixture(scope="module")
def seconds() -> list[float]:
    """Of every call, in a process of its own: the blocked threads live as long as it does."""
    lines = "\n".join(f"print(micro.{call})" for call in CALLS)
    done = subprocess.run(
        [sys.executable, "-c", f"from harness.trial import micro\n{lines}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [float(line) for line in done.stdout.split()]


def test_every_part_can_be_timed(seconds: list[float]) -> None:
    assert len(seconds) == len(CALLS)
    assert min(seconds) > 0
