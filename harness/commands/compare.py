"""``compare``: two result sets, configuration by configuration."""

import argparse
from pathlib import Path

from harness.commands.options import Commands, add_command


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "compare two result sets, configuration by configuration"
    compare = add_command(commands, "compare", _compare, text)
    compare.add_argument("a", type=Path, help="a results/<preset> folder or trials.csv")
    compare.add_argument("b", type=Path)


def _compare(arguments: argparse.Namespace) -> int:
    from harness.analysis.publish.compare import compare_files

    print(compare_files(arguments.a, arguments.b))
    return 0
