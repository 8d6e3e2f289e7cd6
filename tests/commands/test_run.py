"""The run that settings describe, its frozen plan and its markers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import ConfigError
from harness.commands.run import Run, arguments, freeze, open_run
from harness.design.plan import Plan, from_json, make_plan
from harness.store.places import cell_file
from harness.store.records import RecordError
from tests.samples import ROOT, a_config, a_record, copy_project

PINNED = "cpython-3.12"


def a_run(tmp_path: Path, **changes: Any) -> Run:
    config = a_config(**changes)
    return Run(config, make_plan(config, (0, 1)), tmp_path / "results", tmp_path / "figures")


def store(run: Run, index: int = 0, *, finish: bool = True) -> Path:
    """Records of one cell of one block, as the measuring side leaves them."""
    cell = run.plan.cell_blocks[index]
    file = cell_file(run.raw, cell)
    for trial in cell.trials:
        file.append(a_record(trial))
    if finish:
        file.finish()
    return file.final if finish else file.partial


@pytest.mark.parametrize("key", ["presets", "seed", "Preset", "interpreter", ""])
def test_unknown_settings_are_refused_with_the_known_ones(key: str) -> None:
    with pytest.raises(ConfigError, match=f"--config {key}: unknown; known are preset, interp"):
        open_run({key: "x"}, ROOT)


@pytest.mark.parametrize("given", [PINNED, [PINNED], (PINNED,), f" {PINNED} "])
def test_one_interpreter_as_text_or_list(given: Any) -> None:
    assert open_run({"preset": "smoke", "interpreters": given}, ROOT).config.interpreters == (
        PINNED,
    )


def test_several_interpreters_are_separated_by_commas() -> None:
    run = open_run({"preset": "smoke", "interpreters": f"{PINNED}, cpython-3.13t"}, ROOT)
    assert run.config.interpreters == (PINNED, "cpython-3.13t")


@pytest.mark.parametrize("settings", [{"preset": 3}, {"io": True}, {"config_folder": 1.5}])
def test_settings_that_are_no_text_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"--config {next(iter(settings))}: .* not a text"):
        open_run(settings, ROOT)


def test_results_and_figures_are_kept_per_preset() -> None:
    run = open_run({"preset": "smoke"}, ROOT)
    assert run.results == ROOT / "results/smoke"
    assert run.figures == ROOT / "paper_figures/smoke"
    assert run.raw == ROOT / "results/smoke/raw"
    assert run.plan.preset == "smoke"


@pytest.mark.parametrize(
    "folder",
    [
        *("results", "results/smoke", "results/smoke/raw", "results/smoke/raw/repeats"),
        *("results/smoke/raw/cliff", "results/smoke/raw/cliff/block-01"),
        *("paper_figures", "paper_figures/smoke"),
    ],
)
def test_a_link_in_place_of_any_folder_of_the_results_is_refused(
    folder: str, tmp_path: Path
) -> None:
    copy_project(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / folder
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(ConfigError, match=f"{folder}: is a symbolic link"):
        open_run({"preset": "smoke", "interpreters": PINNED}, tmp_path)
    assert list(elsewhere.iterdir()) == []


def freeze_plan(run: Run, plan: Plan | None = None) -> Path:
    freeze(run if plan is None else replace(run, plan=plan))
    return run.results / "plan.json"


def test_plan_is_saved_and_reads_back(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    path = freeze_plan(run)
    assert from_json(path) == run.plan
    assert list(path.parent.iterdir()) == [path]


def test_plan_without_measurements_may_change(tmp_path: Path) -> None:
    freeze_plan(a_run(tmp_path))
    changed = a_run(tmp_path, time_limit_s=5)
    assert from_json(freeze_plan(changed)) == changed.plan


@pytest.mark.parametrize("finish", [True, False], ids=["finished", "partial"])
def test_plan_with_measurements_of_another_configuration_is_refused(
    finish: bool, tmp_path: Path
) -> None:
    run = a_run(tmp_path)
    path = freeze_plan(run)
    record_file = store(run, finish=finish)
    with pytest.raises(RecordError, match="measurements of another configuration") as refused:
        freeze_plan(a_run(tmp_path, time_limit_s=5))
    assert record_file.name in str(refused.value)
    assert from_json(path) == run.plan


def test_measurements_that_the_new_plan_holds_too_are_kept(tmp_path: Path) -> None:
    run = a_run(tmp_path, blocks=1)
    freeze_plan(run)
    store(run)
    longer = a_run(tmp_path, blocks=3)
    assert from_json(freeze_plan(longer)) == longer.plan


def test_freezing_the_same_plan_again_needs_no_look_at_the_records(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    path = freeze_plan(run)
    store(run).write_text("damaged; named when it is read")
    assert freeze_plan(run) == path


@pytest.mark.parametrize("wanted", [True, "yes", "True"])
def test_a_look_at_an_unfinished_run_has_folders_of_its_own(wanted: object, tmp_path: Path) -> None:
    copy_project(tmp_path)
    whole = open_run({"preset": "smoke", "interpreters": PINNED}, tmp_path)
    cell = whole.plan.cell_blocks[0]
    done = cell_file(whole.raw, cell).final
    done.parent.mkdir(parents=True)
    done.touch()
    look = open_run({"preset": "smoke", "interpreters": PINNED, "partial": wanted}, tmp_path)
    assert look.plan.cell_blocks == (cell,)
    assert look.raw == whole.raw
    assert (look.results.name, look.figures.name) == ("smoke-partial", "smoke-partial")
    assert look.markers() == []
    assert look.record_files() == [done]
    assert look.whole_plan == whole.plan
    absent = {entry.experiment for entry in look.plan.not_run if entry.reason == "not measured yet"}
    assert absent


def test_there_is_nothing_to_look_at_before_a_cell_was_measured(tmp_path: Path) -> None:
    copy_project(tmp_path)
    with pytest.raises(ConfigError, match="start the run first"):
        open_run({"preset": "smoke", "interpreters": PINNED, "partial": "yes"}, tmp_path)


def test_partial_is_yes_or_no(tmp_path: Path) -> None:
    copy_project(tmp_path)
    with pytest.raises(ConfigError, match="neither yes nor no"):
        open_run({"preset": "smoke", "interpreters": PINNED, "partial": "half"}, tmp_path)


def test_settings_become_quoted_options() -> None:
    text = arguments({"preset": "a b", "interpreters": ["x", "y"], "partial": True})
    assert text == "--preset 'a b' --interpreters x,y --partial True"


def test_there_is_a_marker_for_every_block(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    assert run.markers() == [run.raw / "profiles" / f"block-0{block}.done" for block in (1, 2, 3)]


def test_marker_stays_while_its_records_are_all_there(tmp_path: Path) -> None:
    run = a_run(tmp_path, blocks=1)
    for index in range(len(run.plan.cell_blocks)):
        store(run, index)
    (marker,) = run.markers()
    marker.touch()
    run.forget_empty_markers()
    assert marker.exists()


@pytest.mark.parametrize("finish", [True, False], ids=["one cell gone", "one cell unfinished"])
def test_marker_without_all_its_records_is_forgotten(finish: bool, tmp_path: Path) -> None:
    run = a_run(tmp_path, blocks=1)
    for index in range(len(run.plan.cell_blocks)):
        store(run, index, finish=index > 0 or finish)
    if finish:
        cell_file(run.raw, run.plan.cell_blocks[0]).final.unlink()
    (marker,) = run.markers()
    marker.touch()
    run.forget_empty_markers()
    assert not marker.exists()
