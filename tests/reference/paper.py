"""Counterparts of the paper's tables: one row per configuration, with an interval each.

Columns named ``printed_`` hold what the paper prints and are checked against config/printed.yaml
by tests of their own; nothing in them is computed from trials.
"""

from itertools import combinations

import numpy as np

from tests.reference.main_tables import ROW, Rows, efficiency
from tests.reference.registry import table
from tests.reference.steps import CELL, CI, Cell, Run, ci_of, geometric_ci, positive_ci

COPIED = ["optimum_concurrency", "indistinguishable_sizes", "beta_star", "optimum_tps"]
COPIED += ["n_blocks", "n_ok", "n_excluded", "n_failed", "status", "notes"]
PRINTED = r"printed_.*"
CONTROLLERS = ("paper_algorithm1", "adaptive")


def rows_of(run: Run, *experiments: str, columns: tuple[str, ...] = ()) -> Rows:
    """Rows of the efficiency table but for twins, with means of ``columns`` of trials.csv."""
    cells = {tuple(cell.name.values()): cell for cell in run.of(*experiments)}
    found = []
    for row in efficiency(run):
        if row["experiment"] not in experiments or row.get("strategy") == "aa_twin":
            continue
        cell = cells[tuple(row[name] for name in CELL)]
        entry = {name: row.get(name) for name in (*ROW, *COPIED)} | {"cell": cell}
        if entry["strategy"]:
            entry |= _from_efficiency(row)
            for column in columns:
                entry |= _mean(entry, column, cell.values(column, *_pool(entry)))
        found.append(entry)
    return found


def _from_efficiency(row: dict[str, object]) -> dict[str, object]:
    names = ("throughput_tps", "throughput_ci_low", "throughput_ci_high")
    rate = CI(*(row[name] for name in names), 0)
    part = CI(*(row[name] for name in ("efficiency", "ci_low", "ci_high")), 0)
    loss = part.map(lambda x: 1 - x)
    return rate.columns("throughput_tps") | part.columns("efficiency") | loss.columns("loss")


def _pool(row: dict[str, object]) -> tuple[str, int]:
    return row["strategy"], row["concurrency"]


def _mean(row: dict[str, object], name: str, values) -> dict[str, float]:
    return ci_of(name, values).columns(name)


def finished(rows: Rows) -> Rows:
    return [{k: v for k, v in row.items() if k != "cell"} for row in rows]


@table("paper_gil_nogil", *ROW, given=PRINTED)
def paper_gil_nogil(run: Run) -> Rows:
    return finished(rows_of(run, "gil_nogil", columns=("beta_naive",)))


@table("paper_cliff", *ROW, given=PRINTED)
def paper_cliff(run: Run) -> Rows:
    rows = rows_of(run, "cliff", "cliff_batch", columns=("latency_p99_ms",))
    for row in rows:
        if row["strategy"]:
            cell = row["cell"]
            elapsed = cell.values("elapsed_s", *_pool(row))
            for part in ("startup", "shutdown"):
                share = cell.values(f"{part}_s", *_pool(row)) / elapsed
                row.update(_mean(row, f"{part}_share", share))
    return finished(rows)


@table("paper_pure_io", *ROW, given=PRINTED)
def paper_pure_io(run: Run) -> Rows:
    """Speed-ups are ratios within a block, at equal machine speed."""
    rows = rows_of(run, "pure_io")
    for row in rows:
        if row["strategy"]:
            ratio = row["cell"].logs(*_pool(row)) - row["cell"].logs("fixed", 1)
            row.update(_mean(row, "speed_up", np.exp(ratio)))
    return finished(rows)


@table("paper_memory", *ROW, given=PRINTED)
def paper_memory(run: Run) -> Rows:
    memory = ("pss_peak_mb", "uss_peak_mb", "rss_peak_mb")
    rows = rows_of(run, "memory", columns=memory)
    for row in rows:
        if not row["strategy"]:
            continue
        cell, pool = row["cell"], _pool(row)
        for column in ("pss", "rss"):
            threads = cell.values(f"{column}_peak_mb", "fixed", 32)
            row.update(
                _mean(row, f"{column}_ratio", cell.values(f"{column}_peak_mb", *pool) / threads)
            )
        row.update(_mean(row, "uss_per_worker", uss_per_worker(cell, *pool)))
    return finished(rows)


def uss_per_worker(cell: Cell, strategy: str, size: int):
    """USS beyond that of the smallest fixed pool, per worker; that pool has none of its own."""
    if not cell.sizes or (strategy, size) == ("fixed", cell.sizes[0]):
        return []
    more = cell.values("uss_peak_mb", strategy, size)
    more = more - cell.values("uss_peak_mb", "fixed", cell.sizes[0])
    return more / (size - (cell.sizes[0] if strategy == "fixed" else 0))


@table("memory_512mb", *ROW)
def memory_512mb(run: Run) -> Rows:
    memory = ("pss_peak_mb", "uss_peak_mb", "rss_peak_mb")
    return finished(rows_of(run, "memory_512mb", columns=memory))


@table("paper_baselines", *ROW, given=PRINTED)
def paper_baselines(run: Run) -> Rows:
    columns = ("latency_p99_ms", "final_workers", "pss_peak_mb")
    return finished(rows_of(run, "baselines", columns=columns))


