"""The saturation cliff: throughput, tail latency and loss against the peak, by pool size."""

import pandas as pd

from harness.analysis.data.trials import CELL, Cell, cells
from harness.analysis.estimate.statistics import Scale, mean_interval
from harness.analysis.tables.efficiency import OK
from harness.analysis.tables.writing import number, percent_with_interval, with_interval

CLIFF = "cliff"
COLUMNS = [
    *CELL,
    *["concurrency", "throughput_tps", "throughput_ci_low", "throughput_ci_high"],
    *["p99_ms", "p99_ci_low", "p99_ci_high", "loss", "loss_ci_low", "loss_ci_high"],
    *["peak_concurrency", "peak_tps", "peak_ci_low", "peak_ci_high", "n_ok", "n_blocks", "status"],
]


def cliff_table(
    trials: pd.DataFrame, efficiency: pd.DataFrame, experiment: str = CLIFF
) -> pd.DataFrame:
    """One row per cell and fixed-pool size of the cliff experiment.

    ``loss`` is 1 - efficiency: the share of the peak's throughput that this size does not
    reach. The peak is chosen on other blocks than it is scored on, so a loss is not
    exaggerated by a lucky peak. ``p99_ms`` is the geometric mean over blocks of the trials'
    99th percentile of service time.
    """
    fixed = efficiency["strategy"].isna() | (efficiency["strategy"] == "fixed")
    rows = efficiency[(efficiency["experiment"] == experiment) & fixed]
    tails = {
        (cell.name.workload, cell.name.interpreter, cell.name.cores, size): _tail(cell, size)
        for cell in cells(trials[trials["experiment"] == experiment])
        for size in cell.sizes
    }
    table = rows.rename(
        columns={
            "optimum_concurrency": "peak_concurrency",
            "optimum_tps": "peak_tps",
            "optimum_ci_low": "peak_ci_low",
            "optimum_ci_high": "peak_ci_high",
        }
    ).assign(
        loss=1 - rows["efficiency"],
        loss_ci_low=1 - rows["ci_high"],
        loss_ci_high=1 - rows["ci_low"],
    )
    keys = zip(*(table[name] for name in (*CELL[1:], "concurrency")), strict=True)
    found = [tails.get(key, (None, None, None)) for key in keys]
    for column, name in enumerate(("p99_ms", "p99_ci_low", "p99_ci_high")):
        table[name] = pd.Series([tail[column] for tail in found], table.index, dtype=float)
    return table[COLUMNS].reset_index(drop=True)


def _tail(cell: Cell, size: int) -> tuple[float | None, float | None, float | None]:
    interval = mean_interval(cell.series("latency_p99_ms", "fixed", size), Scale.RATIO)
    return interval.estimate, interval.low, interval.high


def cliff_view(table: pd.DataFrame) -> pd.DataFrame:
    """What people read: the peak once per cell, then each size; the largest size's row is the
    cliff's headline."""
    rows = []
    for _, cell in table.groupby(CELL, sort=True):
        for position, row in enumerate(cell.to_dict("records")):
            count = row["n_blocks"]
            ends = (row["peak_ci_low"], row["peak_ci_high"])
            peak = with_interval(row["peak_tps"], *ends, n=count)
            rate_ends = (row["throughput_ci_low"], row["throughput_ci_high"])
            tail_ends = (row["p99_ci_low"], row["p99_ci_high"])
            loss = [row[name] for name in ("loss", "loss_ci_low", "loss_ci_high")]
            rows.append(
                {
                    **{name: row[name] for name in CELL},
                    "peak N": number(row["peak_concurrency"]) if position == 0 else "",
                    "peak throughput [1/s]": peak if position == 0 else "",
                    "N": number(row["concurrency"]),
                    "throughput [1/s]": with_interval(
                        row["throughput_tps"], *rate_ends, n=row["n_ok"]
                    ),
                    "P99 [ms]": with_interval(row["p99_ms"], *tail_ends, n=row["n_ok"]),
                    "loss [%]": percent_with_interval(*loss, n=count),
                    "blocks": number(row["n_blocks"]),
                    "status": "" if row["status"] == OK else row["status"],
                }
            )
    return pd.DataFrame(rows)
