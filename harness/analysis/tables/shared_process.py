"""Pools that share a process, each beside the fixed pools that had the same company."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.analysis.data.trials import CELL, cells
from harness.analysis.estimate import optimum as best
from harness.analysis.tables.columns import BLOCKS, CELL_TEXTS, Columns, Text, titled, view
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table

RATIO = Columns.of("ratio")
COLUMNS = [
    *[*CELL, "strategy", "concurrency", "against", "against_sizes", *RATIO.names],
    *["final_workers", "n_blocks"],
]
#: adaptive pools in company, and the fixed pools in the same
AGAINST = {
    "adaptive": "fixed",
    "adaptive_two_pools": "fixed",
    "adaptive_beside_loop": "fixed_beside_loop",
    "adaptive_beside_producer": "fixed_beside_producer",
}
TEXTS = (
    *CELL_TEXTS,
    Text("Strategy", "strategy"),
    Text("N up to", "concurrency"),
    Text("threads at the end", "final_workers"),
    Text("of the best of", lambda row: f"{row['against']} {row['against_sizes']}"),
    Text("throughput ratio", RATIO, decimals=2),
    BLOCKS,
)


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if such pools were run."""
    found = shared_process_table(inputs.trials)
    if len(found):
        yield Table(
            "shared_process",
            "Pools that share a process",
            found,
            titled(view(found, *TEXTS), inputs.titles),
            f"Two pools: their throughput and threads together. {inputs.note}",
        )


def shared_process_table(trials: pd.DataFrame, experiment: str = "shared_process") -> pd.DataFrame:
    """One row per cell and adaptive strategy: throughput over that of the best fixed pool in the
    same company, which is chosen on the other blocks."""
    rows = []
    for cell in cells(trials[trials["experiment"] == experiment]):
        name = cell.name
        where = (name.experiment, name.workload, name.interpreter, name.cores)
        ran = [(strategy, size) for strategy, size, label, _ in cell.configurations() if not label]
        for strategy, size in ran:
            sizes = [n for other, n in ran if other == AGAINST.get(strategy)]
            if not sizes:
                continue
            fixed = np.stack([cell.log_throughput(AGAINST[strategy], n) for n in sizes], axis=1)
            found = best.log_efficiency(fixed, cell.log_throughput(strategy, size)).exp()
            final = cell.series("final_workers", strategy, size)
            rows.append(
                {
                    **dict(zip(CELL, where, strict=True)),
                    "strategy": strategy,
                    "concurrency": size,
                    "against": AGAINST[strategy],
                    "against_sizes": " ".join(str(n) for n in sizes),
                    **RATIO.holding(found),
                    "final_workers": None if np.isnan(final).all() else float(np.nanmedian(final)),
                    "n_blocks": found.n,
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)
