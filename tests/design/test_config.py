"""The shipped configuration is understood; what is wrong is refused with file, key and reason."""

from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import ConfigError
from harness.design import claims, config
from tests.design.config_files import Document, dump, edit, parse, put, refusal, two_experiments
from tests.samples import copy_project

PRESETS = ("smoke", "short", "paper")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the configuration as it is shipped."""
    return copy_project(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same with two experiments over three workloads, which reads faster."""
    return two_experiments(tmp_path)


# --- configuration: what is shipped ---


@pytest.mark.parametrize("preset", PRESETS)
def test_shipped_presets_are_valid(preset: str, shipped: Path) -> None:
    chosen = config.read(shipped, preset=preset)
    assert chosen.preset == preset
    assert chosen.common_interpreters == ("cpython-3.12", "cpython-3.13t")
    gil = {"cpython-3.12": True, "cpython-3.13t": False, "cpython-3.13t-gil": True}
    assert chosen.has_gil == gil
    assert len(chosen.experiments["profiles"].workloads) == 7


@pytest.mark.parametrize("preset", PRESETS)
def test_interpreters_can_be_overridden(preset: str, shipped: Path) -> None:
    chosen = config.read(shipped, preset=preset, interpreters=["cpython-3.14t"])
    assert chosen.interpreters == ("cpython-3.14t",)
    assert chosen.has_gil == {"cpython-3.14t": False}


def test_default_preset_and_io_come_from_config_yaml(folder: Path) -> None:
    chosen = config.read(folder)
    assert (chosen.preset, chosen.io) == ("short", "sleep")
    assert config.read(folder, io="socket").io == "socket"


def test_titles_label_everything_that_a_table_names(folder: Path) -> None:
    titles = config.read(folder).titles()
    assert titles["rag"] == "RAG orchestration"
    assert titles["cpython-3.13t"] == "CPython 3.13t"
    assert {"fixed", "aa_twin"} <= titles.keys()


def test_added_workload_needs_one_file_and_one_entry(folder: Path) -> None:
    (folder.parent / "workloads" / "mine.py").write_text("")
    entry = {"title": "Mine", "file": "mine.py", "kind": "profile", "parameters": {"wait_ms": 1}}
    edit(folder / "workloads.yaml", lambda d: put(d, "workloads.mine", entry))
    edit(folder / "presets/smoke.yaml", lambda d: put(d, "experiments.cliff.workloads", ["mine"]))
    assert config.read(folder, preset="smoke").experiments["cliff"].workloads == ("mine",)


# --- configuration: refusals ---

BAD_COUNTS = [0, -1, 10**9, 2.0, 3.10, True, False, None, "1", "1e3", [1], {}, float("inf")]


@pytest.mark.parametrize("value", BAD_COUNTS, ids=repr)
@pytest.mark.parametrize("key", ["blocks", "experiments.profiles.population"])
def test_a_count_must_be_a_whole_number_within_limits(
    key: str, value: object, folder: Path
) -> None:
    path = folder / "presets/smoke.yaml"
    edit(path, lambda d: put(d, key, value))
    assert f"{path}: {key}: " in refusal(folder, preset="smoke")


