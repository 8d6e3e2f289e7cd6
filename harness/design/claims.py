"""The claims on trial: config/claims.yaml as data, and what measuring one of them takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from harness.base.errors import ConfigError
from harness.base.models import (
    Cores,
    Entry,
    InterpreterName,
    Name,
    Names,
    Number,
    ParameterName,
    read_model,
)
from harness.design.config import Config
from harness.design.cost import Estimate, estimate
from harness.design.plan import Plan
from harness.design.workloads import is_one_of

FILE = "claims.yaml"
#: seconds that the micro-benchmarks take on one interpreter, measured on a 2-core VM
MICRO_BENCHMARKS_S = 90.0

Text = Annotated[str, Field(min_length=1, max_length=200)]
Parameters = Annotated[
    dict[
        ParameterName,
        Number
        | Annotated[str, Field(max_length=80)]
        | Annotated[list[int | str], Field(min_length=1)],
    ],
    Field(description="what the measure is given"),
]


class CellEntry(Entry):
    """Which trials a measure reads."""

    experiment: Name | None = None
    workload: Name | None = None
    interpreter: InterpreterName | None = None
    cores: Literal["most"] | Cores | None = None


class Rule(Entry):
    """What a claim's number is held against; exactly one bound is given."""

    at_least: Number | None = None
    at_most: Number | None = None
    above: Number | None = None
    below: Number | None = None
    between: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None
    times_cores: bool = False

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        if len(self.model_fields_set - {"times_cores"}) != 1:
            raise PydanticCustomError(
                "bound", "one of at_least, at_most, above, below and between is needed"
            )
        return self


class PartEntry(Entry):
    """One thing measured for a claim; what it does not say is as its claim says."""

    name: Name = Field("", description="tells the parts of a claim apart")
    judged: bool = Field(
        True, description="`false`: the row stands beside the verdict and has no say in it"
    )
    subjects: Names | None = Field(None, description="for whom it is judged")
    measure: Name = Field("", description="a function of `harness/analysis/claims/`")
    quantity: Text = Field("", description="what its number is")
    cell: CellEntry = Field(
        default_factory=CellEntry,
        description="the trials it reads: `experiment`, `workload` (or `workloads` among the "
        "parameters), `interpreter`, `cores` (a number, or `most`: the largest pinning that ran); "
        "none for micro-benchmarks",
    )
    versus: CellEntry = Field(
        default_factory=CellEntry, description="what differs in the cell it is compared with"
    )
    parameters: Parameters = Field(default_factory=dict)
    rule: Rule | None = Field(
        None,
        description="`at_least`, `at_most`, `above`, `below` (ends of strict rules do not count) "
        "or `between`; `times_cores: true` multiplies by the cores",
    )


class ClaimEntry(Entry):
    """One entry of ``claims``."""

    statement: Text = Field(description="the claim in our words")
    where: Text = Field(description="where the paper makes it")
    printed: Text = Field(description="what the paper prints")
    subjects: Names = Field(description="for whom it is judged")
    measure: Name = ""
    quantity: Text = ""
    cell: CellEntry = Field(default_factory=CellEntry)
    versus: CellEntry = Field(default_factory=CellEntry)
    parameters: Parameters = Field(default_factory=dict)
    rule: Rule | None = None
    parts: Annotated[list[PartEntry], Field(min_length=1)] = Field(
        default_factory=lambda: [PartEntry.empty()],
        description="several measurements for one claim, with the keys of the next table",
    )


class ClaimsFile(Entry):
    """claims.yaml."""

    subjects: Annotated[dict[Name, Parameters], Field(min_length=1)] = Field(
        description="maps whose claim it is to the parameters by which measures find it"
    )
    claims: Annotated[
        dict[Annotated[str, Field(pattern=r"^C[1-9][0-9]{0,2}$")], ClaimEntry],
        Field(min_length=1),
    ]


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

    def workloads(self, cell: Mapping[str, Any]) -> list[str]:
        """The workloads it reads of a cell."""
        return list(self.parameters.get("workloads") or [cell["workload"]])


