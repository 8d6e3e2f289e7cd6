"""``plan``: what will run, how many trials, how long and how much disk; or save it."""

import argparse

from harness.commands.options import Commands, add_command, add_run_options, run_of
from harness.commands.run import freeze


def add_to(commands: Commands) -> None:
    """Add the command."""
    text = "say what will run, how many trials, how long, how much disk"
    plan = add_command(commands, "plan", _plan, text)
    add_run_options(plan)
    plan.add_argument("--freeze", action="store_true", help="save the plan (pipeline step)")


def _plan(arguments: argparse.Namespace) -> int:
    from harness.design.plan_report import describe

    run = run_of(arguments)
    if arguments.freeze:
        freeze(run)
    else:
        print(describe(run.plan, run.claims()))
    return 0
