"""``python -m harness``: the commands people use, and the steps the Snakefile calls."""

import argparse
from collections.abc import Sequence

from harness.base import console
from harness.commands import (
    analysis,
    block,
    calibrate,
    collect,
    compare,
    doctor,
    interpreters,
    machine,
    micro,
    model,
    pages,
    plan,
    reference,
    simulate,
)

#: in the order in which help lists them: what people use, then the steps of the pipeline
COMMANDS = (
    *(doctor, plan, interpreters, compare, pages, reference, calibrate, simulate),
    *(model, block, collect, micro, machine, analysis),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 on success, 1 with the reason on stderr, 2 for usage, 130 on Ctrl-C."""
    return console.run(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    parsed = _parser().parse_args(argv)
    status: int = parsed.action(parsed)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # Handled before this parser is made (see ``harness.__main__``): here for the list alone.
    commands.add_parser(
        "profile", help="what a program's thread pools wait for, and their size", add_help=False
    )
    for module in COMMANDS:
        module.add_to(commands)
    return parser
