"""Two result sets side by side: configurations that both measured, and their ratio."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis.data.trials import CELL, CONFIGURATION, normalised, read_trials, trials_file
from harness.analysis.estimate import speed
from harness.analysis.estimate.statistics import (
    CONFIDENCE,
    MINIMUM,
    ROUNDING,
    Array,
    Interval,
    standard_error,
)
from harness.analysis.tables.writing import MISSING, with_interval

KEYS = [*CELL, *CONFIGURATION]


def welch_ratio(a: Array, b: Array) -> Interval:
    """Geometric-mean ratio b/a of unpaired positive samples with a 95 % interval.

    Welch's t interval on the difference of mean logarithms (B. L. Welch, Biometrika 34,
    1947). Assumes independent, roughly log-normal trials. ``n`` counts the trials of the side
    with fewer; below three there is no interval. Where neither side has any spread, the
    interval has no width.
    """
    n = min(len(a), len(b))
    log_a, log_b = np.log(a), np.log(b)
    difference = float(log_b.mean() - log_a.mean())
    if abs(difference) <= ROUNDING * float(np.max(np.abs([*log_a, *log_b]))):
        difference = 0.0  # equal means, but for the rounding of their sums
    error_a, error_b = standard_error(log_a), standard_error(log_b)
    if n < MINIMUM or error_a is None or error_b is None:
        return Interval(difference, None, None, n).exp()
    error = float(np.hypot(error_a, error_b))
    margin = 0.0
    if error > 0:
        part_a, part_b = (error_a / error) ** 2, (error_b / error) ** 2
        freedom = 1 / (part_a**2 / (len(a) - 1) + part_b**2 / (len(b) - 1))
        margin = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    return Interval(difference, difference - margin, difference + margin, n).exp()


def compare(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """One row per configuration in either set: trials on both sides, ratio b/a, interval.

    ``a`` and ``b`` are normalised trials; a set may be of several runs, so every usable trial
    counts. Throughputs are at the mean machine speed of both sets together, where in a cell
    both carry speeds (see ``speed``); these have to be in one unit.
    """
    both = normalised(
        pd.concat([a, b], keys=("a", "b"), names=["side"])
        .drop(columns=speed.RELATIVE, errors="ignore")
        .reset_index("side")
        .reset_index(drop=True)
    )
    usable = both[(both["status"] == "ok") & ~both["excluded"]]
    rows = []
    for name, cell in usable.groupby(CELL, sort=True):
        rates = _rates(cell)
        for configuration, group in cell.groupby(CONFIGURATION, sort=True, dropna=False):
            row = dict(zip(KEYS, (*name, *configuration), strict=True))
            side_a, side_b = (_sample(rates, group, side) for side in ("a", "b"))
            row |= {"n_a": len(side_a), "n_b": len(side_b)}
            if all(len(sample) and (sample > 0).all() for sample in (side_a, side_b)):
                found = welch_ratio(side_a, side_b)
                row |= {"ratio": found.estimate, "ci_low": found.low, "ci_high": found.high}
            rows.append(row)
    return pd.DataFrame(rows, columns=[*KEYS, "n_a", "n_b", "ratio", "ci_low", "ci_high"])


def _sample(rates: "pd.Series[float]", trials: pd.DataFrame, side: str) -> Array:
    """Throughput of one side's trials, shape (trials,)."""
    return np.asarray(rates[trials.index[trials["side"] == side]], dtype=np.float64)


def _rates(cell: pd.DataFrame) -> "pd.Series[float]":
    """Throughputs of a cell's usable trials, of both sides at one machine speed or both as
    measured, indexed like ``cell``."""
    rates = cell["throughput_tps"].astype(float)
    sides = [side for _, side in cell.groupby("side")]
    if all(speed.has_covariate(side) for side in sides):
        rates = rates * np.exp(
            pd.concat([speed.log_corrections(side, speed.elasticities(side)) for side in sides])
        )
    return rates


def _trials_file(path: Path) -> Path:
    return trials_file(path) if path.is_dir() else path


def _judgement(row: pd.Series) -> str:
    if pd.isna(row["ratio"]):
        return "only in one" if 0 in (row["n_a"], row["n_b"]) else "no throughput"
    if pd.isna(row["ci_low"]):
        return "too few trials: within noise"
    if row["ci_low"] > 1 or row["ci_high"] < 1:
        return "differs"
    return "within noise"


def compare_files(a: Path, b: Path) -> str:
    """A text table of the ratio b/a per configuration.

    Measured at different times: what changed on the machine between the two is in the ratio,
    but for its speed, where both sets carry it.
    """
    table = compare(*(read_trials(_trials_file(path), "throughput_tps") for path in (a, b)))
    lines = [f"throughput ratio {b} / {a}; sets were not interleaved, so drift is in it"]
    for _, row in table.iterrows():
        name = " ".join(str(row[key]) for key in KEYS if row[key] != "")
        ratio = with_interval(row["ratio"], row["ci_low"], row["ci_high"], decimals=3)
        ratio = "-" if ratio == MISSING else ratio
        lines.append(f"{name:<70} {ratio:<26} n={row['n_a']}+{row['n_b']} {_judgement(row)}")
    return "\n".join(lines)
