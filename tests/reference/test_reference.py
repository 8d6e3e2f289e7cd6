"""The committed tables, and those of a simulated run, come out again by a second path."""

import ast
from pathlib import Path

import pandas as pd
import pytest

from harness.analysis.claims.writing import write_claims
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.registry import write_tables
from tests import ROOT
from tests.reference import simulated_run
from tests.reference.recompute import committed_tables, compared, recompute
from tests.reference.registry import TABLES
from tests.reference.steps import Run

pytestmark = pytest.mark.slow

REFERENCE = ROOT / "results" / "reference"
#: the run of `short`, and smaller ones for what is not in it
FOLDERS = {"short": REFERENCE, "failures": REFERENCE / "failures", "fresh": REFERENCE / "fresh"}
COMMITTED = [(folder, name) for folder, path in FOLDERS.items() for name in committed_tables(path)]
#: modules that have to know the harness, to make what is recomputed
MAKERS = {"test_reference.py"}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result folder with the tables that the harness makes of a simulated run."""
    folder = tmp_path_factory.mktemp("run")
    trials, timelines, decisions = simulated_run.simulate()
    for name, table in (("trials", trials), ("timelines", timelines), ("decisions", decisions)):
        table.to_csv(folder / f"{name}.csv.gz", index=False)
    simulated_run.micro_benchmarks(folder)
    inputs = Inputs(trials, timelines=timelines, decisions=decisions, micro=folder)
    write_tables(inputs, folder / "tables")
    write_claims(trials, folder, ROOT / "config", folder)
    return folder


@pytest.fixture(scope="module")
def simulated_trials(simulated: Path) -> Run:
    return Run.read(simulated)


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {folder: Run.read(path) for folder, path in FOLDERS.items()}


def what_differs(name: str, folder: Path, run: Run) -> str:
    path = committed_tables(folder)[name]
    found = compared(name, pd.read_csv(path, low_memory=False), run)
    return found[found["differing"] > 0].to_string(index=False)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_tables_of_a_simulated_run_are_recomputed(
    name: str, simulated: Path, simulated_trials: Run
) -> None:
    found = what_differs(name, simulated, simulated_trials)
    assert found.startswith("Empty DataFrame"), found


@pytest.mark.parametrize(("folder", "name"), COMMITTED)
def test_every_committed_table_is_recomputed(folder: str, name: str, runs: dict[str, Run]) -> None:
    assert name in TABLES, f"nobody recomputes {name}"
    found = what_differs(name, FOLDERS[folder], runs[folder])
    assert found.startswith("Empty DataFrame"), found


def test_every_folder_holds_tables() -> None:
    assert {folder for folder, _ in COMMITTED} == FOLDERS.keys()


def test_a_wrong_number_a_missing_row_and_a_new_column_differ(
    simulated: Path, simulated_trials: Run
) -> None:
    right = pd.read_csv(committed_tables(simulated)["aa_twin"])
    wrong = right.copy()
    wrong.loc[right["ci_low"].first_valid_index(), "ci_low"] *= 1.001
    found = compared("aa_twin", wrong, simulated_trials).set_index("column")
    assert found.loc["ci_low", "differing"] == 1
    assert found["differing"].sum() == 1
    fewer = compared("aa_twin", right.iloc[1:], simulated_trials).set_index("column")
    assert fewer.loc["efficiency", "differing"] == 1
    more = compared("aa_twin", right.assign(new=1.5), simulated_trials).set_index("column")
    assert more.loc["new", "differing"] == len(right)


def test_a_table_that_nobody_recomputes_differs(simulated: Path, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "trials.csv.gz").write_bytes((simulated / "trials.csv.gz").read_bytes())
    (tmp_path / "tables" / "unheard_of.csv").write_text("a\n1\n", encoding="utf-8")
    assert recompute(tmp_path)["differing"].tolist() == [1]


def test_the_second_path_imports_nothing_of_the_harness() -> None:
    for path in Path(__file__).parent.glob("*.py"):
        if path.name in MAKERS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "harness" for name in names), path.name
