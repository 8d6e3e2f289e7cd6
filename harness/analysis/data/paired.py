"""Two configurations compared within blocks, in one cell and over cells."""

from collections.abc import Mapping, Sequence

import numpy as np

from harness.analysis.data.trials import Cell
from harness.analysis.estimate.statistics import Array, Interval, mean_t_interval

Configuration = tuple[str, int | None]


def log_ratios(cell: Cell, one: Configuration, other: Configuration) -> dict[int, float]:
    """Log of throughput ``one`` / ``other`` by block, where both have a usable trial."""
    ratios = cell.log_throughput(*one) - cell.log_throughput(*other)
    return {
        block: float(ratio)
        for block, ratio in zip(cell.blocks, ratios, strict=True)
        if np.isfinite(ratio)
    }


def ratio_interval(ratios: Mapping[int, float]) -> Interval:
    """Geometric mean of ratios given as logs by block, with a t interval over blocks."""
    return mean_t_interval(list(ratios.values())).exp()


def pooled(cells: Sequence[Mapping[int, float]]) -> Interval:
    """Geometric mean over cells and blocks, with a t interval over blocks.

    Cells of a block share its machine, so they are averaged first and the block counts once.
    Blocks that lack a cell are left out, or the cells' differences would pass for noise, unless
    no block has all of them.
    """
    known = [cell for cell in cells if cell]
    blocks = sorted({block for cell in known for block in cell})
    complete = [block for block in blocks if all(block in cell for cell in known)]
    means: Array = np.array(
        [
            np.mean([cell[block] for cell in known if block in cell])
            for block in (complete or blocks)
        ]
    )
    return mean_t_interval(means).exp()
