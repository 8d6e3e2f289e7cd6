"""From what the report says to one HTML file that needs nothing but a browser."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.analysis.publish.report.content import Report
from harness.analysis.publish.report.verdicts import MARKS

HERE = Path(__file__).parent


def html(report: Report) -> str:
    """The report as a page; every text is escaped."""
    commands = _commands(report.preset)
    return render(
        "report.html.j2",
        report=report,
        kinds=report.verdicts.kinds,
        marks=MARKS,
        example=_example(report),
        commands=commands,
        width=max(len(command) for command, _ in commands),
    )


def render(template: str, **values: Any) -> str:
    """A template of this folder, filled; texts that are not marked as markup are escaped."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # The style sheet is this project's own file, the only markup besides the templates.
    style = Markup((HERE / "style.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)


def _example(report: Report) -> str:
    """The first expression that names a cell and a strategy."""
    tables = [table for view in report.sections for table in view.tables]
    expressions = (row.expression or "" for table in tables for row in table.rows)
    return next(
        (text for text in expressions if "workload" in text and "strategy" in text),
        "experiment == 'profiles'",
    )


def _commands(preset: str) -> list[tuple[str, str]]:
    return [
        (f"make reproduce ARGS='--config preset={preset}'", "all of it, set-up included"),
        (f"snakemake --cores 1 --config preset={preset}", "the same where the packages are"),
        (f"python -m harness plan --preset {preset}", "what would run, and how long"),
        (f"python -m harness report --results results/{preset}", "only this page"),
    ]
