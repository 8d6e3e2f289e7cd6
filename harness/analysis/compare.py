"""Two result sets side by side: configurations that both measured, and their ratio."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis.trials import CELL, CONFIGURATION, read_trials, trials_file

KEYS = [*CELL, *CONFIGURATION]


def welch_ratio(
    a: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    b: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> tuple[float, float, float]:
    """Geometric-mean ratio b/a of unpaired positive samples with a 95 % interval.

    Welch's t interval on the difference of mean logarithms (B. L. Welch, Biometrika 34,
    1947). Assumes independent, roughly log-normal trials. The bounds are infinite when a
    side has fewer than two trials.
    """
    log_a, log_b = np.log(a), np.log(b)
    difference = log_b.mean() - log_a.mean()
    if len(a) < 2 or len(b) < 2:
        return float(np.exp(difference)), 0.0, float("inf")
    part_a, part_b = log_a.var(ddof=1) / len(a), log_b.var(ddof=1) / len(b)
    error = np.sqrt(part_a + part_b)
    if error == 0:
        return float(np.exp(difference)), float(np.exp(difference)), float(np.exp(difference))
    freedom = (part_a + part_b) ** 2 / (part_a**2 / (len(a) - 1) + part_b**2 / (len(b) - 1))
    margin = stats.t.ppf(0.975, freedom) * error
    return tuple(float(np.exp(difference + d)) for d in (0.0, -margin, margin))  # type: ignore[return-value]


def compare(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """One row per configuration in either set: trials on both sides, ratio b/a, interval."""

    def usable(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[(frame["status"] == "ok") & ~frame["excluded"]]

    sides = [dict(list(usable(frame).groupby(KEYS))) for frame in (a, b)]
    rows = []
    for key in sorted(sides[0].keys() | sides[1].keys()):
        samples = [
            side[key]["throughput_tps"].to_numpy(float) if key in side else np.array([])
            for side in sides
        ]
        row = dict(zip(KEYS, key, strict=True))
        row |= {"n_a": len(samples[0]), "n_b": len(samples[1])}
        if all(len(sample) and (sample > 0).all() for sample in samples):
            ratio, low, high = welch_ratio(*samples)
            row |= {"ratio": ratio, "ci_low": low, "ci_high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=[*KEYS, "n_a", "n_b", "ratio", "ci_low", "ci_high"])


def _trials_file(path: Path) -> Path:
    return trials_file(path) if path.is_dir() else path


def _judgement(row: pd.Series) -> str:
    if pd.isna(row["ratio"]):
        return "only in one" if 0 in (row["n_a"], row["n_b"]) else "no throughput"
    if row["ci_low"] > 1 or row["ci_high"] < 1:
        return "differs"
    return "within noise"


def compare_files(a: Path, b: Path) -> str:
    """A text table of the ratio b/a per configuration.

    Measured at different times: drift of the machine between the two is in the ratio.
    """
    table = compare(read_trials(_trials_file(a)), read_trials(_trials_file(b)))
    lines = [f"throughput ratio {b} / {a}; sets were not interleaved, so drift is in it"]
    for _, row in table.iterrows():
        name = " ".join(str(row[key]) for key in KEYS if row[key] != "")
        ratio = (
            f"{row['ratio']:.3f} [{row['ci_low']:.3f}, {row['ci_high']:.3f}]"
            if pd.notna(row["ratio"])
            else "-"
        )
        lines.append(f"{name:<70} {ratio:<26} n={row['n_a']}+{row['n_b']} {_judgement(row)}")
    return "\n".join(lines)
