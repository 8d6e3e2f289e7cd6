"""``reference``: from a finished run to the tables and figures that are committed."""

import argparse
from pathlib import Path

from harness.commands.options import Commands, add_command


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "make the committed reference from a finished run"
    reference = add_command(commands, "reference", _reference, text)
    reference.add_argument("run", type=Path, help="its results/<preset> folder")
    reference.add_argument("--out", type=Path, default=Path("results/reference"))


def _reference(arguments: argparse.Namespace) -> int:
    from harness.analysis.publish.reference import make_reference

    written = make_reference(arguments.run, arguments.out)
    size = sum(path.stat().st_size for path in written)
    print(f"{arguments.out} and its figures: {len(written)} files, {size / 2**20:.1f} MiB")
    return 0
