"""How far the measurements can be trusted: noise floor, exclusions, failures, wall time."""

import math
from collections.abc import Iterator

import pandas as pd

from harness.analysis.data.trials import CELL, CONFIGURATION, NOT_RUN, TWIN
from harness.analysis.tables.columns import EFFICIENCY, Columns, Text, titled
from harness.analysis.tables.efficiency import OK, efficiency_table
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table

TWIN_COLUMNS = [*CELL, "concurrency", *EFFICIENCY.names, "n_blocks"]
EFFECT_KEY = [*CELL, "strategy", "concurrency"]


def tables(inputs: Inputs) -> Iterator[Table]:
    """The noise floor, what was left out and what of it, and where the time went."""
    trials, efficiency, titles = inputs.trials, inputs.efficiency, inputs.titles
    twins = aa_twin_table(efficiency)
    yield Table(
        "aa_twin",
        "A/A twin: the same configuration twice",
        twins,
        titled(_twin_view(twins), titles),
        f"{aa_twin_share(twins)} Differences below the floor are not claimed. {inputs.note}",
    )
    for name, title, table, note in (
        (
            "exclusions",
            "Trials excluded, failed or not run",
            exclusions_table(trials),
            inputs.absent,
        ),
        (
            "exclusions_effect",
            "Efficiency with and without the excluded trials, in cells that have some",
            exclusions_effect(trials, efficiency),
            inputs.note,
        ),
        ("wall_time", "Where the wall time went", wall_time_table(trials), inputs.absent),
    ):
        yield Table(name, title, table, titled(table, titles), note)


def aa_twin_table(efficiency: pd.DataFrame) -> pd.DataFrame:
    """Per cell: the twin's efficiency, whether its interval holds 1, and the noise floor.

    ``floor`` is the interval's larger reach away from 1, as a share: a difference between
    two strategies smaller than this is not told from no difference.
    """
    rows = efficiency[efficiency["strategy"] == TWIN]
    table = rows[[*TWIN_COLUMNS, "status"]].reset_index(drop=True)
    inside = (table["ci_low"] <= 1) & (table["ci_high"] >= 1)
    known = table["ci_low"].notna()
    answers = [
        "unknown" if not k else "yes" if i else "no" for k, i in zip(known, inside, strict=True)
    ]
    table.insert(len(TWIN_COLUMNS), "contains_1", pd.Series(answers, table.index, dtype=object))
    reach = [
        None if not k else max(abs(math.log(low)), abs(math.log(high)))
        for k, low, high in zip(known, table["ci_low"], table["ci_high"], strict=True)
    ]
    floors = [None if r is None else math.expm1(r) for r in reach]
    table.insert(len(TWIN_COLUMNS) + 1, "floor", pd.Series(floors, table.index, dtype=float))
    return table


def _twin_view(twins: pd.DataFrame) -> pd.DataFrame:
    shown = twins.drop(columns=["ci_low", "ci_high"]).rename(columns={"concurrency": "N"})
    for name, text in (
        ("efficiency", Text("", EFFICIENCY, decimals=3)),
        ("floor", Text("", Columns("floor"), percent=True, n="")),
    ):
        shown[name] = [str(text(row)) for row in twins.to_dict("records")]
    return shown.rename(columns={"floor": "floor [%]", "n_blocks": "blocks"})


def aa_twin_share(twins: pd.DataFrame) -> str:
    """A sentence: in how many cells the twin's interval holds 1."""
    known = twins[twins["contains_1"] != "unknown"]
    if known.empty:
        return "No cell has a twin with an interval."
    inside = int((known["contains_1"] == "yes").sum())
    share = 100 * inside / len(known)
    return f"The interval holds 1 in {inside} of {len(known)} cells ({share:.0f} %)."


