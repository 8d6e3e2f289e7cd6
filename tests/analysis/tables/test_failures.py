"""Goodput and failures, and pools in company, from trials with known numbers."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.tables.failures import failures_table
from harness.analysis.tables.shared_process import shared_process_table


def trials(*rows: dict[str, object], experiment: str = "failures") -> pd.DataFrame:
    cell = {"experiment": experiment, "workload": "refusing", "interpreter": "x", "cores": 2}
    usual = {"status": "ok", "excluded": False, "label": "", "reason": ""}
    return pd.DataFrame([cell | usual | row for row in rows])


def pool(size: int, block: int, good: int, bad: int, text: str = "") -> dict[str, object]:
    return {
        "strategy": "fixed",
        "concurrency": size,
        "block": block,
        "throughput_tps": good / 2,
        "completed": good,
        "failed": bad,
        "failures_tps": bad / 2,
        "failures": text,
    }


def test_goodput_failures_and_their_share_over_blocks() -> None:
    rows = [pool(4, block, 100, 0) for block in (1, 2, 3)]
    rows += [
        pool(64, block, 50, bad, f"Refused={bad}") for block, bad in ((1, 150), (2, 100), (3, 50))
    ]
    few, many = failures_table(trials(*rows)).to_dict("records")
    assert few["throughput_tps"] == pytest.approx(50)
    assert (few["failures_tps"], few["failed_share"]) == (0, 0)
    assert pd.isna([few["failures_tps_high"], few["failed_share_high"]]).all()
    assert many["throughput_tps"] == pytest.approx(25)
    assert many["failures_tps"] == pytest.approx(50)
    assert many["failed_share"] == pytest.approx(np.mean([0.75, 2 / 3, 0.5]))
    assert many["errors"] == "Refused x300"
    assert 0 < many["failed_share_low"] < many["failed_share"] < many["failed_share_high"] < 1


def test_cells_in_which_nothing_failed_have_no_rows() -> None:
    assert failures_table(trials(pool(4, 1, 100, 0), pool(8, 1, 100, 0))).empty
    assert failures_table(trials(pool(4, 1, 9, 0)).drop(columns="failed")).empty


def test_a_pool_in_company_is_held_against_fixed_ones_in_the_same() -> None:
    rates = {"fixed_beside_loop": {4: 100.0, 16: 80.0}, "adaptive_beside_loop": {64: 90.0}}
    rows = [
        {"strategy": name, "concurrency": size, "block": block, "throughput_tps": rate}
        for name, sizes in rates.items()
        for size, rate in sizes.items()
        for block in (1, 2, 3)
    ]
    (row,) = shared_process_table(trials(*rows, experiment="shared_process")).to_dict("records")
    assert row["strategy"] == "adaptive_beside_loop"
    assert row["against"] == "fixed_beside_loop"
    assert row["ratio"] == pytest.approx(0.9)
