"""Two result sets side by side: configurations that both measured, and their ratio."""

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis import speed
from harness.analysis.statistics import (
    CONFIDENCE,
    MINIMUM,
    ROUNDING,
    Array,
    Interval,
    standard_error,
)
from harness.analysis.trials import (
    CELL,
    CONFIGURATION,
    Cell,
    cells,
    comparable,
    normalised,
    read_trials,
    trials_file,
)
from harness.analysis.writing import MISSING, with_interval

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

    ``a`` and ``b`` are normalised trials. Throughputs are at the mean machine speed of both
    sets together, where both carry speeds (see ``speed``); these have to be in one unit.
    """
    both = normalised(
        pd.concat([a, b], keys=("a", "b"), names=["side"])
        .drop(columns=speed.RELATIVE, errors="ignore")
        .reset_index("side")
    )
    one, other = (
        {cell.name: cell for cell in cells(both[both["side"] == side])} for side in ("a", "b")
    )
    rows = []
    for name in sorted(one.keys() | other.keys(), key=astuple):
        pair: list[Cell | None] = [one.get(name), other.get(name)]
        if name in one and name in other:
            pair = list(comparable(one[name], other[name]))
        sizes = {c[:3] for cell in pair if cell is not None for c in cell.configurations()}
        for configuration in sorted(sizes, key=lambda c: (c[0], c[1] or 0, c[2])):
            row = dict(zip(KEYS, (*astuple(name), *configuration), strict=True))
            row |= _ratio(*(_sample(cell, configuration) for cell in pair))
            rows += [row] if row["n_a"] or row["n_b"] else []
    return pd.DataFrame(rows, columns=[*KEYS, "n_a", "n_b", "ratio", "ci_low", "ci_high"])


def _sample(cell: Cell | None, configuration: tuple[str, int | None, str]) -> Array:
    """Throughput of each usable trial, shape (trials,); NaN for one without completions."""
    if cell is None:
        return np.array([])
    measured = np.isfinite(cell.series("throughput_tps", *configuration))
    rates: Array = np.exp(cell.log_throughput(*configuration)[measured])
    return rates


def _ratio(a: Array, b: Array) -> dict[str, object]:
    row: dict[str, object] = {"n_a": len(a), "n_b": len(b)}
    if all(len(sample) and np.isfinite(sample).all() for sample in (a, b)):
        found = welch_ratio(a, b)
        row |= {"ratio": found.estimate, "ci_low": found.low, "ci_high": found.high}
    return row


def _trials_file(path: Path) -> Path:
    return trials_file(path) if path.is_dir() else path


def _judgement(row: pd.Series) -> str:
    if pd.isna(row["ratio"]):
        return "only in one" if 0 in (row["n_a"], row["n_b"]) else "no throughput"
    if pd.isna(row["ci_low"]):
        return "too few to tell"
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
