"""Every table of a result set: which there are, their titles and what people see of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from harness.analysis.data.printed import Printed, read_printed
from harness.analysis.data.trials import normalised
from harness.analysis.estimate import speed
from harness.analysis.tables.cliff import cliff_table, cliff_view
from harness.analysis.tables.controllers import (
    cold_start_table,
    cold_start_view,
    curves,
    phases_table,
    phases_view,
)
from harness.analysis.tables.efficiency import efficiency_table
from harness.analysis.tables.estimates import estimates_table, estimates_view
from harness.analysis.tables.headline import headline_table, headline_view, profiles_experiment
from harness.analysis.tables.paper.catalogue import paper_tables
from harness.analysis.tables.paper.inputs import Inputs
from harness.analysis.tables.quality import (
    aa_twin_share,
    aa_twin_table,
    exclusions_effect,
    exclusions_table,
    wall_time_table,
)
from harness.analysis.tables.referees import referee_tables
from harness.analysis.tables.summary import summary_table
from harness.analysis.tables.writing import (
    Table,
    number,
    percent_with_interval,
    with_interval,
    write_table,
)

#: strategies whose trials start with the first submit or show how they got where they are
CONTROLLERS = ["adaptive", "adaptive_apart", "paper_algorithm1", "queue_scaler"]
NO_TITLES: Mapping[str, str] = {}
CELL_HEADERS = {
    "experiment": "Experiment",
    "workload": "Workload",
    "interpreter": "Interpreter",
    "cores": "Cores",
}


def write_tables(
    trials: pd.DataFrame,
    folder: Path,
    titles: Mapping[str, str] = NO_TITLES,
    missing_interpreters: Sequence[str] = (),
    timelines: pd.DataFrame | None = None,
    decisions: pd.DataFrame | None = None,
    micro: Path | None = None,
    printed: Printed | None = None,
) -> list[str]:
    """Write all tables of the rows of trials.csv into ``folder``; returns their names.

    ``titles`` maps names of workloads, interpreters and strategies to what people read;
    ``timelines`` and ``decisions`` are the rows of the files of that name, ``micro`` is the
    folder of the micro-benchmarks; ``printed`` are those of config/printed.yaml by default.
    """
    names = []
    frame = normalised(trials)
    efficiency = efficiency_table(frame)
    tables = list(all_tables(frame, efficiency, titles, missing_interpreters))
    tables += runtime_tables(frame, timelines, titles)
    note = table_note(frame, missing_interpreters)
    facts = printed or read_printed()
    inputs = Inputs(frame, efficiency, facts, titles, note, timelines, decisions, micro)
    tables += paper_tables(inputs)
    tables += referee_tables(inputs)
    absent = _absent(missing_interpreters)
    for table in tables:
        lacks = absent not in table.note
        named = replace(table, note=f"{table.note} {absent}".strip()) if lacks else table
        write_table(named, folder)
        names.append(table.name)
    return names


def table_note(trials: pd.DataFrame, missing_interpreters: Sequence[str]) -> str:
    """What every table says of its numbers: speed, intervals, interpreters missing."""
    adjusted = "Throughputs at equal machine speed. " if speed.has_covariate(trials) else ""
    absent = _absent(missing_interpreters)
    return f"{adjusted}Intervals: 95 %, over blocks. {absent}".strip()


def _absent(missing_interpreters: Sequence[str]) -> str:
    if not missing_interpreters:
        return ""
    return f"Interpreters missing here: {', '.join(missing_interpreters)}."


def all_tables(
    trials: pd.DataFrame,
    efficiency: pd.DataFrame,
    titles: Mapping[str, str] = NO_TITLES,
    missing_interpreters: Sequence[str] = (),
) -> Iterator[Table]:
    """The tables one after the other, from normalised trials and their efficiency table."""
    absent = _absent(missing_interpreters)
    note = table_note(trials, missing_interpreters)

    headline = headline_table(efficiency, profiles_experiment(trials))
    yield Table(
        "headline",
        "Efficiency of each strategy over all cells",
        headline,
        _titled(headline_view(headline, titles), titles),
        f"Geometric means; their intervals hold the noise of these cells. {note}",
    )
    yield Table(
        "efficiency",
        "Efficiency against the best fixed pool",
        efficiency,
        _efficiency_view(efficiency, titles),
        note,
    )
    summary = summary_table(efficiency)
    yield Table(
        "efficiency_summary",
        "Optimum and efficiency of each strategy",
        summary,
        _titled(summary, titles),
        f"Optimum: most frequent best size {{all sizes not told apart from it}}. {note}",
    )
    cliff = cliff_table(trials, efficiency)
    yield Table(
        "cliff",
        "The saturation cliff",
        cliff,
        _titled(cliff_view(cliff), titles),
        f"Peak throughput and loss are taken in blocks the peak was not chosen on. {note}",
    )
    twins = aa_twin_table(efficiency)
    yield Table(
        "aa_twin",
        "A/A twin: the same configuration twice",
        twins,
        _titled(_twin_view(twins), titles),
        f"{aa_twin_share(twins)} Differences below the floor are not claimed. {note}",
    )
    exclusions = exclusions_table(trials)
    yield Table(
        "exclusions",
        "Trials excluded, failed or not run",
        exclusions,
        _titled(exclusions, titles),
        absent,
    )
    effect = exclusions_effect(trials, efficiency)
    yield Table(
        "exclusions_effect",
        "Efficiency with and without the excluded trials, in cells that have some",
        effect,
        _titled(effect, titles),
        note,
    )
    wall = wall_time_table(trials)
    yield Table("wall_time", "Where the wall time went", wall, _titled(wall, titles), absent)


def runtime_tables(
    trials: pd.DataFrame, timelines: pd.DataFrame | None, titles: Mapping[str, str] = NO_TITLES
) -> Iterator[Table]:
    """What only the adaptive runtime's experiments give; none where they were not run."""
    if timelines is not None:
        found = curves(trials, timelines)
        profiles = found[found["experiment"] == "profiles"]
        cold = cold_start_table(profiles, CONTROLLERS)
        if len(cold):
            text = "Settled: the last 0.6 s of the same trial. Interval: 95 %, over blocks."
            view = _titled(cold_start_view(cold), titles)
            yield Table(
                "cold_start", "From the first submit to settled throughput", cold, view, text
            )
        phases = phases_table(found)
        if len(phases):
            text = (
                "The oracle switches in no time to the fixed pool that does most in each phase. "
                "Throughputs as measured. Intervals: 95 %, over blocks."
            )
            view = _titled(phases_view(phases), titles)
            yield Table("phases", "Work done while tasks change their nature", phases, view, text)
    estimates = estimates_table(trials)
    if len(estimates):
        text = "Known: occupied time less CPU, run queue and the tasks' own sleep."
        view = _titled(estimates_view(estimates), titles)
        yield Table(
            "estimates", "Estimates of the runtime against what is known", estimates, view, text
        )


