"""``tables``, ``figures``, ``claims`` and ``pyperf``: what is made of a run's trials."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base.errors import ConfigError
from harness.base.whole_files import read_json
from harness.commands.options import Commands, add_command, add_config_folder, add_missing

if TYPE_CHECKING:
    import pandas as pd

    from harness.analysis.tables.inputs import Inputs

#: columns of timelines.csv and decisions.csv that hold words
WORDS = {"spec_hash", "phase", "action"}


def add_to(commands: Commands) -> None:
    """Add the commands."""
    tables = add_command(
        commands, "tables", _tables, "write every table as CSV, Markdown and LaTeX (pipeline step)"
    )
    figures = add_command(
        commands, "figures", _figures, "draw every figure as PDF and PNG (pipeline step)"
    )
    claims = add_command(commands, "claims", _claims, "judge the paper's claims (pipeline step)")
    pyperf = add_command(
        commands, "pyperf", _pyperf, "export the trials for pyperf's own commands (pipeline step)"
    )
    for command in (tables, figures, claims, pyperf):
        command.add_argument("--trials", type=Path, required=True, help="trials.csv of a run")
        command.add_argument("--out", type=Path, required=True, help="folder to write into")
    for command in (tables, figures, claims):
        add_config_folder(command)
    for command in (tables, figures):
        command.add_argument("--titles", type=Path, help="JSON object: name to title")
        command.add_argument("--timelines", type=Path, help="timelines.csv of the same run")
        command.add_argument("--decisions", type=Path, help="decisions.csv of the same run")
        add_missing(command)
    for command in (tables, claims):
        command.add_argument("--micro", type=Path, help="folder of the micro-benchmarks")
    figures.add_argument("--experiment", help="the one that compares strategies")
    claims.add_argument("--plan", type=Path, help="plan.json of the same run")
    claims.add_argument("--claim", help="judge only this one, such as C17")


def _tables(options: argparse.Namespace) -> int:
    from harness.analysis.tables.registry import write_tables

    return _written(options.out, write_tables(_inputs(options), options.out))


def _figures(options: argparse.Namespace) -> int:
    # Drawing libraries take seconds to import; tables do without them.
    from harness.analysis.figures.all import draw_figures
    from harness.analysis.figures.catalogue import not_drawn

    names = draw_figures(_inputs(options), options.out, options.experiment)
    _written(options.out, names)
    for absent in not_drawn(names):
        wanted = ", ".join(absent.experiments)
        print(f"not drawn: {absent.name} (too little usable data of {wanted})")
    return 0


def _claims(options: argparse.Namespace) -> int:
    from harness.analysis.claims.writing import write_claims

    folder, micro = options.config_folder, options.micro
    trials = _trials(options)
    names = write_claims(trials, options.out, folder, micro, options.plan, options.claim)
    return _written(options.out, names)


def _pyperf(options: argparse.Namespace) -> int:
    from harness.analysis.publish.pyperf_export import export

    return _written(options.out, export(_trials(options), options.out))


def _written(out: Path, names: list[str]) -> int:
    print(f"{out}: {', '.join(names)}")
    return 0


def _trials(options: argparse.Namespace) -> "pd.DataFrame":
    from harness.analysis.data.trials import read_trials

    return read_trials(options.trials, "throughput_tps")


def _inputs(options: argparse.Namespace) -> "Inputs":
    """What tables and figures are made from; figures have no option for micro-benchmarks."""
    from harness.analysis.data.printed import read_printed
    from harness.analysis.data.reading import read_table
    from harness.analysis.tables.inputs import Inputs
    from harness.design.printed import FILE
    from harness.store.table import DECISION_COLUMNS, TIMELINE_COLUMNS

    titles = _titles(options.titles)
    trials = _trials(options)
    timelines, decisions = (
        read_table(path, needed=columns, numeric={*columns} - WORDS) if path else None
        for path, columns in (
            (options.timelines, TIMELINE_COLUMNS),
            (options.decisions, DECISION_COLUMNS),
        )
    )
    return Inputs(
        trials,
        titles,
        options.missing,
        timelines,
        decisions,
        getattr(options, "micro", None),
        read_printed(options.config_folder / FILE),
    )


def _titles(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise ConfigError(f"{path}: expected an object of names and titles")
    return content
