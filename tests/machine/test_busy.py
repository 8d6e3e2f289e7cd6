"""A machine that is busy from the start says so before anything is measured."""

from pathlib import Path

import pytest

from harness.design.config import BusyStart
from harness.machine.busy import BusyMachineError, Consumer, Sample, take_sample, warn_or_refuse
from harness.machine.noise import Roots
from harness.measure.bench import look_around

QUIET = Sample(0.1, 0.0, 0.0, ())
BUSY = Sample(0.5, 0.63, 0.4, (Consumer(42, "stress", 1.2),))


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    """A machine that counts its CPUs' time in /proc/schedstat."""
    set_busy(tmp_path, 10.0)
    return Roots(tmp_path, tmp_path, tmp_path)


def set_busy(folder: Path, seconds: float) -> None:
    line = f"cpu0 0 0 0 0 0 0 {int(seconds * 1e9)} 0 0\n"
    (folder / "schedstat").write_text(line)


def test_cpu_time_of_others_during_the_sample_is_their_share(roots: Roots, tmp_path: Path) -> None:
    sample = take_sample([0], 0.2, roots=roots, pause=lambda _: set_busy(tmp_path, 11.0))
    assert sample.foreign_cpu_share is not None
    assert sample.foreign_cpu_share > 1  # a second within microseconds
    assert sample.is_busy(0.1)


def test_machine_at_rest_is_quiet(roots: Roots) -> None:
    sample = take_sample([0], 0.2, roots=roots, pause=lambda _: None)
    assert sample.foreign_cpu_share == 0
    assert not sample.is_busy(0.1)


def test_machine_that_does_not_tell_is_neither_busy_nor_quiet(tmp_path: Path) -> None:
    sample = take_sample([0], 0.2, roots=Roots(tmp_path, tmp_path, tmp_path), pause=lambda _: None)
    assert (sample.foreign_cpu_share, sample.pressure_share) == (None, None)
    assert not sample.is_busy(0.1)
    assert "unavailable" in sample.describe()


def test_warning_names_the_largest_consumer_and_says_what_to_do() -> None:
    text = warn_or_refuse(BUSY, 0.1, refuse=False)
    assert "63% of the CPUs: stress (pid 42) 120% of a CPU" in text
    assert "end them" in text
    assert warn_or_refuse(QUIET, 0.1, refuse=True) == ""


def look(refuse: bool) -> Sample:
    rule = BusyStart(max_foreign_cpu_share=0.1, sample_s=0.1, refuse_busy=refuse)
    return look_around([0, 1], rule, lambda *_: BUSY)


def test_a_busy_machine_is_warned_of_before_a_block(capsys: pytest.CaptureFixture[str]) -> None:
    assert look(refuse=False) is BUSY
    assert "warning: this machine is busy" in capsys.readouterr().err


def test_a_busy_machine_is_refused_where_configuration_says_so() -> None:
    with pytest.raises(BusyMachineError, match=r"refused: this machine is busy.*stress"):
        look(refuse=True)
