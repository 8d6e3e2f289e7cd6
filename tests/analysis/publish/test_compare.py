"""Two result sets side by side."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis.data.trials import normalised
from harness.analysis.publish.compare import compare, compare_files, welch_ratio

A = np.array([10.0, 11.0, 9.5, 10.4, 10.1])
B = np.array([12.0, 12.9, 11.8])


def trials(*values: float, **changes: Any) -> pd.DataFrame:
    """One configuration, a block per throughput."""
    columns: dict[str, Any] = {
        "experiment": "profiles",
        "workload": "rag",
        "interpreter": "cpython-3.12",
        "cores": 2,
        "strategy": "fixed",
        "concurrency": 8,
        "label": "",
        "status": "ok",
        "excluded": False,
    }
    frame = pd.DataFrame({"throughput_tps": values, "block": range(1, len(values) + 1)})
    return frame.assign(**(columns | changes))


def compared(a: pd.DataFrame, b: pd.DataFrame) -> list[dict[str, Any]]:
    return compare(normalised(a), normalised(b)).to_dict("records")


def test_interval_is_welchs_on_logarithms() -> None:
    found = welch_ratio(A, B)
    expected = stats.ttest_ind(np.log(B), np.log(A), equal_var=False).confidence_interval(0.95)
    assert found.estimate == pytest.approx(stats.gmean(B) / stats.gmean(A))
    ends = (math.exp(expected.low), math.exp(expected.high))
    assert (found.low, found.high) == pytest.approx(ends)
    assert found.n == 3


def test_swapped_sides_give_the_inverse() -> None:
    one, other = welch_ratio(A, B), welch_ratio(B, A)
    assert one.estimate and one.low and one.high
    inverse = (1 / one.estimate, 1 / one.high, 1 / one.low)
    assert (other.estimate, other.low, other.high) == pytest.approx(inverse)


@pytest.mark.parametrize("few", [1, 2])
def test_below_three_trials_on_a_side_there_is_no_interval(few: int) -> None:
    for a, b in ((A[:few], B), (A, B[:few]), (A[:few], B[:few])):
        found = welch_ratio(a, b)
        assert found.estimate == pytest.approx(stats.gmean(b) / stats.gmean(a))
        assert (found.low, found.high) == (None, None)


def test_samples_without_spread_give_an_interval_of_no_width() -> None:
    found = welch_ratio(np.full(3, 10.0), np.full(4, 12.0))
    assert (found.estimate, found.low, found.high) == pytest.approx((1.2, 1.2, 1.2))


def test_same_configuration_is_one_row() -> None:
    (row,) = compared(trials(*A), trials(*B))
    found = welch_ratio(A, B)
    assert (row["n_a"], row["n_b"]) == (5, 3)
    assert row["ratio"] == pytest.approx(found.estimate)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((found.low, found.high))


def test_failed_and_excluded_trials_do_not_count() -> None:
    failed = trials(500.0, 600.0, status="crash")
    excluded = trials(700.0, excluded=True)
    (row,) = compared(pd.concat([trials(*A), failed, excluded]), trials(*B))
    assert row["n_a"] == 5
    assert row["ratio"] == pytest.approx(welch_ratio(A, B).estimate)


def test_sets_are_compared_at_one_machine_speed() -> None:
    """Twice the speed gives a saturated pool twice the throughput, which is no difference."""
    speeds = np.array([20.0, 22.0, 21.0])
    a = trials(*(0.5 * speeds), speed_window=speeds, cpu_ms_per_task=2000 / speeds)
    b = trials(*speeds, speed_window=2 * speeds, cpu_ms_per_task=1000 / speeds)
    (row,) = compared(a, b)
    assert row["ratio"] == pytest.approx(1)
    for unit in (1e-3, 1e3):
        (other,) = compared(
            a.assign(speed_window=unit * a["speed_window"]),
            b.assign(speed_window=unit * b["speed_window"]),
        )
        assert other["ratio"] == pytest.approx(row["ratio"])
    # Where one set carries no speed, both count as measured.
    (raw,) = compared(a, b.drop(columns="speed_window"))
    assert raw["ratio"] == pytest.approx(2)


def test_configuration_in_one_set_only_has_no_ratio() -> None:
    first, second = compared(
        pd.concat([trials(*A), trials(*A, concurrency=16)]), trials(*B, concurrency=16)
    )
    assert (first["concurrency"], first["n_a"], first["n_b"]) == (8, 5, 0)
    assert math.isnan(first["ratio"])
    assert second["ratio"] > 1


def test_twin_is_its_own_configuration() -> None:
    both = pd.concat([trials(*A), trials(*B, label="aa_twin")])
    assert [row["ratio"] for row in compared(both, both)] == pytest.approx([1.0, 1.0])


def test_text_tells_what_differs(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    extra = trials(*A, concurrency=16)
    same, stalled = trials(*A, concurrency=32), trials(0.0, 0.0, concurrency=64)
    not_run = trials(math.nan, concurrency=None, strategy=None, status="not_run")
    first = pd.concat([trials(*A), extra, same, stalled, not_run])
    first.to_csv(tmp_path / "a/trials.csv", index=False)
    pd.concat([trials(*B), same, stalled]).to_csv(tmp_path / "b.csv", index=False)
    title, differs, alone, noise, nothing = compare_files(
        tmp_path / "a", tmp_path / "b.csv"
    ).splitlines()
    assert "drift" in title
    assert differs.endswith("n=5+3 differs")
    assert alone.endswith("n=5+0 only in one")
    assert noise.endswith("n=5+5 within noise")
    assert nothing.endswith("n=2+2 no throughput")
