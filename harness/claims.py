"""The claims on trial: config/claims.yaml as data, and what measuring one of them takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.config import Config, ConfigError, validate
from harness.plan import Estimate, Plan, estimate
from harness.strict_yaml import load

FILE = "claims.yaml"
#: seconds that the micro-benchmarks take on one interpreter, measured on a 2-core VM
MICRO_BENCHMARKS_S = 90.0
#: parameters that name workloads, in place of the cell's one
WORKLOAD_LISTS = ("workloads", "gil", "waiting")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing measured for a claim, and the rule it is held against.

    ``cell`` says which trials it reads: experiment, workload, interpreter, cores (a number,
    or ``most``: the largest pinning that ran). ``versus`` names what differs in the cell it is
    compared with. Empty where the micro-benchmarks are read. A part that is not ``judged``
    stands beside the claim and has no say in its verdict.
    """

    name: str
    judged: bool
    measure: str
    parameters: Mapping[str, Any]
    rule: Mapping[str, Any]
    cell: Mapping[str, Any]
    versus: Mapping[str, Any]
    quantity: str
    subjects: tuple[str, ...]

    def cells(self) -> Iterator[Mapping[str, Any]]:
        """The cell, and the one it is compared with."""
        if self.cell:
            yield self.cell
        if self.versus:
            yield {**self.cell, **self.versus}

    def workloads(self) -> Iterator[tuple[str, str]]:
        """Experiment and workload of everything it reads."""
        for cell in self.cells():
            lists = [self.parameters[name] for name in WORKLOAD_LISTS if name in self.parameters]
            for workload in sum(lists, []) or [cell["workload"]]:
                yield cell["experiment"], workload


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of the paper. ``printed`` is what it prints, as text; ``where``, the place."""

    id: str
    statement: str
    where: str
    printed: str
    subjects: tuple[str, ...]
    parts: tuple[Part, ...]

    def workloads(self) -> dict[str, set[str]]:
        """Workloads by experiment, of everything the claim reads."""
        found: dict[str, set[str]] = {}
        for part in self.parts:
            for experiment, workload in part.workloads():
                found.setdefault(experiment, set()).add(workload)
        return found

    @property
    def reads_micro_benchmarks(self) -> bool:
        return any(not part.cell for part in self.parts)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All claims, in order; ``subjects`` maps a subject to the parameters that name it."""

    claims: tuple[Claim, ...]
    subjects: Mapping[str, Mapping[str, Any]]

    def find(self, name: str) -> Claim:
        """The claim with this id; raises ``ConfigError`` naming those there are."""
        for claim in self.claims:
            if claim.id.lower() == name.lower():
                return claim
        known = f"{self.claims[0].id} to {self.claims[-1].id}"
        raise ConfigError(f"claim {name!r} is not known; known are {known}")


def read(folder: Path) -> Catalogue:
    """Read claims.yaml in the configuration's folder; raises ``ConfigError``."""
    path = folder / FILE
    data = load(path)
    validate(data, "claims", path)
    claims = [_claim(name, entry, data["subjects"], path) for name, entry in data["claims"].items()]
    return Catalogue(tuple(claims), data["subjects"])


def _claim(
    name: str, entry: Mapping[str, Any], subjects: Mapping[str, object], path: Path
) -> Claim:
    chosen = tuple(entry["subjects"])
    parts = tuple(_part(part, entry, chosen) for part in entry.get("parts", [{}]))
    where = f"{path}: claims.{name}"
    for subject in {*chosen, *(s for part in parts for s in part.subjects)}:
        if subject not in subjects:
            raise ConfigError(f"{where}: subject {subject!r} is not known")
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise ConfigError(f"{where}.parts: two of them have the same name")
    judged = [part for part in parts if part.judged]
    if len(judged) > 1 and any(not part.name for part in judged):
        raise ConfigError(f"{where}.parts: of several judged parts each needs a name")
    for subject in chosen:
        if not any(subject in part.subjects for part in judged):
            raise ConfigError(f"{where}.parts: none is judged for {subject}")
    for part in parts:
        for key in ("measure", "rule", "quantity"):
            if not getattr(part, key):
                raise ConfigError(f"{where}.parts: {part.name or 'the only one'} has no {key}")
        for cell in part.cells():
            wanted = {"experiment", "interpreter", "cores"}
            wanted |= set() if any(n in part.parameters for n in WORKLOAD_LISTS) else {"workload"}
            if missing := wanted - set(cell):
                raise ConfigError(f"{where}: cell lacks {', '.join(sorted(missing))}")
    return Claim(name, entry["statement"], entry["where"], entry["printed"], chosen, parts)


def _part(part: Mapping[str, Any], claim: Mapping[str, Any], subjects: Sequence[str]) -> Part:
    """A part; what it does not say is as its claim says."""
    merged = {key: {**claim.get(key, {}), **part.get(key, {})} for key in ("cell", "parameters")}
    return Part(
        name=part.get("name", ""),
        judged=part.get("judged", True),
        measure=part.get("measure", claim.get("measure", "")),
        parameters=merged["parameters"],
        rule=part.get("rule", claim.get("rule", {})),
        cell=merged["cell"],
        versus=part.get("versus", claim.get("versus", {})),
        quantity=part.get("quantity", claim.get("quantity", "")),
        subjects=tuple(part.get("subjects", subjects)),
    )


def restricted(config: Config, claim: Claim) -> Config:
    """The configuration with only the experiments and workloads that the claim reads.

    Raises ``ConfigError`` when the preset measures none of them.
    """
    wanted = claim.workloads()
    experiments = {}
    for name, experiment in config.experiments.items():
        workloads = tuple(w for w in experiment.workloads if w in wanted.get(name, ()))
        if workloads:
            experiments[name] = replace(experiment, workloads=workloads)
    if wanted and not experiments:
        raise ConfigError(
            f"preset {config.preset} measures nothing that claim {claim.id} reads: "
            f"{', '.join(sorted(wanted))}"
        )
    return replace(config, experiments=experiments)


def cost(plan: Plan, claim: Claim, interpreters: int) -> Estimate:
    """What measuring only this claim would cost, of what the plan holds."""
    wanted = claim.workloads()
    cells = [cell for cell in plan.cell_blocks if cell.workload in wanted.get(cell.experiment, ())]
    found = estimate([trial for cell in cells for trial in cell.trials], len(cells))
    if not claim.reads_micro_benchmarks:
        return found
    return replace(found, seconds=found.seconds + MICRO_BENCHMARKS_S * interpreters)
