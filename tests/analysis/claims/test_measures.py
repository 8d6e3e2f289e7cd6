"""What each measure of the claims makes of trials without noise: values by hand."""

from typing import Any

import pandas as pd
import pytest

from harness.analysis.claims import memory, pools, strategies  # noqa: F401 - known by import
from harness.analysis.claims.data import Data, NotMeasuredError, Source
from harness.analysis.claims.registry import apply
from harness.analysis.data.trials import normalised
from tests.analysis.simulated_claims import trials_of

#: tasks/s, 99th percentile of service time in ms, workers at the end, MiB
KNOWN = {
    ("fixed", 4): (100, 10, None, 20),
    ("fixed", 8): (200, 20, None, 24),
    ("fixed", 32): (400, 30, None, 32),
    ("fixed", 128): (300, 90, None, 80),
    ("instrumented", 8): (180, 20, None, 24),
    ("instrumented", 32): (320, 30, None, 32),
    ("adaptive", 16): (320, 36, 16, 30),
    ("adaptive", 128): (390, 45, 64, 40),
    ("adaptive_low", 128): (380, 45, 4, 40),
    ("adaptive_high", 128): (304, 45, 128, 40),
    ("adaptive_higher", 128): (390, 45, 129, 40),
    ("processes", 2): (90, 10, None, 50),
    ("processes", 6): (95, 10, None, 170),
}
#: tasks/s of the fixed pools in the cell that is compared with
OTHER = {4: 50, 8: 160, 32: 120, 128: 100}
CELL = {"experiment": "e", "workload": "rag", "interpreter": "cpython-3.12", "cores": 2}
VERSUS = {"interpreter": "cpython-3.13t"}


def a_cell(rates: dict[tuple[str, int], float], **names: Any) -> pd.DataFrame:
    return trials_of(
        rates,
        noise=0.0,
        blocks=4,
        latency_p99_ms=lambda name, size: KNOWN[name, size][1],
        final_workers=lambda name, size: KNOWN[name, size][2],
        pss_peak_mb=lambda name, size: KNOWN[name, size][3],
        beta_naive=lambda _, size: 1 - 0.05 * size.bit_length(),
        **{**CELL, **names},
    )


@pytest.fixture(scope="module")
def source() -> Source:
    rates = {key: float(values[0]) for key, values in KNOWN.items()}
    other = {**rates, **{("fixed", size): float(rate) for size, rate in OTHER.items()}}
    # half of rag's efficiency: its adaptive pool does half as much
    slow = {**rates, ("adaptive", 128): 195.0}
    frame = pd.concat(
        [a_cell(rates), a_cell(other, **VERSUS), a_cell(slow, workload="slm")], ignore_index=True
    )
    return Source(Data(normalised(frame), None), CELL, VERSUS)


@pytest.mark.parametrize(
    ("measure", "parameters", "expected"),
    [
        ("loss", {"size": 128}, 0.25),
        ("loss", {"size": "largest"}, 0.25),
        ("loss", {"size": 8}, 0.5),
        ("least_loss", {"smallest": 8}, 0.0),
        ("least_loss", {"smallest": 128}, 0.25),
        ("peak_size", {}, 32),
        ("peak_order", {}, 4),
        ("latency_growth", {"size": 128}, 3.0),
        ("latency_growth", {"size": 8}, 2 / 3),
        ("peak_latency", {}, 30),
        ("peak_ratio", {}, 400 / 160),
        ("slowdown", {"size": 128}, 100 / 300 - 1),
        ("scaling_exponent", {"up_to": 8}, 1.0),
        ("beta_slope", {}, -0.05),
        ("cost_of", {"instrumented": "instrumented"}, 1 - (0.9 * 0.8) ** 0.5),
        ("efficiency", {"strategy": "adaptive"}, 0.975),
        ("efficiency", {"strategy": "adaptive", "size": 16}, 0.8),
        ("gain_over_fixed", {"strategy": "adaptive", "fixed": 128}, 0.3),
        ("latency_over_peak", {"strategy": "adaptive"}, 1.5),
        ("latency_over_peak", {"strategy": "adaptive", "size": 16}, 1.2),
        ("ratio_to", {"strategy": "adaptive", "other": "instrumented"}, 390 / 320),
        ("final_share", {"strategy": "adaptive"}, 0.5),
        ("mean_of", {"strategy": "adaptive", "column_name": "final_workers"}, 64),
        # half way, in log N, between 400 and 300 tasks/s
        ("efficiency_of_final_size", {"strategy": "adaptive"}, (400 * 300) ** 0.5 / 400),
        ("efficiency_of_final_size", {"strategy": "adaptive_low"}, 0.25),
        ("efficiency_of_final_size", {"strategy": "adaptive_high"}, 0.75),
        ("spread", {"prefix": "adaptive_"}, 1 - 304 / 390),
        ("spread", {"prefix": "adaptive_h"}, 1 - 304 / 390),
        ("mean_efficiency", {"workloads": ["rag", "slm"], "strategy": "adaptive"}, 0.73125),
        ("least_efficiency", {"workloads": ["rag", "slm"], "strategy": "adaptive"}, 0.4875),
        (
            "memory_ratio",
            {"metric": "pss_peak_mb", "strategy": "processes", "workers": 6, "threads": 32},
            170 / 32,
        ),
        ("memory_per_worker", {"metric": "pss_peak_mb", "strategy": "processes"}, 30),
        ("memory_added", {"metric": "pss_peak_mb", "size": 128, "over": 4}, 60),
    ],
)
def test_a_measure_of_trials_without_noise_is_its_value_by_hand(
    source: Source, measure: str, parameters: dict[str, Any], expected: float
) -> None:
    found = apply(measure, source, parameters, {}).interval
    assert found.estimate == pytest.approx(expected, abs=1e-9)
    assert found.n == 4
    assert found.low is not None and found.high is not None
    assert found.low - 1e-9 <= expected <= found.high + 1e-9


