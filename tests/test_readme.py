"""Pages for readers: the tests, files and figures that they name exist."""

import ast
import re
from pathlib import Path

import pytest

from harness.analysis.figures.catalogue import CATALOGUE
from tests import ROOT

TESTS = ROOT / "tests"
PAGES = ["README.md", "CONTRIBUTING.md", "config/README.md", "harness/runtime/profile/README.md"]
PAGES += ["harness/runtime/README.md"]
PAGES += ["paper_figures/README.md", "results/README.md", "results/reference/README.md"]
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


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s#]+)\)", text)
    absent = [link for link in links if "://" not in link]
    absent = [link for link in absent if not ((ROOT / page).parent / link).exists()]
    assert not absent


def test_the_index_of_figures_is_the_catalogue() -> None:
    text = (ROOT / "paper_figures" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| ?(.*?) \|$", text, flags=re.MULTILINE)
    assert rows == [(entry.name, entry.title, entry.answers) for entry in CATALOGUE]


def test_every_figure_of_the_reference_lies_with_its_data() -> None:
    files = {path.name for path in (ROOT / "paper_figures" / "reference").iterdir()}
    names = {name.partition(".")[0] for name in files - {"README.md"}}
    assert len(names) > 10
    assert files - {"README.md"} == {f"{n}.{kind}" for n in names for kind in ("pdf", "png", "csv")}
