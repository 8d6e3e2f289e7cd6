"""``micro``: run the pyperf micro-benchmarks (pipeline step)."""

import argparse

from harness.commands.options import Commands, add_command, add_run_options, run_of


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "run the pyperf micro-benchmarks (pipeline step)"
    add_run_options(add_command(commands, "micro", _micro, text))


def _micro(arguments: argparse.Namespace) -> int:
    from harness.base.lifeline import die_with_parent
    from harness.machine.cpus import available_cpus
    from harness.measure.micro_benchmarks import run_micro_benchmarks
    from harness.measure.worker_python import read_interpreters

    die_with_parent()
    run = run_of(arguments)
    found = read_interpreters(run.results / "interpreters.json")
    interpreters = {name: found[name] for name in run.config.common_interpreters}
    folder = run.results / "pyperf"
    run_micro_benchmarks(interpreters, folder, run.config.preset, available_cpus())
    return 0