@pytest.mark.parametrize(
    ("measure", "parameters", "reason"),
    [
        ("efficiency_of_final_size", {"strategy": "adaptive_higher"}, "no fixed pool as large"),
        ("least_loss", {"smallest": 129}, "no pool of 129 threads"),
        ("scaling_exponent", {"up_to": 7}, "two pool sizes up to 7"),
        ("spread", {"prefix": "adaptive_l"}, "two strategies"),
        ("cost_of", {"instrumented": "processes"}, "no size in common"),
    ],
)
def test_what_cannot_be_measured_says_why(
    source: Source, measure: str, parameters: dict[str, Any], reason: str
) -> None:
    with pytest.raises(NotMeasuredError, match=reason):
        apply(measure, source, parameters, {})


def test_the_slope_of_beta_tells_its_ends(source: Source) -> None:
    assert "beta from 0.85 to 0.60" in apply("beta_slope", source, {}, {}).note


def test_the_least_efficiency_names_its_workload(source: Source) -> None:
    parameters = {"workloads": ["rag", "slm"], "strategy": "adaptive"}
    assert "least: slm" in apply("least_efficiency", source, parameters, {}).note
    note = apply("mean_efficiency", source, parameters, {}).note
    assert "rag 0.98" in note and "slm 0.49" in note


def test_random_tasks_below_the_bound_are_counted_and_who_was_at_fault() -> None:
    """Best: 400 at 32. One task reaches it; one ends low because its metric calls for 4; one
    although it calls for 32; a workload that was not drawn has no part in it."""
    reached = {("fixed", 4): 100.0, ("fixed", 32): 400.0, ("adaptive", 64): 390.0}
    low = {**reached, ("adaptive", 64): 120.0}
    frames = [
        trials_of(rates, noise=0.0, blocks=3, metric_size=size, **{**CELL, "workload": name})
        for name, rates, size in (
            ("drawn_1001", reached, 32.0),
            ("drawn_1002", low, 4.0),
            ("drawn_1003", low, 32.0),
            ("drawn_by_hand", low, 4.0),
        )
    ]
    data = Data(normalised(pd.concat(frames, ignore_index=True)), None)
    source = Source(data, {**CELL, "workload": "drawn"}, {})
    parameters = {"strategy": "adaptive", "below": 0.8}
    found = apply("misjudged_share", source, parameters, {})
    assert found.interval.estimate == pytest.approx(2 / 3)
    assert found.interval.n == 3
    assert found.note == "drawn_1002 0.30 (metric), drawn_1003 0.30 (control)"


def test_a_strategy_under_which_no_task_ended_has_given_nothing() -> None:
    rates = {("fixed", 4): 100.0, ("fixed", 32): 400.0, ("adaptive", 64): 390.0}
    frames = []
    for name, status in (("drawn_1001", "ok"), ("drawn_1002", "timeout"), ("drawn_1003", "crash")):
        frame = trials_of(rates, noise=0.0, blocks=3, **{**CELL, "workload": name})
        frame.loc[frame["strategy"] == "adaptive", "status"] = status
        frames.append(frame)
    data = Data(normalised(pd.concat(frames, ignore_index=True)), None)
    source = Source(data, {**CELL, "workload": "drawn"}, {})
    found = apply("misjudged_share", source, {"strategy": "adaptive", "below": 0.8}, {})
    assert (found.interval.estimate, found.interval.n) == (0.5, 2)  # a crash says nothing
    assert found.note == "drawn_1002 0 (unknown)"


def test_without_random_tasks_none_is_misjudged(source: Source) -> None:
    with pytest.raises(NotMeasuredError, match="no fresh rag task was measured in e"):
        apply("misjudged_share", source, {"strategy": "adaptive", "below": 0.8}, {})
