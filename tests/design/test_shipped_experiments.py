"""What is shipped in ``config/``: complete, affordable, and with the paper's own parameters."""

from functools import cache

import pytest

from harness.design import config as configuration
from harness.design.config import Config
from harness.design.cost import estimate
from harness.design.experiment import Catalogue, read_catalogue
from harness.design.plan import Plan, make_plan
from harness.design.strategies import Adaptive
from harness.strategies import adaptive
from tests import ROOT

PRESETS = ("smoke", "short", "paper")
TWO_CPUS = (0, 1)
#: what ThreadPoolExecutor() makes by default on two cores: min(32, cores + 4)
DEFAULT_POOL = 6


@cache
def shipped(preset: str) -> Config:
    return configuration.read(ROOT / "config", preset=preset)


@cache
def planned(preset: str) -> Plan:
    return make_plan(shipped(preset), TWO_CPUS)


@cache
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "config" / "experiments.yaml")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_experiment_is_in_the_preset(preset: str) -> None:
    elsewhere = {"further_boards"}  # on machines that are not here
    assert shipped(preset).experiments.keys() == catalogue().experiments.keys() - elsewhere


@pytest.mark.parametrize("preset", PRESETS)
def test_every_experiment_plans_a_trial_on_two_cores(preset: str) -> None:
    experiments = {trial.experiment for trial in planned(preset).trials()}
    assert experiments == shipped(preset).experiments.keys()


def test_smoke_has_every_workload_strategy_and_interpreter() -> None:
    trials = list(planned("smoke").trials())
    config = shipped("smoke")
    templates = {name for name, entry in config.workloads.items() if entry.is_template}
    assert {trial.workload for trial in trials} == config.workloads.keys() - templates
    assert {trial.strategy for trial in trials} == config.strategies.keys()
    assert {trial.interpreter for trial in trials} == set(config.interpreters)


@pytest.mark.parametrize(("preset", "minutes"), [("smoke", 4), ("short", 95), ("paper", 600)])
def test_a_preset_fits_its_time_on_two_cores(preset: str, minutes: float) -> None:
    plan = planned(preset)
    assert estimate(list(plan.trials()), len(plan.cell_blocks)).seconds <= minutes * 60


def test_measuring_takes_most_of_the_time() -> None:
    for preset in ("short", "paper"):
        cost = estimate(list(planned(preset).trials()), len(planned(preset).cell_blocks))
        assert cost.measuring_seconds >= 0.75 * cost.seconds


@pytest.mark.parametrize("preset", ["short", "paper"])
@pytest.mark.parametrize("experiment", ["profiles", "baselines", "mix_sweep"])
def test_the_default_pool_is_among_the_fixed_ones(preset: str, experiment: str) -> None:
    assert DEFAULT_POOL in shipped(preset).experiments[experiment].concurrency["fixed"]


@pytest.mark.parametrize("preset", ["short", "paper"])
def test_intervals_have_blocks_to_rest_on(preset: str) -> None:
    # Trials of the discrimination experiment are told apart one by one.
    few = {e.name for e in shipped(preset).experiments.values() if e.blocks < 2}
    assert few <= {"discrimination"}


# --- the paper's parameters ---


@pytest.mark.parametrize(
    ("workload", "parameters"),
    [
        ("micro", {"iterations": 1000, "wait_ms": 0.1}),
        ("mixed_10_50", {"cpu_ms": 10.0, "wait_ms": 50.0}),
        ("pure_io", {"wait_ms": 0.6}),
        ("mix_100_1000us", {"iterations": 100, "wait_ms": 1}),
        ("mix_500_500us", {"iterations": 500, "wait_ms": 0.5}),
        ("mix_1000_100us", {"iterations": 1000, "wait_ms": 0.1}),
        ("mix_2000_50us", {"iterations": 2000, "wait_ms": 0.05}),
        ("mix_5000_10us", {"iterations": 5000, "wait_ms": 0.01}),
        ("mix_10000_1us", {"iterations": 10000, "wait_ms": 0.001}),
    ],
)
def test_synthetic_tasks_are_the_paper_s(workload: str, parameters: dict[str, float]) -> None:
    assert shipped("paper").workloads[workload].parameters == parameters


@pytest.mark.parametrize(
    ("experiment", "strategy", "sizes"),
    [
        ("cliff", "fixed", {1, 32, 256, 512, 1024, 2048}),
        ("cliff_batch", "fixed", {1, 32, 256, 512, 1024, 2048}),
        ("pure_io", "fixed", {1, 4, 16, 64, 256}),
        ("gil_nogil", "fixed", {1, 32, 256, 1024}),
        ("baselines", "fixed", {16, 32, 64, 128, 256}),
        ("baselines", "processes", {2, 4, 8}),
        ("baselines", "asyncio", {32, 64, 128, 256}),
        ("baselines", "queue_scaler", {64, 128, 256}),
        ("baselines", "paper_algorithm1", {64, 128}),
        ("mix_sweep", "fixed", {8, 16, 32, 64, 128, 256}),
        ("memory", "fixed", {4, 32, 64}),
        ("memory", "processes", {4, 8, 16}),
    ],
)
def test_paper_preset_has_the_paper_s_sizes(
    experiment: str, strategy: str, sizes: set[int]
) -> None:
    assert sizes <= set(shipped("paper").experiments[experiment].concurrency[strategy])


def test_paper_preset_runs_batches_as_long_as_the_paper_s() -> None:
    assert shipped("paper").experiments["cliff_batch"].tasks == 20_000


def test_algorithm_1_is_there_at_its_published_tick_and_thresholds() -> None:
    strategies = catalogue().strategies
    published = strategies["paper_algorithm1"].parameters
    at_its_tick = strategies["paper_algorithm1_published"].parameters
    assert at_its_tick == published | {"tick_ms": at_its_tick["published_tick_ms"]}
    for percent in range(20, 80, 10):
        variant = strategies[f"paper_algorithm1_t{percent}"].parameters
        assert variant == published | {"threshold": percent / 100}


# --- strategies ---


def test_every_option_of_the_adaptive_strategy_reaches_the_runtime() -> None:
    known = {*adaptive.EXECUTOR_OPTIONS, *adaptive.POLICY_OPTIONS}
    assert set(Adaptive.model_fields) == known | {"cold", "held"}


# --- invariance ---


def test_invariance_tasks_have_a_known_blocking_ratio() -> None:
    config = shipped("paper")
    names = [n for e in config.experiments.values() if "invariance" in e.name for n in e.workloads]
    assert {config.workloads[name].file for name in names} == {"mixed.py"}


def test_invariance_conditions_are_tried_on_tasks_of_the_plain_experiment() -> None:
    experiments = shipped("paper").experiments
    plain = experiments["invariance"]
    for name, experiment in experiments.items():
        if name.startswith("invariance_"):
            assert experiment.conditions
            assert set(experiment.workloads) <= set(plain.workloads)
            assert experiment.concurrency == plain.concurrency


def test_tasks_that_read_the_cpu_clock_are_declared_as_clocked() -> None:
    """By their file: what asks for CPU time does not follow the machine's speed."""
    config = shipped("paper")
    assert config.clocked()
    for name, workload in config.workloads.items():
        reads = "thread_time()" in workload.path.read_text(encoding="utf-8")
        assert (name in config.clocked()) == reads, name
