"""Ablation, cost of sampling, invariance and causes of the cliff, from trials with known truth."""

import json

import numpy as np
import pandas as pd
import pytest

from harness.analysis.data import paired
from harness.analysis.data.trials import normalised
from harness.analysis.estimate.statistics import Interval
from harness.analysis.tables import ablation, cliff_causes, invariance, sampling_cost
from harness.analysis.tables.efficiency import efficiency_table
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.registry import write_tables
from harness.store.parameter_text import parameter_text


def trial(experiment, workload, strategy, size, block, rate, **more):
    return {
        "experiment": experiment,
        "workload": workload,
        "interpreter": "cpython-3.12",
        "cores": 1,
        "strategy": strategy,
        "concurrency": size,
        "label": "",
        "block": block,
        "status": "ok",
        "reason": "",
        "excluded": False,
        "exclusion_reason": "",
        "throughput_tps": rate,
    } | more


def frame_of(rows):
    return normalised(pd.DataFrame(rows))


# --- pairs within blocks ---


def test_over_cells_every_block_counts_once():
    cells = [{1: 0.1, 2: 0.3}, {1: 0.3, 2: 0.5}]
    found = paired.pooled(cells)
    assert found.n == 2
    assert found.estimate == pytest.approx(np.exp(0.3))


def test_a_block_that_lacks_a_cell_is_left_out():
    assert paired.pooled([{1: 0.0, 2: 0.0}, {1: 1.0}]).estimate == pytest.approx(np.exp(0.5))
    assert paired.pooled([{1: 0.0}, {2: 1.0}]).n == 2
    assert paired.pooled([{}, {}]).estimate is None


# --- ablation ---


def ablation_trials(blocks=5):
    rng = np.random.default_rng(1)
    rows = []
    for workload in ("rag", "slm"):
        for block in range(1, blocks + 1):
            speed = np.exp(rng.normal(0, 0.3))
            for strategy, size, factor in (
                ("adaptive", 120, 1.0),
                ("adaptive_unverified", 120, 0.6),
                ("adaptive_no_headroom", 120, 1.0),
                ("adaptive_cold", 120, 0.1),
                ("adaptive_spare_5", 120, 0.1),
                ("paper_algorithm1", 64, 0.8),
                ("fixed", 4, 0.9),
                ("fixed", 64, 0.5),
            ):
                rate = 100 * speed * factor * np.exp(rng.normal(0, 0.01))
                rows.append(trial("ablation", workload, strategy, size, block, rate))
    return frame_of(rows)


def test_the_worth_of_each_part_is_found_whatever_the_speed_of_the_block():
    table = ablation.ablation_table(ablation_trials())
    pooled = table[table["workload"] == "all"].set_index("variant")
    assert pooled.loc["adaptive_unverified", "ratio"] == pytest.approx(0.6, rel=0.02)
    assert pooled.loc["adaptive_unverified", "differs"] == "worse"
    assert pooled.loc["fixed_largest", "ratio"] == pytest.approx(0.5, rel=0.02)
    headroom = pooled.loc["adaptive_no_headroom"]
    assert headroom["ratio_low"] < 1.02 and headroom["ratio_high"] > 0.98
    assert (headroom["cells"], headroom["n_blocks"]) == (2, 5)
    assert set(table["variant"]) == {
        *("adaptive_unverified", "adaptive_no_headroom", "paper_algorithm1", "fixed_largest")
    }


def test_without_the_full_runtime_nothing_is_compared():
    trials = ablation_trials()
    assert ablation.ablation_table(trials[trials["strategy"] != "adaptive"]).empty


def test_one_block_gives_a_ratio_without_interval():
    table = ablation.ablation_table(ablation_trials(blocks=1))
    assert table["ratio"].notna().all() and table["ratio_low"].isna().all()


# --- cost of sampling ---


def test_instrumented_and_plain_pools_are_compared_within_the_block():
    rows = []
    for block, speed in enumerate((1.0, 1.7, 0.6), start=1):
        for size in (4, 32):
            rows.append(trial("instrumentation", "micro", "fixed", size, block, 1000 * speed))
            slowed = 1000 * speed * (0.9 if size == 4 else 0.8)
            rows.append(
                trial("instrumentation", "micro", "fixed_instrumented", size, block, slowed)
            )
    table = sampling_cost.sampling_cost_table(frame_of(rows), None)
    by_size = table.set_index("concurrency")
    assert by_size.loc[4, "value"] == pytest.approx(0.9)
    assert by_size.loc[32, "value_high"] == pytest.approx(0.8)
    over_all = table[table["concurrency"].isna()].iloc[0]
    assert over_all["value"] == pytest.approx(np.sqrt(0.72)) and over_all["n"] == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("window_64_workers", "runtime: a window over 64 workers"),
        ("paper_instrumentation", "the paper's four calls and beta, per task"),
        ("adaptive_submit_to_result_4_workers", "adaptive: submit to result, 4 workers"),
        ("clock_time", ""),
    ],
)
def test_micro_benchmarks_are_described(name, text):
    assert sampling_cost.describe(name) == text


