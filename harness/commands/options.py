"""What several commands share: how a command is added, and the options that choose a run."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from harness.commands.run import SETTINGS, Run, open_run

CONFIG_HELP = "default: config"


class Commands(Protocol):
    """What ``add_subparsers`` of the one parser returns."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser:
        """Add a command."""
        ...


def add_command(
    commands: Commands, name: str, action: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    """Add a command that runs ``action``, which returns the exit status."""
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(action=action)
    return parser


def add_config_folder(parser: argparse.ArgumentParser) -> None:
    """The folder of the configuration, for commands that need no run."""
    parser.add_argument("--config-folder", type=Path, default=Path("config"), help=CONFIG_HELP)


def add_missing(parser: argparse.ArgumentParser) -> None:
    """Interpreters that tables and pages are to name as missing."""
    parser.add_argument(
        "--missing",
        action="append",
        default=[],
        metavar="INTERPRETER",
        help="a configured interpreter that was not measured; may be repeated",
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The settings of a run, as Snakemake's ``--config`` has them."""
    parser.add_argument("--preset", help="smoke, short or paper (default: config.yaml's)")
    parser.add_argument("--interpreters", help="comma-separated names instead of the preset's")
    parser.add_argument("--io", help="sleep or socket (default: config.yaml's)")
    parser.add_argument("--draw", help="a number: which random tasks are drawn")
    parser.add_argument("--config-folder", help=CONFIG_HELP)
    parser.add_argument("--partial", help="yes: a look at what an unfinished run has measured")
    parser.add_argument("--claim", help="only what this claim needs, such as C17")


def run_of(arguments: argparse.Namespace) -> Run:
    """The run that the settings describe; raises ``ConfigError``."""
    chosen = {key: getattr(arguments, key) for key in SETTINGS}
    return open_run({key: value for key, value in chosen.items() if value is not None})