@pytest.mark.parametrize("value", [0, -1, 10**9, 2.0, True, "1"], ids=repr)
def test_a_pool_size_must_be_a_whole_number_within_limits(value: object, folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    edit(path, lambda d: put(d, "experiments.cliff.concurrency.fixed", [1, value]))
    assert f"{path}: experiments.cliff.concurrency.fixed" in refusal(folder, preset="smoke")


@pytest.mark.parametrize("literal", ["3.10", "no", "1e3", "true", "0x", "'2'", "~", "1:30:0.5"])
def test_yaml_spellings_that_are_no_count_are_refused(literal: str, folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    path.write_text(path.read_text().replace("\nblocks: 1", f"\nblocks: {literal}"))
    assert f"{path}: blocks: " in refusal(folder, preset="smoke")


@pytest.mark.parametrize(
    "value", [True, "1", None, 0, -0.1, 1e9, float("inf"), -float("inf")], ids=repr
)
def test_a_window_must_be_a_positive_number_of_seconds(value: object, folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    edit(path, lambda d: put(d, "experiments.cliff.window_s", value))
    assert f"{path}: experiments.cliff.window_s: " in refusal(folder, preset="smoke")


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("config.yaml", "sed"),
        ("config.yaml", "limits.max_threads"),
        ("config.yaml", "exclusion.max_steal"),
        ("experiments.yaml", "experiment"),
        ("experiments.yaml", "strategies.fixed.colour"),
        ("experiments.yaml", "strategies.fixed.parameters.minimum"),
        ("experiments.yaml", "strategies.paper_algorithm1.parameters.tick"),
        ("experiments.yaml", "experiments.cliff.twin"),
        ("workloads.yaml", "workloads.rag.wait_ms"),
        ("workloads.yaml", "workloads.rag.measured.cpython-3_12.gamma"),
        ("workloads.yaml", "workloads.onnx_mobilenet.model.url"),
        ("interpreters.yaml", "interpreter"),
        ("interpreters.yaml", "interpreters.cpython-3_12.gil"),
        ("presets/smoke.yaml", "block"),
        ("presets/smoke.yaml", "experiments.cliff.windows"),
    ],
)
def test_unknown_keys_are_refused(file: str, key: str, folder: Path) -> None:
    document = parse(folder / file)
    *parents, last = key.replace("3_12", "3.12").split(".")
    parents = ".".join(parents).replace("3.12", "3_12").split(".") if parents else []
    at = document
    for parent in parents:
        at = at[parent.replace("3_12", "3.12")]
    at[last] = 1
    (folder / file).write_text(dump(document))
    message = refusal(folder, preset="smoke")
    assert str(folder / file) in message
    assert f"'{last}'" in message


def test_duplicate_key_in_a_preset_is_refused(folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    path.write_text(path.read_text() + "blocks: 3\n")
    message = refusal(folder, preset="smoke")
    assert str(path) in message
    assert "'blocks' occurs twice" in message


BAD_NAMES = ["../../x", "a;touch y", "x" * 300, "grün", "", "-rf", "A", "a b", "a/b", ".", "$(x)"]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("section", ["workloads", "experiments", "strategies"])
def test_names_outside_the_alphabet_are_refused(section: str, name: str, folder: Path) -> None:
    path = folder / ("workloads.yaml" if section == "workloads" else "experiments.yaml")

    def rename(document: Document) -> None:
        entries = document[section]
        entries[name] = entries.pop(next(iter(entries)))

    edit(path, rename)
    message = refusal(folder, preset="smoke")
    assert f"{path}: {section}: " in message
    assert "does not match" in message


@pytest.mark.parametrize("name", BAD_NAMES)
def test_preset_names_cannot_leave_their_folder(name: str, folder: Path) -> None:
    assert "preset" in refusal(folder, preset=name)


@pytest.mark.parametrize("name", ["../config.py", "a.txt", "/etc/passwd.py", "a b.py", ".py"])
def test_workload_files_cannot_leave_their_folder(name: str, folder: Path) -> None:
    path = folder / "workloads.yaml"
    edit(path, lambda d: put(d, "workloads.rag.file", name))
    assert f"{path}: workloads.rag.file: " in refusal(folder, preset="smoke")


def test_missing_workload_file_is_named(folder: Path) -> None:
    (folder.parent / "workloads" / "rag.py").unlink()
    message = refusal(folder, preset="smoke")
    assert f"{folder / 'workloads.yaml'}: workloads.rag.file: rag.py" in message


@pytest.mark.parametrize(
    ("file", "key", "value", "wrong"),
    [
        ("experiments.yaml", "experiments.cliff.workloads", ["nothing"], "nothing"),
        ("experiments.yaml", "experiments.cliff.strategies", ["magic"], "magic"),
        ("presets/smoke.yaml", "experiments.cliff.workloads", ["nothing"], "nothing"),
        ("presets/smoke.yaml", "experiments.cliff.concurrency", {"magic": [1]}, "magic"),
        ("presets/smoke.yaml", "interpreters", ["cpython-2.7"], "cpython-2.7"),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(
    file: str, key: str, value: object, wrong: str, folder: Path
) -> None:
    edit(folder / file, lambda d: put(d, key, value))
    message = refusal(folder, preset="smoke")
    assert f"{folder / file}: {key}" in message
    assert f"{wrong!r} is not known; known are " in message


def test_unknown_experiment_is_refused(folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    edit(path, lambda d: put(d, "experiments.other", dict(d["experiments"].pop("cliff"))))
    assert f"{path}: experiments: 'other' is not known" in refusal(folder, preset="smoke")


def test_unknown_preset_is_refused_with_the_known_ones(folder: Path) -> None:
    message = refusal(folder, preset="tiny")
    known = "ablation, failures, fresh, paper, runtime, short, smoke"
    assert f"'tiny' is not known; known are {known}" in message


@pytest.mark.parametrize("names", [["cpython-2.7"], [], ["cpython-3.12"] * 2, ["../x"], [312]])
def test_bad_interpreter_overrides_are_refused(names: list[Any], folder: Path) -> None:
    assert "interpreters" in refusal(folder, interpreters=names)


def test_unknown_way_to_wait_is_refused(folder: Path) -> None:
    assert f"{folder / 'config.yaml'}: io: " in refusal(folder, io="udp")


@pytest.mark.parametrize("size", [64, 65])
def test_a_pool_as_large_as_its_population_is_refused(size: int, folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    edit(path, lambda d: put(d, "experiments.profiles.concurrency.fixed", [1, size]))
    message = refusal(folder, preset="smoke")
    assert f"{path}: experiments.profiles.concurrency.fixed: {size} needs a population" in message


@pytest.mark.parametrize(
    ("limit", "key"), [("max_concurrency", "concurrency.fixed"), ("max_population", "population")]
)
def test_amounts_above_the_limit_are_refused(limit: str, key: str, folder: Path) -> None:
    edit(folder / "config.yaml", lambda d: put(d, f"limits.{limit}", 7))
    message = refusal(folder, preset="smoke")
    assert f"experiments.profiles.{key}: " in message
    assert f"above the limit of 7 (config.yaml: limits.{limit})" in message


def test_strategy_the_experiment_does_not_name_is_refused(folder: Path) -> None:
    edit(
        folder / "presets/smoke.yaml",
        lambda d: put(d, "experiments.cliff.concurrency.asyncio", [16]),
    )
    assert "experiments.cliff.concurrency.asyncio" in refusal(folder, preset="smoke")


def test_many_errors_are_told_in_few_lines(folder: Path) -> None:
    edit(
        folder / "experiments.yaml",
        lambda d: [put(d, f"strategies.s{i}", {}) for i in range(20)],
    )
    lines = refusal(folder).splitlines()
    assert len(lines) == 6
    assert lines[-1].endswith(" more")


@pytest.mark.parametrize(
    ("by_clock", "parameters", "known"),
    [
        (True, {"wait_ms": 1.0, "cpu_ms": 10}, True),
        (False, {"wait_ms": 1.0}, True),
        ("yes", {"wait_ms": 1.0, "cpu_ms": 10}, False),
        (True, {"wait_ms": 1.0}, False),
        (True, {"wait_ms": 1.0, "cpu_ms": "10"}, False),
    ],
)
def test_tasks_timed_by_a_clock_say_for_how_long(
    folder: Path, by_clock: object, parameters: Document, known: bool
) -> None:
    changes = {"cpu_by_clock": by_clock, "parameters": parameters}
    edit(folder / "workloads.yaml", lambda d: d["workloads"]["micro"].update(changes))
    if known:
        assert config.read(folder).clocked() == ["micro"] * (by_clock is True)
    else:
        assert "workloads.micro" in refusal(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [("experiments.cliff.population", None), ("experiments.cliff.blocks", None)],
)
def test_null_is_no_way_to_leave_a_key_out(key: str, value: object, folder: Path) -> None:
    path = folder / "presets/smoke.yaml"
    edit(path, lambda d: put(d, key, value))
    assert f"{path}: {key}: null has no meaning" in refusal(folder, preset="smoke")


def test_a_value_that_is_none_of_several_things_is_told_in_one_line(folder: Path) -> None:
    edit(folder / "claims.yaml", lambda d: put(d, "claims.C1.cell.cores", "many"))
    with pytest.raises(ConfigError) as refused:
        claims.read(folder)
    (line,) = str(refused.value).splitlines()
    assert "claims.C1.cell.cores: 'many': " in line and "; or " in line
