"""One trial's specification: the plan says it, the record keeps it, the trial runs it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Protocol = Literal["steady", "batch"]
#: what a spec says beside its definition, for telling how long a run will take
ESTIMATES = ("expected_s",)


def identity(spec: Mapping[str, Any]) -> str:
    """Identity of a planned trial: the first 16 hex digits of a SHA-256 over what defines it."""
    defining = {key: value for key, value in spec.items() if key not in ESTIMATES}
    text = json.dumps(defining, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """Everything that defines one trial's measurement. Immutable, JSON-able, hashed.

    Protocol ``steady``: ``population`` tasks are outstanding at any time, and completions
    count that fall into a window of ``window_s`` after ``warmup_s``. Protocol ``batch``:
    ``tasks`` tasks go through a new pool, creation and shutdown included; window and warm-up
    are 0. ``expected_s`` is what either is expected to take; a guess, and thus no part of the
    trial's identity.
    """

    experiment: str
    workload: str
    parameters: Mapping[str, Any]
    interpreter: str
    cores: int
    strategy: str
    kind: str
    strategy_parameters: Mapping[str, Any]
    concurrency: int
    label: str
    block: int
    population: int
    protocol: Protocol
    tasks: int | None
    conditions: Mapping[str, Any]
    io: str
    warmup_s: float
    window_s: float
    time_limit_s: float
    expected_s: float
    remote_servers: int | None = None

    @property
    def spec_hash(self) -> str:
        """Identity of the trial, see :func:`identity`."""
        return identity(asdict(self))


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """What a measured process is told: a trial's specification with this machine's places.

    ``setup`` are the arguments of the workload's ``setup``: its parameters, and the places of
    the files it needs. ``remote_port`` is where socket waits are answered; ``cgroup_procs`` are
    the files to write a process to, so that it joins the trial's groups.
    """

    spec: TrialSpec
    workload_file: str
    setup: Mapping[str, Any]
    cpus: Sequence[int]
    remote_port: int | None = None
    cgroup_procs: Sequence[str] = ()

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "TrialOrder":
        """The order that was written; raises ``TypeError`` or ``KeyError`` for anything else."""
        content = json.loads(line)
        return cls(**{**content, "spec": TrialSpec(**content["spec"])})
