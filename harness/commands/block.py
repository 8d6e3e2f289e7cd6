"""``run-block``: measure a block of an experiment; ``repeat``: what the rules left out."""

import argparse
from typing import TYPE_CHECKING

from harness.base.errors import ConfigError
from harness.commands.options import Commands, add_command, add_run_options, run_of
from harness.commands.run import Run

if TYPE_CHECKING:
    from harness.measure.bench import Setting


def add_to(commands: Commands) -> None:
    """Add the commands."""
    text = "measure one block of an experiment (pipeline step)"
    block = add_command(commands, "run-block", _run_block, text)
    add_run_options(block)
    block.add_argument("--experiment", required=True)
    block.add_argument("--block", type=int, required=True)
    text = "measure excluded trials again (pipeline step)"
    add_run_options(add_command(commands, "repeat", _repeat, text))


def _run_block(arguments: argparse.Namespace) -> int:
    """Measure what is missing of one block and leave its marker."""
    from harness.base.lifeline import die_with_parent
    from harness.measure.block import measure_block
    from harness.measure.progress import progress_of

    die_with_parent()
    run = run_of(arguments)
    cells = run.plan.blocks().get((arguments.experiment, arguments.block))
    if cells is None:
        raise ConfigError(
            f"block {arguments.block} of experiment {arguments.experiment!r} is not in the plan"
        )
    measure_block(_setting(run), cells, progress_of(run.plan, run.raw))
    marker = run.marker(arguments.experiment, arguments.block)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return 0


def _repeat(arguments: argparse.Namespace) -> int:
    """Measure again what the exclusion rules leave out, after all blocks."""
    from harness.base.lifeline import die_with_parent
    from harness.measure.repeat import measure_repeats

    die_with_parent()
    run = run_of(arguments)
    measure_repeats(_setting(run), run.plan, run.config.exclusion, run.config.repeat)
    return 0


def _setting(run: Run) -> "Setting":
    from harness.base.whole_files import read_json
    from harness.measure.bench import Setting, new_run_id
    from harness.measure.worker_python import read_interpreters

    return Setting(
        config=run.config,
        interpreters=read_interpreters(run.results / "interpreters.json"),
        raw=run.raw,
        models=read_json(run.results / "model.json"),
        run_id=new_run_id(),
    )
