"""The claims: config/claims.yaml says what is measured, config/README.md and results/README.md
how verdicts follow."""

import math
import re
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import yaml
from scipy import stats

from tests import ROOT
from tests.reference import referees, regimes
from tests.reference.main_tables import Rows
from tests.reference.registry import table
from tests.reference.steps import (
    CI,
    FEWEST,
    NOTHING,
    Cell,
    Run,
    ci_of,
    difference_ci,
    geometric_ci,
    mean_ci,
    over_blocks,
    picked,
    positive_ci,
    references,
    share_ci,
    student,
)

CATALOGUE = ROOT / "config" / "claims.yaml"
WORST_FIRST = ("not reproduced", "inconclusive", "not testable here", "reproduced")
#: bootstraps, by random draws of their own
DRAWN = r"C15.*"


class MissingError(Exception):
    """What a claim reads was not measured."""


class Source:
    """The cells of one part of a claim, in one view of the trials."""

    def __init__(self, run: Run, part: Mapping, *, everything: bool, raw: bool) -> None:
        self.run, self.part, self.everything, self.raw = run, part, everything, raw

    def cell(self, *, raw: bool = False, **names: object) -> Cell:
        wanted = {**self.part["cell"], **names}
        cells = self.run.cells(everything=self.everything, raw=self.raw or raw)
        cores = wanted.pop("cores")
        found = [
            cell
            for cell in cells
            if len(cell.ran) and all(cell.name[key] == value for key, value in wanted.items())
        ]
        if cores != "most":
            found = [cell for cell in found if cell.name["cores"] == cores]
        if not found:
            raise MissingError(str(wanted))
        return max(found, key=lambda cell: cell.name["cores"])

    def pair(self) -> tuple[Cell, Cell]:
        """The two cells; as measured where one of them lacks the machine's speed."""
        cells = self.cell(), self.cell(**self.part["versus"])
        if all("speed_elasticity" in cell.good for cell in cells):
            return cells
        return self.cell(raw=True), self.cell(raw=True, **self.part["versus"])


def some(values):
    """``values``; a claim cannot be tested without any."""
    if not np.isfinite(np.asarray(values, dtype=float)).any():
        raise MissingError("no usable trial")
    return values


def sizes_of(cell: Cell, strategy: str) -> list[int]:
    sizes = cell.sizes_of(strategy)
    if not sizes:
        raise MissingError(f"{strategy} did not run")
    return sizes


def logs_of(cell: Cell, strategy: str, size: int | None = None) -> "pd.Series[float]":
    """Log throughput of a strategy, at the largest size where none is given."""
    return some(cell.logs(strategy, size or sizes_of(cell, strategy)[-1]))


def column_of(cell: Cell, column: str, strategy: str, size: int | None) -> "pd.Series[float]":
    return some(cell.values(column, strategy, size or sizes_of(cell, strategy)[-1]))


def lost(log_ratio: CI) -> CI:
    return log_ratio.map(lambda x: 1 - math.exp(x))


def gained(log_ratio: CI) -> CI:
    return log_ratio.map(lambda x: math.exp(x) - 1)


def all_at_once(found: list[CI], choose: Callable) -> CI:
    """The least or largest of several, with simultaneous intervals (Bonferroni)."""
    if any(math.isnan(ci.estimate) for ci in found):
        return NOTHING
    ends = []
    for ci in found:
        alone = stats.t.ppf(0.975, ci.n - 1)
        factor = stats.t.ppf(1 - 0.025 / len(found), ci.n - 1) / alone
        ends.append([ci.estimate - factor * (ci.estimate - ci.low)])
        ends[-1].append(ci.estimate + factor * (ci.high - ci.estimate))
    estimate = choose(ci.estimate for ci in found)
    n = min(ci.n for ci in found)
    if np.isnan(ends).any():
        return CI(estimate, math.nan, math.nan, n)
    return CI(estimate, *(float(choose(end)) for end in zip(*ends, strict=True)), n)


def slopes(frame: pd.DataFrame, positions) -> tuple[list[float], float]:
    """Least-squares slope in each block, and the steepest that shares can have there."""
    found, steepest = [], 0.0
    for row in frame.to_numpy(float):
        here = np.isfinite(row)
        if here.sum() >= 2:
            x = np.asarray(positions, dtype=float)[here]
            found.append(float(np.polyfit(x, row[here], 1)[0]))
            away = x - x.mean()
            steepest = max(steepest, np.abs(away).sum() / (away**2).sum() / 2)
    return found, float(steepest)


