"""Configuration is either understood or refused with file, key and reason."""

import copy
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import ROOT, copy_project

from harness import config, strict_yaml
from harness.config import Config, ConfigError

PRESETS = ("smoke", "short", "paper")
Document = dict[str, Any]


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the configuration as it is shipped."""
    return copy_project(tmp_path)


@pytest.fixture
def folder(shipped: Path) -> Path:
    """The same with two experiments over three workloads, which reads faster."""
    kept = ("rag", "micro", "onnx_mobilenet")
    edit(
        shipped / "workloads.yaml",
        lambda d: put(d, "workloads", {name: d["workloads"][name] for name in kept}),
    )
    edit(shipped / "interpreters.yaml", keep_defaults)
    edit(shipped / "experiments.yaml", drop_others)
    for preset in ("smoke", "short"):
        edit(shipped / f"presets/{preset}.yaml", keep_two_experiments)
    return shipped


def keep_defaults(document: Document) -> None:
    known = document["interpreters"]
    document["interpreters"] = {name: known[name] for name in document["default"]}


def keep_two_experiments(document: Document) -> None:
    experiments = document["experiments"]
    document["experiments"] = {name: experiments[name] for name in ("profiles", "cliff")}


def drop_others(catalogue: Document) -> None:
    keep_two_experiments(catalogue)
    put(catalogue, "experiments.profiles.workloads", ["rag", "onnx_mobilenet"])


def parse(path: Path) -> Document:
    """Read YAML with the fast loader; these tests judge the harness's own one."""
    document: Document = yaml.load(path.read_text(), yaml.CSafeLoader)
    return document


def dump(document: object) -> str:
    return yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)


def edit(path: Path, change: Callable[[Document], object]) -> None:
    document = parse(path)
    change(document)
    path.write_text(dump(document))


def put(document: Any, key: str, value: object) -> None:
    """Set a value at a dotted key."""
    *parents, last = key.split(".")
    for parent in parents:
        document = document[parent]
    document[last] = value


def refusal(folder: Path, **overrides: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        config.read(folder, **overrides)
    return str(refused.value)


def refusal_of(text: str | bytes, path: Path) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as refused:
        strict_yaml.load(path)
    return str(refused.value)


# --- YAML ---


def test_yaml_gives_plain_data(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\nb: [x, 2.5, true, null]\nc: {d: é}\n", encoding="utf-8")
    assert strict_yaml.load(path) == {"a": 1, "b": ["x", 2.5, True, None], "c": {"d": "é"}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2\n", "'a' occurs twice"),
        ("x: {a: 1, a: 1}\n", "'a' occurs twice"),
        ("no: 1\n", "not a text"),
        ("1: 1\n", "not a text"),
        ("? [1, 2]\n: 3\n", "not a text"),
        ("a: &x [1]\nb: *x\n", "aliases are not allowed"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "aliases are not allowed"),
        ("<<: {a: 1}\n", "merge"),
        ("a: !!python/object/apply:os.system ['touch owned']\n", "python/object/apply"),
        ("a: !thing 1\n", "!thing"),
        ("a: [1\n", "expected"),
        ("a: 1\n---\nb: 2\n", "another document"),
        ("a: 2001-99-99\n", "month"),
        (b"a: \xff\xfe\n", "not UTF-8"),
        (b"a: \x00\n", "not allowed"),
        ("a: " + "9" * 5000, "digits"),
        ("[" * 5000, "recursion"),
        ("a: " + "x" * 2_000_000, "larger than"),
    ],
)
def test_yaml_refusal_names_file_and_reason(text: str | bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    message = refusal_of(text, path)
    assert message.startswith(str(path))
    assert reason in message
    assert list(tmp_path.iterdir()) == [path]


def test_yaml_refusal_tells_line_and_column(tmp_path: Path) -> None:
    assert "line 3, column 1:" in refusal_of("a: 1\nb: 2\na: 3\n", tmp_path / "odd.yaml")


def test_alias_bomb_is_refused_without_expanding(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "aliases" in refusal_of(bomb, tmp_path / "bomb.yaml")


@pytest.mark.parametrize("name", ["absent.yaml", "folder"])
def test_unreadable_file_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=name):
        strict_yaml.load(tmp_path / name)


# --- configuration: what is shipped ---


@pytest.mark.parametrize("preset", PRESETS)
def test_shipped_presets_are_valid(preset: str, shipped: Path) -> None:
    chosen = config.read(shipped, preset=preset)
    assert chosen.preset == preset
    assert chosen.interpreters == ("cpython-3.12", "cpython-3.13t")
    assert chosen.has_gil == {"cpython-3.12": True, "cpython-3.13t": False}
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
    path.write_text(path.read_text().replace("blocks: 2", f"blocks: {literal}"))
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
        ("presets/smoke.yaml", "experiments.cliff.strategy_warmup_s", {"magic": 1}, "magic"),
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
    assert "'tiny' is not known; known are paper, runtime, short, smoke" in message


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


@pytest.mark.parametrize("key", ["window_s", "strategy_warmup_s", "population"])
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


def test_many_errors_are_told_in_few_lines(folder: Path) -> None:
    edit(
        folder / "experiments.yaml",
        lambda d: [put(d, f"strategies.s{i}", {}) for i in range(20)],
    )
    lines = refusal(folder).splitlines()
    assert len(lines) == 6
    assert lines[-1].endswith(" more")


# --- configuration: anything at all ---

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    st.sampled_from(["fixed", "rag", "../x", "smoke", "cpython-3.12", "sleep"]),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abz_./", max_size=8), inner)
    ),
    max_leaves=6,
)
FILES = ("config.yaml", "experiments.yaml", "workloads.yaml", "presets/smoke.yaml")


