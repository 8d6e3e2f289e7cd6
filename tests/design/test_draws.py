"""Random tasks in a configuration: which are drawn, and that the record says which."""

from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import ConfigError
from harness.commands.run import open_run
from harness.design import claims, config
from harness.design.plan import make_plan
from harness.design.workloads import FRESH_SEEDS, is_one_of
from harness.random_task import draw
from tests.design.config_files import edit, put
from tests.samples import copy_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


def drawn(folder: Path, **options: Any) -> list[str]:
    return list(config.read(folder, preset="smoke", **options).experiments["generality"].workloads)


def test_a_template_becomes_as_many_tasks_as_are_asked_for(folder: Path) -> None:
    names = drawn(folder)
    assert len(set(names)) == len(names) == 2
    assert all(int(name.removeprefix("drawn_")) in FRESH_SEEDS for name in names)


def test_another_draw_gives_other_tasks_and_the_same_draw_the_same(folder: Path) -> None:
    assert drawn(folder) == drawn(folder) == drawn(folder, draw=1)
    assert not set(drawn(folder)) & set(drawn(folder, draw=2))


def test_the_plan_says_which_seed_a_trial_has_and_what_its_remote_serves(folder: Path) -> None:
    edit(folder / "presets" / "smoke.yaml", lambda d: put(d, "experiments.generality.draws", 40))
    found = config.read(folder, preset="smoke")
    trials = [t for t in make_plan(found, [0, 1]).trials() if t.experiment == "generality"]
    for trial in trials:
        seed = trial.parameters["seed"]
        assert trial.workload == f"drawn_{seed}"
        assert found.titles()[trial.workload] == f"Random task {seed}"
        servers = draw(seed).servers
        assert (trial.remote_servers, trial.io) == (
            (servers, "socket") if servers else (None, "sleep")
        )
    assert any(trial.remote_servers for trial in trials)


def test_windows_and_warm_ups_hold_a_few_tasks(folder: Path) -> None:
    edit(folder / "presets" / "smoke.yaml", lambda d: put(d, "experiments.generality.draws", 40))
    for trial in make_plan(config.read(folder, preset="smoke"), [0, 1]).trials():
        if trial.experiment == "generality":
            task = draw(trial.parameters["seed"])
            assert trial.window_s >= 3.99 * (task.cpu_s + task.wait_s)


def test_a_given_seed_is_one_task(folder: Path) -> None:
    entry = {"like": "drawn", "title": "Mine", "parameters": {"seed": 7, "family": "remote"}}
    edit(folder / "workloads.yaml", lambda d: put(d, "workloads.mine", entry))
    edit(
        folder / "experiments.yaml", lambda d: put(d, "experiments.generality.workloads", ["mine"])
    )

    def no_draws(document: Any) -> None:
        del document["experiments"]["generality"]["draws"]

    edit(folder / "presets" / "smoke.yaml", no_draws)
    found = config.read(folder, preset="smoke")
    assert found.experiments["generality"].workloads == ("mine",)
    assert found.workloads["mine"].task == draw(7, "remote")


@pytest.mark.parametrize(
    ("where", "draws", "reason"),
    [
        ("generality", None, "'draws' is needed: drawn is drawn afresh"),
        ("cliff", 3, "draws: 3 has no use, remove it: no workload is drawn"),
    ],
)
def test_draws_stand_where_they_have_a_use(
    folder: Path, where: str, draws: int | None, reason: str
) -> None:
    def change(document: Any) -> None:
        document["experiments"][where].pop("draws", None)
        if draws is not None:
            document["experiments"][where]["draws"] = draws

    edit(folder / "presets" / "smoke.yaml", change)
    with pytest.raises(ConfigError, match=f"smoke.yaml: experiments.{where}.*{reason}"):
        config.read(folder, preset="smoke")


def test_a_workload_that_is_not_drawn_needs_its_wait(folder: Path) -> None:
    def change(document: Any) -> None:
        del document["workloads"]["micro"]["parameters"]["wait_ms"]

    edit(folder / "workloads.yaml", change)
    with pytest.raises(ConfigError, match=r"workloads\.micro.*wait_ms is needed"):
        config.read(folder, preset="smoke")


@pytest.mark.parametrize("value", ["seven", "-1", True, 1.5])
def test_a_draw_that_is_no_number_is_refused(folder: Path, value: object) -> None:
    with pytest.raises(ConfigError, match="draw"):
        open_run({"preset": "smoke", "draw": value}, folder.parent)


def test_the_command_line_draws(folder: Path) -> None:
    runs = [open_run({"preset": "smoke", "draw": value}, folder.parent) for value in (7, "7", 8)]
    names = [run.config.experiments["generality"].workloads for run in runs]
    assert names[0] == names[1] != names[2]


def test_a_claim_about_random_tasks_reads_all_that_were_drawn(folder: Path) -> None:
    found = config.read(folder, preset="fresh")
    restricted = claims.restricted(found, claims.read(folder).find("C34"))
    assert len(restricted.experiments["generality"].workloads) == 40
    assert set(restricted.experiments) == {"generality"}


def test_a_drawn_name_belongs_to_its_template() -> None:
    assert is_one_of("drawn_123456", {"drawn"})
    assert is_one_of("micro", {"micro"})
    assert not is_one_of("drawn_by_hand", {"drawn"})
