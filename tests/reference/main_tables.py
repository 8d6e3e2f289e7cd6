"""Efficiency and what is read off it, exclusions and wall time: results/README.md."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from tests.reference.registry import table
from tests.reference.steps import CELL, CI, FEWEST, Cell, Run, geometric_ci, mean_ci, tally

ROW = (*CELL, "strategy", "concurrency")
Rows = list[dict[str, object]]


# --- efficiency ---


@table("efficiency", *ROW)
def efficiency(run: Run) -> Rows:
    return run.once("efficiency", lambda: _efficiency(run, everything=False))


def _efficiency(run: Run, *, everything: bool) -> Rows:
    rows: Rows = []
    raws = run.cells(everything=everything, raw=True)
    struck = set(_struck(run)[CELL].itertuples(index=False, name=None))
    for cell, raw in zip(run.cells(everything=everything), raws, strict=True):
        if everything and tuple(cell.name.values()) not in struck:
            continue
        rows += not_run(cell)
        shared = cell.name | _of_cell(cell)
        for configuration in cell.configurations():
            rows.append(shared | _of_pool(cell, raw, shared["beta_star"], *configuration))
    return rows


def _struck(run: Run) -> pd.DataFrame:
    """Trials that ended well and that a rule left out."""
    return run.trials[run.trials["excluded"] & (run.trials["status"] == "ok")]


def not_run(cell: Cell) -> Rows:
    """The row of a cell that was not run, which says why."""
    skipped = cell.rows[cell.rows["status"] == "not_run"]
    return [{**cell.name, "status": skipped["reason"].iloc[0]}] if len(skipped) else []


def _of_cell(cell: Cell) -> dict[str, object]:
    return {
        "optimum_concurrency": cell.optimum,
        "indistinguishable_sizes": " ".join(map(str, cell.alike)),
        "beta_star": beta_of_one(cell),
        **cell.log_optimum()
        .map(np.exp)
        .columns("optimum_tps", "optimum_ci_low", "optimum_ci_high"),
    }


def beta_of_one(cell: Cell) -> float:
    """Naive beta of the pool with one worker, where nothing contends."""
    return cell.values("beta_naive", "fixed", 1).mean()


def log_efficiency(cell: Cell, strategy: str, size: int, label: str) -> CI:
    """Of a configuration; of the twin against the pool of its own size."""
    logs = cell.logs(strategy, size, label)
    return mean_ci(logs - cell.logs(strategy, size)) if label else cell.log_efficiency(logs)


def _of_pool(
    cell: Cell, raw: Cell, beta: float, strategy: str, size: int, label: str, rows: pd.DataFrame
) -> dict[str, object]:
    configuration = (strategy, size, label)
    found = log_efficiency(cell, *configuration).map(np.exp)
    logs = cell.logs(*configuration)
    rate = geometric_ci(np.exp(logs))
    ok = rows["status"] == "ok"
    out = rows.loc[ok & rows["excluded"], "exclusion_reason"]
    row = {
        "strategy": label or strategy,
        "concurrency": size,
        **found.columns("efficiency", "ci_low", "ci_high"),
        "n_blocks": found.n,
        **rate.columns("throughput_tps", "throughput_ci_low", "throughput_ci_high"),
        **log_efficiency(raw, *configuration)
        .map(np.exp)
        .columns("raw_efficiency", "raw_ci_low", "raw_ci_high"),
        "raw_throughput_tps": geometric_ci(np.exp(raw.logs(*configuration))).estimate,
        "pss_peak_mb": cell.values("pss_peak_mb", *configuration).mean(),
        "speed_elasticity": cell.values("speed_elasticity", *configuration).mean(),
        "bound_tps": bound(cell, beta, size),
        "n_ok": rate.n,
        "n_excluded": len(out),
        "n_failed": int((~ok).sum()),
    }
    row |= dict(zip(("bca_low", "bca_high"), bca(cell, logs, label, strategy, size), strict=True))
    failures = tally(rows.loc[~ok, "status"])
    notes = sorted(set(rows["notes"]) - {""})
    status = "ok"
    if not rate.n:
        status = f"excluded: {tally(out)}" if len(out) else "no completions"
        status = f"failed: {failures}" if failures else status
    else:
        notes += [f"failed: {failures}"] if failures else []
        notes += [f"excluded or flagged: {tally(out)}"] if len(out) else []
        if not found.n:
            notes.append("no usable trial to compare with, or no other block to choose it on")
        if not cell.sizes:
            status = "no fixed pool to compare with"
        elif math.isnan(found.low):
            status = "too few blocks"
    return row | {"status": status, "notes": "; ".join(notes)}


def bound(cell: Cell, beta: float, size: int) -> float:
    """min(N / (C + Z), c / C) with C and Z of the pool with one worker."""
    cpu = cell.values("cpu_ms_per_task", "fixed", 1).mean() / 1e3
    if not (cpu > 0 and beta < 1):
        return math.nan
    wait = cpu * beta / (1 - beta)
    return min(cell.name["cores"] / cpu, (size or math.inf) / (cpu + wait))


def bca(cell: Cell, logs, label: str, strategy: str, size: int) -> tuple[float, float]:
    """Bootstrap of the log ratios in each block, with ten blocks or more."""
    if logs.notna().sum() < 10 or not cell.sizes:
        return math.nan, math.nan
    ratios = (logs - (cell.logs(strategy, size) if label else cell.at_best(cell.blocks))).dropna()
    if len(ratios) < 10:
        return math.nan, math.nan
    if np.ptp(ratios) < 1e-12:
        return math.exp(ratios.mean()), math.exp(ratios.mean())
    found = stats.bootstrap(
        (ratios,), np.mean, n_resamples=4000, method="BCa", rng=np.random.default_rng(0)
    )
    return tuple(np.exp(found.confidence_interval))


# --- read off the efficiencies ---


def frame(run: Run) -> pd.DataFrame:
    rows = run.once("efficiency frame", lambda: pd.DataFrame(efficiency(run)))
    return rows.assign(strategy=rows.get("strategy"), concurrency=rows.get("concurrency"))


@table("aa_twin", *CELL, "concurrency")
def aa_twin(run: Run) -> Rows:
    rows = frame(run)
    found = []
    for twin in rows[rows["strategy"] == "aa_twin"].to_dict("records"):
        low, high = twin["ci_low"], twin["ci_high"]
        around = "yes" if low <= 1 <= high else "no"
        names = (*CELL, "concurrency", "efficiency", "ci_low", "ci_high", "n_blocks", "status")
        found.append(
            {name: twin[name] for name in names}
            | {"contains_1": "unknown" if math.isnan(low) else around}
            | {"floor": max(high, 1 / high, low, 1 / low) - 1 if low > 0 else math.nan}
        )
    return found


@table("headline", "experiment", "strategy", "concurrency")
def headline(run: Run) -> Rows:
    """Geometric mean over cells; each cell's standard error is read off its interval, degrees
    of freedom by Satterthwaite."""
    rows = frame(run)
    others = rows[rows["experiment"] != "cliff"]
    names = others.groupby("experiment")["workload"].nunique()
    if names.empty:
        return []
    experiment = "profiles" if "profiles" in names else names.idxmax()
    rows = rows[(rows["experiment"] == experiment) & rows["strategy"].notna()]
    per_cell = rows.groupby([*CELL, "strategy"]).size()
    several = {strategy for (*_, strategy), n in per_cell.items() if n > 1}
    rows = rows.assign(size=rows["concurrency"].where(rows["strategy"].isin(several)))
    found = []
    for (strategy, size), group in rows.groupby(["strategy", "size"], dropna=False):
        cells = group.dropna(subset="efficiency").sort_values("efficiency", kind="stable")
        if cells.empty:
            continue
        logs, freedom = np.log(cells["efficiency"].astype(float)), cells["n_blocks"] - 1
        reach = np.log(cells["ci_high"].astype(float) / cells["ci_low"].astype(float)) / 2
        variance = (reach / stats.t.ppf(0.975, freedom.astype(float))) ** 2
        total = variance.sum(skipna=False)
        joint = total**2 / (variance**2 / freedom).sum() if total > 0 else math.inf
        error = math.sqrt(total) / len(cells) if total >= 0 else math.nan
        half = stats.t.ppf(0.975, joint) * error
        center = logs.mean()
        row = {"experiment": experiment, "strategy": strategy, "concurrency": size}
        row |= (
            CI(center, center - half, center + half, 0)
            .map(np.exp)
            .columns("efficiency", "ci_low", "ci_high")
        )
        row |= {"n_cells": len(cells), "n_blocks": cells["n_blocks"].min()}
        for name, cell in (("worst", cells.iloc[0]), ("best", cells.iloc[-1])):
            row |= CI(cell["efficiency"], cell["ci_low"], cell["ci_high"], 0).columns(name)
            row |= {f"{name}_{part}": cell[part] for part in CELL[1:]}
        found.append(row)
    return found


def shown(
    center: float, low: float, high: float, decimals: int | None = None, blocks: float = FEWEST
) -> str:
    """``0.93 [0.91, 0.95]`` with so many decimals, or as many as give three digits; of too few
    ``blocks``, ``0.93 (2 blocks)``."""
    if pd.isna(center):
        return "—"
    if decimals is None:
        decimals = 3 if abs(center) < 1 else max(3 - len(str(int(abs(center)))), 0)
    texts = [f"{value:.{decimals}f}" for value in (center, low, high)]
    few = f" ({blocks:.0f} block{'' if blocks == 1 else 's'})" if blocks < FEWEST else ""
    return (texts[0] if pd.isna(low) else f"{texts[0]} [{texts[1]}, {texts[2]}]") + few


@table("efficiency_summary", *CELL)
def efficiency_summary(run: Run) -> Rows:
    rows = frame(run)
    strategies = sorted(set(rows["strategy"].dropna()) - {"fixed"})
    found = []
    for name, cell in rows.groupby(CELL):
        ran = cell[cell["strategy"].notna()]
        first = (ran if len(ran) else cell).iloc[0]
        best = first.get("optimum_concurrency", math.nan)
        alike = first.get("indistinguishable_sizes", "")
        sizes = f" {{{alike.replace(' ', ', ')}}}" if isinstance(alike, str) and alike else ""
        ends = [first.get(name) for name in ("optimum_tps", "optimum_ci_low", "optimum_ci_high")]
        blocks = cell.get("n_blocks", pd.Series([0])).fillna(0).max()
        row = dict(zip(CELL, name, strict=True)) | {
            "optimum": "—" if pd.isna(best) else f"{best:.0f}{sizes}",
            "optimum throughput [1/s]": shown(*ends, blocks=blocks),
            "blocks": blocks,
            "status": "; ".join(dict.fromkeys(cell.loc[cell["strategy"].isna(), "status"])),
        }
        for strategy in strategies:
            each = [entry for _, entry in ran[ran["strategy"] == strategy].iterrows()]
            texts = [_entry(entry) for entry in each]
            if len(each) > 1:
                texts = [f"{e['concurrency']:.0f}: {t}" for e, t in zip(each, texts, strict=True)]
            row[strategy] = "; ".join(texts) or "—"
        found.append(row)
    return found


def _entry(entry: "pd.Series[float]") -> str:
    text = shown(*(entry[n] for n in ("efficiency", "ci_low", "ci_high")), 2, entry["n_blocks"])
    if entry["status"] == "ok":
        return text
    return entry["status"] if text == "—" else f"{text} ({entry['status']})"


@table("cliff", *CELL, "concurrency")
def cliff(run: Run) -> Rows:
    rows = frame(run)
    fixed = rows["strategy"].isna() | (rows["strategy"] == "fixed")
    rows = rows[(rows["experiment"] == "cliff") & fixed]
    tails = {
        (*cell.name.values(), size): geometric_ci(cell.values("latency_p99_ms", "fixed", size))
        for cell in run.of("cliff")
        for size in cell.sizes
    }
    found = []
    for row in rows.to_dict("records"):
        kept = ["throughput_tps", "throughput_ci_low", "throughput_ci_high"]
        entry = {name: row[name] for name in (*CELL, "concurrency", *kept, "n_ok", "n_blocks")}
        entry |= {"status": row["status"], "peak_concurrency": row["optimum_concurrency"]}
        entry |= {f"peak_{end}": row[f"optimum_{end}"] for end in ("tps", "ci_low", "ci_high")}
        lost = CI(row["efficiency"], row["ci_low"], row["ci_high"], 0).map(lambda x: 1 - x)
        entry |= lost.columns("loss", "loss_ci_low", "loss_ci_high")
        tail = tails.get(tuple(row[name] for name in (*CELL, "concurrency")))
        entry |= tail.columns("p99_ms", "p99_ci_low", "p99_ci_high") if tail else {}
        found.append(entry)
    return found


# --- exclusions and wall time ---


@table("exclusions", *CELL, "kind", "rule")
def exclusions(run: Run) -> Rows:
    """First attempts that were left out, failed or not run, and how many were replaced."""
    key = [*CELL, "strategy", "concurrency", "label", "block"]
    trials = run.trials
    later = trials["attempt"] > 1 if "attempt" in trials else pd.Series(False, trials.index)
    good = trials[later & (trials["status"] == "ok") & ~trials["excluded"]]
    replaced = set(good[key].itertuples(index=False, name=None))
    found: dict[tuple, dict[str, object]] = {}
    planned = trials[~later].groupby(CELL).size()
    for row in trials[~later].to_dict("records"):
        if row["status"] == "not_run":
            kind, rule = "not run", row["reason"]
        elif row["status"] != "ok":
            kind, rule = "failed", row["status"]
        elif row["excluded"]:
            kind, rule = "excluded", row["exclusion_reason"]
        else:
            continue
        cell = tuple(row[name] for name in CELL)
        names = dict(zip((*CELL, "kind", "rule"), (*cell, kind, rule), strict=True))
        entry = found.setdefault(tuple(names.values()), names | {"trials": 0, "replaced": 0})
        entry["trials"] += 1
        entry["of"] = planned[cell]
        entry["replaced"] += tuple(row[name] for name in key) in replaced
        reasons = [*entry.get("texts", ()), row["reason"]] if kind != "not run" else []
        entry["texts"] = [text for text in dict.fromkeys(reasons) if text]
        entry["reasons"] = "; ".join(entry["texts"][:3])
    return [{k: v for k, v in entry.items() if k != "texts"} for entry in found.values()]


@table("exclusions_effect", *ROW)
def exclusions_effect(run: Run) -> Rows:
    """Cells in which a rule left out a trial that ended well: with and without it."""
    names = ["efficiency", "ci_low", "ci_high", "n_blocks"]
    ruled = {_key(row): row for row in efficiency(run)}
    found = []
    for row in run.once("every", lambda: _efficiency(run, everything=True)):
        entry = {name: row.get(name) for name in ROW} | {"n_excluded": row.get("n_excluded", 0)}
        entry |= {name: ruled[_key(row)].get(name) for name in names}
        found.append(entry | {f"{name}_all_trials": row.get(name) for name in names})
    return found


def _key(row: dict[str, object]) -> tuple:
    return tuple(row.get(name) for name in ROW)


@table("wall_time", "experiment")
def wall_time(run: Run) -> Rows:
    ran = run.trials.dropna(subset=["started_at", "ended_at"])
    found = []
    for name, group in [*ran.groupby("experiment"), ("all", ran)]:
        warmup, window = group["warmup_s"].sum(), group["window_s"].sum()
        window += group["elapsed_s"].sum() if "elapsed_s" in group else 0
        busy = (group["ended_at"] - group["started_at"]).sum()
        span = group["ended_at"].max() - group["started_at"].min()
        row = {"experiment": name, "trials": len(group), "warmup_s": warmup, "window_s": window}
        row |= {"trial_s": busy, "span_s": span, "share_of_trials": (warmup + window) / busy}
        found.append(row | {"share_of_span": (warmup + window) / span if name == "all" else None})
    return found if len(ran) else []
