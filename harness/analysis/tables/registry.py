"""Which tables there are, in their order, and how they are written."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from harness.analysis.tables import (
    ablation,
    cliff,
    cliff_causes,
    controllers,
    discrimination_tables,
    efficiency_view,
    estimates,
    failures,
    headline,
    invariance,
    quality,
    sampling_cost,
    shared_process,
    summary,
)
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.catalogue import paper_tables
from harness.analysis.tables.writing import Table, write_table

Maker = Callable[[Inputs], Iterator[Table]]

#: each makes the tables of its subject; none for an experiment that was not run
MAKERS: tuple[Maker, ...] = (
    headline.tables,
    efficiency_view.tables,
    summary.tables,
    cliff.tables,
    quality.tables,
    controllers.tables,
    failures.tables,
    shared_process.tables,
    estimates.tables,
    paper_tables,
    discrimination_tables.tables,
    invariance.tables,
    ablation.tables,
    sampling_cost.tables,
    cliff_causes.tables,
)


def all_tables(inputs: Inputs) -> Iterator[Table]:
    """Every table of a result set; each says which interpreters are missing."""
    for make in MAKERS:
        for table in make(inputs):
            lacks = inputs.absent not in table.note
            yield replace(table, note=f"{table.note} {inputs.absent}".strip()) if lacks else table


def write_tables(inputs: Inputs, folder: Path) -> list[str]:
    """Write all tables into ``folder``; returns their names."""
    names = []
    for table in all_tables(inputs):
        write_table(table, folder)
        names.append(table.name)
    return names