def _efficiency_view(efficiency: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    rows = []
    for row in efficiency.to_dict("records"):
        rows.append(
            {
                **{header: row[name] for name, header in CELL_HEADERS.items()},
                "Strategy": row["strategy"],
                "N": row["concurrency"],
                "Efficiency": with_interval(
                    row["efficiency"],
                    row["ci_low"],
                    row["ci_high"],
                    decimals=2,
                    n=row["n_blocks"],
                ),
                "Blocks": row["n_blocks"],
                "Optimum N": row["optimum_concurrency"],
                "Throughput [1/s]": with_interval(
                    row["throughput_tps"],
                    row["throughput_ci_low"],
                    row["throughput_ci_high"],
                    n=row["n_ok"],
                ),
                "Bound [1/s]": number(row["bound_tps"]),
                "beta*": number(row["beta_star"], 2),
                "PSS [MB]": number(row["pss_peak_mb"]),
                "Excluded": row["n_excluded"],
                "Failed": row["n_failed"],
                "Status": "; ".join(part for part in (row["status"], row["notes"]) if part),
            }
        )
    headers = [*CELL_HEADERS.values()]
    return _titled(pd.DataFrame(rows, columns=None if rows else headers), titles)


def _twin_view(twins: pd.DataFrame) -> pd.DataFrame:
    columns = (twins[name] for name in ("efficiency", "ci_low", "ci_high", "n_blocks"))
    view = twins.drop(columns=["ci_low", "ci_high"]).rename(columns={"concurrency": "N"})
    view["efficiency"] = [
        with_interval(*interval, decimals=3, n=n) for *interval, n in zip(*columns, strict=True)
    ]
    view["floor"] = [percent_with_interval(floor, None, None) for floor in twins["floor"]]
    return view.rename(columns={"floor": "floor [%]", "n_blocks": "blocks"})


def _titled(frame: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Names replaced by their titles and texts for numbers, for people."""
    view = frame.rename(columns=CELL_HEADERS)
    for column in ("Workload", "Interpreter", "Strategy", "strategy"):
        if column in view:
            view[column] = [titles.get(v, v) if isinstance(v, str) else v for v in view[column]]
    return view.rename(columns=lambda name: titles.get(name, str(name).replace("_", " ")))
