"""results/README.md defines exactly the columns that are written."""

import re

from harness.analysis.claims import judge
from harness.analysis.tables import efficiency
from harness.store.table import COLUMNS
from tests import ROOT

PAGE = (ROOT / "results" / "README.md").read_text(encoding="utf-8")


def documented(section: str) -> set[str]:
    """Names in the first column of a section's table."""
    text = PAGE.partition(f"## {section}")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_column_of_trials_is_defined() -> None:
    assert documented("trials.csv") == set(COLUMNS)


def test_every_column_of_efficiency_is_defined() -> None:
    assert documented("tables/efficiency.csv") == set(efficiency.COLUMNS)


def test_every_column_of_claims_is_defined() -> None:
    assert documented("claims.csv") == set(judge.COLUMNS)
