"""Command line of the analysis: tables, figures, claims and the export to pyperf."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import terminal
from harness.analysis.figures.catalogue import not_drawn
from harness.analysis.printed import FILE as PRINTED
from harness.analysis.printed import read_printed
from harness.analysis.reading import TrialsError, read_table
from harness.analysis.report.command import NAMES as PAGES
from harness.analysis.report.command import main as pages
from harness.analysis.trials import read_trials
from harness.strict_yaml import ConfigError
from harness.trials import DECISION_COLUMNS, TIMELINE_COLUMNS
from harness.whole_files import read_json

#: columns of timelines.csv and decisions.csv that hold words
WORDS = {"spec_hash", "phase", "action"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, 2 for input that cannot be read."""
    arguments = sys.argv[1:] if argv is None else argv
    refusals = (TrialsError, ConfigError)
    return terminal.run(lambda: _run(arguments), refusals, refused=2, prefix="error: ")


def _run(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] in PAGES:
        return pages(arguments)
    options = _parser().parse_args(arguments)
    titles = _titles(options.titles)
    trials = read_trials(options.trials, "throughput_tps")
    timelines, decisions = (
        read_table(path, needed=columns, numeric={*columns} - WORDS) if path else None
        for path, columns in (
            (getattr(options, "timelines", None), TIMELINE_COLUMNS),
            (getattr(options, "decisions", None), DECISION_COLUMNS),
        )
    )
    progress = (timelines, decisions)
    if options.command == "tables":
        from harness.analysis.tables import write_tables

        printed = read_printed(options.config_folder / PRINTED)
        names = write_tables(
            trials, options.out, titles, options.missing, *progress, options.micro, printed
        )
    elif options.command == "figures":
        # Drawing libraries take seconds to import; tables do without them.
        from harness.analysis.figures.all import draw_figures

        printed = read_printed(options.config_folder / PRINTED)
        names = draw_figures(
            trials, options.out, titles, options.missing, options.experiment, *progress, printed
        )
    elif options.command == "claims":
        from harness.analysis.claims.writing import write_claims

        names = write_claims(
            trials, options.out, options.config_folder, options.micro, options.plan, options.claim
        )
    else:
        from harness.analysis.pyperf_export import export

        names = export(trials, options.out)
    print(f"{options.out}: {', '.join(names)}")
    if options.command == "figures":
        for absent in not_drawn(names):
            wanted = ", ".join(absent.experiments)
            print(f"not drawn: {absent.name} (too little usable data of {wanted})")
    return 0


def _titles(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise ConfigError(f"{path}: expected an object of names and titles")
    return content


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("tables", "write every table as CSV, Markdown and LaTeX"),
        ("figures", "draw every figure as PDF and PNG"),
        ("claims", "judge the paper's claims"),
        ("pyperf", "export the trials for pyperf stats, compare_to and hist"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--trials", type=Path, required=True, help="trials.csv of a run")
        command.add_argument("--out", type=Path, required=True, help="folder to write into")
        command.add_argument("--titles", type=Path, help="JSON object: name to title")
        command.add_argument(
            "--missing",
            action="append",
            default=[],
            metavar="INTERPRETER",
            help="a configured interpreter that is missing here; may be repeated",
        )
        if name != "pyperf":
            command.add_argument("--config-folder", type=Path, default=Path("config"))
        if name == "claims":
            command.add_argument("--micro", type=Path, help="folder of the micro-benchmarks")
            command.add_argument("--plan", type=Path, help="plan.json of the same run")
            command.add_argument("--claim", help="judge only this one, such as C17")
        elif name != "pyperf":
            command.add_argument("--timelines", type=Path, help="timelines.csv of the same run")
            command.add_argument("--decisions", type=Path, help="decisions.csv of the same run")
        if name == "tables":
            command.add_argument("--micro", type=Path, help="folder of the micro-benchmarks")
        if name == "figures":
            command.add_argument("--experiment", help="the one that compares strategies")
    for name, text in PAGES.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser
