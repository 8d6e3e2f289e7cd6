"""What is said about a machine, and advised."""

import json
from pathlib import Path

import pytest

from harness.machine import doctor, surroundings
from harness.machine.doctor import examine, pressure_avg10, report
from harness.machine.finding import Finding
from harness.machine.lock import current_holder, machine_lock
from harness.machine.noise import Roots
from harness.machine.surroundings import interpreters_check

STAT = "cpu  100 20 30 4000 500 6 4 80 7 9\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n"


PRESSURE = "some avg10={avg} avg60=1.00 avg300=0.50 total=2500000\nfull avg10=0 total=9\n"


ROLLUP = """00400000-7fff ---p 00000000 00:00 0    [rollup]
Rss:                4096 kB
Pss:                2048 kB
Pss_Dirty:          1024 kB
Private_Clean:       256 kB
Private_Dirty:       768 kB
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc of a machine that counts everything and is at rest."""
    folder = tmp_path / "proc"
    write(folder / "stat", STAT)
    write(folder / "pressure/cpu", PRESSURE.format(avg="0.25"))
    write(folder / "vmstat", "nr_free 1\noom_kill_other 7\noom_kill 3\n")
    write(folder / "self/schedstat", "1 2 3\n")
    write(folder / "self/smaps_rollup", ROLLUP)
    return folder


def finding(proc: Path, subject: str) -> Finding:
    (found,) = [
        entry
        for entry in examine(Roots(proc, proc / "cpu", proc / "cgroup"))
        if entry.subject == subject
    ]
    return found


@pytest.mark.parametrize(("average", "serious"), [("0.25", False), ("5.00", False), ("5.01", True)])
def test_pressure_above_the_limit_is_serious(proc: Path, average: str, serious: bool) -> None:
    write(proc / "pressure/cpu", PRESSURE.format(avg=average))
    found = finding(proc, "CPU pressure")
    assert found.serious is serious
    assert f"{float(average):g} %" in found.state
    assert bool(found.advice) is serious


@pytest.mark.parametrize(
    ("subject", "file"),
    [
        ("CPU pressure", "pressure/cpu"),
        ("steal time", "stat"),
        ("run-queue wait", "self/schedstat"),
        ("PSS and USS", "self/smaps_rollup"),
    ],
)
def test_counter_that_is_missing_is_told_with_advice_but_not_serious(
    proc: Path, subject: str, file: str
) -> None:
    assert finding(proc, subject).advice == ""
    (proc / file).unlink()
    found = finding(proc, subject)
    assert (found.state, found.serious) == ("unavailable", False)
    assert found.advice


def test_few_cores_are_told_but_not_serious(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "available_cpus", lambda: (0, 1))
    found = finding(proc, "CPUs")
    assert found.state.startswith("2 usable of ")
    assert (found.serious, found.advice) == (False, "larger pinnings are listed as not run")


def test_low_thread_limit_is_serious(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda _: (500, 500))
    assert finding(proc, "process and thread limit").serious


def test_full_disk_is_serious(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Use", (), {"free": 2**20}))
    assert finding(proc, "disk").serious


def test_another_operating_system_is_serious(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    assert finding(proc, "operating system").serious


@pytest.mark.parametrize(
    ("text", "average"), [(None, None), ("", None), (PRESSURE.format(avg="1.50"), 1.5)]
)
def test_pressure_average(text: str | None, average: float | None) -> None:
    assert pressure_avg10(text) == average


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "SAMPLE_S", 0.0)


def test_cgroups_that_cannot_be_written_are_told_with_what_to_do(proc: Path) -> None:
    found = finding(proc, "cgroups")
    assert (found.state, found.serious) == ("not writable", False)
    assert "systemd-run" in found.advice


@pytest.mark.parametrize(
    ("file", "text", "subject", "advised"),
    [
        ("cpu/cpu0/cpufreq/scaling_governor", "powersave", "CPU frequency governor", True),
        ("cpu/cpu0/cpufreq/scaling_governor", "performance", "CPU frequency governor", False),
        ("cpu/intel_pstate/no_turbo", "0", "turbo", True),
        ("cpu/intel_pstate/no_turbo", "1", "turbo", False),
        ("cpu/cpufreq/boost", "1", "turbo", True),
        ("swaps", "Filename Type Size Used Priority\n/dev/a part 999 0 -2\n", "swap", False),
        ("swaps", "Filename Type Size Used Priority\n/dev/a part 9999 4096 -2\n", "swap", True),
        ("clocksource/clocksource0/current_clocksource", "tsc", "clock source", False),
        ("clocksource/clocksource0/current_clocksource", "hpet", "clock source", True),
        ("cpuinfo", "flags : fpu hypervisor sse", "virtual machine", True),
        ("cpuinfo", "flags : fpu sse", "virtual machine", False),
    ],
)
def test_each_surrounding_is_told_and_advised_upon_only_when_it_costs(
    proc: Path, file: str, text: str, subject: str, advised: bool
) -> None:
    (proc / "cpu").mkdir()
    write(proc / file, text)
    found = finding(proc, subject)
    assert bool(found.advice) is advised
    assert not found.serious


@pytest.mark.parametrize(
    "subject",
    ["other programs", "CPU use of others per trial", "perf counters", "thermal throttling"],
)
def test_probe_that_is_missing_is_told_with_advice(proc: Path, subject: str) -> None:
    (proc / "stat").unlink()
    assert finding(proc, subject).advice


def test_missing_interpreter_is_told_with_the_command_that_provides_it(proc: Path) -> None:
    check = interpreters_check(lambda: (["cpython-3.12"], ["cpython-3.13t"]))
    (found,) = [entry for entry in examine(Roots(proc), [check]) if entry.subject == "interpreters"]
    assert found.state == "cpython-3.12"
    assert "cpython-3.13t: not found; `python -m harness interpreters`" in found.advice


def test_run_that_holds_the_machine_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert current_holder(path) == ""
    with machine_lock("profiles, block 3", path=path):
        assert "profiles, block 3" in current_holder(path)
    assert current_holder(path) == ""


def test_report_marks_what_is_serious() -> None:
    lines = report(
        [
            Finding("CPUs", "2"),
            Finding("swap", "used", advice="free it"),
            Finding("disk", "1 MB", serious=True, advice="make room"),
        ]
    ).splitlines()
    assert lines == [
        "ok  CPUs  2",
        "--  swap  used - free it",
        "!!  disk  1 MB - make room",
    ]


def test_findings_are_plain_data(proc: Path) -> None:
    assert json.loads(json.dumps([entry.to_json() for entry in examine(Roots(proc, proc, proc))]))
