"""The adjustment for machine speed: what it does, what it leaves alone, whether it covers."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.data.trials import Cell, CellName, normalised
from harness.analysis.estimate import optimum, speed
from harness.analysis.tables.efficiency import efficiency_table
from tests.analysis.simulated_trials import simulate_trials

pytestmark = pytest.mark.slow

CPU_MS, WAIT_MS = 5.0, 20.0
SIZES = (1, 2, 8, 32)
COSTLY = 1.25  # another strategy's CPU time per task, against the pools'
BLOCKS = 5


def rate(size, machine_speed, cost=1.0):
    """Tasks a second: offered load and capacity with a sharp knee, both at a machine speed."""
    cpu_ms = CPU_MS * cost / machine_speed
    return 1000 * np.minimum(size / (cpu_ms + WAIT_MS), 1 / cpu_ms)


def simulated_cell(rng, noise=0.03, speed_spread=0.2, error=0.01):
    """One cell on a machine that changes speed from trial to trial, as rows of trials.csv."""
    rows = []
    for block in range(1, BLOCKS + 1):
        for strategy, size, cost in [
            *(("fixed", size, 1.0) for size in SIZES),
            ("asyncio", 64, COSTLY),
        ]:
            machine_speed = float(np.exp(rng.normal(0, speed_spread)))
            throughput = rate(size, machine_speed, cost) * np.exp(rng.normal(0, noise))
            rows.append(
                {
                    "experiment": "profiles",
                    "workload": "w",
                    "interpreter": "cpython-3.12",
                    "cores": 1,
                    "strategy": strategy,
                    "concurrency": size,
                    "label": "",
                    "block": block,
                    "status": "ok",
                    "excluded": False,
                    "throughput_tps": throughput,
                    "cpu_ms_per_task": CPU_MS * cost / machine_speed,
                    "speed_window": 17.0 * machine_speed * np.exp(rng.normal(0, error)),
                }
            )
    return pd.DataFrame(rows)


def cell_of(rows, adjust):
    name = CellName("profiles", "w", "cpython-3.12", 1)
    trials = rows if speed.RELATIVE in rows else normalised(rows)
    return Cell(name, trials, at=1.0 if adjust else None)


def log_interval(rows, adjust, strategy="asyncio", size=64):
    cell = cell_of(rows, adjust)
    return optimum.log_efficiency(cell.fixed, cell.log_throughput(strategy, size))


def test_intervals_cover_and_are_much_narrower():
    rng = np.random.default_rng(20260110)
    truth = np.log(1 / COSTLY)
    covered, adjusted_width, raw_width = 0, [], []
    for _ in range(300):
        rows = normalised(simulated_cell(rng))
        interval = log_interval(rows, adjust=True)
        raw = log_interval(rows, adjust=False)
        covered += interval.contains(truth)
        adjusted_width.append(interval.high - interval.low)
        raw_width.append(raw.high - raw.low)
    assert 0.92 * 300 <= covered <= 0.98 * 300
    assert np.median(adjusted_width) < 0.3 * np.median(raw_width)


def test_a_pool_that_mostly_waits_is_hardly_adjusted():
    rows = simulated_cell(np.random.default_rng(1))
    usable = cell_of(rows, adjust=True).usable
    found = usable.groupby(["strategy", "concurrency"])["speed_elasticity"].first()
    assert found["fixed", 32] == pytest.approx(1, abs=0.1)
    assert found["fixed", 1] == pytest.approx(CPU_MS / (CPU_MS + WAIT_MS), abs=0.05)


def test_a_lone_worker_is_estimated_without_bias():
    rng = np.random.default_rng(2)
    truth = np.log(rate(1, 1.0) / rate(32, 1.0))
    errors = []
    for _ in range(300):
        interval = log_interval(simulated_cell(rng), True, "fixed", 1)
        errors.append(interval.estimate - truth)
    assert abs(np.mean(errors)) < 0.01


def test_without_the_covariate_nothing_changes():
    rows = simulated_cell(np.random.default_rng(3))
    bare = rows.drop(columns="speed_window")
    assert log_interval(bare, adjust=True) == log_interval(bare, adjust=False)


def test_one_trial_without_the_covariate_leaves_the_whole_cell_alone():
    rows = simulated_cell(np.random.default_rng(4))
    rows.loc[3, "speed_window"] = np.nan
    assert not speed.has_covariate(rows)
    assert log_interval(rows, adjust=True) == log_interval(rows, adjust=False)


def test_the_table_shows_both():
    table = efficiency_table(simulated_cell(np.random.default_rng(5)))
    row = table[table["strategy"] == "asyncio"].iloc[0]
    assert row["efficiency"] == pytest.approx(1 / COSTLY, rel=0.1)
    assert row["raw_efficiency"] != row["efficiency"]
    width = row["ci_high"] - row["ci_low"]
    assert width < row["raw_ci_high"] - row["raw_ci_low"]
    assert row["speed_elasticity"] == pytest.approx(1, abs=0.1)


def test_steady_machines_see_no_difference():
    trials = pd.DataFrame(simulate_trials(seed=3))
    steady = trials.assign(speed_window=17.0)
    table = efficiency_table(steady[steady["workload"] == "vision"])
    ran = table[table["efficiency"].notna()]
    np.testing.assert_allclose(ran["efficiency"], ran["raw_efficiency"])
