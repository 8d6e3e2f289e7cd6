"""``report``, ``notebooks`` and ``summary``: pages about the results of a run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base import console
from harness.base.errors import ConfigError
from harness.base.whole_files import write_whole
from harness.commands.options import Commands, add_command, add_missing

if TYPE_CHECKING:
    from harness.analysis.data.results import ResultSet


def add_to(commands: Commands) -> None:
    """Add the commands."""
    report = add_command(
        commands, "report", _report, "write report.html, one file that opens offline"
    )
    summary = add_command(
        commands, "summary", _summary, "print verdicts and efficiencies as Markdown"
    )
    notebooks = add_command(
        commands, "notebooks", _notebooks, "run notebooks on results and write each as a page"
    )
    for command in (report, summary, notebooks):
        command.add_argument("--results", type=Path, required=True, help="folder of a run")
    for command in (report, summary):
        command.add_argument("--figures", type=Path, help="folder of its figures")
        add_missing(command)
    report.add_argument("--out", type=Path, help="default: report.html in the folder")
    notebooks.add_argument("notebooks", type=Path, nargs="+", help=".ipynb files")
    notebooks.add_argument("--out", type=Path, help="default: notebooks/ in the folder")


def _report(options: argparse.Namespace) -> int:
    from harness.analysis.publish.report.content import report_of
    from harness.analysis.publish.report.render import html

    report = report_of(_results(options), options.missing)
    out = options.out or options.results / "report.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, html(report))
    print(f"{out}: {len(report.missing)} remarks on what is missing")
    return 0


def _summary(options: argparse.Namespace) -> int:
    from harness.analysis.publish.report.markdown import markdown

    print(markdown(_results(options), options.missing), end="")
    return 0


def _notebooks(options: argparse.Namespace) -> int:
    from harness.analysis.publish.notebooks.execute import write_pages

    out = options.out or options.results / "notebooks"
    errors = write_pages(options.notebooks, _folder(options), out)
    for error in errors:
        console.say(error)
    return 1 if errors else 0


def _results(options: argparse.Namespace) -> "ResultSet":
    from harness.analysis.data.results import read_results

    return read_results(_folder(options), options.figures)


def _folder(options: argparse.Namespace) -> Path:
    folder: Path = options.results
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder")
    return folder
