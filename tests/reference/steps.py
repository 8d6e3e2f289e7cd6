"""What every recomputation is made of: trials of a cell, speed, references, intervals.

Written from results/README.md and the notes under the tables, and importing nothing of the
harness, so that an error there is not repeated here.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special, stats

CELL = ["experiment", "workload", "interpreter", "cores"]
CONFIGURATION = ["strategy", "concurrency", "label"]
FEWEST = 3  # blocks; below there is no interval


class CI(NamedTuple):
    """An estimate, its 95 % interval (NaN for none) and the number of values behind it."""

    estimate: float
    low: float
    high: float
    n: int

    def map(self, function: Callable[[float], float]) -> "CI":
        """The same on another scale; a falling function turns the interval round."""
        ends = sorted([function(self.low), function(self.high)])
        return CI(function(self.estimate), *ends, self.n)

    def columns(self, name: str, low: str = "", high: str = "") -> dict[str, float]:
        """The three columns of a table: NAME, NAME_low and NAME_high unless told otherwise."""
        names = (name, low or f"{name}_low", high or f"{name}_high")
        return dict(zip(names, self[:3], strict=True))


NOTHING = CI(math.nan, math.nan, math.nan, 0)


def known(values: "pd.Series[float] | np.ndarray | list[float]") -> np.ndarray:
    array = np.asarray(values, dtype=float).ravel()
    return array[np.isfinite(array)]


def student(mean: float, error: float, n: int, freedom: float | None = None) -> CI:
    if n < FEWEST:
        return CI(mean, math.nan, math.nan, n)
    reach = stats.t.ppf(0.975, n - 1 if freedom is None else freedom) * error
    return CI(mean, mean - reach, mean + reach, n)


def mean_ci(values) -> CI:
    """Arithmetic mean with Student's interval."""
    values = known(values)
    if not len(values):
        return NOTHING
    error = stats.sem(values) if len(values) > 1 else math.nan
    return student(float(values.mean()), error, len(values))


def geometric_ci(values) -> CI:
    """Geometric mean with Student's interval of the logarithms; what has none is left out."""
    values = known(values)
    return mean_ci(np.log(values[values > 0])).map(np.exp)


def positive_ci(values) -> CI:
    """Arithmetic mean of what cannot be negative; the interval is symmetric in its logarithm."""
    values = known(values).clip(min=0)
    plain = mean_ci(values)
    if not plain.estimate > 0 or plain.n < FEWEST:
        return plain
    factor = math.exp((plain.high - plain.estimate) / plain.estimate)
    return CI(plain.estimate, plain.estimate / factor, plain.estimate * factor, plain.n)


def share_ci(values) -> CI:
    """Mean of what lies between 0 and 1; the interval is symmetric in its logit.

    Where all are at one end, the other is the farthest share of blocks that would give so many
    in a row with a probability of 2.5 %.
    """
    values = known(values).clip(0, 1)
    plain = mean_ci(values)
    mean = plain.estimate
    if plain.n < FEWEST:
        return plain
    if min(mean, 1 - mean) <= 1e-12:
        reach = 1 - 0.025 ** (1 / plain.n)
        return CI(mean, *((0.0, reach) if mean < 0.5 else (1 - reach, 1.0)), plain.n)
    reach = (plain.high - mean) / (mean * (1 - mean))
    center = special.logit(mean)
    ends = (special.expit(center - reach), special.expit(center + reach))
    return CI(mean, *map(float, ends), plain.n)


def difference_ci(values) -> CI:
    """Mean of differences of two shares, as a share of the range from -1 to 1."""
    return share_ci((known(values) + 1) / 2).map(lambda share: 2 * share - 1)


#: how the mean of a column is taken, by its name; of all others as it is
SCALES = (
    (r"beta_\w+|jain_fairness|\w+_share(_true|_known)?", share_ci),
    (
        r"throughput_tps|efficiency|speed_up|(\w+_)?ratio|(latency|sojourn|loop_lag)_p\d+_ms",
        geometric_ci,
    ),
    (r"loss|idle_us_per_task|uss_per_worker", mean_ci),
    (r"(final_)?workers|vetoes|cost_us|\w+_(s|ms|mb)|\w+_per_(s|task|interval)", positive_ci),
)


