"""Command line of the analysis: tables, figures, claims and the export to pyperf."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from harness.analysis.figures.catalogue import not_drawn
from harness.analysis.printed import read_printed
from harness.analysis.report.command import NAMES as PAGES
from harness.analysis.report.command import main as pages
from harness.analysis.trials import TrialsError, read_trials
from harness.strict_yaml import ConfigError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, 2 for input that cannot be read."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0] in PAGES:
        return pages(arguments)
    options = _parser().parse_args(arguments)
    try:
        titles = _titles(options.titles)
        trials = read_trials(options.trials)
        timelines, decisions = (
            pd.read_csv(path) if path else None
            for path in (getattr(options, name, None) for name in ("timelines", "decisions"))
        )
        printed = read_printed()
        progress = (timelines, decisions)
    except (OSError, ValueError, TrialsError, ConfigError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.command == "tables":
        from harness.analysis.tables import write_tables

        names = write_tables(
            trials, options.out, titles, options.missing, *progress, options.micro, printed
        )
    elif options.command == "figures":
        # Drawing libraries take seconds to import; tables do without them.
        from harness.analysis.figures.all import draw_figures

        names = draw_figures(
            trials, options.out, titles, options.missing, options.experiment, *progress, printed
        )
    elif options.command == "claims":
        from harness.analysis.claims.writing import write_claims

        try:
            names = write_claims(
                trials, options.out, options.config_folder, options.micro, options.plan,
                options.claim,
            )  # fmt: skip
        except (ConfigError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
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
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise ValueError(f"{path}: expected an object of names and titles")
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
        if name == "claims":
            command.add_argument("--config-folder", type=Path, default=Path("config"))
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