def best_of(frame: pd.DataFrame, kept: list[int]) -> "pd.Series[float]":
    """In each block the value of the column that is best over the other blocks."""
    return picked(frame, references(frame.loc[kept]))


# --- fixed pools ---


def loss(source: Source, *, size) -> CI:
    cell = source.cell()
    number = sizes_of(cell, "fixed")[-1] if size == "largest" else size
    return lost(cell.log_efficiency(logs_of(cell, "fixed", number)))


def least_loss(source: Source, *, smallest: int) -> CI:
    cell = source.cell()
    sizes = [size for size in sizes_of(cell, "fixed") if size >= smallest]
    found = [cell.log_efficiency(logs_of(cell, "fixed", size)) for size in sizes]
    if not found:
        raise MissingError("no pool so large")
    return lost(all_at_once(found, max))


def peak_size(source: Source) -> CI:
    cell = source.cell()
    some(cell.fixed)
    return _sizes(cell.optimum, cell.alike, len(cell.fixed.dropna()))


def _sizes(best: float, alike: list[float], blocks: int) -> CI:
    ends = (min(alike), max(alike)) if blocks >= FEWEST else (math.nan, math.nan)
    return CI(best, *ends, blocks)


def peak_order(source: Source) -> CI:
    one, other = source.pair()
    some(one.fixed)
    some(other.fixed)
    ratios = [mine / theirs for mine in one.alike for theirs in other.alike]
    blocks = min(len(cell.fixed.dropna()) for cell in (one, other))
    return _sizes(one.optimum / other.optimum, ratios, blocks)


def _tails(cell: Cell, tail: "pd.Series[float] | None") -> CI:
    """P99 over that at the peak, or that at the peak."""
    sizes_of(cell, "fixed")
    tails = np.log(some(cell.of_sizes("latency_p99_ms")))

    def score(kept: list[int]) -> "pd.Series[float]":
        peak = cell.at_best(kept, tails)
        return peak if tail is None else np.log(tail[kept]) - peak

    return over_blocks(score, cell.blocks).map(math.exp)


def latency_growth(source: Source, *, size: int) -> CI:
    cell = source.cell()
    return _tails(cell, column_of(cell, "latency_p99_ms", "fixed", size))


def peak_latency(source: Source) -> CI:
    return _tails(source.cell(), None)


def latency_over_peak(source: Source, *, strategy: str) -> CI:
    cell = source.cell()
    return _tails(cell, column_of(cell, "latency_p99_ms", strategy, None))


def peak_ratio(source: Source) -> CI:
    one, other = source.pair()
    some(one.fixed)
    some(other.fixed)
    both = sorted(set(one.blocks) & set(other.blocks))
    return over_blocks(lambda kept: one.at_best(kept) - other.at_best(kept), both).map(math.exp)


def slowdown(source: Source, *, size: int) -> CI:
    cell, other = source.pair()
    return gained(mean_ci(logs_of(other, "fixed", size) - logs_of(cell, "fixed", size)))


def scaling_exponent(source: Source, *, up_to: int) -> CI:
    cell = source.cell()
    frame = some(cell.fixed.loc[:, cell.fixed.columns <= up_to])
    return mean_ci(slopes(frame, np.log(frame.columns.to_numpy(float)))[0])


def beta_slope(source: Source) -> CI:
    cell = source.cell()
    sizes = sizes_of(cell, "fixed")
    found, steepest = slopes(some(cell.of_sizes("beta_naive")), np.log2(sizes))
    return difference_ci(np.array(found) / steepest).map(lambda x: x * steepest)


def cost_of(source: Source, *, instrumented: str) -> CI:
    cell = source.cell()
    ratios = cell.of_sizes(cell.log, instrumented) - cell.fixed
    return lost(mean_ci(some(ratios.dropna(axis=1, how="all").mean(axis=1))))


# --- strategies ---


def efficiency(source: Source, *, strategy: str) -> CI:
    cell = source.cell()
    return cell.log_efficiency(logs_of(cell, strategy)).map(math.exp)


def gain_over_fixed(source: Source, *, strategy: str, fixed: int) -> CI:
    cell = source.cell()
    return gained(mean_ci(logs_of(cell, strategy) - logs_of(cell, "fixed", fixed)))


