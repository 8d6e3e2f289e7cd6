"""Where the records of a run lie."""

from pathlib import Path

from harness.design.plan import CellBlock
from harness.store.records import CellFile


def cell_file(raw: Path, cell: CellBlock) -> CellFile:
    """Where the records of a cell in a block lie."""
    return CellFile(raw / cell.experiment / f"block-{cell.block:02d}" / cell.name)


def attempt_file(raw: Path, attempt: int) -> CellFile:
    """Where the records of trials measured for the second, third … time lie."""
    return CellFile(raw / "repeats" / f"attempt-{attempt}")


def attempt_files(raw: Path) -> dict[int, CellFile]:
    """Those that are there, finished or in the making, by attempt in ascending order."""
    found = {
        int(path.name.removeprefix("attempt-").split(".")[0])
        for path in (raw / "repeats").glob("attempt-*.jsonl*")
    }
    return {attempt: attempt_file(raw, attempt) for attempt in sorted(found)}
