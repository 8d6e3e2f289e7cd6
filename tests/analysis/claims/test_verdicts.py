"""Claims: every verdict from simulated trials with known truth; nothing there is no crash."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.claims.judge import COLUMNS, claims_view, counts_text
from harness.analysis.claims.rules import (
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    WORST_FIRST,
)
from harness.analysis.claims.writing import write_claims
from tests.analysis.simulated_claims import (
    ROOT,
    cliff,
    controllers,
    judged,
    micro_results,
    not_run,
    trials_of,
    verdict,
)
from tests.analysis.simulated_trials import simulate_trials

pytestmark = pytest.mark.slow

TWICE = {"C11", "C12", "C13", "C17", "C18", "C26", "C27", "C28", "C29", "C34", "C36"}


@pytest.fixture(scope="module")
def run():
    """A run with profiles and the steady cliff only."""
    return simulate_trials()


@pytest.fixture(scope="module")
def table_of_run(run):
    return judged(run)


def test_each_of_the_38_claims_has_a_verdict_for_each_subject(table_of_run):
    table = table_of_run.reset_index()
    verdicts = table[table["role"] == "verdict"]
    assert list(dict.fromkeys(verdicts["id"])) == [f"C{n}" for n in range(1, 39)]
    assert set(verdicts["verdict"]) <= set(WORST_FIRST)
    assert not verdicts.duplicated(["id", "subject"]).any()
    subjects = verdicts.groupby("id")["subject"].agg(set)
    assert all(subjects[name] == {"algorithm1", "adaptive"} for name in TWICE)


def test_what_was_not_run_is_not_testable_and_says_what_is_missing(table_of_run):
    row = table_of_run.loc[("C19", "system")]
    assert row["verdict"] == NOT_TESTABLE
    assert "memory" in row["reason"]
    assert pd.isna(row["measured"])


def test_too_few_cores_are_named():
    table = judged(not_run("cliff_batch", 4), cliff(0.3, 0.4, cores=2), only="C2")
    assert verdict(table, "C2") == NOT_TESTABLE
    assert table.loc[("C2", "system"), "reason"] == "needs 4 cores (not run: 2 cores)"
    assert verdict(table, "C2-2cores") == REPRODUCED


@pytest.mark.parametrize(
    ("loss", "expected"), [(0.4, REPRODUCED), (0.05, NOT_REPRODUCED), (0.2, INCONCLUSIVE)]
)
def test_a_cliff_is_judged_by_its_interval(loss, expected):
    table = judged(cliff(loss, loss), only="C1 C3")
    assert verdict(table, "C1") == expected
    assert table.loc[("C1", "system"), "measured"] == pytest.approx(loss, abs=0.02)
    assert verdict(table, "C3") == expected


def test_at_every_size_means_at_the_least_of_them():
    table = judged(cliff(0.05, 0.5), only="C1 C3")
    assert verdict(table, "C1") == REPRODUCED
    assert verdict(table, "C3") == NOT_REPRODUCED
    assert table.loc[("C3", "system"), "measured"] == pytest.approx(0.05, abs=0.02)


def test_one_block_gives_no_interval_and_so_no_verdict():
    table = judged(cliff(0.4, 0.4, blocks=1), only="C1")
    row = table.loc[("C1", "system")]
    assert row["verdict"] == INCONCLUSIVE
    assert "too few blocks for an interval: 0" in row["reason"]


def test_failed_trials_are_named():
    trials = cliff(0.4, 0.4)
    trials.loc[trials["concurrency"] == 2048, "status"] = "oom"
    row = judged(trials, only="C1").loc[("C1", "system")]
    assert row["verdict"] == NOT_TESTABLE
    assert "oom x5" in row["reason"]


def test_excluded_trials_are_named():
    trials = cliff(0.4, 0.4)
    trials.loc[trials["concurrency"] == 2048, ["excluded", "exclusion_reason"]] = [True, "steal"]
    row = judged(trials, only="C1").loc[("C1", "system")]
    assert (row["verdict"], row["verdict_all_trials"]) == (NOT_TESTABLE, REPRODUCED)
    assert "left out: steal x5" in row["reason"]


def test_the_peak_and_its_latency():
    table = judged(cliff(0.3, 0.4), only="C4 C5 C6")
    assert table.loc[("C4", "system"), ["measured", "ci_low"]].tolist() == [32, 32]
    assert verdict(table, "C4") == REPRODUCED
    assert verdict(table, "C5") == REPRODUCED
    assert table.loc[("C6", "system"), "measured"] == pytest.approx(2.32, rel=0.02)
    assert verdict(table, "C6") == REPRODUCED


def test_cores_and_builds_are_compared_block_by_block():
    one, two = cliff(0.3, 0.3, cores=1), cliff(0.3, 0.3, cores=2, seed=2)
    two["throughput_tps"] *= 0.5
    assert verdict(judged(one, two, only="C7"), "C7") == REPRODUCED
    two["throughput_tps"] *= 4
    assert verdict(judged(one, two, only="C7"), "C7") == NOT_REPRODUCED


def test_different_machine_speeds_of_two_cells_are_taken_out():
    cells = []
    for cores, speed in ((1, 10.0), (2, 5.0)):
        cell = cliff(0.3, 0.3, cores=cores, noise=0.002)
        rng = np.random.default_rng(cores)
        factor = np.exp(rng.normal(0, 0.05, len(cell)))
        cell["speed_window"] = speed * factor
        cell["throughput_tps"] *= factor * speed / 10
        # the CPU is in full use at every size, so that throughput follows its speed
        cell["cpu_ms_per_task"] = 1000 / cell["throughput_tps"]
        cells.append(cell)
    row = judged(*cells, only="C7").loc[("C7", "system")]
    assert row["measured"] == pytest.approx(1.0, abs=0.03)
    assert row["verdict_raw_speed"] == REPRODUCED
    assert row["verdict"] == REPRODUCED


def test_algorithm_1_and_the_runtime_are_judged_separately():
    table = judged(
        controllers(
            15000,
            19900,
            latency_p99_ms=lambda name, _: 9.0 if name == "paper_algorithm1" else 4.0,
            final_workers=lambda name, size: 30 if name == "adaptive" else size - 2,
            vetoes=0.0,
            beta_naive=0.95,
        ),
        only="C11 C12 C13 C14 C17 C18 C22 C23 C24",
    )
    for name in ("C11", "C12", "C13", "C17", "C23"):
        assert verdict(table, name, "algorithm1") == NOT_REPRODUCED
    for name in ("C11", "C12", "C13", "C17", "C18", "C23"):
        assert verdict(table, name, "adaptive") == REPRODUCED
    assert verdict(table, "C17-vetoes", "algorithm1") == NOT_REPRODUCED
    assert ("C17-vetoes", "adaptive") not in table.index
    assert verdict(table, "C14") == NOT_REPRODUCED
    assert verdict(table, "C22", "adaptive") == NOT_REPRODUCED
    assert verdict(table, "C24-micro") == REPRODUCED
    # of a claim with two parts the worst counts, and one was not run
    assert verdict(table, "C24") == NOT_TESTABLE
    assert "1 not testable here, 1 reproduced" in table.loc[("C24", "system"), "reason"]


def test_naive_beta_that_rises_with_the_pool_contradicts_its_monotony():
    rising = judged(cliff(0.3, 0.4, beta_naive=lambda _, size: 1 - 0.9 / size**0.3), only="C16")
    assert verdict(rising, "C16") == NOT_REPRODUCED
    falling = judged(
        cliff(0.3, 0.4, beta_naive=lambda _, size: 0.9 - 0.05 * np.log2(size)), only="C16"
    )
    assert verdict(falling, "C16") == REPRODUCED


def test_memory_is_judged_for_each_start_method_and_metric():
    def megabytes(spawned):
        return lambda name, size: 20 + (spawned * size if name != "fixed" else 0.02 * size)

    rates = {("fixed", size): 100 for size in (4, 32, 64)}
    for name in ("processes", "processes_fork", "processes_forkserver"):
        rates |= {(name, size): 80 for size in (4, 8, 16)}
    table = judged(
        trials_of(
            rates,
            experiment="memory",
            workload="mixed_10_50",
            noise=0.001,
            rss_peak_mb=megabytes(18),
            pss_peak_mb=megabytes(2),
            uss_peak_mb=megabytes(17),
        ),
        only="C19 C20 C21",
    )
    assert verdict(table, "C19-spawn-rss") == REPRODUCED
    assert verdict(table, "C19-fork-pss") == NOT_REPRODUCED
    assert verdict(table, "C19") == NOT_REPRODUCED
    assert table.loc[("C20", "system"), "measured"] == pytest.approx(18, rel=0.01)
    assert verdict(table, "C21") == REPRODUCED


def test_builds_with_and_without_the_gil():
    def cell(interpreter, cores, best):
        rates = {("fixed", 1): 16, ("fixed", 32): best, ("fixed", 256): 0.99 * best}
        names = {"experiment": "gil_nogil", "workload": "mixed_10_50"}
        return trials_of(rates, interpreter=interpreter, cores=cores, **names)

    table = judged(
        *(cell("cpython-3.12", cores, 63) for cores in (1, 2)),
        *(cell("cpython-3.13t", cores, 62 * cores) for cores in (1, 2)),
        only="C30 C31",
    )
    assert verdict(table, "C30") == NOT_TESTABLE
    assert table.loc[("C30-2cores", "system"), "rule"] == "1.5 to 2.2"
    assert verdict(table, "C30-2cores") == REPRODUCED
    assert verdict(table, "C31") == NOT_REPRODUCED
    single = [
        trials_of(
            {("fixed", 1): rate},
            experiment="single_thread",
            workload="cpu_only",
            interpreter=name,
        )
        for name, rate in (("cpython-3.12", 120), ("cpython-3.13t", 100))
    ]
    assert verdict(judged(*single, only="C32"), "C32-loop") == REPRODUCED


def test_thresholds_that_make_no_difference():
    rates = {("fixed", 64): 20000, ("fixed", 256): 19000}
    rates |= {(f"paper_algorithm1_t{n}", 128): 19000 for n in range(20, 80, 10)}
    rates |= {(f"adaptive_spare_{n}", 128): 19000 * n for n in (1, 2)}
    table = judged(trials_of(rates, experiment="threshold", workload="mix_100_1000us", noise=0.005))
    assert verdict(table, "C26", "algorithm1") == REPRODUCED
    assert verdict(table, "C26", "adaptive") == NOT_REPRODUCED


def test_orders_of_optima():
    def mix(workload, best):
        rates = {("fixed", n): 1000 * min(n, best) / max(n, best) ** 0.5 for n in (8, 32, 128)}
        return trials_of(rates, experiment="mix_sweep", workload=workload, noise=0.002)

    table = judged(mix("mix_100_1000us", 128), mix("mix_10000_1us", 8), only="C25")
    assert table.loc[("C25", "system"), "measured"] == 16
    assert verdict(table, "C25") == REPRODUCED


def test_micro_benchmarks_give_cost_and_growth(tmp_path):
    sizes = (4, 64, 512)
    flat = {f"settled_decision_{n}_workers": [1e-5, 1.01e-5] for n in sizes}
    flat |= {f"algorithm1_tick_{n}_workers": [3e-6, 3.01e-6] for n in sizes}
    growing = {f"window_{n}_workers": [n * 1e-6, n * 1.01e-6] for n in sizes}
    clocks = {"paper_instrumentation": [2.9e-7, 2.8e-7, 2.85e-7]}
    results = micro_results(tmp_path, flat | growing | clocks)
    table = judged(cliff(0.3, 0.3), micro=results, only="C10 C33")
    assert verdict(table, "C33", "algorithm1") == REPRODUCED
    assert verdict(table, "C33-decision", "adaptive") == REPRODUCED
    assert verdict(table, "C33", "adaptive") == NOT_REPRODUCED
    assert table.loc[("C33-window", "adaptive"), "measured"] == pytest.approx(1, abs=0.01)
    assert verdict(table, "C10-clocks") == REPRODUCED
    assert verdict(table, "C10") == NOT_TESTABLE


def test_efficiencies_of_the_profiles(run, table_of_run):
    row = table_of_run.loc[("C27", "algorithm1")]
    # simulated at 0.93 of the best pool
    assert row["ci_low"] < 0.94 < row["ci_high"] + 0.02
    assert row["n"] == 5
    least = table_of_run.loc[("C28", "algorithm1")]
    assert least["ci_low"] < least["measured"] < row["measured"]
    missing = run[run["workload"] != "slm"]
    row = judged(missing, only="C27").loc[("C27", "algorithm1")]
    assert row["verdict"] == NOT_TESTABLE
    assert "slm" in row["reason"]


def test_changing_one_raw_record_changes_the_claim(run):
    before = judged(run, only="C1").loc[("C1-steady", "system"), "measured"]
    chosen = (run["experiment"] == "cliff") & (run["concurrency"] == 2048) & (run["cores"] == 1)
    first = run.index[chosen & (run["interpreter"] == "cpython-3.12")][0]
    changed = run.copy()
    changed.loc[first, "throughput_tps"] *= 1.5
    assert judged(changed, only="C1").loc[("C1-steady", "system"), "measured"] != before


def test_half_of_the_trials_still_give_every_row(run, table_of_run):
    half = run.sample(frac=0.5, random_state=1)
    assert judged(half).index.equals(table_of_run.index)


def test_exclusions_and_speed_are_judged_both_ways():
    trials = cliff(0.4, 0.4)
    lucky = (trials["concurrency"] == 2048) & (trials["block"] == 1)
    trials.loc[lucky, "throughput_tps"] *= 5
    trials.loc[lucky, "excluded"] = True
    row = judged(trials, only="C1").loc[("C1", "system")]
    assert (row["verdict"], row["verdict_all_trials"]) == (REPRODUCED, INCONCLUSIVE)
    assert row["n"] == 4


def test_files_hold_no_nan_and_the_page_counts_its_verdicts(run, tmp_path):
    write_claims(run, tmp_path, ROOT / "config")
    for path in [tmp_path / "claims.csv", *(tmp_path / "tables").iterdir()]:
        text = path.read_text(encoding="utf-8")
        assert "nan" not in text.lower().replace("phenomenan", "")
        assert "None" not in text
    page = (tmp_path / "tables" / "claims.md").read_text(encoding="utf-8")
    assert "52 verdicts" in page
    assert "not corrected for the number" in page
    table = pd.read_csv(tmp_path / "claims.csv")
    assert list(table.columns) == COLUMNS
    assert len(claims_view(table)) == len(table)
    assert "expected to miss" in counts_text(table)


def test_naive_beta_is_judged_on_truth_by_construction():
    def regime(workload, parameters, beta, seed):
        rates = {("adaptive_held", size): 100.0 for size in (16, 64)}
        names = {"experiment": "discrimination", "workload": workload, "seed": seed}
        trials = trials_of(rates, cores=2, noise=0.001, beta_naive=beta, **names)
        return trials.assign(parameters=parameters, gil_enabled=True, cpu_ms_per_task=1.0)

    def table(beta_of_gil):
        frames = []
        for seed, letter in enumerate("abcd"):
            io = "cpu_ms=0.1;wait_ms=40.0"
            frames.append(regime(f"regime_io_{letter}", io, 0.98, seed))
            bytecode = "cpu_ms=6.0;wait_ms=4.0"
            frames.append(regime(f"regime_python_{letter}", bytecode, beta_of_gil, seed))
        return judged(*frames, only="C15")

    assert verdict(table(0.1), "C15") == REPRODUCED
    # below that of I/O wait, but far above the threshold: it ranks, and yet tells nothing
    high = table(0.9)
    assert verdict(high, "C15") == NOT_REPRODUCED
    assert high.loc[("C15", "system"), "measured"] == pytest.approx(0.5)
    assert verdict(high, "C15-auc-16") == REPRODUCED
