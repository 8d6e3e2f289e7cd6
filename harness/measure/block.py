"""Measures one block of an experiment: cell after cell, trial after trial."""

from collections.abc import Sequence

from harness.design.plan import CellBlock
from harness.measure.bench import Bench, Hold, Setting, hold_machine
from harness.measure.progress import Progress
from harness.store.places import cell_file
from harness.store.records import CellFile, RecordError, finite
from harness.trial.spec import TrialSpec

#: a trial, and its position in its cell
Placed = tuple[int, TrialSpec]


def measure_block(
    setting: Setting, cells: Sequence[CellBlock], progress: Progress, hold: Hold = hold_machine
) -> None:
    """Measure whatever is missing of a block, holding the machine.

    Cells that are complete are left alone; a cell that was cut short goes on where it
    stopped. Raises ``RecordError`` when records already there belong to another plan.
    """
    purpose = f"{cells[0].experiment}, block {cells[0].block}, preset {setting.config.preset}"
    with hold(setting, purpose, max(cell.cores for cell in cells)) as bench:
        for cell in cells:
            file = cell_file(setting.raw, cell)
            if file.finished:
                continue
            done = {record["spec_hash"] for record in file.recover()}
            if strangers := done - {trial.spec_hash for trial in cell.trials}:
                raise RecordError(
                    f"{file.partial}: holds records of another plan "
                    f"({', '.join(sorted(strangers))}); "
                    "move the results of the earlier configuration away first"
                )
            missing = [
                (position, trial)
                for position, trial in enumerate(cell.trials)
                if trial.spec_hash not in done
            ]
            measure_trials(bench, missing, file, progress)
            file.finish()


def measure_trials(
    bench: Bench, trials: Sequence[Placed], file: CellFile, progress: Progress, attempt: int = 1
) -> None:
    """Measure trials of one workload on one interpreter and append their records to ``file``."""
    if not trials:
        return
    with bench.seat(trials[0][1]) as seat:
        for position, trial in trials:
            record = {**seat.measure(trial), "sequence": position, "attempt": attempt}
            file.append(finite(record))
            progress.trial_done(trial, record["result"])
