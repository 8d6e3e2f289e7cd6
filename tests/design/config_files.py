"""Copies of the shipped configuration to be changed, and what the harness says to them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.base.errors import ConfigError
from harness.design import config
from tests.samples import copy_project

Document = dict[str, Any]


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


def two_experiments(target: Path) -> Path:
    """The shipped configuration with two experiments over three workloads, which reads faster."""
    shipped = copy_project(target)
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


def refusal(folder: Path, **overrides: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        config.read(folder, **overrides)
    return str(refused.value)