@dataclass(slots=True)
class Need:
    """What a claim reads of one experiment; ``cores`` None: any pinning."""

    workloads: set[str] = field(default_factory=set)
    interpreters: set[str] = field(default_factory=set)
    cores: set[int] | None = field(default_factory=set)

    def add(self, workloads: Sequence[str], interpreter: str, cores: int | str) -> None:
        """Add a cell, or the same cell of several workloads."""
        self.workloads.update(workloads)
        self.interpreters.add(interpreter)
        if not isinstance(cores, int):
            self.cores = None
        elif self.cores is not None:
            self.cores.add(cores)

    def pinnings(self, planned: Sequence[int]) -> tuple[int, ...]:
        """Those of the planned pinnings that it reads."""
        return tuple(n for n in planned if self.cores is None or n in self.cores)


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of the paper. ``printed`` is what it prints, as text; ``where``, the place."""

    id: str
    statement: str
    where: str
    printed: str
    subjects: tuple[str, ...]
    parts: tuple[Part, ...]

    def needs(self) -> dict[str, Need]:
        """By experiment, what the claim reads of it."""
        found: dict[str, Need] = {}
        for part in self.parts:
            for cell in part.cells():
                need = found.setdefault(cell["experiment"], Need())
                need.add(part.workloads(cell), cell["interpreter"], cell["cores"])
        return found

    def micro_benchmarks(self) -> set[str]:
        """The interpreters whose micro-benchmarks it reads."""
        return {part.parameters["interpreter"] for part in self.parts if not part.cell}


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
        known = ", ".join(claim.id for claim in self.claims) or "none"
        raise ConfigError(f"claim {name!r} is not known; known are {known}")


def read(folder: Path) -> Catalogue:
    """Read claims.yaml in the configuration's folder; raises ``ConfigError``.

    A configuration without that file makes no claims.
    """
    path = folder / FILE
    if not path.exists():
        return Catalogue((), {})
    data = read_model(path, ClaimsFile)
    claims = [_claim(name, entry, data.subjects, path) for name, entry in data.claims.items()]
    return Catalogue(tuple(claims), data.subjects)


def _claim(name: str, entry: ClaimEntry, subjects: Mapping[str, object], path: Path) -> Claim:
    parts = tuple(_part(part, entry) for part in entry.parts)
    where = f"{path}: claims.{name}"
    for subject in {*entry.subjects, *(s for part in parts for s in part.subjects)}:
        if subject not in subjects:
            raise ConfigError(f"{where}: subject {subject!r} is not known")
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise ConfigError(f"{where}.parts: two of them have the same name")
    judged = [part for part in parts if part.judged]
    if len(judged) > 1 and any(not part.name for part in judged):
        raise ConfigError(f"{where}.parts: of several judged parts each needs a name")
    for subject in entry.subjects:
        if not any(subject in part.subjects for part in judged):
            raise ConfigError(f"{where}.parts: none is judged for {subject}")
    for part in parts:
        for key in ("measure", "rule", "quantity"):
            if not getattr(part, key):
                raise ConfigError(f"{where}.parts: {part.name or 'the only one'} has no {key}")
        for cell in part.cells():
            wanted = {"experiment", "interpreter", "cores"}
            wanted |= set() if "workloads" in part.parameters else {"workload"}
            if missing := wanted - set(cell):
                raise ConfigError(f"{where}: cell lacks {', '.join(sorted(missing))}")
    return Claim(name, entry.statement, entry.where, entry.printed, entry.subjects, parts)


def _part(part: PartEntry, claim: ClaimEntry) -> Part:
    """A part; what it does not say is as its claim says."""

    def said(key: str) -> Any:
        return getattr(part if key in part.model_fields_set else claim, key)

    def merged(key: str) -> dict[str, Any]:
        return {**_plain(getattr(claim, key)), **_plain(getattr(part, key))}

    return Part(
        name=part.name,
        judged=part.judged,
        measure=said("measure"),
        parameters=merged("parameters"),
        rule=_plain(said("rule") or {}),
        cell=merged("cell"),
        versus=_plain(said("versus")),
        quantity=said("quantity"),
        subjects=said("subjects"),
    )


def _plain(entry: Entry | Mapping[str, Any]) -> Mapping[str, Any]:
    """What an entry says, as a mapping."""
    return entry.model_dump(exclude_unset=True) if isinstance(entry, Entry) else entry


def restricted(config: Config, claim: Claim) -> Config:
    """The configuration with only what the claim reads, as far as the preset measures it.

    Raises ``ConfigError`` when the preset measures nothing of it.
    """
    needs = claim.needs()
    experiments = {}
    for name, experiment in config.experiments.items():
        need = needs.get(name, Need())
        workloads = tuple(w for w in experiment.workloads if is_one_of(w, need.workloads))
        chosen = tuple(n for n in experiment.interpreters if n in need.interpreters)
        pinnings = need.pinnings(experiment.pinnings)
        if workloads and chosen and pinnings:
            experiments[name] = replace(
                experiment, workloads=workloads, interpreters=chosen, pinnings=pinnings
            )
    used = {name for experiment in experiments.values() for name in experiment.interpreters}
    used |= claim.micro_benchmarks()
    interpreters = tuple(name for name in config.interpreters if name in used)
    if not interpreters or (not experiments and not claim.micro_benchmarks()):
        raise ConfigError(
            f"preset {config.preset} measures nothing that claim {claim.id} reads: "
            f"{', '.join(sorted([*needs, *claim.micro_benchmarks()]))}"
        )
    return replace(
        config,
        experiments=experiments,
        interpreters=interpreters,
        common_interpreters=tuple(n for n in config.common_interpreters if n in used)
        or interpreters,
    )


def cost(plan: Plan, claim: Claim) -> Estimate:
    """What measuring only this claim would cost, of what the plan holds."""
    needs = claim.needs()
    cells = []
    for cell in plan.cell_blocks:
        need = needs.get(cell.experiment)
        if (
            need is not None
            and is_one_of(cell.workload, need.workloads)
            and cell.interpreter in need.interpreters
            and need.pinnings([cell.cores])
        ):
            cells.append(cell)
    found = estimate([trial for cell in cells for trial in cell.trials], len(cells))
    micro = MICRO_BENCHMARKS_S * len(claim.micro_benchmarks())
    return replace(found, seconds=found.seconds + micro)
