"""Entries that are others with changes."""

from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import ConfigError
from harness.design import config
from harness.design.likeness import DEEPEST, resolve
from tests.design.config_files import edit, put, refusal, two_experiments

PATH = Path("config/some.yaml")


def resolved(**entries: Any) -> Any:
    return resolve({"entries": entries, "more": 1}, ("entries",), PATH)["entries"]


def test_an_entry_takes_over_what_it_does_not_say() -> None:
    base = {"title": "A", "sizes": [1, 2], "parameters": {"a": 1, "deep": {"x": 1, "y": 2}}}
    changes = {"like": "a", "title": "B", "sizes": [3], "parameters": {"deep": {"y": 3}, "b": 4}}
    found = resolved(a=base, b=changes)
    assert found["a"] == base
    assert found["b"] == {
        "title": "B",
        "sizes": [3],
        "parameters": {"a": 1, "deep": {"x": 1, "y": 3}, "b": 4},
    }


def test_an_entry_may_be_like_one_that_is_like_another() -> None:
    found = resolved(a={"x": 1, "y": 1}, b={"like": "a", "y": 2}, c={"like": "b", "z": 3})
    assert found["c"] == {"x": 1, "y": 2, "z": 3}


def test_the_order_of_entries_does_not_matter() -> None:
    assert resolved(b={"like": "a", "y": 2}, a={"x": 1})["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("parent", ["nothing", "b", 3, None, ["a"], {"a": 1}, ""])
def test_an_unknown_parent_and_a_circle_are_refused_by_name(parent: object) -> None:
    with pytest.raises(ConfigError, match=r"config/some\.yaml: entries\.b\.like: "):
        resolved(a={"x": 1}, b={"like": parent})


def test_a_circle_of_several_is_refused_with_all_of_them() -> None:
    with pytest.raises(ConfigError, match="a is like b is like c is like a"):
        resolved(a={"like": "b"}, b={"like": "c"}, c={"like": "a"})


def test_a_long_way_is_refused() -> None:
    chain = {f"e{n}": {"like": f"e{n + 1}"} for n in range(DEEPEST)}
    assert resolved(**chain, **{f"e{DEEPEST}": {"x": 1}})["e0"] == {"x": 1}
    chain[f"e{DEEPEST}"] = {"like": f"e{DEEPEST + 1}"}
    with pytest.raises(ConfigError, match=f"more than {DEEPEST} steps"):
        resolved(**chain, **{f"e{DEEPEST + 1}": {"x": 1}})


@pytest.mark.parametrize("odd", [None, 3, "text", [1], {"a": None}, {"a": 3, "b": {"like": "a"}}])
def test_what_is_no_mapping_is_left_for_the_check(odd: Any) -> None:
    resolve({"entries": odd}, ("entries",), PATH)
    resolve(odd, ("entries",), PATH)


@pytest.mark.parametrize("section", ["experiments", "strategies"])
def test_shipped_files_may_use_it_in_every_section(section: str, tmp_path: Path) -> None:
    folder = two_experiments(tmp_path)
    path = folder / "experiments.yaml"
    first = "cliff" if section == "experiments" else "fixed"
    edit(path, lambda d: put(d, f"{section}.mine", {"like": first, "title": "Mine"}))
    config.read(folder, preset="smoke")
    edit(path, lambda d: put(d, f"{section}.mine", {"like": first, "tite": "Mine"}))
    assert f"{path}: {section}.mine: 'tite' is not known" in refusal(folder, preset="smoke")


def test_an_override_is_checked_as_if_it_were_written_out(tmp_path: Path) -> None:
    folder = two_experiments(tmp_path)
    edit(
        folder / "experiments.yaml",
        lambda d: put(d, "strategies.mine", {"like": "asyncio", "parameters": {"minimum": 4}}),
    )
    message = refusal(folder, preset="smoke")
    assert "strategies.mine.parameters: 'minimum' is not known; known are offload" in message
