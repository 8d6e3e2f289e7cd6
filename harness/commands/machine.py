"""``machine``: describe the machine that was measured on (pipeline step)."""

import argparse
from pathlib import Path

from harness.commands.options import Commands, add_command


def add_to(commands: Commands) -> None:
    """Add the command."""
    machine = add_command(commands, "machine", _machine, "describe the machine (pipeline step)")
    machine.add_argument("--interpreters-json", type=Path, required=True)
    machine.add_argument("--out", type=Path, required=True)


def _machine(arguments: argparse.Namespace) -> int:
    from harness.base.whole_files import read_json, refused_by_name, write_json
    from harness.machine.describe import describe_machine

    interpreters = read_json(arguments.interpreters_json)
    with refused_by_name(arguments.interpreters_json):
        description = describe_machine(interpreters)
    write_json(arguments.out, description)
    return 0
