"""Attempts at a trial: which of them the tables use."""

import pandas as pd
import pytest

from harness.analysis.data.trials import CELL, normalised
from harness.analysis.tables.efficiency import efficiency_table
from harness.analysis.tables.quality import exclusions_effect, exclusions_table
from tests.analysis.simulated_trials import simulate_trials

KEY = {
    "experiment": "profiles",
    "workload": "rag",
    "interpreter": "cpython-3.12",
    "cores": 1,
    "strategy": "asyncio",
}


def chosen(frame: pd.DataFrame) -> "pd.Series[bool]":
    mask = pd.Series(True, frame.index)
    for name, value in KEY.items():
        mask &= frame[name] == value
    return mask


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    """One configuration was halved by a disturbance in block 2 and measured again, undisturbed."""
    frame = simulate_trials(noise=0.001)
    frame = frame[(frame["workload"] == "rag") & (frame["status"] == "ok")].copy()
    frame["attempt"] = 1
    hit = chosen(frame) & (frame["block"] == 2)
    again = frame[hit].assign(attempt=2)
    frame.loc[hit, ["throughput_tps", "excluded", "exclusion_reason"]] = [
        frame.loc[hit, "throughput_tps"].iloc[0] / 2,
        True,
        "foreign_cpu_ms above 5% of capacity",
    ]
    return normalised(pd.concat([frame, again], ignore_index=True))


def efficiency(trials: pd.DataFrame, *, use_exclusions: bool) -> pd.Series:
    table = efficiency_table(trials, use_exclusions=use_exclusions)
    (row,) = (row for _, row in table[chosen(table)].iterrows())
    return row


def test_with_exclusions_the_undisturbed_repetition_counts(trials: pd.DataFrame) -> None:
    row = efficiency(trials, use_exclusions=True)
    assert row["n_blocks"] == 5
    assert row["efficiency"] == pytest.approx(0.97, abs=0.02)


def test_without_exclusions_first_attempts_count_as_they_came(trials: pd.DataFrame) -> None:
    row = efficiency(trials, use_exclusions=False)
    assert row["n_blocks"] == 5
    assert row["efficiency"] == pytest.approx(0.97 * 0.5 ** (1 / 5), abs=0.02)


def test_both_stand_side_by_side_where_a_rule_struck(trials: pd.DataFrame) -> None:
    effect = exclusions_effect(trials, efficiency_table(trials))
    assert set(map(tuple, effect[CELL].to_numpy())) == {("profiles", "rag", "cpython-3.12", 1)}
    (row,) = (row for _, row in effect[chosen(effect)].iterrows())
    assert row["efficiency"] > 1.1 * row["efficiency_all_trials"]


def test_excluded_trials_are_counted_once_and_those_replaced_beside_them(
    trials: pd.DataFrame,
) -> None:
    (row,) = (row for _, row in exclusions_table(trials).iterrows())
    planned = trials[(trials["attempt"] == 1) & (trials["interpreter"] == "cpython-3.12")]
    planned = planned[(planned["cores"] == 1) & (planned["experiment"] == "profiles")]
    assert (row["trials"], row["replaced"], row["of"]) == (1, 1, len(planned))
