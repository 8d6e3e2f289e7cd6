"""The plan: complete, interleaved, reproducible, and priced."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.design import config as configuration
from harness.design.config import Config
from harness.design.cost import (
    CELL_OVERHEAD_S,
    FORK_S,
    PROCESS_START_S,
    RECORD_BYTES,
    TRIAL_OVERHEAD_S,
    estimate,
    warmup_seconds,
    window_seconds,
)
from harness.design.plan import (
    CellBlock,
    Plan,
    expected_optimum,
    from_json,
    make_plan,
    to_json,
)
from harness.machine.cpus import pin_to
from tests.measure.fake_bench import TWO_CPUS
from tests.samples import ROOT, a_config, a_strategy, a_trial, a_workload, an_experiment


def shipped(preset: str) -> Config:
    return configuration.read(ROOT / "config", preset=preset)


def configurations(cell: CellBlock) -> Counter[tuple[str, int, str]]:
    return Counter((t.strategy, t.concurrency, t.label) for t in cell.trials)


def cell_name(cell: CellBlock) -> tuple[str, str, int]:
    return cell.workload, cell.interpreter, cell.cores


def hashes(plan: Plan) -> list[str]:
    return [trial.spec_hash for trial in plan.trials()]


# --- order ---


def test_same_seed_gives_the_same_plan() -> None:
    assert to_json(make_plan(a_config(), TWO_CPUS)) == to_json(make_plan(a_config(), TWO_CPUS))


def test_another_seed_changes_the_order_and_nothing_else() -> None:
    one, other = (make_plan(a_config(seed=seed), TWO_CPUS) for seed in (1, 2))
    assert hashes(one) != hashes(other)
    assert sorted(hashes(one)) == sorted(hashes(other))


def test_every_block_of_a_cell_is_complete() -> None:
    config = shipped("short")
    plan = make_plan(config, TWO_CPUS)
    by_cell: dict[tuple[Any, ...], list[CellBlock]] = {}
    for cell in plan.cell_blocks:
        by_cell.setdefault((cell.experiment, *cell_name(cell)), []).append(cell)
    for cells in by_cell.values():
        blocks = config.experiments[cells[0].experiment].blocks
        assert [cell.block for cell in cells] == list(range(1, blocks + 1))
        assert all(configurations(cell) == configurations(cells[0]) for cell in cells)


def test_cells_and_trials_come_in_another_order_in_every_block() -> None:
    plan = make_plan(shipped("short"), TWO_CPUS)
    blocks = [cells for (name, _), cells in plan.blocks().items() if name == "profiles"]
    assert len({tuple(map(cell_name, cells)) for cells in blocks}) == len(blocks)
    of_one_cell = [
        cell for cells in blocks for cell in cells if cell_name(cell) == cell_name(blocks[0][0])
    ]
    orders = {tuple((t.strategy, t.concurrency, t.label) for t in c.trials) for c in of_one_cell}
    assert len(orders) == len(blocks)


def test_blocks_are_listed_in_running_order() -> None:
    plan = make_plan(a_config(), TWO_CPUS)
    assert list(plan.blocks()) == [("profiles", 1), ("profiles", 2), ("profiles", 3)]
    assert sum(map(len, plan.blocks().values())) == len(plan.cell_blocks)


def test_a_workload_with_a_limited_remote_waits_on_a_socket_whatever_io_says() -> None:
    config = a_config()
    limited = config.workloads["rag"].model_copy(update={"remote_servers": 3})
    config = replace(config, workloads={**config.workloads, "rag": limited})
    waits = {(t.workload, t.io, t.remote_servers) for t in make_plan(config, TWO_CPUS).trials()}
    assert waits == {("rag", "socket", 3), ("slm", "sleep", None)}


def test_exact_order_of_a_tiny_plan() -> None:
    experiment = an_experiment(
        concurrency={"fixed": (1, 2)},
        aa_twin=False,
        pinnings=(1,),
        interpreters=("cpython-3.12",),
    )
    config = a_config(experiment=experiment, blocks=2, seed=3)
    order = [(t.block, t.workload, t.concurrency) for t in make_plan(config, TWO_CPUS).trials()]
    assert order == [
        (1, "slm", 2),
        (1, "slm", 1),
        (1, "rag", 1),
        (1, "rag", 2),
        (2, "slm", 2),
        (2, "slm", 1),
        (2, "rag", 2),
        (2, "rag", 1),
    ]


# --- what is planned ---


def test_aa_twin_is_there_once_per_cell_and_block_with_the_fixed_pool() -> None:
    plan = make_plan(a_config(), TWO_CPUS)
    for cell in plan.cell_blocks:
        twins = [trial for trial in cell.trials if trial.label == "aa_twin"]
        assert [twin.strategy for twin in twins] == ["fixed"]
        assert configurations(cell)["fixed", twins[0].concurrency, ""] == 1


def test_experiment_without_twin_has_none() -> None:
    plan = make_plan(a_config(experiment=an_experiment(aa_twin=False)), TWO_CPUS)
    assert not any(trial.label for trial in plan.trials())


@pytest.mark.parametrize(
    ("cpus", "reason"), [((5,), "not run: 1 core"), ((0, 1), "not run: 2 cores")]
)
def test_pinning_larger_than_the_machine_is_listed_as_not_run(
    cpus: tuple[int, ...], reason: str
) -> None:
    config = a_config(experiment=an_experiment(pinnings=(1, 4)))
    plan = make_plan(config, cpus)
    listed = [(cell.workload, cell.interpreter, cell.cores) for cell in plan.not_run]
    assert sorted(listed) == [
        (workload, interpreter, 4)
        for workload in ("rag", "slm")
        for interpreter in ("cpython-3.12", "cpython-3.13t")
    ]
    assert {cell.reason for cell in plan.not_run} == {reason}
    assert {trial.cores for trial in plan.trials()} == {1}


def test_trial_carries_what_configuration_says() -> None:
    config = a_config(io="socket", time_limit_s=9)
    trial = next(t for t in make_plan(config, TWO_CPUS).trials() if t.strategy == "asyncio")
    assert (trial.kind, trial.strategy_parameters) == ("event_loop", {"offload": False})
    assert (trial.io, trial.time_limit_s, trial.population) == ("socket", 9, 16)
    assert trial.parameters == {"wait_ms": 8.0}


def test_an_experiment_runs_on_its_own_interpreters() -> None:
    experiment = an_experiment(interpreters=("cpython-3.13t",))
    plan = make_plan(a_config(experiment=experiment), TWO_CPUS)
    assert {trial.interpreter for trial in plan.trials()} == {"cpython-3.13t"}
    assert plan.not_run == ()


def test_interpreters_the_user_left_out_of_an_experiment_are_listed_as_not_run() -> None:
    experiment = an_experiment(interpreters=(), left_out_interpreters=("cpython-3.13t",))
    plan = make_plan(a_config(experiment=experiment), TWO_CPUS)
    assert list(plan.trials()) == []
    assert len(plan.not_run) == 4  # two workloads, two pinnings
    assert {cell.reason for cell in plan.not_run} == {"not run: interpreter left out"}


def test_a_batch_has_no_window_and_is_priced_by_its_tasks() -> None:
    experiment = an_experiment(
        protocol="batch", tasks=1000, population=1000, conditions={"co_tenants": 1}
    )
    trials = list(make_plan(a_config(experiment=experiment), TWO_CPUS).trials())
    assert {(t.protocol, t.tasks, t.warmup_s, t.window_s) for t in trials} == {
        ("batch", 1000, 0.0, 0.0)
    }
    assert all(t.conditions == {"co_tenants": 1} for t in trials)
    by_size = {t.concurrency: t.expected_s for t in trials}
    assert by_size[1] > 1000 * 0.010 > by_size[8] > 1000 * 0.002  # 2 ms and a wait of 8 ms


def test_a_batch_that_cannot_end_in_time_is_refused() -> None:
    experiment = an_experiment(protocol="batch", tasks=9000, population=9000)
    message = "9000 tasks of (rag|slm) with fixed 1 take about 91 s, the time limit is 60 s"
    with pytest.raises(configuration.ConfigError, match=message):
        make_plan(a_config(experiment=experiment), TWO_CPUS)


# --- identity ---


@pytest.mark.parametrize("preset", ["smoke", "short", "paper"])
def test_spec_hashes_are_unique(preset: str) -> None:
    found = hashes(make_plan(shipped(preset), (0, 1, 2, 3)))
    assert len(found) == len(set(found))
    assert all(len(text) == 16 for text in found)


def test_identity_is_the_same_in_another_process() -> None:
    code = (
        "from pathlib import Path; from harness.design.config import read;"
        "from harness.design.plan import make_plan;"
        "print(make_plan(read(Path('config'), preset='smoke'), (0, 1)).identity)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == make_plan(shipped("smoke"), TWO_CPUS).identity


@pytest.mark.parametrize(
    "change",
    [
        {"window_s": 0.6},
        {"block": 2},
        {"label": "aa_twin"},
        {"cores": 1},
        {"concurrency": 9},
        {"protocol": "batch"},
        {"tasks": 3},
        {"conditions": {"co_tenants": 1}},
    ],
)
def test_whatever_changes_in_a_trial_changes_its_hash(change: dict[str, Any]) -> None:
    assert a_trial(**change).spec_hash != a_trial().spec_hash


def test_a_better_guess_of_the_cost_does_not_make_another_trial() -> None:
    assert a_trial(expected_s=9.0).spec_hash == a_trial().spec_hash


@pytest.mark.parametrize("preset", ["smoke", "short"])
def test_saved_plan_reads_back_equal(preset: str, tmp_path: Path) -> None:
    plan = make_plan(shipped(preset), TWO_CPUS)
    path = tmp_path / "plan.json"
    path.write_text(to_json(plan))
    again = from_json(path)
    assert again == plan
    assert again.identity == plan.identity
    assert hashes(again) == hashes(plan)
    assert json.loads(path.read_text())["preset"] == preset


# --- arithmetic ---


@given(
    sizes=st.lists(st.integers(1, 2048), min_size=1, max_size=12, unique=True),
    betas=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    servers=st.integers(1, 64),
)
def test_expected_optimum_is_a_planned_size_and_grows_with_beta(
    sizes: list[int], betas: tuple[float, float], servers: int
) -> None:
    low, high = (
        expected_optimum(sizes, a_workload(beta=beta), "cpython-3.12", servers)
        for beta in sorted(betas)
    )
    assert {low, high} <= set(sizes)
    assert low <= high


def test_expected_optimum_grows_with_the_servers() -> None:
    found = [expected_optimum(range(1, 200), a_workload(beta=0.75), "x", c) for c in (1, 2, 4)]
    assert found == [8, 13, 23]  # c(1 + 3) + 2 sqrt(3 c), rounded up


def test_expected_optimum_of_an_unmeasured_workload_assumes_a_ratio() -> None:
    unmeasured = a_workload().model_copy(update={"measured": {}})
    assert expected_optimum(range(1, 200), unmeasured, "x", 1) == 9


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"warmup_rounds": 0}, 0.1),  # the floor
        ({"warmup_rounds": 1}, 0.208),  # 100 x 2 ms + 8 ms
        ({"warmup_rounds": 2}, 0.416),
        ({"warmup_rounds": 1, "warmup_s": 3.0}, 3.0),
    ],
)
def test_warm_up_gives_the_largest_pool_its_turns(changes: dict[str, Any], seconds: float) -> None:
    concurrency = {"fixed": (1, 2, 8), "asyncio": (100,)}
    experiment = an_experiment(concurrency=concurrency, **changes)
    assert warmup_seconds(experiment, a_workload()) == seconds


@pytest.mark.parametrize("preset", ["smoke", "short", "paper", "runtime"])
def test_all_pools_of_a_cell_are_of_one_age(preset: str) -> None:
    plan = make_plan(shipped(preset), range(4))
    cold = 0
    for cell in plan.cell_blocks:
        is_cold = [bool(trial.strategy_parameters.get("cold")) for trial in cell.trials]
        ages = {t.warmup_s for t, c in zip(cell.trials, is_cold, strict=True) if not c}
        assert len(ages) <= 1, (cell.experiment, cell.workload, ages)
        assert all(t.warmup_s == 0 for t, c in zip(cell.trials, is_cold, strict=True) if c)
        cold += sum(is_cold)
    assert cold


@pytest.mark.parametrize(
    ("changes", "concurrency", "seconds"),
    [
        ({}, 500, 0.5),
        ({"window_rounds": 1}, 100, 0.5),  # the usual window is longer than 0.208 s
        ({"window_rounds": 1}, 500, 1.008),  # 500 x 2 ms + 8 ms
        ({"workload_window_s": {"rag": 2.0}}, 100, 2.0),
        ({"workload_window_s": {"slm": 2.0}}, 100, 0.5),
        ({"cold_window_s": 2.0}, 100, 0.5),
    ],
)
def test_window_of_a_trial(changes: dict[str, Any], concurrency: int, seconds: float) -> None:
    fixed = a_strategy("fixed")
    found = window_seconds(an_experiment(**changes), a_workload(), fixed, concurrency)
    assert found == seconds


def test_cpu_time_comes_from_the_parameters_where_nothing_was_measured() -> None:
    parameters = {"cpu_ms": 3.0, "wait_ms": 8.0}
    unmeasured = a_workload().model_copy(update={"measured": {}, "parameters": parameters})
    assert unmeasured.cpu_s == 0.003
    assert unmeasured.model_copy(update={"parameters": {"wait_ms": 8.0}}).cpu_s == 0
    assert a_workload(cpu_ms=2.0).cpu_s == 0.002


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [({"cold_window_s": 2.0}, 2.0), ({"cold_window_s": 0.2, "window_rounds": 9}, 0.2), ({}, 0.5)],
)
def test_a_cold_start_has_its_own_window(changes: dict[str, Any], seconds: float) -> None:
    cold = a_strategy("adaptive_cold", "adaptive", cold=True)
    assert window_seconds(an_experiment(**changes), a_workload(), cold, 8) == seconds


def test_estimate_adds_up() -> None:
    trials = [a_trial(), a_trial(kind="processes", concurrency=4)]
    cost = estimate(trials, cell_blocks=3)
    assert cost.trials == 2
    assert cost.measuring_seconds == pytest.approx(1.2)
    assert cost.seconds == pytest.approx(
        1.2 + 2 * TRIAL_OVERHEAD_S + 3 * CELL_OVERHEAD_S + 4 * PROCESS_START_S
    )
    forked = a_trial(kind="processes", concurrency=4, strategy_parameters={"start_method": "fork"})
    saved = cost.seconds - estimate([trials[0], forked], cell_blocks=3).seconds
    assert saved == pytest.approx(4 * (PROCESS_START_S - FORK_S))
    assert cost.disk_bytes == 2 * RECORD_BYTES


def test_estimate_of_parts_is_the_estimate_of_the_whole() -> None:
    plan = make_plan(a_config(), TWO_CPUS)
    whole = estimate(list(plan.trials()), len(plan.cell_blocks))
    parts = [estimate(cell.trials, 1) for cell in plan.cell_blocks]
    assert sum(part.seconds for part in parts) == pytest.approx(whole.seconds)
    assert sum(part.trials for part in parts) == whole.trials


@pytest.mark.parametrize(
    ("cores", "cpus", "expected"),
    [(1, (0, 1), [1]), (2, (0, 1), [0, 1]), (2, (0, 3, 5, 7), [5, 7])],
)
def test_pinning_takes_the_highest_numbered_cpus(
    cores: int, cpus: tuple[int, ...], expected: list[int]
) -> None:
    assert pin_to(cores, cpus) == expected
