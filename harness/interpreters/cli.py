"""`python -m harness interpreters`: find or provision interpreters and say what they are."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.interpreters import config
from harness.interpreters.model import Interpreter, InterpreterError
from harness.interpreters.obtain import build_differences, ensure


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when every interpreter is ready, 1 with the reason on stderr if not."""
    parser = argparse.ArgumentParser(
        prog="python -m harness interpreters",
        description="Find, provision and verify the interpreters to be measured.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these instead of the default")
    parser.add_argument(
        "--no-provision", action="store_true", help="do not download or compile an interpreter"
    )
    parser.add_argument(
        "--allow-version-differences", action="store_true", help="whatever their libraries are"
    )
    parser.add_argument(
        "--config-folder", type=Path, default=Path("config"), help="default: %(default)s"
    )
    options = parser.parse_args(argv)
    file = options.config_folder / config.FILE
    try:
        names = options.only or config.load(file).default
        ready = ensure(
            names,
            file,
            provision=not options.no_provision,
            allow_version_differences=options.allow_version_differences,
        )
    except InterpreterError as error:
        print(error, file=sys.stderr)
        return 1
    warning = build_differences(ready)
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    if options.json:
        print(json.dumps({item.name: item.to_json() for item in ready}, indent=2))
    else:
        print(table(ready))
    return 0


def table(interpreters: Sequence[Interpreter]) -> str:
    """Return the interpreters as aligned text."""
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