def ratio_to(source: Source, *, strategy: str, other: str) -> CI:
    cell = source.cell()
    for name in (strategy, other):
        sizes_of(cell, name)
    mine, theirs = (some(cell.of_sizes(cell.log, name)) for name in (strategy, other))
    score = over_blocks(lambda kept: best_of(mine, kept) - best_of(theirs, kept), cell.blocks)
    return score.map(math.exp)


def final_share(source: Source, *, strategy: str, size: int | None = None) -> CI:
    cell = source.cell()
    number = size or sizes_of(cell, strategy)[-1]
    return share_ci(column_of(cell, "final_workers", strategy, number) / number)


def mean_of(source: Source, *, column_name: str, strategy: str, size: int | None = None) -> CI:
    return ci_of(column_name, column_of(source.cell(), column_name, strategy, size))


def efficiency_of_final_size(source: Source, *, strategy: str) -> CI:
    """Log throughput between measured sizes is interpolated over log size, in each block."""
    cell = source.cell()
    final = column_of(cell, "final_workers", strategy, None)
    found = pd.Series(math.nan, cell.blocks)
    for block, workers in final.items():
        row = cell.fixed.loc[block].dropna()
        if len(row) >= 2 and workers > 0 and row.index[0] <= workers <= row.index[-1]:
            positions = np.log(row.index.to_numpy(float))
            found[block] = np.interp(np.log(workers), positions, row)
    return cell.log_efficiency(some(found)).map(math.exp)


def misjudged_share(source: Source, *, strategy: str, below: float) -> CI:
    """Wilson's interval over the tasks drawn for the part's workload."""
    names = {cell.name["workload"] for cell in source.run.of(source.part["cell"]["experiment"])}
    drawn = [n for n in names if re.fullmatch(source.part["cell"]["workload"] + r"_\d{4,}", n)]
    if not drawn:
        raise MissingError("no random tasks")
    cells = [source.cell(workload=name) for name in drawn]
    known = []
    for cell in cells:
        rows = cell.ran[(cell.ran["strategy"] == strategy) & (cell.ran["label"] == "")]
        if rows.empty:
            raise MissingError("strategy did not run")
        try:
            known.append(math.exp(cell.log_efficiency(logs_of(cell, strategy)).estimate))
        except MissingError:
            optimum = over_blocks(cell.at_best, cell.blocks).estimate
            nothing = (rows["status"] == "timeout").all() and not math.isnan(optimum)
            known.append(0.0 if nothing else math.nan)
    known = [value for value in known if not math.isnan(value)]
    if not known:
        raise MissingError("no optimum")
    n, share = len(known), sum(value < below for value in known) / len(known)
    z = stats.norm.ppf(0.975)
    middle, reach = (
        share + z * z / (2 * n),
        z * math.sqrt((share * (1 - share) + z * z / 4 / n) / n),
    )
    return CI(share, (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n), n)


def spread(source: Source, *, prefix: str) -> CI:
    cell = source.cell()
    names = sorted(name for name in cell.ran["strategy"].unique() if name.startswith(prefix))
    if len(names) < 2:
        raise MissingError("needs two settings")
    frame = pd.DataFrame({place: logs_of(cell, name) for place, name in enumerate(names)})

    def score(kept: list[int]) -> "pd.Series[float]":
        return -best_of(-frame, kept) - best_of(frame, kept)

    return lost(over_blocks(score, cell.blocks))


def mean_efficiency(source: Source, *, workloads: list[str], strategy: str) -> CI:
    cells = [source.cell(workload=name) for name in workloads]
    series = [logs_of(cell, strategy) for cell in cells]
    blocks = sorted(set.intersection(*(set(cell.blocks) for cell in cells)))

    def score(kept: list[int]) -> "pd.Series[float]":
        each = [np.exp(s[kept] - c.at_best(kept)) for s, c in zip(series, cells, strict=True)]
        return np.log(pd.concat(each, axis=1).mean(axis=1, skipna=False))

    return over_blocks(score, blocks).map(math.exp)


def least_efficiency(source: Source, *, workloads: list[str], strategy: str) -> CI:
    cells = [source.cell(workload=name) for name in workloads]
    found = [cell.log_efficiency(logs_of(cell, strategy)) for cell in cells]
    return all_at_once(found, min).map(math.exp)


# --- memory, micro-benchmarks, beta as a test ---


def memory_ratio(source: Source, *, metric: str, strategy: str, workers: int, threads: int) -> CI:
    cell = source.cell()
    ours = column_of(cell, metric, strategy, workers)
    return geometric_ci(ours / column_of(cell, metric, "fixed", threads))


