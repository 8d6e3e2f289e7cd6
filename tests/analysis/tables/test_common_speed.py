"""One machine speed for all ratios of a run: free of units, unbiased within and between cells."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.claims import pools
from harness.analysis.claims.data import Data, Source
from harness.analysis.claims.writing import write_claims
from harness.analysis.data.trials import normalised
from harness.analysis.figures import style
from harness.analysis.figures.all import draw_figures
from harness.analysis.tables.cliff import cliff_table
from harness.analysis.tables.efficiency import efficiency_table
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.matched_pairs import right_actions
from harness.analysis.tables.paper.interpreters import interpreter_tables
from harness.analysis.tables.quality import exclusions_effect
from harness.analysis.tables.registry import write_tables
from tests.analysis.simulated_claims import ROOT
from tests.analysis.simulated_paper import simulate_paper, simulate_progress

pytestmark = pytest.mark.slow

SPEEDS = ["speed_before", "speed_window", "speed_after"]
OLD, NEW = "cpython-3.12", "cpython-3.13t"


def with_speeds(trials, seed=1):
    """The trials on a machine whose speed changes, and is another for every cell."""
    rng = np.random.default_rng(seed)
    place = ["experiment", "workload", "interpreter", "cores"]
    mean = 17 * 1.2 ** (trials.groupby(place).ngroup() % 5)
    return trials.assign(
        **{name: mean * np.exp(rng.normal(0, 0.2, len(trials))) for name in SPEEDS}
    )


def scaled(trials, factor):
    return trials.assign(**{name: trials[name] * factor for name in SPEEDS})


# --- whatever the unit ---


@pytest.fixture
def run():
    chosen = ["cliff_batch", "pure_io", "gil_nogil", "single_thread", "timeline"]
    return with_speeds(simulate_paper(blocks=2, experiments=chosen))


def everything(trials, folder, monkeypatch):
    """Every file of numbers and text by name: tables, claims and what the figures show."""
    timelines, decisions = simulate_progress(trials)
    inputs = Inputs(trials, timelines=timelines, decisions=decisions)
    write_tables(inputs, folder)
    write_claims(trials, folder / "claims", ROOT / "config")
    drawn = {}
    monkeypatch.setattr(style, "save", lambda _, data, __, name: drawn.update({name: data}))
    draw_figures(inputs, folder)
    figures = {name: data.to_csv(index=False).encode() for name, data in drawn.items()}
    files = [path for path in folder.rglob("*") if path.is_file()]
    return figures | {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_unit_of_speed_is_in_no_table_claim_or_figure(run, tmp_path, monkeypatch):
    usual = everything(run, tmp_path / "a", monkeypatch)
    other = everything(scaled(run, 1 / 733), tmp_path / "b", monkeypatch)
    assert {"paper_interpreters.csv", "claims/claims.csv", "paper_cliff_throughput"} <= usual.keys()
    assert [name for name in usual | other if usual.get(name) != other.get(name)] == []


# --- X = K v^e in two cells, each with its own e and mean speed ---

SIZES = (1, 32)
ELASTICITY = {OLD: {1: 0.2, 32: 1.0}, NEW: {1: 0.7, 32: 1.0}}
LEVEL = {OLD: {1: 20.0, 32: 100.0}, NEW: {1: 25.0, 32: 180.0}}
#: of the logarithm; over both cells 0, so that the run's mean speed is 1
MEAN_SPEED = {OLD: 0.3, NEW: -0.3}
WORKLOAD = "mixed_10_50"


def two_cells(rng, noise=0.02, blocks=5):
    rows = []
    for interpreter in (OLD, NEW):
        for block in range(1, blocks + 1):
            for size in SIZES:
                speed = np.exp(MEAN_SPEED[interpreter] + rng.normal(0, 0.2))
                e = ELASTICITY[interpreter][size]
                rate = LEVEL[interpreter][size] * speed**e * np.exp(rng.normal(0, noise))
                rows.append(
                    {
                        "experiment": "gil_nogil",
                        "workload": WORKLOAD,
                        "interpreter": interpreter,
                        "cores": 1,
                        "strategy": "fixed",
                        "concurrency": size,
                        "label": "",
                        "block": block,
                        "status": "ok",
                        "excluded": False,
                        "throughput_tps": rate,
                        "cpu_ms_per_task": 1e3 * e / rate,  # cores in use are e
                        **dict.fromkeys(SPEEDS, speed),
                    }
                )
    return pd.DataFrame(rows)


def interpreters(trials):
    """The ratios of ``paper_interpreters`` by size."""
    frame = normalised(trials)
    (table,) = interpreter_tables(Inputs(frame))
    return table.data.set_index("concurrency")["ratio"]


def ratios(trials):
    """Every kind of ratio as its logarithm: estimates of what :func:`truth` says."""
    frame = normalised(trials)
    efficiency = efficiency_table(frame).set_index(["interpreter", "concurrency"])["efficiency"]
    names = {"experiment": "gil_nogil", "workload": WORKLOAD, "interpreter": NEW, "cores": 1}
    source = Source(Data(frame), names, {"interpreter": OLD})
    found = {
        "efficiency, old": efficiency[OLD, 1],
        "efficiency, new": efficiency[NEW, 1],
        "peak_ratio": pools.peak_ratio(source).interval.estimate,
        "slowdown": 1 / (1 + pools.slowdown(source, size=1).interval.estimate),
        "interpreters, 1": interpreters(trials)[1],
        "interpreters, 32": interpreters(trials)[32],
    }
    return {name: float(np.log(value)) for name, value in found.items()}


def truth():
    found = {
        "efficiency, old": LEVEL[OLD][1] / LEVEL[OLD][32],
        "efficiency, new": LEVEL[NEW][1] / LEVEL[NEW][32],
        "peak_ratio": LEVEL[NEW][32] / LEVEL[OLD][32],
        "slowdown": LEVEL[NEW][1] / LEVEL[OLD][1],
        "interpreters, 1": LEVEL[NEW][1] / LEVEL[OLD][1],
        "interpreters, 32": LEVEL[NEW][32] / LEVEL[OLD][32],
    }
    return {name: float(np.log(value)) for name, value in found.items()}


def test_ratios_within_and_between_cells_are_unbiased():
    rng = np.random.default_rng(7)
    found = pd.DataFrame([ratios(scaled(two_cells(rng), 17.0)) for _ in range(12)])
    error = found - pd.Series(truth())
    spread = error.std() / np.sqrt(len(error))
    assert (error.mean().abs() < 4 * spread + 1e-9).all(), error.mean() / spread
    assert error.mean().abs().max() < 0.03


def test_without_noise_ratios_are_those_at_the_geometric_mean_of_all_speeds():
    trials = two_cells(np.random.default_rng(3), noise=0.0)
    mean = float(np.log(trials["speed_window"]).mean())
    found, known = ratios(scaled(trials, 0.01)), truth()
    lone = {interpreter: ELASTICITY[interpreter][1] for interpreter in (OLD, NEW)}
    known["efficiency, old"] += (lone[OLD] - 1) * mean
    known["efficiency, new"] += (lone[NEW] - 1) * mean
    known["slowdown"] += (lone[NEW] - lone[OLD]) * mean
    known["interpreters, 1"] += (lone[NEW] - lone[OLD]) * mean
    assert found == pytest.approx(known, abs=1e-7)


def test_a_cell_without_speeds_leaves_its_ratios_to_others_as_measured():
    trials = two_cells(np.random.default_rng(4))
    bare = trials.drop(columns=SPEEDS)
    lacking = trials.copy()
    lacking.loc[lacking.index[lacking["interpreter"] == OLD][0], SPEEDS] = np.nan
    assert interpreters(lacking).tolist() == interpreters(bare).tolist()
    between = ["peak_ratio", "slowdown", "interpreters, 1", "interpreters, 32"]
    found, raw = ratios(lacking), ratios(bare)
    assert [found[name] for name in between] == [raw[name] for name in between]
    assert found["efficiency, old"] == raw["efficiency, old"]
    assert found["efficiency, new"] != raw["efficiency, new"]


# --- tasks that compute until a clock says so ---


def clocked_cells(beyond_ms=0.0, **columns):
    """Tasks of 10 ms of CPU time and 50 ms of wait: equally fast on either machine."""
    trials = two_cells(np.random.default_rng(5))
    rates = trials["concurrency"].map({1: 1000 / 60, 32: 100.0})
    return trials.assign(throughput_tps=rates, cpu_ms_per_task=10.0 + beyond_ms, **columns)


def test_clocked_tasks_are_not_adjusted_for_a_speed_they_do_not_follow():
    assert interpreters(clocked_cells(clocked_cpu_ms=10.0)).tolist() == pytest.approx([1.0, 1.0])
    counted = interpreters(clocked_cells(clocked_cpu_ms=0.0))
    assert counted.tolist() == interpreters(clocked_cells()).tolist()
    assert counted[32] > 1.5
    unknown = interpreters(clocked_cells(clocked_cpu_ms=np.nan))
    assert unknown.tolist() == counted.tolist()


def test_of_clocked_tasks_the_cpu_time_beyond_the_clock_follows_the_speed():
    found = efficiency_table(clocked_cells(beyond_ms=2.5, clocked_cpu_ms=10.0))
    elasticity = found.groupby("concurrency")["speed_elasticity"].first()
    assert elasticity[32] == pytest.approx(2.5 / 12.5)
    assert elasticity[1] == pytest.approx(2.5 / 12.5 / 6)


# --- part of a run ---


@pytest.fixture
def small():
    return with_speeds(simulate_paper(blocks=2, experiments=["gil_nogil", "cliff"]))


def test_part_of_a_run_is_at_the_speed_of_the_whole(small):
    frame = normalised(small)
    whole = efficiency_table(frame)
    for experiment in ("gil_nogil", "cliff"):
        part = frame[frame["experiment"] == experiment]
        rows = whole[whole["experiment"] == experiment].reset_index(drop=True)
        pd.testing.assert_frame_equal(efficiency_table(part), rows)
    part = frame[frame["experiment"] == "cliff"]
    pd.testing.assert_frame_equal(
        cliff_table(part, efficiency_table(part)), cliff_table(frame, whole)
    )


def test_setting_trials_aside_does_not_move_the_speed_of_the_run(small):
    slow = (small["status"] == "ok") & (small["interpreter"] == OLD) & (small["block"] == 2)
    strict = normalised(small.assign(excluded=slow, exclusion_reason=np.where(slow, "speed", "")))
    pd.testing.assert_series_equal(strict["relative_speed"], normalised(small)["relative_speed"])
    effect = exclusions_effect(strict, efficiency_table(strict))
    assert len(effect)
    every = efficiency_table(small, use_exclusions=False).set_index(
        ["experiment", "workload", "interpreter", "cores", "strategy", "concurrency"]
    )["efficiency"]
    keys = zip(*(effect[name] for name in every.index.names), strict=True)
    found = pd.Series(effect["efficiency_all_trials"].to_numpy(), list(keys)).dropna()
    assert found.tolist() == [every[key] for key in found.index]


def test_what_a_sweep_says_should_be_done_is_read_off_at_equal_speed():
    rows = []
    for block, speed in ((1, 1.0), (2, 1.6)):
        for size in (1, 2, 4):
            v = 0.4 if size == 1 else speed  # the lone worker was measured on a slow machine
            rate = 100 * v
            rows.append(
                {
                    "experiment": "discrimination",
                    "workload": "w",
                    "interpreter": OLD,
                    "cores": 1,
                    "strategy": "fixed",
                    "concurrency": size,
                    "label": "",
                    "block": block,
                    "status": "ok",
                    "excluded": False,
                    "throughput_tps": rate,
                    "cpu_ms_per_task": 1000 / rate,
                    "speed_window": 40 * v,
                }
            )
    found = right_actions(normalised(pd.DataFrame(rows)))
    assert dict(zip(found["concurrency"], found["action"], strict=True)) == {
        2: "shrink",
        4: "shrink",
    }