def ci_of(column: str, values) -> CI:
    """Mean of a column over blocks, with an interval within what the column can be."""
    for pattern, make in SCALES:
        if re.fullmatch(pattern, column):
            return make(values)
    return mean_ci(values)


def wilson(hits: int, n: int) -> CI:
    """A share with Wilson's score interval, by its formula."""
    if not n:
        return NOTHING
    z, p = stats.norm.ppf(0.975), hits / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return CI(p, middle - reach, middle + reach, n)


def tally(values) -> str:
    return ", ".join(f"{value} x{count}" for value, count in Counter(values).most_common())


# --- the best fixed pool, chosen on other blocks ---


def first_best(means: np.ndarray) -> int:
    """The first of those that are largest; throughputs are counts, and counts can tie."""
    return int(np.flatnonzero(means > means.max() - 1e-9)[0])


def best_size(fixed: pd.DataFrame) -> float:
    """Column with the highest mean log throughput; NaN for none.

    Where trials are missing, blocks and sizes are fitted together by least squares.
    """
    if fixed.size and np.isfinite(fixed.to_numpy()).all():
        return float(fixed.columns[first_best(fixed.to_numpy().mean(axis=0))])
    long = fixed.stack().dropna()
    if long.empty:
        return math.nan
    block, size = (pd.get_dummies(long.index.get_level_values(i)) for i in (0, 1))
    design = np.hstack([block.to_numpy(float), size.to_numpy(float)])
    fitted = np.linalg.lstsq(design, long.to_numpy(), rcond=None)[0][block.shape[1] :]
    return float(size.columns[first_best(fitted)])


def references(fixed: pd.DataFrame) -> "pd.Series[float]":
    """For each block, the size that is best over the other blocks."""
    return pd.Series({block: best_size(fixed.drop(index=block)) for block in fixed.index})


def picked(values: pd.DataFrame, chosen: "pd.Series[float]") -> "pd.Series[float]":
    """In each block the value in its chosen column; NaN where none was chosen."""
    found = [values.at[b, s] if np.isfinite(s) else math.nan for b, s in chosen.items()]
    return pd.Series(found, chosen.index, dtype=float)


def over_blocks(score: Callable[[list[int]], "pd.Series[float]"], blocks: list[int]) -> CI:
    """Mean over blocks of ``score`` with an interval that knows that references were chosen.

    Standard error: the mean of the ordinary one and of the jackknife's, which leaves out one
    block after the other and chooses anew.
    """
    values = score(blocks).dropna()
    if values.empty:
        return NOTHING
    error = stats.sem(values) if len(values) > 1 else math.nan
    if len(values) > 1 and len(blocks) > 2:
        again = [score([b for b in blocks if b != left_out]).mean() for left_out in values.index]
        again = known(again)
        if len(again) > 1:
            error = (error + again.std() * math.sqrt(len(again) - 1)) / 2
    return student(float(values.mean()), error, len(values))


# --- trials and cells ---