def test_a_damaged_file_of_micro_benchmarks_is_named(tmp_path):
    (tmp_path / "micro-cpython-3.12.json").write_text("{")
    table = sampling_cost.sampling_cost_table(
        frame_of([trial("x", "y", "fixed", 1, 1, 1.0)]), tmp_path
    )
    assert "micro-cpython-3.12.json cannot be read" in table.iloc[0]["status"]


# --- invariance ---


@pytest.mark.parametrize(
    ("low", "high", "expected", "verdict"),
    [
        (0.88, 0.93, 0.909, invariance.PASS),
        (0.70, 0.80, 0.909, invariance.FAIL),
        (0.80, 0.93, 0.909, invariance.UNCLEAR),
        (None, None, 0.909, invariance.UNCLEAR),
    ],
)
def test_beta_is_judged_by_its_whole_interval(low, high, expected, verdict):
    assert invariance.beta_verdict(Interval(0.9, low, high, 5), expected) == verdict


def invariance_trials(shift=0.0):
    rng = np.random.default_rng(2)
    rows = []
    for experiment, workload, cpu, wait in (
        ("invariance", "mixed_1_10", 1.0, 10.0),
        ("invariance", "whole_x4", 4.0, 40.0),
        ("invariance", "cpu_x4", 4.0, 10.0),
        ("invariance", "wait_pareto", 1.0, 10.0),
        ("invariance_switch_1ms", "mixed_1_10", 1.0, 10.0),
    ):
        text = ";".join(f"{k}={json.dumps(v)}" for k, v in (("cpu_ms", cpu), ("wait_ms", wait)))
        for block in range(1, 6):
            beta = wait / (wait + cpu) + rng.normal(0, 0.003)
            beta += shift if workload == "whole_x4" else 0
            more = {"parameters": text}
            rows.append(
                trial(
                    experiment, workload, "adaptive_held", 16, block, 500.0, beta_star=beta, **more
                )
            )
            for size, rate in ((2, 300.0), (16, 1000.0)):
                noisy = rate * np.exp(rng.normal(0, 0.01))
                rows.append(trial(experiment, workload, "fixed", size, block, noisy, **more))
            rows.append(
                trial(experiment, workload, "adaptive", 120, block, 990.0, final_workers=17, **more)
            )
    return frame_of(rows)


def test_beta_and_decision_pass_where_they_are_right():
    trials = invariance_trials()
    table = invariance.invariance_table(trials, efficiency_table(trials))
    assert set(table["verdict"]) == {invariance.PASS}
    assert table.groupby("kind").size().to_dict() == {"beta*": 5, "decision": 5}
    beta = table[table["kind"] == "beta*"].set_index(["experiment", "workload"])
    assert beta.loc[("invariance", "cpu_x4"), "expected_beta"] == pytest.approx(10 / 14)
    # A slower CPU alone makes another task: it is compared with its own value only.
    assert pd.isna(beta.loc[("invariance", "cpu_x4"), "from_base"])
    assert abs(beta.loc[("invariance", "whole_x4"), "from_base"]) < 0.01
    assert beta.loc[("invariance_switch_1ms", "mixed_1_10"), "factor"] == "switch 1ms"
    assert abs(beta.loc[("invariance_switch_1ms", "mixed_1_10"), "from_base"]) < 0.01


def test_a_beta_that_depends_on_the_clock_fails():
    trials = invariance_trials(shift=-0.2)
    table = invariance.invariance_table(trials, efficiency_table(trials))
    failed = table[table["verdict"] == invariance.FAIL]
    assert failed["workload"].tolist() == ["whole_x4"]
    assert failed.iloc[0]["deviation"] == pytest.approx(-0.2, abs=0.02)
    assert "1 fail" in invariance.verdict_counts(table)


# --- causes of the cliff ---

SWITCH_US, TASK_US = 4.0, 100.0


def cliff_trials(blocks=5, seed=3):
    """One core: a task costs 100 us of CPU, 4 us a switch, and past N = 32 other work."""
    rng = np.random.default_rng(seed)
    rows = []
    for block in range(1, blocks + 1):
        for size, switches, other, idle in (
            (1, 1.0, 0.0, 60.0),
            (32, 2.0, 0.0, 2.0),
            (256, 12.0, 0.0, 2.0),
            (1024, 22.0, 0.0, 22.0),
        ):
            cpu = TASK_US + SWITCH_US * switches + other + rng.normal(0, 0.5)
            rate = 1e6 / (cpu + idle + rng.normal(0, 0.5))
            rows.append(
                trial(
                    "cliff",
                    "micro",
                    "fixed",
                    size,
                    block,
                    rate,
                    cpu_ms_per_task=cpu / 1e3,
                    voluntary_switches_per_s=0.75 * switches * rate,
                    involuntary_switches_per_s=0.25 * switches * rate,
                    run_queue_ms_per_task=0.2,
                )
            )
    return frame_of(rows)


