"""What disturbs a trial: read from a made-up machine, and turned into numbers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.machine.counters import TreeCounters
from harness.machine.noise import EXACT_RESOLUTION_S, USER_TICK_S, Noise, Roots, read_noise
from harness.measure.disturbance import PAGE_MB, noise_metrics, resolution_s
from harness.measure.observation import BatchTimes, Edge, Observation

STAT = """cpu  9 9 9 9 9 9 9 9 0 0
cpu0 100 20 30 4000 500 6 4 80 7 9
cpu1 200 0 0 4000 0 0 0 5 0 0
intr 5
"""
SCHEDSTAT = """version 15
timestamp 1
cpu0 0 0 0 0 0 0 1500000000 70 5
domain0 3 1 2
cpu1 0 0 0 0 0 0 2500000000 70 5
"""
PRESSURE = "some avg10=0.25 avg60=1 avg300=0 total={total}\nfull avg10=0 avg60=0 avg300=0 total=9\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    """A machine that has every probe."""
    roots = Roots(tmp_path / "proc", tmp_path / "cpu", tmp_path / "cgroup")
    write(roots.proc / "stat", STAT)
    write(roots.proc / "schedstat", SCHEDSTAT)
    write(roots.proc / "vmstat", "nr_free 1\npswpin 12\npswpout 34\noom_kill_x 7\noom_kill 3\n")
    for number, name in enumerate(("cpu", "memory", "io"), start=1):
        write(roots.proc / "pressure" / name, PRESSURE.format(total=number * 1_000_000))
    write(roots.proc / "self/cgroup", "4:cpu:/box\n0::/box\n")
    write(roots.cgroup / "cpuacct/cpuacct.usage_percpu", "3000000000 7000000000 \n")
    write(roots.cgroup / "cpuacct/release_agent", "")
    write(roots.cgroup / "cpu/cgroup.procs", "")
    write(roots.cgroup / "cpu/box/cpu.stat", "nr_throttled 3\nthrottled_time 250000000\n")
    for cpu in (0, 1):
        write(roots.cpu / f"cpu{cpu}/thermal_throttle/core_throttle_count", f"{cpu + 1}\n")
        write(roots.cpu / f"cpu{cpu}/cpufreq/scaling_cur_freq", "1800000\n")
    return roots


def test_every_probe_is_read_for_the_cpus_asked_for(roots: Roots) -> None:
    found = read_noise([1], roots)
    assert (found.busy_s, found.busy_source) == (7.0, "cpuacct")
    assert found.steal_s == 5 * USER_TICK_S
    assert found.pressure_s == {"cpu": 1.0, "memory": 2.0, "io": 3.0}
    assert (found.pages_swapped_in, found.pages_swapped_out, found.oom_kills) == (12, 34, 3)
    assert found.thermal_throttles == 2
    assert found.quota_throttled_s == pytest.approx(0.25)
    assert found.frequency_mhz == pytest.approx(1800)
    assert read_noise([0, 1], roots).busy_s == 10.0


def test_cpu_time_comes_from_the_most_exact_probe_there_is(roots: Roots) -> None:
    (roots.cgroup / "cpuacct/release_agent").unlink()  # a container's view, not the machine's
    assert read_noise([0, 1], roots).busy_source == "schedstat"
    assert read_noise([0, 1], roots).busy_s == pytest.approx(4.0)
    (roots.proc / "schedstat").unlink()
    assert read_noise([0], roots).busy_source == "ticks"
    assert read_noise([0], roots).busy_s == pytest.approx(160 * USER_TICK_S)


def test_machine_without_any_probe_gives_none_and_never_zero(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    found = read_noise([0], Roots(nowhere, nowhere, nowhere))
    assert replace(found, monotonic_s=0, wall_s=0) == Noise(0, 0)


@pytest.mark.parametrize(
    ("missing", "fields"),
    [
        ("proc/stat", {"steal_s"}),
        ("proc/pressure/cpu", {"pressure_s"}),
        ("proc/vmstat", {"pages_swapped_in", "pages_swapped_out", "oom_kills"}),
        ("cpu/cpu1/thermal_throttle/core_throttle_count", {"thermal_throttles"}),
        ("cpu/cpu0/cpufreq/scaling_cur_freq", {"frequency_mhz"}),
        ("cgroup/cpu/box/cpu.stat", {"quota_throttled_s"}),
    ],
)
def test_each_missing_file_costs_its_own_probe_only(
    roots: Roots, tmp_path: Path, missing: str, fields: set[str]
) -> None:
    before = read_noise([0, 1], roots)
    (tmp_path / missing).unlink()
    after = read_noise([0, 1], roots)
    changed = {
        name
        for name in Noise.__slots__
        if name not in ("monotonic_s", "wall_s") and getattr(before, name) != getattr(after, name)
    }
    assert changed == fields
    for name in fields - {"pressure_s"}:
        assert getattr(after, name) is None
    assert "cpu" not in (after.pressure_s or {}) or "pressure_s" not in fields


def test_quota_of_an_outer_group_counts_too_and_v2_is_read(roots: Roots) -> None:
    write(roots.proc / "self/cgroup", "0::/outer/inner\n")
    write(roots.cgroup / "cgroup.procs", "")
    write(roots.cgroup / "outer/cpu.stat", "usage_usec 5\nthrottled_usec 1500000\n")
    write(roots.cgroup / "outer/inner/cpu.stat", "usage_usec 5\nthrottled_usec 500000\n")
    assert read_noise([0], roots).quota_throttled_s == pytest.approx(2.0)


# --- numbers of a trial ---


def noise(at: float, **changes: Any) -> Noise:
    values: dict[str, Any] = {
        "busy_s": 0.0,
        "busy_source": "schedstat",
        "steal_s": 0.0,
        "pressure_s": {"cpu": 0.0, "memory": 0.0, "io": 0.0},
        "pages_swapped_in": 0,
        "pages_swapped_out": 0,
        "thermal_throttles": 0,
        "quota_throttled_s": 0.0,
        "frequency_mhz": 2400.0,
    }
    return Noise(at, 1e9 + at, **(values | changes))


def tree(at: float, cpu_s: float) -> TreeCounters:
    return TreeCounters(at=at, cpu_s=cpu_s, run_queue_s=None, threads=1)


def a_trial_seen(**changes: Any) -> Observation:
    """A window of 1 s on one CPU, in which the trial used 0.6 s and the harness 0.1 s."""
    values: dict[str, Any] = {
        "cpus": [1],
        "noise_before": noise(0.0),
        "noise_after": noise(3.0),
        "at_open": Edge(noise(1.0), harness_cpu_s=5.0),
        "at_close": Edge(noise(2.0, busy_s=0.7), harness_cpu_s=5.1),
        "tree_at_open": tree(1.0, 0.2),
        "tree_at_close": tree(2.0, 0.8),
    }
    return Observation(**(values | changes))


def closed(**changes: Any) -> Observation:
    return a_trial_seen(at_close=Edge(noise(2.0, **({"busy_s": 0.7} | changes)), 5.1))


def test_undisturbed_trial_has_zeros_where_the_machine_counts() -> None:
    metrics = noise_metrics(a_trial_seen())
    for name in ("foreign_cpu_ms", "steal_ms", "swap_in_mb", "thermal_throttles", "clock_step_ms"):
        assert metrics[name] == pytest.approx(0, abs=1e-4), name
    assert metrics["noise_span_s"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"busy_s": 1.0}, "foreign_cpu_ms", 300),
        ({"steal_s": 0.25}, "steal_ms", 250),
        ({"pages_swapped_in": 512}, "swap_in_mb", 512 * PAGE_MB),
        ({"pages_swapped_out": 512}, "swap_out_mb", 512 * PAGE_MB),
        ({"thermal_throttles": 2}, "thermal_throttles", 2),
        ({"quota_throttled_s": 0.1}, "quota_throttled_ms", 100),
        ({"pressure_s": {"memory": 0.2}}, "psi_memory_some_ms", 200),
    ],
)
def test_each_disturbance_shows_in_its_own_number(
    changes: dict[str, Any], name: str, value: float
) -> None:
    assert noise_metrics(closed(**changes))[name] == pytest.approx(value)


def test_what_the_trial_uses_as_it_starts_and_ends_is_not_foreign() -> None:
    busy_outside = a_trial_seen(noise_after=noise(3.0, busy_s=2.9))
    assert noise_metrics(busy_outside)["foreign_cpu_ms"] == pytest.approx(0, abs=1e-6)


def test_what_a_batch_uses_after_its_last_task_is_not_foreign() -> None:
    times = BatchTimes(1.0, 1.6, 1.7, 1.9, cpu_s=0.9)
    metrics = noise_metrics(
        a_trial_seen(at_close=Edge(noise(2.0, busy_s=1.2), harness_cpu_s=5.1), batch=times)
    )
    assert metrics["foreign_cpu_ms"] == pytest.approx(200)


def test_step_of_the_wall_clock_shows_with_its_sign() -> None:
    stepped = replace(noise(3.0), wall_s=1e9 + 3.0 - 0.2)
    assert noise_metrics(a_trial_seen(noise_after=stepped))["clock_step_ms"] == pytest.approx(
        -200, abs=0.1
    )


def test_probes_that_do_not_exist_stay_empty() -> None:
    nothing = {"noise_before": Noise(0, 0), "noise_after": Noise(3, 3)}
    edges = {"at_open": Edge(Noise(1, 1), 0.0), "at_close": Edge(Noise(2, 2), 0.0)}
    metrics = noise_metrics(a_trial_seen(**nothing, **edges))
    known = {name for name, value in metrics.items() if value is not None}
    assert known == {"noise_span_s", "clock_step_ms"}


def test_trial_that_died_before_its_window_closed_has_no_foreign_cpu() -> None:
    metrics = noise_metrics(
        a_trial_seen(at_close=None, noise_after=noise(3.0, busy_s=9, steal_s=1))
    )
    assert metrics["foreign_cpu_ms"] is None
    assert (metrics["steal_ms"], metrics["noise_span_s"]) == (1000, 3)


def test_sampled_cpu_time_resolves_less_than_exact_clocks() -> None:
    assert resolution_s("cpuacct", 0.5, 2) == 2 * EXACT_RESOLUTION_S
    assert resolution_s("ticks", 0.5, 1) > 0.05
    assert resolution_s("ticks", 1e-3, 1) >= USER_TICK_S
