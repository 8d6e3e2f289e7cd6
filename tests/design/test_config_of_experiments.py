"""Experiments with interpreters, a protocol or conditions of their own."""

from pathlib import Path

import pytest

from harness.design import config
from tests.design.config_files import (
    Document,
    drop_others,
    edit,
    keep_two_experiments,
    put,
    refusal,
    two_experiments,
)
from tests.samples import copy_project


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the configuration as it is shipped."""
    return copy_project(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same with two experiments over three workloads, which reads faster."""
    return two_experiments(tmp_path)


# --- experiments with interpreters, protocol or conditions of their own ---

GIL_SWITCHED_ON = "cpython-3.13t-gil"


@pytest.fixture
def own_interpreters(shipped: Path) -> Path:
    """The cliff names two interpreters itself, one of which the preset does not name."""
    edit(shipped / "experiments.yaml", drop_others)
    edit(shipped / "presets/smoke.yaml", keep_two_experiments)
    names = ["cpython-3.13t", GIL_SWITCHED_ON]
    path = shipped / "experiments.yaml"
    edit(path, lambda d: put(d, "experiments.cliff.interpreters", names))
    return shipped


def test_a_run_needs_the_interpreters_of_all_its_experiments(own_interpreters: Path) -> None:
    chosen = config.read(own_interpreters, preset="smoke")
    assert chosen.interpreters == ("cpython-3.12", "cpython-3.13t", GIL_SWITCHED_ON)
    assert chosen.common_interpreters == ("cpython-3.12", "cpython-3.13t")
    assert chosen.has_gil[GIL_SWITCHED_ON]
    assert chosen.missing_interpreters == ()
    assert chosen.experiments["cliff"].interpreters == ("cpython-3.13t", GIL_SWITCHED_ON)
    assert chosen.experiments["profiles"].interpreters == ("cpython-3.12", "cpython-3.13t")


def test_a_preset_may_name_other_interpreters_for_an_experiment(own_interpreters: Path) -> None:
    path = own_interpreters / "presets/smoke.yaml"
    edit(path, lambda d: put(d, "experiments.cliff.interpreters", ["cpython-3.12"]))
    chosen = config.read(own_interpreters, preset="smoke")
    assert chosen.experiments["cliff"].interpreters == ("cpython-3.12",)


@pytest.mark.parametrize(
    ("asked_for", "cliff", "left_out", "missing"),
    [
        (["cpython-3.12"], (), ("cpython-3.13t", GIL_SWITCHED_ON), True),
        (["cpython-3.13t"], ("cpython-3.13t",), (GIL_SWITCHED_ON,), True),
        ([GIL_SWITCHED_ON, "cpython-3.13t"], ("cpython-3.13t", GIL_SWITCHED_ON), (), False),
    ],
)
def test_an_experiment_keeps_of_its_interpreters_those_asked_for(
    asked_for: list[str],
    cliff: tuple[str, ...],
    left_out: tuple[str, ...],
    missing: bool,
    own_interpreters: Path,
) -> None:
    chosen = config.read(own_interpreters, preset="smoke", interpreters=asked_for)
    assert chosen.experiments["cliff"].interpreters == cliff
    assert chosen.experiments["cliff"].left_out_interpreters == left_out
    assert chosen.experiments["profiles"].interpreters == tuple(asked_for)
    assert chosen.interpreters == tuple(asked_for)
    assert (GIL_SWITCHED_ON in chosen.missing_interpreters) == missing


def test_a_run_without_any_interpreter_is_refused(own_interpreters: Path) -> None:
    path = own_interpreters / "presets/smoke.yaml"
    edit(path, lambda d: d["experiments"].pop("profiles"))
    message = refusal(own_interpreters, preset="smoke", interpreters=["cpython-3.12"])
    assert f"{path}: interpreters: no experiment runs on cpython-3.12" in message
    assert f"name cpython-3.13t, {GIL_SWITCHED_ON}" in message


def make_batch(folder: Path, *kept: str, tasks: object = 4000) -> Path:
    """Turn the cliff into a batch; the preset keeps some amounts of the other protocol."""
    edit(folder / "experiments.yaml", lambda d: put(d, "experiments.cliff.protocol", "batch"))
    path = folder / "presets/smoke.yaml"

    def change(document: Document) -> None:
        cliff = document["experiments"]["cliff"]
        document["experiments"]["cliff"] = {
            **{key: cliff[key] for key in ("concurrency", *kept)},
            **({} if tasks is None else {"tasks": tasks}),
        }

    edit(path, change)
    return path


def test_a_batch_has_tasks_and_no_window(folder: Path) -> None:
    make_batch(folder)
    cliff = config.read(folder, preset="smoke").experiments["cliff"]
    assert (cliff.protocol, cliff.tasks, cliff.population) == ("batch", 4000, 4000)
    assert (cliff.window_s, cliff.warmup_s, cliff.warmup_rounds) == (0, 0, 0)


def test_a_batch_without_tasks_is_refused(folder: Path) -> None:
    path = make_batch(folder, tasks=None)
    message = refusal(folder, preset="smoke")
    assert f"{path}: experiments.cliff: 'tasks' is needed: the protocol is batch" in message


@pytest.mark.parametrize("key", ["window_s", "warmup_s", "warmup_rounds", "population"])
def test_amounts_of_the_other_protocol_are_refused(key: str, folder: Path) -> None:
    path = make_batch(folder, key)
    message = refusal(folder, preset="smoke")
    assert f"{path}: experiments.cliff.{key}: " in message
    assert "has no use, remove it: the protocol is batch" in message


def test_tasks_without_a_batch_are_refused(folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    edit(path, lambda d: put(d, "experiments.cliff.tasks", 4000))
    assert f"{path}: experiments.cliff.tasks: 4000 has no use" in refusal(folder, preset="smoke")


@pytest.mark.parametrize("key", ["window_s", "warmup_s", "population"])
def test_a_steady_experiment_needs_its_amounts(key: str, folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    edit(path, lambda d: d["experiments"]["cliff"].pop(key))
    message = refusal(folder, preset="smoke")
    assert f"{path}: experiments.cliff: '{key}' is needed: the protocol is steady" in message


@pytest.mark.parametrize("tasks", [256, 0, 2.0, True, "4000", 10**9], ids=repr)
def test_bad_numbers_of_tasks_are_refused(tasks: object, folder: Path) -> None:
    path = make_batch(folder, tasks=tasks)
    assert f"{path}: experiments.cliff." in refusal(folder, preset="smoke")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("protocol", "burst"),
        ("protocol", True),
        ("conditions", {"switch_interval": 5}),
        ("conditions.switch_interval_ms", 0),
        ("conditions.switch_interval_ms", "5"),
        ("conditions.co_tenants", 0),
        ("conditions.co_tenants", 1.0),
        ("conditions.device", "../x"),
        ("interpreters", []),
        ("interpreters", "cpython-3.12"),
        ("interpreters", ["cpython-2.7"]),
    ],
)
def test_bad_protocols_conditions_and_interpreters_are_refused(
    key: str, value: object, folder: Path
) -> None:
    path = folder / "experiments.yaml"
    edit(path, lambda d: d["experiments"]["cliff"].setdefault("conditions", {}))
    edit(path, lambda d: put(d, f"experiments.cliff.{key}", value))
    assert f"{path}: experiments.cliff.{key}" in refusal(folder, preset="smoke")
