"""A machine that is busy from the start says so before anything is measured."""

from dataclasses import replace
from pathlib import Path

import pytest
from fake_bench import QUIET, SilentProgress, a_setting
from samples import a_config

from harness.config import BusyStart
from harness.machine.busy import BusyMachineError, Consumer, Sample, take_sample, warn_or_refuse
from harness.machine.noise import Roots
from harness.measure import run_block
from harness.plan import make_plan

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


def measure(folder: Path, refuse: bool) -> None:
    rule = BusyStart(max_foreign_cpu_share=0.1, sample_s=0.1, refuse_busy=refuse)
    config = replace(a_config(), busy_start=rule)
    cells = make_plan(config, (0, 1)).blocks()["profiles", 1]
    run_block.measure_block(a_setting(config, folder), cells, SilentProgress())  # type: ignore[arg-type]


def test_block_on_a_busy_machine_warns_and_is_measured(
    asked: list[tuple[str, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(run_block.busy, "take_sample", lambda *_: BUSY)
    measure(tmp_path, refuse=False)
    assert "warning: this machine is busy" in capsys.readouterr().err
    assert asked
    record = next(tmp_path.rglob("*.jsonl")).read_text().splitlines()[0]
    assert '"foreign_cpu_share_before":0.63' in record


def test_block_on_a_busy_machine_is_refused_where_configuration_says_so(
    asked: list[tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_block.busy, "take_sample", lambda *_: BUSY)
    with pytest.raises(BusyMachineError, match=r"refused: this machine is busy.*stress"):
        measure(tmp_path, refuse=True)
    assert asked == []
    assert not list(tmp_path.rglob("*.jsonl*"))