@table("paper_solution", *ROW, given=PRINTED)
def paper_solution(run: Run) -> Rows:
    """Naive, optimal and adaptive pool only."""
    columns = ("latency_p99_ms", "beta_naive", "final_workers", "vetoes")
    found = []
    for row in rows_of(run, "baselines", columns=columns):
        parts = []
        if row["strategy"] == "fixed":
            best = row["concurrency"] == row["optimum_concurrency"]
            paper = row["concurrency"] == 32
            if best:
                parts = ["optimum here and in the paper" if paper else "optimum here"]
            elif row["concurrency"] == 256:
                parts = ["naive"]
            elif paper:
                parts = ["the paper's optimum"]
        elif row["strategy"] in CONTROLLERS:
            parts = ["controller"]
        if parts or not row["strategy"]:
            found.append(row | {"part": "".join(parts)})
    return finished(found)


@table("paper_mix_sweep", *ROW, given=PRINTED)
def paper_mix_sweep(run: Run) -> Rows:
    return finished(rows_of(run, "mix_sweep", columns=("final_workers",)))


@table("paper_threshold", *ROW, given=PRINTED)
def paper_threshold(run: Run) -> Rows:
    return finished(rows_of(run, "threshold", columns=("final_workers", "beta_naive")))


@table("paper_profiles", *ROW, given=PRINTED)
def paper_profiles(run: Run) -> Rows:
    rows = rows_of(run, "profiles", columns=("final_workers",))
    return finished([row for row in rows if row["strategy"] in (None, *CONTROLLERS)])


@table(
    "paper_interpreters",
    *["experiment", "workload", "cores", "concurrency", "interpreter", "against"],
    given=PRINTED,
)
def paper_interpreters(run: Run) -> Rows:
    """Ratios within a block; as measured where one of the two lacks the machine's speed."""
    names = ("gil_nogil", "single_thread")
    groups: dict[tuple, list[tuple[Cell, Cell]]] = {}
    for cell, raw in zip(run.of(*names), run.of(*names, raw=True), strict=True):
        place = tuple(cell.name[name] for name in ("experiment", "workload", "cores"))
        groups.setdefault(place, []).append((cell, raw))
    found = []
    for place, members in groups.items():
        for base, other in combinations(sorted(members, key=lambda m: m[0].name["interpreter"]), 2):
            for size in sorted(set(base[0].sizes) & set(other[0].sizes)):
                one, against = comparable(other, base)
                ratio = one.logs("fixed", size) - against.logs("fixed", size)
                ci = geometric_ci(np.exp(ratio))
                row = dict(zip(("experiment", "workload", "cores"), place, strict=True))
                row |= {"concurrency": size, "interpreter": other[0].name["interpreter"]}
                row |= {"against": base[0].name["interpreter"], **ci.columns("ratio")}
                status = "" if ci.n else "no block with both"
                found.append(row | {"n_ok": ci.n, "status": status})
    return found


def comparable(one: tuple[Cell, Cell], other: tuple[Cell, Cell]) -> tuple[Cell, Cell]:
    """Of two cells at equal speed and as measured: the former where both carry the speed."""
    place = 0 if all("speed_elasticity" in pair[0].good for pair in (one, other)) else 1
    return one[place], other[place]


@table("paper_instrumentation", "interpreter", "call", given=PRINTED)
def paper_instrumentation(run: Run) -> Rows:
    calls = {
        "clock_time": "time.time()",
        "clock_perf_counter": "time.perf_counter()",
        "clock_thread_time": "time.thread_time()",
        "paper_instrumentation": "four calls and beta",
        "noop": "an empty call",
    }
    found = []
    for interpreter, benchmarks in run.micro.items():
        for name in calls.keys() & benchmarks.keys():
            cost = positive_ci(benchmarks[name])
            row = {"interpreter": interpreter, "call": calls[name], "benchmark": name}
            found.append(row | cost.columns("cost_us") | {"n_ok": cost.n, "status": ""})
    return found


@table("paper_timeline", *ROW, "at")
def paper_timeline(run: Run) -> Rows:
    """The size last decided on, and the completions of the second before, at some moments."""
    if run.timelines is None or run.decisions is None:
        return []
    trials = run.trials
    trials = trials[(trials["experiment"] == "timeline") & (trials["status"] == "ok")]
    trials = trials[~trials["excluded"]]
    found = []
    for key, group in trials.groupby([*CELL, "strategy", "concurrency"]):
        decided = run.decisions[run.decisions["spec_hash"].isin(group["spec_hash"])]
        plain = group[group["label"] == ""]
        progress = run.timelines[run.timelines["spec_hash"].isin(plain["spec_hash"])]
        if decided.empty:
            continue
        longest = progress["to_s"].max() if len(progress) else decided["at_s"].max()
        for moment in (1, 2, 5, 10, 20, 30):
            if moment > longest:
                continue
            before = decided[decided["at_s"] <= moment].sort_values("at_s", kind="stable")
            workers = positive_ci(before.groupby("spec_hash")["workers"].last())
            second = progress[(progress["from_s"] >= moment - 1) & (progress["to_s"] <= moment)]
            rate = positive_ci(second.groupby("spec_hash")["completed"].sum())
            row = dict(zip((*CELL, "strategy", "concurrency"), key, strict=True))
            row |= {"at": moment, "n_ok": workers.n, "status": ""}
            found.append(row | workers.columns("workers") | rate.columns("throughput_tps"))
    return found