class Cell:
    """One cell: experiment, workload, interpreter and number of cores."""

    def __init__(self, name: tuple, rows: pd.DataFrame, good: pd.DataFrame, log: str) -> None:
        self.name = dict(zip(CELL, name, strict=True))
        self.rows = rows
        self.ran = rows[rows["status"] != "not_run"]
        self.good = good
        self.log = log
        self.blocks = sorted(self.ran["block"].unique())
        self.sizes = self.sizes_of("fixed")
        self._by_configuration = dict(list(good.groupby(CONFIGURATION)))
        self._chosen: dict[tuple[int, ...], pd.Series[float]] = {}

    def sizes_of(self, strategy: str) -> list[int]:
        """Sizes at which a strategy ran."""
        rows = self.ran[(self.ran["strategy"] == strategy) & (self.ran["label"] == "")]
        return sorted(int(size) for size in rows["concurrency"].unique() if size)

    def configurations(self) -> Iterator[tuple[str, int, str, pd.DataFrame]]:
        """Strategy, size, label and all trials of each configuration that ran."""
        for (strategy, size, label), rows in self.ran.groupby(CONFIGURATION):
            yield strategy, int(size), label, rows

    def values(self, column: str, strategy: str, size: int, label: str = "") -> "pd.Series[float]":
        """A column of the configuration's usable trials by block, NaN for none."""
        rows = self._by_configuration.get((strategy, size, label))
        if rows is None or column not in rows:
            return pd.Series(math.nan, self.blocks)
        found = pd.Series(rows[column].to_numpy(float), rows["block"])
        return found.reindex(self.blocks)

    def logs(self, strategy: str, size: int, label: str = "") -> "pd.Series[float]":
        """Log throughput by block, at equal machine speed unless the cell is as measured."""
        return self.values(self.log, strategy, size, label)

    def of_sizes(self, column: str, strategy: str = "fixed") -> pd.DataFrame:
        """A column by block and size."""
        sizes = self.sizes_of(strategy)
        frame = {size: self.values(column, strategy, size) for size in sizes}
        return pd.DataFrame(frame, index=self.blocks, columns=sizes, dtype=float)

    @cached_property
    def fixed(self) -> pd.DataFrame:
        return self.of_sizes(self.log)

    def chosen(self, blocks: list[int]) -> "pd.Series[float]":
        """The reference of each of ``blocks``, chosen among them."""
        key = tuple(blocks)
        if key not in self._chosen:
            self._chosen[key] = references(self.fixed.loc[blocks])
        return self._chosen[key]

    def at_best(self, blocks: list[int], values: pd.DataFrame | None = None) -> "pd.Series[float]":
        """What each block's reference has in that block: log throughput, or ``values``."""
        return picked(self.fixed if values is None else values, self.chosen(blocks))

    def log_efficiency(self, series: "pd.Series[float]") -> CI:
        """Log of throughput over that of the best fixed pool."""
        if not self.sizes:
            return NOTHING
        return over_blocks(lambda kept: series[kept] - self.at_best(kept), self.blocks)

    def log_optimum(self) -> CI:
        """Log throughput of the best fixed pool in blocks it was not chosen on."""
        return over_blocks(self.at_best, self.blocks) if self.sizes else NOTHING

    @cached_property
    def optimum(self) -> float:
        """The size most often best over the other blocks; the best overall among equals."""
        overall = best_size(self.fixed) if self.sizes else math.nan
        votes = Counter(self.chosen(self.blocks).dropna()) if self.sizes else Counter()
        if not votes or votes[overall] == max(votes.values()):
            return overall
        return votes.most_common(1)[0][0]

    @cached_property
    def alike(self) -> list[int]:
        """Sizes whose paired log ratio to the optimum has an interval around 0, or none."""
        if not np.isfinite(self.optimum):
            return []
        found = []
        for size in self.sizes:
            ratio = mean_ci(self.fixed[size] - self.fixed[self.optimum])
            if size == self.optimum or not (ratio.low > 0 or ratio.high < 0):
                found.append(size)
        return found


def usable(trials: pd.DataFrame, everything: bool) -> pd.DataFrame:
    """Of all attempts at a trial the first that counts.

    ``everything``: trials that a rule left out count too, and repetitions do not.
    """
    good = trials[trials["status"] == "ok"]
    attempt = good["attempt"] if "attempt" in good else pd.Series(1, good.index)
    good = good[~(attempt > 1)] if everything else good[~good["excluded"]]
    good = good.assign(attempt=attempt).sort_values("attempt", kind="stable")
    return good.drop_duplicates([*CELL, *CONFIGURATION, "block"])


def reference_speed(trials: pd.DataFrame) -> float:
    """Geometric mean of the speed over all trials of the run that ended well and carry it."""
    if "speed_window" not in trials:
        return math.nan
    speeds = trials.loc[trials["status"] == "ok", "speed_window"]
    return float(stats.gmean(speeds[speeds > 0])) if (speeds > 0).any() else math.nan