def small_copies() -> dict[str, Document]:
    """The shipped files with few entries, so that hundreds of examples take seconds."""
    files = {name: parse(ROOT / "config" / name) for name in FILES}
    for kind in ("processes_fork", "processes_forkserver", "asyncio_threads", "asyncio"):
        del files["experiments.yaml"]["strategies"][kind]
    cliff = files["experiments.yaml"]["experiments"]["cliff"]
    files["experiments.yaml"]["experiments"] = {"cliff": cliff}
    of_preset = files["presets/smoke.yaml"]["experiments"]
    files["presets/smoke.yaml"]["experiments"] = {"cliff": of_preset["cliff"]}
    workloads = files["workloads.yaml"]["workloads"]
    files["workloads.yaml"]["workloads"] = {
        name: workloads[name] for name in ("micro", "onnx_mobilenet")
    }
    return files


PRISTINE = small_copies()


def mutate(document: Any, data: st.DataObject) -> Any:
    """Replace, add or remove something at a random depth of a document."""
    inside = list(document) if isinstance(document, dict) else []
    if not inside or data.draw(st.integers(0, 5)) == 0:
        return data.draw(DATA)
    key = data.draw(st.sampled_from(inside))
    change = data.draw(st.sampled_from(["descend"] * 4 + ["remove", "add"]))
    if change == "remove":
        del document[key]
    elif change == "add":
        document[data.draw(st.text("abz_", min_size=1, max_size=8))] = data.draw(DATA)
    else:
        document[key] = mutate(document[key], data)
    return document


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        config_folder = copy_project(Path(folder))
        for name, document in PRISTINE.items():
            (config_folder / name).write_text(dump(document))
        edit(config_folder / "interpreters.yaml", keep_defaults)
        yield config_folder


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_configuration_is_read_or_refused(shared_folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FILES))
    mutated = mutate(copy.deepcopy(PRISTINE[name]), data)
    (shared_folder / name).write_text(dump(mutated))
    before = sorted(shared_folder.parent.rglob("*"))
    try:
        outcome: object = config.read(shared_folder, preset="smoke")
    except ConfigError as error:
        outcome = error
        assert str(shared_folder) in str(error)
    finally:
        (shared_folder / name).write_text(dump(PRISTINE[name]))
    assert isinstance(outcome, (Config, ConfigError))
    assert sorted(shared_folder.parent.rglob("*")) == before
