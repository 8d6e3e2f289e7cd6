"""``interpreters``: find or provision interpreters and say what they are."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.commands.options import Commands, add_command, add_config_folder

if TYPE_CHECKING:
    from harness.interpreters.interpreter import Interpreter


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "find, provision and verify the interpreters to be measured"
    command = add_command(commands, "interpreters", _interpreters, text)
    command.add_argument("--json", action="store_true", help="print JSON on standard output")
    command.add_argument("--only", nargs="+", metavar="NAME", help="these instead of the default")
    command.add_argument(
        "--no-provision", action="store_true", help="do not download or compile an interpreter"
    )
    command.add_argument(
        "--allow-version-differences", action="store_true", help="whatever their libraries are"
    )
    add_config_folder(command)


def _interpreters(options: argparse.Namespace) -> int:
    from harness.interpreters import config
    from harness.interpreters.obtain import build_differences, ensure

    file = options.config_folder / config.FILE
    ready = ensure(
        options.only or config.load(file).default,
        file,
        provision=not options.no_provision,
        allow_version_differences=options.allow_version_differences,
    )
    if warning := build_differences(ready):
        print(f"warning: {warning}", file=sys.stderr)
    if options.json:
        print(json.dumps({item.name: item.to_json() for item in ready}, indent=2))
    else:
        print(_table(ready))
    return 0


def _table(interpreters: "Sequence[Interpreter]") -> str:
    """The interpreters as aligned text."""
    head = ("name", "version", "GIL", "found by", "executable")
    rows = [
        (i.name, i.version, "on" if i.gil_enabled else "off", i.found_by, str(i.executable))
        for i in interpreters
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