def with_logs(good: pd.DataFrame, reference: float) -> pd.DataFrame:
    """The usable trials of a cell with ``raw_log``, and ``log`` at the reference's speed.

    log X adjusted = log X - e log(speed / reference); e is the CPU use of a configuration over
    the largest of the cell. All trials of a cell are adjusted, or none.
    """
    rate = good["throughput_tps"]
    raw = np.log(rate.where(rate > 0))
    good = good.assign(raw_log=raw, log=raw)
    if "speed_window" not in good or not (good["speed_window"] > 0).all() or good.empty:
        return good
    pool = [good["strategy"], good["concurrency"]]
    cpu = good["cpu_ms_per_task"]
    clocked = good["clocked_cpu_ms"].fillna(0) if "clocked_cpu_ms" in good else 0.0
    whole = (cpu * rate / 1e3).groupby(pool).mean().max()
    use = ((cpu - clocked).clip(lower=0) * rate / 1e3).groupby(pool).transform("mean")
    share = (use / whole).clip(0, 1).fillna(0.0) if whole > 0 else 0.0 * rate.fillna(0)
    return good.assign(
        speed_elasticity=share, log=raw - share * np.log(good["speed_window"] / reference)
    )


class Run:
    """The files of a result folder, as recomputations read them."""

    def __init__(
        self,
        trials: pd.DataFrame,
        timelines: pd.DataFrame | None = None,
        decisions: pd.DataFrame | None = None,
        micro: dict[str, dict[str, np.ndarray]] | None = None,
    ) -> None:
        texts = ["strategy", "label", "status", "reason", "exclusion_reason", "notes"]
        empty = {name: "" for name in texts if name not in trials}
        self.trials = trials.assign(**empty).reset_index(drop=True)
        self.trials[texts] = self.trials[texts].fillna("").astype(str)
        self.trials["concurrency"] = self.trials["concurrency"].fillna(0).astype(int)
        self.trials["excluded"] = self.trials["excluded"].astype(str).str.lower() == "true"
        self.timelines, self.decisions, self.micro = timelines, decisions, micro or {}
        self.reference_speed = reference_speed(self.trials)
        self.done: dict[object, object] = {}

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """From trials.csv.gz and what lies beside it."""

        def table(name: str) -> pd.DataFrame | None:
            found = [p for p in (folder / f"{name}.csv.gz", folder / f"{name}.csv") if p.exists()]
            return pd.read_csv(found[0], low_memory=False) if found else None

        trials = table("trials")
        if trials is None:
            raise FileNotFoundError(f"{folder}: neither trials.csv.gz nor trials.csv")
        return cls(trials, table("timelines"), table("decisions"), read_micro(folder))

    def once(self, key: object, make: Callable[[], object]):
        """What ``make`` returns, made once for a key."""
        if key not in self.done:
            self.done[key] = make()
        return self.done[key]

    def cells(self, *, everything: bool = False, raw: bool = False) -> list[Cell]:
        """All cells; with trials that rules left out, or with throughputs as measured."""
        return self.once(("cells", everything, raw), lambda: list(self._cells(everything, raw)))

    def _cells(self, everything: bool, raw: bool) -> Iterator[Cell]:
        good = dict(list(usable(self.trials, everything).groupby(CELL)))
        for name, rows in self.trials.groupby(CELL):
            mine = with_logs(good.get(name, self.trials.iloc[:0]), self.reference_speed)
            yield Cell(name, rows, mine, "raw_log" if raw else "log")

    def of(self, *experiments: str, **view: bool) -> list[Cell]:
        """The cells of some experiments."""
        return [c for c in self.cells(**view) if c.name["experiment"] in experiments]


def read_micro(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Microseconds a call by interpreter and benchmark: the mean of each process."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for path in sorted([*folder.glob("micro-*.json"), *folder.glob("pyperf/micro-*.json")]):
        suite = json.loads(path.read_text(encoding="utf-8"))
        shared = suite.get("metadata", {})
        benchmarks = found.setdefault(path.stem.removeprefix("micro-"), {})
        for benchmark in suite["benchmarks"]:
            names = [
                shared,
                benchmark.get("metadata", {}),
                benchmark["runs"][0].get("metadata", {}),
            ]
            name = next(each["name"] for each in reversed(names) if "name" in each)
            values = [1e6 * np.mean(run["values"]) for run in benchmark["runs"] if "values" in run]
            benchmarks[name] = np.array(values)
    return found