def memory_per_worker(source: Source, *, metric: str, strategy: str) -> CI:
    cell = source.cell()
    sizes = sizes_of(cell, strategy)
    if len(sizes) < 2:
        raise MissingError("a slope needs two sizes")
    return mean_ci(slopes(some(cell.of_sizes(metric, strategy)), sizes)[0])


def memory_added(source: Source, *, metric: str, size: int, over: int) -> CI:
    cell = source.cell()
    more = column_of(cell, metric, "fixed", size) - column_of(cell, metric, "fixed", over)
    return mean_ci(more)


def _benchmark(source: Source, interpreter: str, name: str) -> np.ndarray:
    if name not in source.run.micro.get(interpreter, {}):
        raise MissingError(f"no micro-benchmark {name}")
    return source.run.micro[interpreter][name]


def cost_share(source: Source, *, interpreter: str, benchmark: str, task_ms: float) -> CI:
    return positive_ci(_benchmark(source, interpreter, benchmark) / (1e3 * task_ms))


def cpu_share(
    source: Source, *, interpreter: str, benchmarks: list[str], every_ms: list[int]
) -> CI:
    taken = [_benchmark(source, interpreter, name) for name in benchmarks]
    count = min(len(us) for us in taken)
    rates = [1e-3 * us[:count] / ms for us, ms in zip(taken, every_ms, strict=True)]
    return positive_ci(np.sum(rates, axis=0))


def share_of_loss(source: Source, *, cause: str, size: object) -> CI:
    cell = source.cell()
    number = sizes_of(cell, "fixed")[-1] if size == "largest" else size
    for row in referees.cliff_causes(source.run):
        wanted = {**cell.name, "concurrency": number}
        if all(row.get(key) == value for key, value in wanted.items()):
            name = f"share_{cause}"
            found = [row.get(key, math.nan) for key in (name, f"{name}_low", f"{name}_high")]
            if math.isnan(found[0]):
                raise MissingError("no growth")
            return CI(*found, row["n_blocks"])
    raise MissingError("no such size")


def cost_exponent(source: Source, *, interpreter: str, benchmark: str, sizes: list[int]) -> CI:
    x, y = [], []
    for size in sizes:
        means = _benchmark(source, interpreter, benchmark.format(size))
        x += [math.log(size)] * len(means)
        y += list(np.log(means))
    line = stats.linregress(x, y)
    found = student(line.slope, line.stderr, len(x) - 1, len(x) - 2)
    return found._replace(n=len(x))


def _beta_trials(source: Source, workloads: list[str], size: int | None = None) -> pd.DataFrame:
    cells = [source.cell(workload=name) for name in workloads]
    seen = regimes.observations(source.run, everything=source.everything)
    names = [cell.name for cell in cells]
    wanted = {(n["workload"], n["interpreter"], n["cores"]) for n in names}
    keys = zip(seen["workload"], seen["interpreter"], seen["cores"], strict=True)
    seen = seen[[key in wanted for key in keys]]
    seen = seen[seen["regime"].isin(["gil_wait", "io_wait"]) & seen["beta_naive"].notna()]
    seen = seen if size is None else seen[seen["concurrency"] == size]
    if seen["regime"].nunique() < 2:
        raise MissingError("needs trials that wait for the GIL and for I/O")
    return seen


def accuracy_of_beta(source: Source, *, workloads: list[str], threshold: float) -> CI:
    seen = _beta_trials(source, workloads)
    gil = (seen["regime"] == "gil_wait").to_numpy()
    told = (seen["beta_naive"] < threshold).to_numpy()
    return regimes.bootstrap(
        lambda w: regimes.balanced_accuracy(gil, told, w), gil, regimes.units(seen)
    )


def auc_of_beta(source: Source, *, workloads: list[str], size: int) -> CI:
    seen = _beta_trials(source, workloads, size)
    gil = (seen["regime"] == "gil_wait").to_numpy()
    score = -seen["beta_naive"].to_numpy(float)
    return regimes.bootstrap(lambda w: regimes.auc(gil, score, w), gil, regimes.units(seen))


# --- verdicts ---


