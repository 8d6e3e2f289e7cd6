"""``python -m harness.analysis report``, ``notebooks`` and ``summary``: pages about results."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.analysis.results import read_results
from harness.whole_files import write_whole

NAMES = {
    "report": "write report.html, one file that opens offline",
    "notebooks": "run notebooks on a results folder and write each as a page",
    "summary": "print verdicts and efficiencies as Markdown",
}


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns 0, 1 when a notebook failed, 2 when there is no such folder."""
    options = _parser().parse_args(arguments)
    if not options.results.is_dir():
        print(f"error: {options.results}: no such folder", file=sys.stderr)
        return 2
    if options.command == "notebooks":
        from harness.analysis.notebooks.execute import write_pages

        out = options.out or options.results / "notebooks"
        errors = write_pages(options.notebooks, options.results, out)
        for error in errors:
            print(f"error: {error}", file=sys.stderr)
        return 1 if errors else 0
    results = read_results(options.results, options.figures)
    if options.command == "summary":
        from harness.analysis.report.summary import markdown

        print(markdown(results, options.missing), end="")
        return 0
    from harness.analysis.report.content import report_of
    from harness.analysis.report.render import html

    report = report_of(results, options.missing)
    out = options.out or options.results / "report.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, html(report))
    print(f"{out}: {len(report.missing)} remarks on what is missing")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in NAMES.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--results", type=Path, required=True, help="folder of a run")
        if name == "notebooks":
            command.add_argument("notebooks", type=Path, nargs="+", help=".ipynb files")
            command.add_argument("--out", type=Path, help="default: notebooks/ in the folder")
            continue
        command.add_argument("--figures", type=Path, help="folder of its figures")
        command.add_argument(
            "--missing",
            action="append",
            default=[],
            metavar="INTERPRETER",
            help="a configured interpreter that was not measured; may be repeated",
        )
        if name == "report":
            command.add_argument("--out", type=Path, help="default: report.html in the folder")
    return parser
