"""Which results a notebook reads, and what it says of them."""

from pathlib import Path

from harness.analysis.data.results import ResultSet, read_results
from harness.analysis.data.trials import trials_file
from harness.analysis.publish.missing import what_is_missing
from harness.analysis.publish.notebooks.show import Grid, Note, Tables, not_there

ROOT = Path(__file__).resolve().parents[4]
REFERENCE = ROOT / "results" / "reference"


def open_results(folder: str, reference: Path = REFERENCE) -> ResultSet:
    """The results in ``folder``, relative to here or to the project; says what was opened.

    Where there are none, the committed reference takes their place: one full run.
    """
    candidates = [Path(folder), ROOT / folder]
    found = next((path for path in candidates if _holds_results(path)), None)
    if found is not None:
        print(f"Results: {folder}")
        return read_results(found)
    print(
        f"There are no results in {folder}. Shown instead: results/reference, one full run "
        "on another machine. `make reproduce` makes your own."
    )
    return read_results(reference)


def _holds_results(folder: Path) -> bool:
    return trials_file(folder).is_file() or any((folder / "tables").glob("*.csv"))


def missing(results: ResultSet) -> Note | Grid:
    """What the results lack."""
    sentences = what_is_missing(results)
    if not sentences:
        return Note("Nothing that was planned is missing.")
    return Grid(("What is missing",), tuple((text,) for text in sentences))


def shown_table(results: ResultSet, name: str) -> Note | Grid:
    """A table of the run as its report shows it."""
    table = results.tables.get(name)
    if table is None or not table.rows:
        return not_there(f"Table {name}")
    return Grid(table.columns, table.rows, table.note)


def tables_named(results: ResultSet, beginning: str) -> Note | Tables:
    """Every table whose name begins so."""
    found = [
        (table.title, shown_table(results, name))
        for name, table in results.tables.items()
        if name.startswith(beginning)
    ]
    return Tables(tuple(found)) if found else not_there(f"Tables of {beginning}")
