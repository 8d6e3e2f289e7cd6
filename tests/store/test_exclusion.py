"""Rules that leave trials out: each fires on its own disturbance and on nothing less."""

from typing import Any

import pytest

from harness.design import config as configuration
from harness.store.exclusion import judge, reasons, usual_speeds
from tests.samples import ROOT, a_record, a_rule, a_trial

RULES = configuration.read(ROOT / "config", preset="smoke").exclusion


def metrics_of(**counters: float | None) -> dict[str, float | None]:
    """An undisturbed window of 10 s; on 2 cores its capacity is 20,000 ms."""
    return {
        "noise_span_s": 10.0,
        "foreign_cpu_ms": 100.0,
        "foreign_resolution_ms": 8.0,
        "steal_ms": 10.0,
        "steal_resolution_ms": 20.0,
        "quota_throttled_ms": 0.0,
        "thermal_throttles": 0,
        "speed_before": 90.0,
        "speed_after": 88.0,
        "speed_window": 100.0,
        "clock_step_ms": 0.2,
        "swap_in_mb": 0.0,
        "swap_out_mb": 0.0,
        **counters,
    }


def test_undisturbed_trial_stays() -> None:
    assert reasons(metrics_of(), 2, RULES, 100.0) == []


@pytest.mark.parametrize(
    ("counters", "named"),
    [
        ({"foreign_cpu_ms": 1100.0}, "foreign_cpu_ms above 5%"),
        ({"steal_ms": 1100.0}, "steal_ms above 5%"),
        ({"quota_throttled_ms": 500.0}, "quota_throttled_ms above 2%"),
        ({"thermal_throttles": 1}, "thermal_throttles above 0"),
        ({"speed_after": 30.0}, "speed_after and speed_before"),
        ({"speed_after": 300.0}, "speed_after and speed_before"),
        ({"speed_window": 50.0}, "speed_window is more than"),
        ({"clock_step_ms": -3600e3}, "clock_step_ms above"),
        ({"swap_in_mb": 0.8, "swap_out_mb": 0.8}, "swap_in_mb and swap_out_mb"),
    ],
)
def test_each_disturbance_is_named_by_its_rule(counters: dict[str, float], named: str) -> None:
    (reason,) = reasons(metrics_of(**counters), 2, RULES, 100.0)
    assert reason.startswith(named)


def test_several_rules_are_all_named() -> None:
    assert len(reasons(metrics_of(foreign_cpu_ms=8000.0, clock_step_ms=99.0), 2, RULES, None)) == 2


def test_capacity_counts_the_cores_of_the_pinning() -> None:
    counters = metrics_of(foreign_cpu_ms=700.0)
    assert reasons(counters, 1, RULES, None)
    assert not reasons(counters, 2, RULES, None)


@pytest.mark.parametrize("key", ["foreign", "steal"])
def test_a_rule_never_fires_from_the_resolution_of_its_probe_alone(key: str) -> None:
    value = {"foreign": "foreign_cpu_ms", "steal": "steal_ms"}[key]
    short = {"noise_span_s": 0.15, "foreign_cpu_ms": 0.0, "steal_ms": 0.0}
    tick = {value: 10.0, f"{key}_resolution_ms": 10.0}  # 6.7 % of a window of 150 ms
    assert reasons(metrics_of(**(short | tick)), 1, RULES, None) == []
    assert reasons(metrics_of(**(short | tick | {value: 18.0})), 1, RULES, None) != []


@pytest.mark.parametrize("name", [*metrics_of()])
def test_probe_that_does_not_exist_excludes_nothing(name: str) -> None:
    assert reasons(metrics_of(**{name: None}), 2, RULES, None) == []


@pytest.mark.parametrize("metrics", [{}, {"foreign_cpu_ms": 1e9}, {"steal_ms": 9.0}])
def test_numbers_without_their_span_exclude_nothing(metrics: dict[str, Any]) -> None:
    assert reasons(metrics, 2, RULES, None) == []


def test_rules_that_are_not_given_are_off() -> None:
    wild = metrics_of(
        foreign_cpu_ms=9e9, steal_ms=9e9, thermal_throttles=9, clock_step_ms=9e9, swap_in_mb=9e9,
        speed_after=1.0, speed_window=1.0, quota_throttled_ms=9e9,
    )  # fmt: skip
    assert reasons(wild, 1, a_rule(), 100.0) == []


def test_usual_speed_is_that_of_the_trials_own_cell() -> None:
    here = [a_record(a_trial(concurrency=n), metrics={"speed_window": 100.0}) for n in (1, 2, 3)]
    slow = a_record(a_trial(concurrency=4), metrics={"speed_window": 50.0})
    other = a_record(a_trial(interpreter="cpython-3.13t"), metrics={"speed_window": 50.0})
    unknown = a_record(a_trial(concurrency=5))
    usual = usual_speeds([*here, slow, other, unknown])
    verdicts = [bool(judge(record, RULES, usual)) for record in (here[0], slow, other, unknown)]
    assert verdicts == [False, True, False, False]


@pytest.mark.parametrize(("protocol", "excluded"), [("batch", False), ("steady", True)])
def test_the_end_of_threads_in_a_batch_is_nobodys_fault(protocol: str, excluded: bool) -> None:
    """2048 threads that ended in half a second left 100 ms that the kernel charged to nobody."""
    metrics = metrics_of(noise_span_s=0.5, foreign_cpu_ms=100.0)
    record = a_record(a_trial(protocol=protocol, concurrency=2048), metrics=metrics)
    assert bool(judge(record, RULES, {})) == excluded
    worse = a_record(
        a_trial(protocol=protocol, concurrency=8), metrics=metrics_of(foreign_cpu_ms=1100.0)
    )
    assert judge(worse, RULES, {})