def test_growth_past_the_peak_is_put_down_to_its_causes():
    table = cliff_causes.cliff_causes_table(cliff_trials()).set_index("concurrency")
    assert set(table["peak_concurrency"]) == {32}
    assert table["switch_cost_us"].iloc[0] == pytest.approx(SWITCH_US, rel=0.05)
    assert table.loc[256, "share_switches"] == pytest.approx(1.0, abs=0.05)
    # At 1024: 80 us of switches and 20 us idle.
    assert table.loc[1024, "share_switches"] == pytest.approx(0.8, abs=0.03)
    assert table.loc[1024, "share_idle"] == pytest.approx(0.2, abs=0.03)
    shares = table.loc[[256, 1024], list(cliff_causes.SHARES)].sum(axis=1)
    assert shares.tolist() == pytest.approx([1.0, 1.0])
    assert table.loc[[1, 32], "share_switches"].isna().all()
    assert table.loc[1024, "share_switches_low"] < 0.8 < table.loc[1024, "share_switches_high"]


def test_wakeups_are_counted_per_switch_interval_of_the_trial():
    trials = cliff_trials()
    usual = cliff_causes.cliff_causes_table(trials)["wakeups_per_interval"]
    slower = trials.assign(conditions="switch_interval_ms=20")
    longer = cliff_causes.cliff_causes_table(slower)["wakeups_per_interval"]
    assert (longer / usual).tolist() == pytest.approx([4.0] * 4)


@pytest.mark.parametrize(
    "conditions",
    [
        parameter_text({"device": "edge_1c_512mb", "switch_interval_ms": 20}),
        "device=edge_1c_512mb;switch_interval_ms=20",  # as older tables have it
    ],
)
def test_a_device_as_condition_of_the_cliff_goes_through_the_tables(conditions, tmp_path):
    trials = cliff_trials()
    usual = cliff_causes.cliff_causes_table(trials)["wakeups_per_interval"]
    times = {"started_at": 1.0, "ended_at": 4.0, "warmup_s": 0.5, "window_s": 2.0}
    limited = trials.assign(conditions=conditions, **times)
    assert "cliff_causes" in write_tables(Inputs(limited), tmp_path)
    longer = pd.read_csv(tmp_path / "cliff_causes.csv")["wakeups_per_interval"]
    assert (longer / usual).tolist() == pytest.approx([4.0] * 4)


def test_a_batch_tells_the_share_of_starting_and_ending():
    trials = cliff_trials().assign(
        experiment="cliff_batch", elapsed_s=10.0, startup_s=1.0, shutdown_s=0.5
    )
    table = cliff_causes.cliff_causes_table(trials)
    assert table["startup_share"].tolist() == pytest.approx([0.15] * 4)
    steady = cliff_causes.cliff_causes_table(cliff_trials())
    assert steady["startup_share"].isna().all()


def test_growth_that_is_not_certain_is_not_divided():
    noise = np.array([1.0, -1.0, 0.5, -0.4])
    assert cliff_causes.ratio_of_means(noise, noise).estimate is None
    found = cliff_causes.ratio_of_means(np.array([5.0, 6.0, 5.5]), np.array([10.0, 12.0, 11.0]))
    assert found.estimate == pytest.approx(0.5)


# --- tables ---


@pytest.mark.parametrize("share", [1.0, 0.4, 0.05])
def test_all_tables_are_made_of_whatever_there_is_and_show_no_nan(share):
    trials = pd.concat([ablation_trials(), invariance_trials(), cliff_trials()], ignore_index=True)
    part = normalised(trials.sample(frac=share, random_state=4))
    makers = (ablation.tables, invariance.tables, cliff_causes.tables, sampling_cost.tables)
    tables = {table.name: table for make in makers for table in make(Inputs(part))}
    if share == 1.0:
        assert set(tables) == {"ablation", "invariance", "cliff_causes"}
    for table in tables.values():
        for text in table.view.to_numpy().flat:
            assert str(text) not in ("nan", "<NA>", "None")


def test_a_cell_that_was_not_run_says_why():
    row = trial("cliff", "micro", "", None, 0, None) | {
        "status": "not_run",
        "reason": "not run: 2 cores",
        "cores": 4,
    }
    table = cliff_causes.cliff_causes_table(frame_of([row]))
    assert table["status"].tolist() == ["not run: 2 cores"]
