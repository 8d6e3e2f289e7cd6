"""One pipeline job: from a run's files to the measuring of one of its blocks."""

from pathlib import Path

from harness.measure.progress import Progress
from harness.measure.repeat import measure_repeats
from harness.measure.run_block import (
    Setting,
    WorkerPython,
    cell_file,
    measure_block,
    new_run_id,
)
from harness.pipeline import Run
from harness.plan import estimate
from harness.strict_yaml import ConfigError
from harness.whole_files import read_json, refused_by_name


def read_interpreters(path: Path) -> dict[str, WorkerPython]:
    """The worker environments found by the ``interpreters`` step.

    Raises ``ConfigError`` when one of them has vanished since.
    """
    content = read_json(path)
    with refused_by_name(path):
        found = {
            name: WorkerPython(Path(entry["python"]), dict(entry["environment"]))
            for name, entry in content.items()
        }
    for name, worker in found.items():
        if not worker.python.exists():
            raise ConfigError(
                f"{path}: {name}: {worker.python} is gone; delete {path.name} and run again to "
                "recreate it"
            )
    return found


def measure(run: Run, experiment: str, block: int) -> None:
    """Measure what is missing of one block and leave its marker.

    Raises ``RecordError`` when finished records do not belong to the plan.
    """
    setting = _setting(run)
    cells = run.plan.blocks().get((experiment, block))
    if cells is None:
        raise ConfigError(f"block {block} of experiment {experiment!r} is not in the plan")
    measure_block(setting, cells, _progress(run))
    marker = run.marker(experiment, block)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def repeat(run: Run) -> None:
    """Measure again what the exclusion rules leave out, after all blocks."""
    measure_repeats(_setting(run), run.plan, run.config.exclusion, run.config.repeat)


def _setting(run: Run) -> Setting:
    return Setting(
        config=run.config,
        interpreters=read_interpreters(run.results / "interpreters.json"),
        raw=run.raw,
        models=read_json(run.results / "model.json"),
        run_id=new_run_id(),
    )


def _progress(run: Run) -> Progress:
    todo = []
    cells_todo = 0
    for cell in run.plan.cell_blocks:
        file = cell_file(run.raw, cell)
        if file.finished:
            continue
        cells_todo += 1
        done = {record["spec_hash"] for record in file.recover()}
        todo += [trial for trial in cell.trials if trial.spec_hash not in done]
    total = sum(1 for _ in run.plan.trials())
    return Progress(
        total=total,
        done_before=total - len(todo),
        remaining_s=estimate(todo, cells_todo).seconds,
        expected_s={trial.spec_hash: estimate([trial], 0).seconds for trial in todo},
    )
