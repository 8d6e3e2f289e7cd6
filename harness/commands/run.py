"""What the Snakefile needs to know: the run's configuration, its plan and its files."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.base.errors import ConfigError
from harness.base.whole_files import refuse_detour, write_whole
from harness.design import claims
from harness.design import config as configuration
from harness.design.claims import Claim
from harness.design.config import Config
from harness.design.plan import NotRun, Plan, make_plan, to_json
from harness.machine.cpus import available_cpus
from harness.store.places import cell_file
from harness.store.records import RecordError, read_trials

SETTINGS = ("preset", "interpreters", "io", "draw", "config_folder", "claim", "partial")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its configuration, the plan that follows from it, and where things go."""

    config: Config
    plan: Plan
    results: Path
    figures: Path
    config_folder: Path = Path("config")
    #: the only claim this run is for; None for a whole run
    claim: Claim | None = None
    #: where the run is whose unfinished results are looked at; None: this run measures itself
    unfinished: Path | None = None
    #: the plan of that run, of which ``plan`` is the part that has been measured
    whole_plan: Plan | None = None

    @property
    def raw(self) -> Path:
        """Folder of the records."""
        return (self.unfinished or self.results) / "raw"

    @property
    def micro(self) -> Path:
        """Folder of the micro-benchmarks' results."""
        return (self.unfinished or self.results) / "pyperf"

    def folders(self) -> list[Path]:
        """Every folder that is written to, outer ones first."""
        of_blocks = {self.marker(*key).with_suffix("") for key in self.plan.blocks()}
        return [
            *(self.results.parent, self.results, self.figures.parent, self.figures),
            *(self.results / "tables", self.results / "pyperf", self.raw, self.raw / "repeats"),
            *sorted({folder.parent for folder in of_blocks}),
            *sorted(of_blocks),
        ]

    def claims(self) -> tuple[Claim, ...]:
        """The claims this run is to judge: all, or its only one."""
        return (self.claim,) if self.claim else claims.read(self.config_folder).claims

    def claim_files(self) -> list[Path]:
        """The file the claims are read from, where there is one."""
        return [path for path in [self.config_folder / claims.FILE] if path.exists()]

    def printed_files(self) -> list[Path]:
        """The file of the paper's printed numbers, where there is one."""
        return [path for path in [self.config_folder / "printed.yaml"] if path.exists()]

    def markers(self) -> list[Path]:
        """One file per (experiment, block), there once the block has been measured.

        None where an unfinished run is looked at: nothing more is to be measured.
        """
        if self.unfinished:
            return []
        return [self.marker(*key) for key in self.plan.blocks()]

    def marker(self, experiment: str, block: int | str) -> Path:
        """The file that says that a block of an experiment has been measured."""
        return self.raw / experiment / f"block-{int(block):02d}.done"

    def record_files(self) -> list[Path]:
        """The finished files of records of every cell that the plan holds."""
        return [cell_file(self.raw, cell).final for cell in self.plan.cell_blocks]

    def forget_empty_markers(self) -> None:
        """Remove markers whose records are gone, so that the block is measured again."""
        for (experiment, block), cells in self.plan.blocks().items():
            marker = self.marker(experiment, block)
            if marker.exists() and not all(cell_file(self.raw, c).finished for c in cells):
                marker.unlink()


def arguments(settings: Mapping[str, Any]) -> str:
    """Settings as options of ``python -m harness``, quoted for a shell."""
    words = []
    for key, value in settings.items():
        text = ",".join(value) if isinstance(value, (list, tuple)) else str(value)
        words.append(f"--{key.replace('_', '-')} {shlex.quote(text)}")
    return " ".join(words)


