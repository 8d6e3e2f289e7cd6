"""One source of truth for dependencies: the files under requirements/ and environment.yml agree."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from harness import bootstrap
from tests import ROOT

REQUIREMENTS = ROOT / "requirements"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
# Where conda calls a package otherwise than PyPI does.
CONDA_NAMES: dict[str, str] = {}
CONDA_ONLY = {"python", "pip"}
NAMED_BY_OWNER = {"pyperf", "pandas", "scipy", "seaborn", "onnxruntime", "jupyter", "snakemake"}

# Packages that are run instead of imported: the file that runs each, and how.
RUN_BY = {
    "jupyter": ("README.md", "`jupyter lab notebooks/`"),
    "ipykernel": ("harness/analysis/publish/notebooks/execute.py", '"-m", "ipykernel_launcher"'),
    "snakemake": ("Makefile", "-m snakemake"),
    "check-jsonschema": ("tests/test_workflow.py", '"-m", "check_jsonschema"'),
    "mypy": ("Makefile", "mypy --strict"),
    "pytest-timeout": ("pyproject.toml", "\ntimeout = "),
    "pytest-xdist": ("Makefile", "pytest --numprocesses"),
    "ruff": ("Makefile", "ruff check"),
    "setuptools": ("tests/runtime/test_distribution.py", "from setuptools.build_meta"),
    "snakefmt": ("Makefile", "snakefmt --check"),
}
# Where a module is called otherwise than its package.
MODULES = {"pyyaml": "yaml"}


def specifications(path: Path) -> dict[str, str]:
    """Return name -> version specification of a requirements source."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    named = (re.match(r"([\w.-]+)(.*)", line) for line in lines if line and line[0] != "-")
    return {match[1].lower().replace("_", "-"): match[2].strip() for match in named if match}


def pins(name: str) -> dict[str, str]:
    """Return name -> version of a compiled requirements file (unmarked pins)."""
    return dict(PIN.findall((REQUIREMENTS / name).read_text()))


def conda() -> dict[str, str]:
    """Return name -> version specification of environment.yml."""
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    matches = [re.fullmatch(r"([\w.-]+)(.*)", text) for text in content["dependencies"]]
    return {match[1]: match[2] for match in matches if match}


def test_conda_has_the_pipelines_packages_and_versions() -> None:
    expected = {
        CONDA_NAMES.get(name, name): version.replace("==", "=")
        for name, version in specifications(REQUIREMENTS / "pipeline.in").items()
    }
    actual = {name: version for name, version in conda().items() if name not in CONDA_ONLY}
    assert actual == expected
    assert expected.keys() >= NAMED_BY_OWNER


@pytest.mark.parametrize("name", ["pipeline", "dev", "worker"])
def test_every_named_package_is_pinned_as_specified(name: str) -> None:
    pinned = pins(f"{name}.txt")
    for package, version in specifications(REQUIREMENTS / f"{name}.in").items():
        assert package in pinned, f"{package}: run `make requirements`"
        if version.startswith("=="):
            assert pinned[package] == version.removeprefix("==")


@pytest.mark.parametrize("name", ["pipeline", "dev", "worker"])
def test_every_pin_has_a_hash_and_no_file_names_a_place(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    for file in (f"{name}.in", f"{name}.txt"):
        content = (REQUIREMENTS / file).read_text()
        assert not re.search(r"://|--index-url|--extra-index|--find-links| @ ", content)


def test_workers_and_pipeline_share_versions() -> None:
    worker, pipeline = pins("worker.txt"), pins("pipeline.txt")
    shared = worker.keys() & pipeline.keys()
    assert {"numpy", "pandas", "scipy", "onnxruntime", "psutil", "pyperf"} <= shared
    assert {n: worker[n] for n in shared} == {n: pipeline[n] for n in shared}


def test_the_tests_run_with_the_pipelines_versions() -> None:
    pipeline, dev = pins("pipeline.txt"), pins("dev.txt")
    assert pipeline.items() <= dev.items()


def test_source_only_packages_are_still_needed() -> None:
    assert set(bootstrap.SOURCE_ONLY) <= pins("pipeline.txt").keys()


def sources() -> Iterator[str]:
    """Python code of the project, that of the notebooks included."""
    for folder in ("harness", "workloads", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path.read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield "".join(cell["source"])


@cache
def imported() -> set[str]:
    """Top-level modules that the project's code imports."""
    names: set[str] = set()
    for source in sources():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("name", ["pipeline", "dev", "worker"])
def test_every_named_package_is_imported_or_run(name: str) -> None:
    for package in specifications(REQUIREMENTS / f"{name}.in"):
        if package in RUN_BY:
            file, command = RUN_BY[package]
            assert command in (ROOT / file).read_text(encoding="utf-8"), package
            continue
        # Type stubs are of use to whoever imports what they describe.
        described = package.removeprefix("types-").removesuffix("-stubs")
        module = MODULES.get(described, described).replace("-", "_")
        assert module in imported(), f"{package}: nothing imports it; drop it from {name}.in"
