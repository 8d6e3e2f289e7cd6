"""Which part of the harness may import which other one; CONTRIBUTING.md says why."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

HARNESS = ROOT / "harness"
ROOMS = {path.name for path in HARNESS.iterdir() if (path / "__init__.py").is_file()}
EVERYTHING = frozenset(ROOMS)
#: an importing part, and the parts it never imports
NEVER: dict[str, frozenset[str]] = {
    "base": EVERYTHING - {"base"},
    "runtime": EVERYTHING - {"runtime"},
    "strategies": frozenset({"design", "store", "measure", "analysis"}),
    "trial": frozenset({"design", "store", "measure", "analysis"}),
    "simulation": frozenset(
        {"machine", "strategies", "trial", "design", "store", "measure", "analysis"}
    ),
    "machine": frozenset({"design", "store", "measure"}),
    "interpreters": frozenset({"design", "store", "measure", "analysis", "trial"}),
    "design": frozenset({"store", "measure", "analysis"}),
    "store": frozenset({"measure", "analysis"}),
    "measure": frozenset({"analysis"}),
    "analysis": frozenset({"measure", "trial", "runtime", "simulation"}),
    "analysis.estimate": frozenset({"analysis.data", "analysis.tables"}),
    "analysis.data": frozenset({"analysis.tables", "analysis.figures", "analysis.publish"}),
    "analysis.tables": frozenset({"analysis.figures", "analysis.claims", "analysis.publish"}),
    "analysis.claims": frozenset({"analysis.figures", "analysis.publish"}),
    "analysis.figures": frozenset({"analysis.claims", "analysis.publish"}),
}


def module_of(path: Path) -> str:
    """Dotted name of a file, without ``harness`` in front."""
    return ".".join(path.relative_to(HARNESS).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """What a file imports of the harness, as dotted names without ``harness`` in front."""
    package = ["harness", *path.relative_to(HARNESS).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("harness.") for name in names if name.startswith("harness."))


def is_in(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


FILES = sorted(HARNESS.rglob("*.py"))


@pytest.mark.parametrize("part", NEVER)
def test_nothing_is_imported_against_the_arrows(part: str) -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in FILES
        if is_in(module_of(path), part)
        for name in imports(path)
        if any(is_in(name, other) for other in NEVER[part])
    ]
    assert found == []


def test_nothing_but_the_command_line_imports_commands() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if not is_in(module_of(path), "commands")
        and any(is_in(name, "commands") for name in imports(path))
    ]
    assert found == ["harness/__main__.py"]


def test_the_arrows_are_seen() -> None:
    assert "base.errors.ConfigError" in set(imports(HARNESS / "design" / "config.py"))
    relative = set(imports(HARNESS / "runtime" / "profile" / "session.py"))
    assert {"runtime.gil", "runtime.probes.ThreadIdentity"} <= relative


def test_every_part_is_spoken_of() -> None:
    assert {part.partition(".")[0] for part in NEVER} | {"commands"} == ROOMS
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [room for room in sorted(ROOMS) if f"`{room}/`" not in text] == []