def repetitions(trials: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are second and later attempts at a trial."""
    if "attempt" not in trials:
        return pd.Series(False, trials.index)
    return pd.to_numeric(trials["attempt"]) > 1


def exclusions_table(trials: pd.DataFrame) -> pd.DataFrame:
    """Per cell, kind (excluded, failed, not run) and rule or status: how many trials, of how
    many, as they came at first; and for how many of them a repetition counts instead.
    ``reasons`` lists up to three distinct reasons given by failed trials."""
    columns = [*CELL, "kind", "rule", "trials", "of", "reasons", "replaced"]
    later = repetitions(trials)
    replaced_by = trials[later & (trials["status"] == OK) & ~trials["excluded"]]
    key = [*CELL, *CONFIGURATION, "block"]
    replaced = pd.MultiIndex.from_frame(replaced_by[key].astype(str))
    trials = trials[~later]
    failed = ~trials["status"].isin([OK, NOT_RUN])
    kind = pd.Series("", trials.index).mask(trials["excluded"], "excluded").mask(failed, "failed")
    kind = kind.mask(trials["status"] == NOT_RUN, "not run")
    rule = trials["status"].mask(kind == "excluded", trials["exclusion_reason"])
    rule = rule.mask(kind == "not run", trials["reason"])
    marked = trials.assign(kind=kind, rule=rule)
    marked["of"] = marked.groupby(CELL, dropna=False)["status"].transform("size")
    rows = []
    for _, group in marked[kind != ""].groupby([*CELL, "kind", "rule"], sort=True, dropna=False):
        first = group.iloc[0]
        reasons = [text for text in dict.fromkeys(group["reason"]) if text]
        shown = "" if first["kind"] == "not run" else "; ".join(reasons[:3])
        names = [first[name] for name in (*CELL, "kind", "rule")]
        stood = pd.MultiIndex.from_frame(group[key].astype(str)).isin(replaced)
        rows.append([*names, len(group), int(first["of"]), shown, int(stood.sum())])
    return pd.DataFrame(rows, columns=columns)


def exclusions_effect(trials: pd.DataFrame, efficiency: pd.DataFrame) -> pd.DataFrame:
    """Efficiency with the exclusion rules applied and with all trials that ran well, side by
    side, for the cells in which a rule struck."""
    names = [*EFFICIENCY.names, "n_blocks"]
    struck = trials[trials["excluded"] & (trials["status"] == OK)]
    cells = struck[CELL].drop_duplicates()
    affected = trials.merge(cells, on=CELL)
    every = efficiency_table(affected, use_exclusions=False)[[*EFFECT_KEY, *names, "n_excluded"]]
    ruled = efficiency.merge(cells, on=CELL)[[*EFFECT_KEY, *names]]
    return ruled.merge(every, on=EFFECT_KEY, how="outer", suffixes=("", "_all_trials"))


def wall_time_table(trials: pd.DataFrame) -> pd.DataFrame:
    """Per experiment and in total: seconds of warm-up and windows (or batches), of trials, and
    of the span from the first start to the last end, with warm-up and windows as a share of both.

    The span holds pauses between an interrupted run and its resumption; other experiments'
    trials lie within an experiment's span, so only the total's share judges a run.
    """
    ran = trials[trials["started_at"].notna() & trials["ended_at"].notna()]
    groups = [(str(name), group) for name, group in ran.groupby("experiment", sort=True)]
    rows = [_wall_time(name, group) for name, group in [*groups, ("all", ran)] if len(group)]
    columns = ["experiment", "trials", "warmup_s", "window_s", "trial_s", "span_s"]
    columns += ["share_of_trials", "share_of_span"]
    return pd.DataFrame(rows, columns=columns)


def _wall_time(name: str, group: pd.DataFrame) -> dict[str, object]:
    warmup, window = float(group["warmup_s"].sum()), float(group["window_s"].sum())
    if "elapsed_s" in group:
        window += float(group["elapsed_s"].sum())  # batches have no window
    busy = float((group["ended_at"] - group["started_at"]).sum())
    span = float(group["ended_at"].max() - group["started_at"].min())
    return {
        "experiment": name,
        "trials": len(group),
        "warmup_s": warmup,
        "window_s": window,
        "trial_s": busy,
        "span_s": span,
        "share_of_trials": (warmup + window) / busy if busy > 0 else None,
        "share_of_span": (warmup + window) / span if span > 0 and name == "all" else None,
    }
