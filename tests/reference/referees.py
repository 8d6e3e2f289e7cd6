"""Ablation, costs, causes of the cliff, invariance, cold starts, phases, estimates."""

import math
import re
from collections import Counter

import numpy as np
import pandas as pd
from scipy import stats

from tests.reference.main_tables import Rows, efficiency
from tests.reference.regimes import parameters
from tests.reference.registry import table
from tests.reference.steps import (
    CELL,
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

# --- ratios within blocks ---


def pooled(ratios: "list[pd.Series[float]]") -> CI:
    """Geometric mean over cells, each block counting once; blocks that lack a cell are left
    out unless all do."""
    known = [ratio.dropna() for ratio in ratios if ratio.notna().any()]
    if not known:
        return NOTHING
    together = pd.concat(known, axis=1)
    complete = together.dropna()
    return geometric_ci(np.exp((complete if len(complete) else together).mean(axis=1)))


@table("ablation", *CELL, "variant", "concurrency")
def ablation(run: Run) -> Rows:
    found: Rows = []
    together: dict[tuple, list[pd.Series]] = {}
    for cell in run.of("ablation", "profiles"):
        ran = [(s, n) for s, n, label, _ in cell.configurations() if not label]
        full = [pool for pool in ran if pool[0] == "adaptive"]
        variants = [
            (strategy, (strategy, size))
            for strategy, size in ran
            if strategy == "queue_scaler"
            or strategy.startswith("paper_algorithm1")
            or (strategy.startswith("adaptive_") and not _another_question(strategy))
        ]
        variants += [("fixed_largest", ("fixed", cell.sizes[-1]))] if cell.sizes else []
        for variant, pool in variants if full else []:
            ratio = cell.logs(*pool) - cell.logs(*full[0])
            row = cell.name | {"variant": variant, "concurrency": pool[1]}
            found.append(row | _ratio(geometric_ci(np.exp(ratio)), 1))
            key = (cell.name["experiment"], cell.name["interpreter"], variant)
            together.setdefault(key, []).append(ratio)
    for (experiment, interpreter, variant), ratios in together.items():
        row = {"experiment": experiment, "workload": "all", "interpreter": interpreter}
        cells = sum(ratio.notna().any() for ratio in ratios)
        found.append(row | {"variant": variant} | _ratio(pooled(ratios), cells))
    return found


def _another_question(strategy: str) -> bool:
    """Cold and held runtimes, and other settings of the spare share, leave nothing out."""
    return strategy in ("adaptive_cold", "adaptive_held") or "_spare_" in strategy


def _ratio(ci: CI, cells: int) -> dict[str, object]:
    differs = "worse" if ci.high < 1 else "better" if ci.low > 1 else ""
    return ci.columns("ratio") | {"n_blocks": ci.n, "cells": cells, "differs": differs}


CALLS = (
    (r"paper_instrumentation", "the paper's four calls and beta, per task"),
    (r"window_(\d+)_workers", "runtime: a window over {} workers"),
    (r"sample", "runtime: a look at what a few workers wait for"),
    (r"settled_decision_(\d+)_workers", "runtime: a decision at {} workers, settled"),
    (r"model_size_ratio_(\d+)", "runtime: N* computed anew, a = {}"),
    (r"submit_to_result_(\d+)_workers", "ThreadPoolExecutor: submit to result, {} workers"),
    (r"adaptive_submit_to_result_(\d+)_workers", "adaptive: submit to result, {} workers"),
)


@table("sampling_cost", "interpreter", "workload", "cores", "concurrency", "what")
def sampling_cost(run: Run) -> Rows:
    found: Rows = []
    for cell in run.of("instrumentation"):
        ratios = {
            size: cell.logs("fixed_instrumented", size) - cell.logs("fixed", size)
            for size in cell.sizes_of("fixed_instrumented")
        }
        what = "four clock calls and beta around every task"
        rows = [
            ({"concurrency": n, "what": what}, geometric_ci(np.exp(r))) for n, r in ratios.items()
        ]
        if len(ratios) > 1:
            rows.append(({"what": f"{what}, all sizes"}, pooled(list(ratios.values()))))
        for row, ci in rows:
            about = {"unit": "throughput ratio", "n_of": "blocks"}
            found.append(cell.name | row | about | _value(ci))
    for interpreter, benchmarks in run.micro.items():
        for name, means in benchmarks.items():
            for pattern, text in CALLS:
                if match := re.fullmatch(pattern, name):
                    row = {"interpreter": interpreter, "what": text.format(*match.groups())}
                    about = {"unit": "µs", "n_of": "processes"}
                    found.append(row | about | _value(positive_ci(means)))
    return found


def _value(ci: CI) -> dict[str, object]:
    status = "" if ci.n else "no pair of usable trials"
    return ci.columns("value") | {"n": ci.n, "status": status}


@table("failures", *CELL, "strategy", "concurrency")
def failures(run: Run) -> Rows:
    found: Rows = []
    for cell in run.cells():
        if "failed" not in cell.good or not cell.good["failed"].sum() > 0:
            continue
        for strategy, size, label, rows in cell.configurations():
            pool = (strategy, size, label)
            failed, done = cell.values("failed", *pool), cell.values("completed", *pool)
            goodput = geometric_ci(np.exp(cell.logs(*pool)))
            rate = positive_ci(cell.values("failures_tps", *pool))
            share = share_ci(failed / (failed + done))
            if failed.sum() == 0:
                rate, share = (one._replace(low=math.nan, high=math.nan) for one in (rate, share))
            errors: Counter[str] = Counter()
            for text in rows["failures"].dropna():
                for name, number in re.findall(r"(\w+)=(\d+)", text):
                    errors[name] += int(number)
            found.append(
                cell.name
                | {"strategy": label if label == "aa_twin" else strategy, "concurrency": size}
                | goodput.columns("throughput_tps", "throughput_ci_low", "throughput_ci_high")
                | rate.columns("failures_tps")
                | share.columns("failed_share")
                | {
                    "errors": ", ".join(f"{n} x{k}" for n, k in errors.most_common()),
                    "final_workers": cell.values("final_workers", *pool).median(),
                    "n_blocks": goodput.n,
                }
            )
    return found


COMPANY = {
    "adaptive": "fixed",
    "adaptive_two_pools": "fixed",
    "adaptive_beside_loop": "fixed_beside_loop",
    "adaptive_beside_producer": "fixed_beside_producer",
}


@table("shared_process", *CELL, "strategy", "concurrency")
def shared_process(run: Run) -> Rows:
    found: Rows = []
    for cell in run.of("shared_process"):
        for strategy, against in COMPANY.items():
            others = cell.of_sizes(cell.log, against)
            for size in cell.sizes_of(strategy) if others.shape[1] else ():
                mine = cell.logs(strategy, size)

                def score(kept: list[int], mine=mine, others=others) -> "pd.Series[float]":
                    return mine[kept] - picked(others, references(others.loc[kept]))

                ratio = over_blocks(score, cell.blocks).map(math.exp)
                about = {"strategy": strategy, "concurrency": size, "against": against}
                about["against_sizes"] = " ".join(str(n) for n in others.columns)
                about["final_workers"] = cell.values("final_workers", strategy, size).median()
                found.append(cell.name | about | ratio.columns("ratio") | {"n_blocks": ratio.n})
    return found


# --- causes of the cliff ---


@table("cliff_causes", *CELL, "concurrency")
def cliff_causes(run: Run) -> Rows:
    """Core time per task, c / X, and its growth since the peak; throughputs as measured."""
    found: Rows = []
    for cell in run.of("cliff", "cliff_batch", raw=True):
        skipped = cell.rows.loc[cell.rows["status"] == "not_run", "reason"]
        if len(skipped):
            found.append(cell.name | {"status": skipped.iloc[0]})
        seen = {size: _core_time(cell, size) for size in cell.sizes}
        slope, r2 = _switch_cost(seen, cell.optimum)
        for size, here in seen.items():
            row = cell.name | {"concurrency": size, "peak_concurrency": cell.optimum}
            for column in here:
                row |= ci_of(column, here[column]).columns(column)
            row["n_blocks"] = int(here["core_us_per_task"].notna().sum())
            row["status"] = "" if row["n_blocks"] else "no usable trial"
            if not math.isnan(cell.optimum):
                peak = seen[int(cell.optimum)]
                ratio = geometric_ci(here["core_us_per_task"] / peak["core_us_per_task"])
                row |= ratio.map(lambda x: x - 1).columns("growth")
                row |= slope.columns("switch_cost_us", "switch_cost_low", "switch_cost_high")
                row["r2"] = r2
                if size > cell.optimum and not math.isnan(slope.estimate):
                    row |= _shares(here - peak, slope.estimate)
            found.append(row)
    return found


def _core_time(cell: Cell, size: int) -> pd.DataFrame:
    """By block, everything in microseconds per task or per second."""

    def of(column: str):
        return cell.values(column, "fixed", size)

    rate = of("throughput_tps")
    rate = rate.where(rate > 0)
    core, cpu = cell.name["cores"] * 1e6 / rate, 1e3 * of("cpu_ms_per_task")
    voluntary = of("voluntary_switches_per_s")
    switches = voluntary + of("involuntary_switches_per_s")
    texts = cell.rows["conditions"].dropna() if "conditions" in cell.rows else pd.Series()
    interval_ms = 5.0
    for text in texts.iloc[:1]:
        if match := re.search(r"(?:^|;)switch_interval_ms=\"?([\d.]+)", str(text)):
            interval_ms = float(match[1])
    return pd.DataFrame(
        {
            "core_us_per_task": core,
            "cpu_us_per_task": cpu,
            "idle_us_per_task": core - cpu,
            "switches_per_s": switches,
            "switches_per_task": switches / rate,
            "wakeups_per_interval": voluntary * interval_ms / 1e3,
            "run_queue_us_per_task": 1e3 * of("run_queue_ms_per_task"),
            "startup_share": (of("startup_s") + of("shutdown_s")) / of("elapsed_s"),
        }
    )


def _switch_cost(seen: dict[int, pd.DataFrame], peak: float) -> tuple[CI, float]:
    """Least-squares slope, at least 0, of CPU time on switches over trials from the peak on."""
    past = [frame for size, frame in seen.items() if size >= peak]
    trials = pd.concat(past) if past else pd.DataFrame()
    if trials.empty:
        return NOTHING, math.nan
    trials = trials[["switches_per_task", "cpu_us_per_task"]].dropna()
    x, y = trials["switches_per_task"], trials["cpu_us_per_task"]
    if len(trials) < 3 or np.ptp(x) <= 0:
        return NOTHING, math.nan
    line = stats.linregress(x, y)
    slope = student(line.slope, line.stderr, len(trials), len(trials) - 2)
    if trials.index.nunique() < FEWEST or len(trials) - 1 < FEWEST:
        slope = CI(line.slope, math.nan, math.nan, len(trials))
    return slope.map(lambda v: v if math.isnan(v) else max(v, 0.0)), line.rvalue**2


def _shares(grown: pd.DataFrame, slope: float) -> dict[str, float]:
    switches = slope * grown["switches_per_task"]
    parts = {
        "share_switches": switches,
        "share_other_cpu": grown["cpu_us_per_task"] - switches,
        "share_idle": grown["idle_us_per_task"],
    }
    row: dict[str, float] = {}
    for name, part in parts.items():
        both = pd.DataFrame({"part": part, "whole": grown["core_us_per_task"]}).dropna()
        total = mean_ci(both["whole"])
        if not total.estimate > 0 or total.low <= 0:
            continue
        ratio = both["part"].mean() / total.estimate
        spread = mean_ci((both["part"] - ratio * both["whole"]) / total.estimate)
        row |= CI(ratio, ratio + spread.low, ratio + spread.high, 0).columns(name)
    return row


# --- invariance ---

FACTORS = (
    ("whole_", "clock speed (whole task)", "mixed_1_10"),
    ("cpu_", "CPU work (clock speed)", "mixed_1_10"),
    ("wait_exponential", "distribution of waits", "mixed_1_10"),
    ("wait_pareto", "distribution of waits", "mixed_1_10"),
    ("wait_", "length of waits", "mixed_1_10"),
    ("segments_", "length of phases", "mixed_4_4"),
)


def _factor(experiment: str, workload: str) -> tuple[str, str]:
    """What a cell changes, and the workload that it changes it of."""
    if experiment != "invariance":
        return experiment.removeprefix("invariance_").replace("_", " "), workload
    if workload in ("mixed_1_10", "mixed_4_4"):
        return "base", workload
    for start, factor, base in FACTORS:
        if workload.startswith(start):
            return factor, base
    return "other", ""


@table("invariance", "factor", *CELL, "kind", "concurrency")
def invariance(run: Run) -> Rows:
    """beta* against wait / (wait + cpu) within 0.05, decisions against 90 % of the best."""
    found: Rows = []
    reached = {
        tuple(row.get(k) for k in (*CELL, "strategy", "concurrency")): row
        for row in efficiency(run)
    }
    experiments = [
        name for name in run.trials["experiment"].unique() if name.startswith("invariance")
    ]
    for cell in run.of(*experiments):
        factor, base = _factor(cell.name["experiment"], cell.name["workload"])
        shared = {"factor": factor, **cell.name, "base": base, "status": ""}
        skipped = cell.rows.loc[cell.rows["status"] == "not_run", "reason"]
        if len(skipped):
            found.append(shared | {"status": skipped.iloc[0], "verdict": "not measured"})
            continue
        given = cell.rows["parameters"].dropna() if "parameters" in cell.rows else pd.Series()
        task = parameters(given.iloc[0]) if len(given) else {}
        expected = math.nan
        if {"cpu_ms", "wait_ms"} <= task.keys():
            expected = task["wait_ms"] / (task["wait_ms"] + task["cpu_ms"])
        for strategy, size, label, _ in cell.configurations():
            row = shared | {"concurrency": size}
            if (strategy, label) == ("adaptive_held", ""):
                beta, naive = (
                    ci_of(c, cell.values(c, strategy, size)) for c in ("beta_star", "beta_naive")
                )
                row |= {"kind": "beta*", "expected_beta": expected, "n_blocks": beta.n}
                row |= beta.columns("beta_star") | naive.columns("beta_naive")
                row["deviation"] = beta.estimate - expected
                row["verdict"] = _verdict(beta, expected - 0.05, expected + 0.05)
                found.append(row)
            elif (strategy, label) == ("adaptive", ""):
                final = positive_ci(cell.values("final_workers", strategy, size))
                other = reached[(*cell.name.values(), strategy, size)]
                ci = CI(other["efficiency"], other["ci_low"], other["ci_high"], 0)
                row |= {"kind": "decision", "n_blocks": final.n} | final.columns("final_workers")
                row |= ci.columns("efficiency") | {"verdict": _verdict(ci, 0.9, math.inf)}
                found.append(row)
    bases = {
        (row["workload"], row["interpreter"], row["cores"], row["concurrency"]): row
        for row in found
        if row["factor"] == "base" and row.get("kind") == "beta*"
    }
    for row in found:
        base = bases.get((row["base"], row["interpreter"], row["cores"], row.get("concurrency")))
        judged = row.get("kind") == "beta*" and row["factor"] != "base" and base
        if judged and abs(base["expected_beta"] - row["expected_beta"]) < 1e-9:
            row["from_base"] = row["beta_star"] - base["beta_star"]
    return [{k: v for k, v in row.items() if k != "base"} for row in found]


def _verdict(ci: CI, low: float, high: float) -> str:
    if math.isnan(ci.estimate) or math.isnan(low):
        return "not measured"
    if math.isnan(ci.low):
        return "unclear"
    if low <= ci.low and ci.high <= high:
        return "pass"
    return "fail" if ci.high < low or ci.low > high else "unclear"


# --- the runtime over time ---


def progress(run: Run, experiment: str) -> pd.DataFrame:
    """Timelines of the usable trials of an experiment, twins left out."""
    trials = run.trials
    good = (trials["status"] == "ok") & ~trials["excluded"] & (trials["label"] == "")
    names = [*CELL, "strategy", "concurrency", "block", "spec_hash", "final_workers"]
    chosen = trials.loc[good & (trials["experiment"] == experiment)]
    return run.timelines.merge(chosen.reindex(columns=names), on="spec_hash")


@table("cold_start", *CELL, "strategy")
def cold_start(run: Run) -> Rows:
    """Work not done in the first second, in seconds of settled work; and when 97 % of the
    settled throughput is reached on average over half a second."""
    if run.timelines is None:
        return []
    found = []
    seen = progress(run, "profiles")
    controllers = ["adaptive", "adaptive_apart", "paper_algorithm1", "queue_scaler"]
    seen = seen[seen["strategy"].isin(controllers)].sort_values("from_s")
    for key, cell in seen.groupby([*CELL, "strategy"]):
        width = (cell["to_s"] - cell["from_s"]).median()
        shares = []
        for _, trial in cell.groupby("block"):
            counts = trial["completed"].to_numpy(float)
            settled = counts[-round(0.6 / width) :].mean()
            if settled > 0 and len(counts) * width >= 1.6:
                shares.append(counts / settled)
        if not shares:
            continue
        bins = min(map(len, shares))
        matrix = pd.DataFrame([share[:bins] for share in shares])
        done = positive_ci(matrix.iloc[:, : round(1 / width)].sum(axis=1) * width)
        without = [_reached(matrix.drop(index=b).mean(), width) for b in matrix.index]
        row = dict(zip((*CELL, "strategy"), key, strict=True))
        row |= done.map(lambda seconds: 1 - seconds).columns("lost_s", "lost_low", "lost_high")
        row |= {"reached_s": _reached(matrix.mean(), width), "n_blocks": len(matrix)}
        if len(matrix) >= FEWEST:
            times = [time for time in without if not math.isnan(time)]
            row["reached_low"] = min(times, default=math.nan)
            row["reached_high"] = max(without) if len(times) == len(without) else math.nan
        per_bin = cell["final_workers"]
        found.append(row | {"final_workers": per_bin.median()})
    return found


def _reached(share: "pd.Series[float]", width: float) -> float:
    ahead = share.rolling(max(1, round(0.5 / width))).mean().dropna().to_numpy()
    steady = np.flatnonzero(ahead >= 0.97)
    return steady[0] * width if len(steady) else math.nan


@table("phases", *CELL, "strategy", "concurrency")
def phases(run: Run) -> Rows:
    """Work over that of an oracle, which has in each phase the pool that did most in the other
    blocks."""
    if run.timelines is None:
        return []
    found = []
    for key, cell in progress(run, "phases").groupby(CELL):
        work = cell.groupby(["strategy", "concurrency", "block", "phase"])["completed"].sum()
        if "fixed" not in work.index.get_level_values("strategy"):
            continue
        blocks = sorted(cell["block"].unique())
        oracle = pd.Series(0.0, blocks)
        usual = []
        for phase in sorted(cell.loc[cell["strategy"] == "fixed", "phase"].unique()):
            pools = work["fixed"].xs(phase, level="phase").unstack("concurrency").reindex(blocks)
            chosen = [
                (pools.drop(index=b) if len(blocks) > 1 else pools).mean(skipna=False).idxmax()
                for b in blocks
            ]
            oracle += [pools.loc[b, size] for b, size in zip(blocks, chosen, strict=True)]
            usual.append(Counter(chosen).most_common(1)[0][0])
        done = work.groupby(["strategy", "concurrency", "block"]).sum()
        for (strategy, size), mine in done.groupby(["strategy", "concurrency"]):
            ci = geometric_ci(mine.droplevel([0, 1]) / oracle)
            row = dict(zip(CELL, key, strict=True)) | {"strategy": strategy, "concurrency": size}
            row |= ci.columns("work_share", "ci_low", "ci_high") | {"n_blocks": ci.n}
            found.append(row | {"oracle_sizes": " ".join(map(str, usual))})
    return found


@table("estimates", *CELL, "concurrency")
def estimates(run: Run) -> Rows:
    """The sampled share of GIL waits, less what is known of it."""
    trials = run.trials[run.trials["experiment"] == "estimates"]
    good = trials[(trials["status"] == "ok") & ~trials["excluded"]]
    good = good[good["strategy"].str.startswith("adaptive")]
    found = []
    for key, group in good.groupby([*CELL, "concurrency"]):
        error = difference_ci(group["gil_wait_share"] - group["gil_wait_share_true"])
        row = dict(zip((*CELL, "concurrency"), key, strict=True)) | error.columns("gil_error")
        gil = group["gil_enabled"].astype(str).str.lower().str.startswith("t").any()
        for name, column in (
            ("gil_share", "gil_wait_share"),
            ("gil_share_known", "gil_wait_share_true"),
        ):
            # Without a GIL it is 0 by construction, not by measurement.
            found_share = ci_of(name, group[column]) if gil else mean_ci(group[column])
            row |= found_share.columns(name)
        for name in ("beta_star", "beta_naive"):
            row |= ci_of(name, group[name]).columns(name)
        found.append(row | {"n_blocks": error.n})
    return found
