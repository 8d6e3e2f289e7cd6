"""``model``: generate or check the network files of the workloads (pipeline step)."""

import argparse
from pathlib import Path

from harness.commands.options import Commands, add_command, add_run_options, run_of


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "generate or check the network file (pipeline step)"
    model = add_command(commands, "model", _model, text)
    add_run_options(model)
    model.add_argument("--out", type=Path, required=True)


def _model(arguments: argparse.Namespace) -> int:
    from harness.base.whole_files import write_json
    from harness.design.provide_model import provide_model

    run = run_of(arguments)
    folder = run.results / "model"
    found = {
        workload.name: provide_model(workload.model, folder)
        for workload in run.config.workloads.values()
        if workload.needs_model and workload.model is not None
    }
    write_json(arguments.out, found)
    return 0