def open_run(settings: Mapping[str, Any], root: Path = Path()) -> Run:
    """The run that command-line settings describe (see :data:`SETTINGS`).

    Raises ``ConfigError`` naming what is wrong, a link in place of a folder of the results
    included; writes nothing.
    """
    for key in settings:
        if key not in SETTINGS:
            raise ConfigError(f"--config {key}: unknown; known are {', '.join(SETTINGS)}")
    interpreters = settings.get("interpreters")
    if isinstance(interpreters, str):
        interpreters = [name.strip() for name in interpreters.split(",")]
    if interpreters is not None and not isinstance(interpreters, (list, tuple)):
        raise ConfigError(f"--config interpreters: {interpreters!r} is not a text or a list")
    for key in ("preset", "io", "config_folder", "claim"):
        if not isinstance(settings.get(key, ""), str):
            raise ConfigError(f"--config {key}: {settings[key]!r} is not a text")
    folder = root / settings.get("config_folder", "config")
    config = configuration.read(
        folder,
        preset=settings.get("preset"),
        interpreters=interpreters,
        io=settings.get("io"),
        draw=_whole_number(settings.get("draw")),
    )
    # Part of a preset is another plan: it goes into folders of its own.
    name, claim = config.preset, None
    if "claim" in settings:
        claim = claims.read(folder).find(settings["claim"])
        config = claims.restricted(config, claim)
        name = f"{name}-{claim.id.lower()}"
    whole_plan = make_plan(config, available_cpus())
    plan, unfinished = whole_plan, None
    if _is_partial(settings):
        unfinished = root / "results" / name
        plan = measured_part(plan, unfinished / "raw")
        name = f"{name}-partial"
    run = Run(
        config=config,
        plan=plan,
        results=root / "results" / name,
        figures=root / "paper_figures" / name,
        config_folder=folder,
        claim=claim,
        unfinished=unfinished,
        whole_plan=whole_plan,
    )
    for folder in run.folders():
        refuse_detour(folder)
    return run


def _whole_number(value: Any) -> int | None:
    """What a command line gives for ``draw``: a number, or its digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ConfigError(f"--config draw: {value!r} is not a whole number")
    return value


def _is_partial(settings: Mapping[str, Any]) -> bool:
    """Whether an unfinished run is to be looked at; a command line gives a text or a truth."""
    value = settings.get("partial", False)
    if isinstance(value, str):
        value = {"yes": True, "true": True, "no": False, "false": False}.get(value.lower(), value)
    if not isinstance(value, bool):
        raise ConfigError(f"--config partial: {value!r} is neither yes nor no")
    return value


def measured_part(plan: Plan, raw: Path) -> Plan:
    """The cells of a plan that have been measured in full, block by block.

    A cell without a single one becomes one that was not run. Raises ``ConfigError`` when
    nothing has been measured.
    """
    done = tuple(cell for cell in plan.cell_blocks if cell_file(raw, cell).finished)
    if not done:
        raise ConfigError(f"{raw}: no cell has been measured in full; start the run first")
    there = {(c.experiment, c.workload, c.interpreter, c.cores) for c in done}
    missing = dict.fromkeys(
        (c.experiment, c.workload, c.interpreter, c.cores) for c in plan.cell_blocks
    )
    absent = tuple(NotRun(*cell, "not measured yet") for cell in missing if cell not in there)
    return replace(plan, cell_blocks=done, not_run=plan.not_run + absent)


def freeze(run: Run) -> None:
    """Save the whole plan before anything is measured.

    Refuses (``RecordError``) when records are there that do not belong to it: measurements
    of two configurations must not end up in one table.
    """
    path, raw = run.results / "plan.json", run.raw
    plan = run.whole_plan or run.plan
    text = to_json(plan)
    if not path.exists() or path.read_bytes() != text.encode():
        planned = {trial.spec_hash for trial in plan.trials()}
        for file in sorted([*raw.rglob("*.jsonl"), *raw.rglob("*.jsonl.partial")]):
            for record in read_trials(file, torn_end=file.suffix == ".partial"):
                if record["spec_hash"] not in planned:
                    raise RecordError(
                        f"{raw}: holds measurements of another configuration (such as "
                        f"{file.name}). Move the folder away, or undo the change of "
                        "configuration, and run again."
                    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
