"""What each part of the runtime is worth: throughput without it over that of the whole."""

import re
from collections.abc import Iterator, Mapping

import pandas as pd

from harness.analysis.data.paired import Configuration, log_ratios, pooled, ratio_interval
from harness.analysis.data.trials import CELL, Cell, cells
from harness.analysis.estimate.statistics import Interval
from harness.analysis.tables.columns import BLOCKS, Columns, Row, Text, capitalised, view
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table

EXPERIMENTS = ("ablation", "profiles")
FULL = "adaptive"
#: a part left out, another rule in its place, or no rule at all
VARIANT = re.compile(r"adaptive_(?!cold$|held$|spare_).+|paper_algorithm1\w*|queue_scaler")
LARGEST_FIXED = "fixed_largest"
ALL = "all"
RATIO = Columns.of("ratio")
COLUMNS = [
    *CELL,
    *["variant", "concurrency", *RATIO.names, "n_blocks", "cells"],
    "differs",
]


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if there is a variant of the runtime."""
    found = ablation_table(inputs.trials)
    if len(found):
        yield Table(
            "ablation",
            "The runtime with one part left out",
            found,
            capitalised(ablation_view(found), inputs.titles),
            "Throughput of each variant over that of the full runtime in the same block. Over all "
            f"cells: geometric mean, each block counts once. {inputs.note}",
        )


def ablation_table(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per experiment, cell and variant, and per variant over the cells of an interpreter.

    ``ratio`` is the throughput of the variant over that of the full runtime in the same
    block. Variant ``fixed_largest`` is the largest fixed pool: no throttling whatsoever.
    ``differs`` is ``worse`` or ``better`` where the interval excludes 1.
    """
    rows: list[dict[str, object]] = []
    together: dict[tuple[str, str, str], list[Mapping[int, float]]] = {}
    for cell in cells(trials[trials["experiment"].isin(EXPERIMENTS)]):
        name = cell.name
        for variant, configuration, full in _pairs(cell):
            ratios = log_ratios(cell, configuration, full)
            together.setdefault((name.experiment, name.interpreter, variant), []).append(ratios)
            identity = {"experiment": name.experiment, "workload": name.workload}
            identity |= {"interpreter": name.interpreter}
            place = {"cores": name.cores, "variant": variant, "concurrency": configuration[1]}
            rows.append(identity | place | _entries(ratio_interval(ratios), 1))
    for (experiment, interpreter, variant), group in together.items():
        identity = {"experiment": experiment, "workload": ALL, "interpreter": interpreter}
        place = {"cores": None, "variant": variant, "concurrency": None}
        rows.append(identity | place | _entries(pooled(group), sum(map(bool, group))))
    table = pd.DataFrame(rows, columns=COLUMNS)
    for column in ("cores", "concurrency"):
        table[column] = table[column].astype("Int64")
    return table


def _pairs(cell: Cell) -> Iterator[tuple[str, Configuration, Configuration]]:
    """Variant, its configuration and the full runtime's, of every variant in a cell."""
    present = [(strategy, size) for strategy, size, label, _ in cell.configurations() if not label]
    full = next((known for known in present if known[0] == FULL), None)
    if full is None:
        return
    for strategy, size in present:
        if VARIANT.fullmatch(strategy):
            yield strategy, (strategy, size), full
    if cell.sizes:
        yield LARGEST_FIXED, ("fixed", cell.sizes[-1]), full


def _entries(found: Interval, n_cells: int) -> dict[str, object]:
    differs = ""
    if found.low is not None and found.high is not None:
        differs = "worse" if found.high < 1 else "better" if found.low > 1 else ""
    return RATIO.holding(found) | {"n_blocks": found.n, "cells": n_cells, "differs": differs}


def ablation_view(table: pd.DataFrame) -> pd.DataFrame:
    """What people read: over all cells first, then each cell."""
    ordered = table.assign(single=table["workload"] != ALL).sort_values(
        ["experiment", "interpreter", "single", "variant", "workload", "cores"], kind="stable"
    )
    return view(ordered, *TEXTS)


def _strategy(row: Row) -> object:
    return "Largest fixed pool" if row["variant"] == LARGEST_FIXED else row["variant"]


TEXTS = (
    *(Text(name, name) for name in ("experiment", "interpreter", "workload", "cores")),
    Text("strategy", _strategy),
    Text("N", "concurrency"),
    Text("throughput over the full runtime's", RATIO, decimals=2),
    Text("differs", "differs"),
    Text("cells", "cells"),
    BLOCKS,
)
