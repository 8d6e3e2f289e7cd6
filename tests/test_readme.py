"""The table of faults in tests/README.md names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
README = (TESTS / "README.md").read_text(encoding="utf-8")
ROWS = [
    line.strip("| ").split(" | ")
    for line in README.partition("## Faults and the tests")[2].splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| fault"))
]


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_table_is_found() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_test_named_beside_a_fault_exists(row: list[str]) -> None:
    _, named = row
    references = re.findall(r"`([^`]+)`", named)
    assert references, "no test stands beside the fault"
    file = ""
    for reference in references:
        place, _, name = reference.partition("::")
        file = place if place != "…" else file
        assert (TESTS / file).is_file(), reference
        if name:
            assert name in functions(TESTS / file), reference
