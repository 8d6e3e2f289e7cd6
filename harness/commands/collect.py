"""``collect``: from the records of a run to trials.csv and its companions (pipeline step)."""

import argparse
import sys
from itertools import chain
from pathlib import Path

from harness.commands.options import Commands, add_command, add_run_options, run_of


def add_to(commands: Commands) -> None:
    """Add the command."""
    collect = add_command(commands, "collect", _collect, "records to trials.csv (pipeline step)")
    add_run_options(collect)
    collect.add_argument("--trials", type=Path, required=True)
    collect.add_argument("--titles", type=Path, required=True)


def _collect(arguments: argparse.Namespace) -> int:
    from harness.base.whole_files import write_json
    from harness.store import table
    from harness.store.libraries import note_on_differences

    run = run_of(arguments)
    plan, raw, rules = run.plan, run.raw, run.config.exclusion
    measured = chain(table.planned_records(plan, raw), table.repeated_records(plan, raw))
    note = note_on_differences(measured, run.config.allow_version_differences)
    timelines = table.timeline_rows(plan, raw, rules)
    table.write_table(run.results / "timelines.csv", timelines, table.TIMELINE_COLUMNS)
    decisions = table.decision_rows(plan, raw, rules)
    table.write_table(run.results / "decisions.csv", decisions, table.DECISION_COLUMNS)
    rows = table.rows(plan, raw, rules, run.config.clocked())
    count = table.write_table(arguments.trials, table.noted(rows, note))
    write_json(arguments.titles, run.config.titles())
    print(f"{arguments.trials}: {count} rows", file=sys.stderr)
    return 0
