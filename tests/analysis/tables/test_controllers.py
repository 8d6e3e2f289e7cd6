"""Cold starts and changing tasks: tables from timelines with known truth."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.tables.columns import view
from harness.analysis.tables.controllers import (
    COLD_TEXTS,
    PHASE_TEXTS,
    cold_start_table,
    curves,
    phases_table,
    reached_at,
)

BIN_S = 0.05


CELL = {"experiment": "profiles", "workload": "rag", "interpreter": "cpython-3.12", "cores": 2}


def a_trial(identity: str, **changes: object) -> dict[str, object]:
    return {
        **CELL,
        "strategy": "adaptive",
        "concurrency": 120,
        "label": "",
        "block": 1,
        "status": "ok",
        "excluded": False,
        "final_workers": 24.0,
        "spec_hash": identity,
        **changes,
    }


def a_timeline(identity: str, counts: list[float], phase_s: float = 1e9) -> pd.DataFrame:
    starts = np.arange(len(counts)) * BIN_S
    return pd.DataFrame(
        {
            "spec_hash": identity,
            "from_s": starts,
            "to_s": starts + BIN_S,
            "phase": ((starts + BIN_S / 2) / phase_s).astype(int) % 2,
            "completed": counts,
        }
    )


def a_start(idle_bins: int, bins: int = 80, rate: float = 10) -> list[float]:
    return [0.0] * idle_bins + [rate] * (bins - idle_bins)


def test_a_cold_start_is_over_when_throughput_stays() -> None:
    trials = pd.DataFrame([a_trial(str(block), block=block) for block in range(1, 6)])
    timelines = pd.concat([a_timeline(str(block), a_start(8)) for block in range(1, 6)])
    table = cold_start_table(curves(trials, timelines), ["adaptive"])
    row = table.iloc[0]
    assert row["reached_s"] == pytest.approx(8 * BIN_S, abs=BIN_S)
    assert row["lost_s"] == pytest.approx(8 * BIN_S)
    assert row["n_blocks"] == 5
    assert row["final_workers"] == 24
    assert "≤" in view(table, *COLD_TEXTS)["97 % reached after [s]"][0]


def test_what_never_settles_is_not_reached() -> None:
    falling = np.linspace(1, 30, 80).tolist()
    trials = pd.DataFrame([a_trial("a")])
    table = cold_start_table(curves(trials, a_timeline("a", falling)), ["adaptive"])
    assert reached_at(np.array([0.5] * 40), BIN_S) is None
    assert reached_at(np.array([1.0] * 3), BIN_S) is None
    assert table.iloc[0]["reached_s"] > 2


def test_short_failed_and_excluded_trials_are_left_out() -> None:
    trials = pd.DataFrame(
        [
            a_trial("short"),
            a_trial("failed", block=2, status="crash"),
            a_trial("excluded", block=3, excluded=True),
        ]
    )
    timelines = pd.concat(
        [
            a_timeline("short", a_start(0, bins=20)),
            a_timeline("failed", a_start(0)),
            a_timeline("excluded", a_start(0)),
        ]
    )
    assert cold_start_table(curves(trials, timelines), ["adaptive"]).empty


def test_tasks_slower_than_a_bin_settle_too() -> None:
    """A completion in every other bin: half of one a bin is a rate, not none."""
    counts = [0.0] * 20 + [0.0, 1.0] * 30
    table = cold_start_table(
        curves(pd.DataFrame([a_trial("a")]), a_timeline("a", counts)), ["adaptive"]
    )
    assert table["lost_s"].tolist() == pytest.approx([1.0])
    assert table["n_blocks"].tolist() == [1]


def phased(
    block: int, fixed: dict[int, tuple[float, float]], adaptive: tuple[float, float]
) -> tuple[list[dict[str, object]], list[pd.DataFrame]]:
    """Trials of one block: completions per bin in two phases of a second each."""
    trials, timelines = [], []
    works = {("fixed", size): work for size, work in fixed.items()} | {("adaptive", 120): adaptive}
    for (strategy, size), (first, second) in works.items():
        identity = f"{strategy}{size}-{block}"
        trials.append(
            a_trial(identity, experiment="phases", strategy=strategy, concurrency=size, block=block)
        )
        timelines.append(a_timeline(identity, [first] * 20 + [second] * 20, phase_s=1.0))
    return trials, timelines


def test_the_oracle_takes_the_best_pool_of_each_phase() -> None:
    trials: list[dict[str, object]] = []
    timelines: list[pd.DataFrame] = []
    for block in range(1, 5):
        more, its = phased(block, {2: (10, 80), 32: (40, 20)}, (36, 76))
        trials += more
        timelines += its
    table = phases_table(curves(pd.DataFrame(trials), pd.concat(timelines)))
    by_strategy = table.set_index(["strategy", "concurrency"])
    assert by_strategy.loc[("adaptive", 120), "work_share"] == pytest.approx(112 / 120)
    assert by_strategy.loc[("fixed", 2), "work_share"] == pytest.approx(90 / 120)
    assert set(table["oracle_sizes"]) == {"32 2"}
    assert list(view(table, *PHASE_TEXTS)["blocks"]) == ["4", "4", "4"]


def test_the_oracle_is_chosen_on_other_blocks() -> None:
    """A pool that is lucky in one block is not the oracle's choice there."""
    trials: list[dict[str, object]] = []
    timelines: list[pd.DataFrame] = []
    for block in range(1, 5):
        lucky = 200 if block == 1 else 10
        more, its = phased(block, {2: (lucky, lucky), 32: (40, 40)}, (40, 40))
        trials += more
        timelines += its
    table = phases_table(curves(pd.DataFrame(trials), pd.concat(timelines)))
    adaptive = table[table["strategy"] == "adaptive"].iloc[0]
    assert adaptive["work_share"] > 0.5
