"""What tasks of the discrimination experiment wait for, by their configured times alone.

A resource is the limit whose load (milliseconds per task over its capacity) is largest; far
above N* = (cpu + wait) / load workers wait for it, far below for their own I/O.
"""

import json
import math
import re

import numpy as np
import pandas as pd

from tests.reference.steps import CELL, CI, FEWEST, Run

REGIMES = ("io_wait", "gil_wait", "run_queue", "user_lock", "saturated_remote")


def loads(task: dict[str, object], cores: int, gil: bool) -> dict[str, float]:
    """In the order in which ties are decided."""
    cpu, wait = task["cpu_ms"], task["wait_ms"]
    found = {}
    if task.get("lock", "none") != "none":
        found["user_lock"] = wait if task["lock"] == "waiting" else cpu
    if task.get("remote_servers"):
        found["saturated_remote"] = wait / task["remote_servers"]
    if gil and not task.get("releases_gil"):
        found["gil_wait"] = cpu
    return found | {"run_queue": cpu / cores}


def truth(row: dict[str, object]) -> tuple[str | None, bool | None]:
    """The regime of a trial, and whether its throughput agrees by the utilisation law."""
    task, workers = row["task"], row["concurrency"]
    if not {"cpu_ms", "wait_ms"} <= task.keys():
        return None, None
    load = loads(task, row["cores"], str(row["gil_enabled"]).lower() in ("true", "1", "1.0"))
    limit, alone = max(load, key=load.get), task["cpu_ms"] + task["wait_ms"]
    used = {name: row["throughput_tps"] * each / 1e3 for name, each in load.items()}
    if workers >= 2 * alone / load[limit]:
        return limit, used[limit] > 0.75
    if workers <= 0.5 * alone / load[limit] and task["wait_ms"] > task["cpu_ms"]:
        fast = row["throughput_tps"] > 0.75 * 1e3 * workers / alone
        return "io_wait", max(used.values()) < 0.75 and fast
    return None, None


def parameters(text: object) -> dict[str, object]:
    """``key=value;…`` with values in JSON; what is none is a text, as in older tables."""
    found: dict[str, object] = {}
    for key, value in re.findall(r'([^;=]+)=("(?:[^"\\]|\\.)*"|[^;]*)', str(text)):
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def observations(run: Run, *, everything: bool = False) -> pd.DataFrame:
    """Usable held trials of the experiment with ``regime``, ``held_out``, ``confirmed``, the
    share of the cores in use, and d log X / d log N towards the next larger size."""
    trials = run.trials
    chosen = (trials["experiment"] == "discrimination") & (trials["strategy"] == "adaptive_held")
    chosen &= trials["status"] == "ok"
    # With everything counted: first attempts as they came, and no repetitions.
    counted = ~(trials["attempt"] > 1) if everything else ~trials["excluded"]
    seen = trials[chosen & counted].reset_index(drop=True)
    if seen.empty:
        return seen
    seen["task"] = [parameters(text) for text in seen["parameters"]]
    found = [truth(row) for row in seen.to_dict("records")]
    seen["regime"], seen["confirmed"] = zip(*found, strict=True)
    seen["held_out"] = [bool(task.get("held_out")) for task in seen["task"]]
    seen["cpu_share"] = seen["cpu_ms_per_task"] * seen["throughput_tps"] / 1e3 / seen["cores"]
    seen["response"] = math.nan
    for _, group in seen.sort_values("concurrency").groupby([*CELL, "strategy", "block"]):
        rate = group["throughput_tps"]
        slope = np.log(rate.where(rate > 0)).diff() / np.log(group["concurrency"]).diff()
        ahead = slope.shift(-1)
        ahead.iloc[-1] = slope.iloc[-1]
        seen.loc[group.index, "response"] = ahead
    return seen


def units(seen: pd.DataFrame) -> np.ndarray:
    """The configuration of each trial: repetitions in other blocks are no other unit."""
    return seen.groupby(["workload", "interpreter", "cores", "concurrency"]).ngroup().to_numpy()


def bootstrap(measure, truth: np.ndarray, groups: np.ndarray, draws: int = 4000) -> CI:
    """``measure`` of weights (draws, trials), with a percentile interval.

    Configurations are drawn within each true class. Own random draws, so that its ends agree
    with others' only nearly.
    """
    estimate = float(measure(np.ones((1, len(truth))))[0])
    if not math.isfinite(estimate):
        return CI(math.nan, math.nan, math.nan, len(truth))
    rng = np.random.default_rng(1)
    weights = np.zeros((draws, len(truth)))
    for value in np.unique(truth):
        own = np.flatnonzero(truth == value)
        members, place = np.unique(groups[own], return_inverse=True)
        if len(members) < FEWEST:
            return CI(estimate, math.nan, math.nan, len(truth))
        counts = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), draws)
        weights[:, own] = counts[:, place]
    return CI(estimate, *np.quantile(measure(weights), [0.025, 0.975]), len(truth))


def balanced_accuracy(truth: np.ndarray, told: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over true classes of the share that is recognised, for each draw of weights."""
    shares = [
        weights[:, (truth == value) & (told == value)].sum(1) / weights[:, truth == value].sum(1)
        for value in np.unique(truth)
    ]
    return np.mean(shares, axis=0)


def auc(positive: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Probability that a positive trial scores higher than another, ties counting half."""
    one, other = score[positive][:, None], score[~positive][None, :]
    wins = (one > other) + 0.5 * (one == other)
    mine, theirs = weights[:, positive], weights[:, ~positive]
    pairs = mine.sum(1) * theirs.sum(1)
    return ((mine @ wins) * theirs).sum(1) / np.where(pairs > 0, pairs, np.nan)