def rule_of(data: Mapping, cores: object) -> tuple[float, float, bool, str]:
    """Ends of a rule, whether they are left out, and the rule in words."""
    factor = cores if data.get("times_cores") and cores != "most" else 1
    strict = "above" in data or "below" in data
    if "between" in data:
        low, high = (factor * end for end in data["between"])
        return low, high, strict, f"{low:g} to {high:g}"
    if "at_least" in data or "above" in data:
        low = factor * data.get("at_least", data.get("above"))
        return low, math.inf, strict, f"{'>' if strict else '≥'} {low:g}"
    high = factor * data.get("at_most", data.get("below"))
    return -math.inf, high, strict, f"{'<' if strict else '≤'} {high:g}"


def verdict_of(ci: CI | None, low: float, high: float, strict: bool) -> str:
    if ci is None:
        return "not testable here"
    if math.isnan(ci.low):
        return "inconclusive"
    inside = [low < end < high if strict else low <= end <= high for end in (ci.low, ci.high)]
    if all(inside):
        return "reproduced"
    outside = ci.high < low or ci.low > high
    touching = strict and (ci.high <= low or ci.low >= high)
    return "not reproduced" if outside or touching else "inconclusive"


def measured(run: Run, part: Mapping, defaults: Mapping, **view: bool) -> CI | None:
    """What a part finds; None where it cannot be tested."""
    measure = globals()[part["measure"]]
    accepted = measure.__kwdefaults__ or {}
    names = set(measure.__annotations__) | set(accepted)
    names |= set(measure.__code__.co_varnames[1 : 1 + measure.__code__.co_kwonlyargcount])
    given = {key: value for key, value in defaults.items() if key in names}
    try:
        return measure(Source(run, part, **view), **{**given, **part["parameters"]})
    except MissingError:
        return None


def parts_of(claim: Mapping, subject: str) -> list[dict]:
    """The parts that concern a subject; what one does not say is as its claim says."""
    found = []
    for part in claim.get("parts", [{}]):
        if subject in part.get("subjects", claim["subjects"]):
            whole = {"judged": True, "name": "", "versus": {}, **claim, **part}
            for key in ("cell", "parameters"):
                whole[key] = {**claim.get(key, {}), **part.get(key, {})}
            found.append(whole)
    return found


@table(
    "claims",
    "id",
    "subject",
    given="command|minutes|hardware|reason|trials",
    tolerance=((DRAWN, "ci_low|ci_high", 0.05),),
)
def claims(run: Run) -> Rows:
    catalogue = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    found: Rows = []
    for name, claim in catalogue["claims"].items():
        for subject in claim["subjects"]:
            parts = parts_of(claim, subject)
            rows = [_judged(run, part, catalogue["subjects"][subject]) for part in parts]
            about = {"subject": subject, "statement": claim["statement"]}
            about |= {"paper_value": claim["printed"], "where": claim["where"]}
            pairs = list(zip(parts, rows, strict=True))
            judged = [row for part, row in pairs if part["judged"]]
            found.append(about | _worst(judged) | {"id": name, "role": "verdict"})
            for part, row in pairs:
                if not part["judged"] or len(judged) > 1:
                    role = "part" if part["judged"] else "beside"
                    found.append(about | row | {"id": f"{name}-{part['name']}", "role": role})
    return found


def _judged(run: Run, part: Mapping, defaults: Mapping) -> dict[str, object]:
    low, high, strict, text = rule_of(part["rule"], part["cell"].get("cores", 1))
    view = {"everything": False, "raw": False}
    ci = measured(run, part, defaults, **view)
    row = (ci or NOTHING).columns("measured", "ci_low", "ci_high") | {"n": (ci or NOTHING).n}
    row |= {
        "rule": text,
        "quantity": part["quantity"],
        "verdict": verdict_of(ci, low, high, strict),
    }
    for name, change in (("all_trials", {"everything": True}), ("raw_speed", {"raw": True})):
        other = measured(run, part, defaults, **{**view, **change})
        row[f"verdict_{name}"] = verdict_of(other, low, high, strict)
    return row | {"experiment": part["cell"].get("experiment", "micro-benchmarks")}


def _worst(judged: Rows) -> dict[str, object]:
    """Of several judged parts the first of the worst stands for the claim."""
    row = dict(min(judged, key=lambda each: WORST_FIRST.index(each["verdict"])))
    for view in ("verdict_all_trials", "verdict_raw_speed"):
        row[view] = min((each[view] for each in judged), key=WORST_FIRST.index)
    names = dict.fromkeys(each["experiment"] for each in judged)
    row["experiment"] = ", ".join(sorted(names, key="micro-benchmarks".__eq__))
    return row
