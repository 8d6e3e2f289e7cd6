"""The efficiency table: its columns, one row for everything planned, and odd input."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.data.trials import TrialsError, normalised
from harness.analysis.tables.efficiency import efficiency_table
from tests.analysis.simulated_trials import simulate_trials

pytestmark = pytest.mark.slow

LEADING = [
    *["workload", "interpreter", "cores", "strategy", "concurrency", "efficiency", "ci_low"],
    *["ci_high", "n_blocks", "optimum_concurrency", "throughput_tps", "throughput_ci_low"],
    *["throughput_ci_high", "beta_star", "pss_peak_mb"],
]


def small(blocks=5, workload="rag", cores=1, noise=0.001):
    """One cell of the simulated run, nearly without noise."""
    trials = simulate_trials(seed=2, blocks=blocks, noise=noise)
    chosen = (trials["workload"] == workload) & (trials["cores"] == cores)
    return trials[chosen & (trials["interpreter"] == "cpython-3.12")].reset_index(drop=True)


def row(table, strategy, concurrency=None):
    rows = table[table["strategy"] == strategy]
    if concurrency is not None:
        rows = rows[rows["concurrency"] == concurrency]
    assert len(rows) == 1
    return rows.iloc[0]


def test_columns_and_one_row_for_each_configuration():
    table = efficiency_table(simulate_trials())
    assert list(table.columns[: len(LEADING)]) == LEADING
    assert not table.duplicated([*LEADING[:5], "experiment"]).any()
    profiles = table[table["experiment"] == "profiles"]
    ran = profiles[profiles["strategy"].notna()]
    assert len(ran) == 7 * 2 * 2 * (8 + 1 + 5)
    assert (ran["status"] == "ok").all()
    assert (ran["n_blocks"] == 5).all()
    skipped = profiles[profiles["strategy"].isna()]
    assert len(skipped) == 7 * 2
    assert set(skipped["status"]) == {"not run: 2 cores"}


def test_known_truth_is_found():
    table = efficiency_table(small())
    assert row(table, "processes")["efficiency"] == pytest.approx(0.7, rel=0.01)
    assert row(table, "aa_twin")["efficiency"] == pytest.approx(1.0, rel=0.01)
    assert row(table, "fixed", 32)["efficiency"] == 1
    assert row(table, "fixed", 32)["optimum_concurrency"] == 32
    assert row(table, "fixed", 1)["indistinguishable_sizes"] == "32"
    assert row(table, "asyncio")["beta_star"] == pytest.approx(42 / 44.7)


def test_bound_of_the_machine():
    table = efficiency_table(small(cores=2))
    assert row(table, "fixed", 4)["bound_tps"] == pytest.approx(4 / 0.0447)
    assert row(table, "fixed", 128)["bound_tps"] == pytest.approx(2 / 0.0027)
    trials = small()
    without_one = trials[trials["concurrency"] != 1]
    assert efficiency_table(without_one)["bound_tps"].isna().all()


def test_integers_survive_csv(tmp_path):
    efficiency_table(simulate_trials(blocks=2)).to_csv(tmp_path / "e.csv", index=False)
    texts = pd.read_csv(tmp_path / "e.csv", dtype=str)
    for name in ("cores", "concurrency", "n_blocks", "optimum_concurrency"):
        assert texts[name].dropna().str.fullmatch(r"\d+").all()


def test_one_block_gives_throughput_but_no_efficiency():
    table = efficiency_table(small(blocks=1))
    pools = table[table["strategy"] == "fixed"]
    assert pools["efficiency"].isna().all()
    assert (pools["status"] == "too few blocks").all()
    assert pools["throughput_tps"].notna().all()
    assert pools["notes"].str.contains("no other block").all()


def test_a_configuration_that_always_failed_is_a_row():
    trials = small()
    chosen = trials["strategy"] == "processes"
    trials.loc[chosen, ["status", "throughput_tps"]] = ["crash", np.nan]
    failed = row(efficiency_table(trials), "processes")
    assert failed["status"] == "failed: crash x5"
    assert failed["n_failed"] == 5
    assert np.isnan(failed["efficiency"])


def test_failed_trials_among_good_ones_are_counted():
    trials = small()
    chosen = (trials["strategy"] == "asyncio") & (trials["block"] <= 2)
    trials.loc[chosen, "status"] = ["timeout", "oom"]
    mixed = row(efficiency_table(trials), "asyncio")
    assert (mixed["n_blocks"], mixed["n_failed"], mixed["status"]) == (3, 2, "ok")
    assert mixed["notes"] == "failed: timeout x1, oom x1"


def test_exclusions_are_left_out_counted_and_can_be_kept():
    trials = small()
    chosen = (trials["strategy"] == "asyncio") & (trials["block"] == 1)
    trials.loc[chosen, "throughput_tps"] /= 10
    trials["excluded"] = trials["excluded"].mask(chosen, True)
    trials.loc[chosen, "exclusion_reason"] = "steal"
    ruled = row(efficiency_table(trials), "asyncio")
    every = row(efficiency_table(trials, use_exclusions=False), "asyncio")
    assert (ruled["n_blocks"], ruled["n_excluded"]) == (4, 1)
    assert ruled["efficiency"] == pytest.approx(0.97, rel=0.01)
    assert (every["n_blocks"], every["n_excluded"]) == (5, 1)
    assert every["efficiency"] < 0.7


def test_all_excluded_says_so():
    trials = small()
    chosen = trials["strategy"] == "asyncio"
    trials["excluded"] = chosen
    trials.loc[chosen, "exclusion_reason"] = "steal"
    assert row(efficiency_table(trials), "asyncio")["status"] == "excluded: steal x5"


def test_missing_reference_trials_take_their_blocks_out():
    trials = small()
    chosen = (trials["concurrency"] == 32) & (trials["label"] == "") & (trials["block"] == 3)
    chosen &= trials["strategy"] == "fixed"
    table = efficiency_table(trials[~chosen])
    assert row(table, "asyncio")["n_blocks"] == 4
    assert row(table, "aa_twin")["n_blocks"] == 4


def test_no_fixed_pool_in_the_cell():
    trials = small()
    table = efficiency_table(trials[trials["strategy"] == "asyncio"])
    assert row(table, "asyncio")["status"] == "no fixed pool to compare with"


def test_a_repetition_counts_where_the_first_attempt_was_left_out():
    trials = small().assign(attempt=1)
    chosen = (trials["strategy"] == "asyncio") & (trials["block"] == 1)
    again = trials[chosen].assign(attempt=2)
    again["throughput_tps"] /= 2
    first = row(efficiency_table(trials), "asyncio")
    needless = row(efficiency_table(pd.concat([again, trials])), "asyncio")
    assert needless["efficiency"] == first["efficiency"]
    trials.loc[chosen, "excluded"] = True
    repeated = row(efficiency_table(pd.concat([again, trials])), "asyncio")
    assert repeated["n_blocks"] == 5
    assert repeated["efficiency"] < first["efficiency"]


def test_ten_blocks_have_the_cross_check():
    table = efficiency_table(small(blocks=10, noise=0.03))
    strategies = table[table["strategy"] != "fixed"]
    assert (abs(strategies["bca_low"] - strategies["ci_low"]) < 0.03).all()


def test_empty_input_gives_an_empty_table():
    table = efficiency_table(simulate_trials(blocks=1).iloc[:0])
    assert table.empty
    assert list(table.columns[: len(LEADING)]) == LEADING


def test_missing_columns_are_named():
    with pytest.raises(TrialsError, match="block"):
        normalised(small().drop(columns="block"))
