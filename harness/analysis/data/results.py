"""A results folder as one immutable value, whatever of it is there.

Nothing here raises for a file that is absent or damaged: it becomes a sentence in
``problems``, and what needed it is empty. Readers are the report, the summary and the
notebooks, which have to say something useful about half a run as well.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from harness.analysis.data.reading import TrialsError
from harness.analysis.data.trials import CELL, CONFIGURATION, normalised, read_trials, trials_file

CLAIM_COLUMNS = ["id", "statement", "subject", "paper_value", "measured", "ci_low", "ci_high"]
CLAIM_COLUMNS += ["rule", "verdict", "experiment", "reason"]
NO_TRIALS = [*CELL, *CONFIGURATION, "block", "status", "excluded"]

Content = TypeVar("Content")


@dataclass(frozen=True)
class ShownTable:
    """A table as people read it; ``trials`` selects the trials of each row, where known."""

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    trials: tuple[str, ...] | None


@dataclass(frozen=True)
class ResultSet:
    """What a run left behind, as far as it is there."""

    folder: Path
    figure_folder: Path
    trials: pd.DataFrame
    claims: pd.DataFrame
    titles: Mapping[str, str]
    machine: Mapping[str, Any]
    planned: Mapping[str, int]
    tables: Mapping[str, ShownTable]
    problems: tuple[str, ...]

    def table(self, name: str) -> pd.DataFrame:
        """The numbers of tables/NAME.csv; an empty frame when it is not there."""
        try:
            return pd.read_csv(self.folder / "tables" / f"{name}.csv")
        except (OSError, ValueError):
            return pd.DataFrame()

    def figures(self) -> list[Path]:
        """The figures' PNG files by name."""
        return sorted(self.figure_folder.glob("*.png"))

    def title(self, name: str) -> str:
        """What people call a workload, a strategy or an interpreter."""
        return self.titles.get(name, name)


def read_results(folder: Path, figure_folder: Path | None = None) -> ResultSet:
    """Read a results folder; see the module's text.

    Trials are looked for in trials.csv and trials.csv.gz, and without ``figure_folder`` figures
    where ``figures_of`` says.
    """
    problems: list[str] = []

    def attempt(name: str, read: Callable[[Path], Content], otherwise: Content) -> Content:
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is not there.")
            return otherwise
        try:
            return read(path)
        except (OSError, ValueError, KeyError, TypeError, TrialsError) as error:
            problems.append(f"{name} cannot be read: {str(error).removeprefix(f'{path}: ')}")
            return otherwise

    nothing = normalised(pd.DataFrame({name: [] for name in NO_TRIALS}))
    file = trials_file(folder)
    trials = attempt(file.name, read_trials, nothing)
    if len(trials) == 0 and not problems:
        problems.append(f"{file.name} has no rows.")
    no_claims = pd.DataFrame(columns=CLAIM_COLUMNS)
    tables = {}
    for path in sorted((folder / "tables").glob("*.json")):
        table = attempt(f"tables/{path.name}", _shown_table, None)
        if table is not None:
            tables[table.name] = table
    if not tables:
        problems.append("There are no tables.")
    return ResultSet(
        folder=folder,
        figure_folder=figure_folder or figures_of(folder),
        trials=trials,
        claims=attempt("claims.csv", _claims, no_claims),
        titles=attempt("titles.json", _texts, {}),
        machine=attempt("machine.json", _object, {}),
        planned=attempt("plan.json", _planned, {}),
        tables=tables,
        problems=tuple(problems),
    )


def figures_of(folder: Path) -> Path:
    """Where the figures of a results folder lie: those of results/NAME in paper_figures/NAME."""
    resolved = folder.resolve()
    return resolved.parent.parent / "paper_figures" / resolved.name


def _object(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("expected a JSON object")
    return content


def _texts(path: Path) -> dict[str, str]:
    return {str(name): str(text) for name, text in _object(path).items()}


def _planned(path: Path) -> dict[str, int]:
    """Planned trials by experiment."""
    counts: dict[str, int] = {}
    for cell in _object(path)["cell_blocks"]:
        name = str(cell["experiment"])
        counts[name] = counts.get(name, 0) + len(cell["trials"])
    return counts


def _claims(path: Path) -> pd.DataFrame:
    claims = pd.read_csv(path)
    lacking = [name for name in CLAIM_COLUMNS if name not in claims]
    if lacking:
        raise ValueError(f"lacks the columns {', '.join(lacking)}")
    return claims


def _shown_table(path: Path) -> ShownTable | None:
    content = _object(path)
    trials = content["trials"]
    return ShownTable(
        name=str(content["name"]),
        title=str(content["title"]),
        note=str(content["note"]),
        columns=tuple(str(name) for name in content["columns"]),
        rows=tuple(tuple(str(text) for text in row) for row in content["rows"]),
        trials=None if trials is None else tuple(str(text) for text in trials),
    )
