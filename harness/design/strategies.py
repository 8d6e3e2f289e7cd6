"""The ways of running tasks that a configuration names: ``strategies`` of experiments.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from harness.base.models import Entry, Number, Title, check

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Milliseconds = Annotated[Number, Field(ge=0.1, le=600_000)]
Share = Annotated[Number, Field(ge=0, le=1)]


class Fixed(Entry):
    """Parameters of a pool of one size."""

    instrumented: bool = Field(
        False,
        description="every task is measured as Algorithm 1 measures it, and nothing is decided",
    )


class Processes(Entry):
    """Parameters of a pool of processes."""

    start_method: Literal["spawn", "fork", "forkserver"] = Field(
        description="`spawn`, `fork` or `forkserver`"
    )


class EventLoop(Entry):
    """Parameters of asyncio."""

    offload: bool = Field(
        description="`false` computes on the loop, `true` awaits CPU parts in its thread pool"
    )


class QueueScaler(Entry):
    """Parameters of a pool that grows with its queue."""

    minimum: Count = Field(description="threads to begin with")
    tick_ms: Milliseconds = Field(description="how often it looks")
    step: Count = Field(description="threads added at a time")
    backlog_threshold: int = Field(
        ge=0, le=1_000_000, description="queued tasks above which it grows"
    )


class PaperAlgorithm1(Entry):
    """Parameters of the paper's Algorithm 1."""

    minimum: Count = Field(description="N_min")
    tick_ms: Milliseconds = Field(description="how often it decides")
    published_tick_ms: Milliseconds = Field(
        description="the paper's; where it differs from `tick_ms`, every table carries a note"
    )
    threshold: Share = Field(description="of the blocking ratio, below which it does not grow")
    patience: Count = Field(description="ticks in a row before growing")
    smoothing: Number = Field(gt=0, le=1, description="weight of the new sample")
    initial_beta: Share = Field(description="the blocking ratio before the first sample")
    recent_tasks: Count = Field(description="how many tasks a sample averages over")


class Adaptive(Entry):
    """Parameters of this project's runtime; what is not given is as the runtime has it."""

    cold: bool = Field(description="the window opens with the first submit")
    held: bool = Field(False, description="the pool stays at its size, for its estimates")
    keep_together: bool = Field(True, description="may keep GIL-bound work on one core")
    use_proc: bool = Field(True, description="may read /proc")
    gil_sampling: bool = Field(True, description="a part of the method to leave out")
    run_queue: bool = Field(True, description="likewise")
    headroom: bool = Field(True, description="likewise")
    verify: bool = Field(True, description="likewise")
    metric: Literal["decomposed", "naive"] = Field(
        "decomposed", description="`naive` with `threshold` is the paper's rule"
    )
    threshold: Share | None = Field(None, description="of the naive blocking ratio")
    spare: Number | None = Field(
        None, gt=0, lt=1, description="the share of the CPU that may stay idle"
    )


class Shared(Entry):
    """Parameters of several pools in one process."""

    adaptive: bool = Field(
        description="`true`: adaptive pools that may each grow to the size; `false`: fixed ones "
        "that have it together"
    )
    pools: int = Field(ge=1, le=16, description="how many; customers are dealt to them in turn")
    beside: Literal["event_loop", "producer"] | None = Field(
        None,
        description="what else runs in the process: a busy `event_loop`, or a `producer` that "
        "floods the first pool with calls that do nothing",
    )


#: what each implementation in ``harness/strategies/`` is told
PARAMETERS: dict[str, type[Entry]] = {
    "fixed": Fixed,
    "processes": Processes,
    "event_loop": EventLoop,
    "queue_scaler": QueueScaler,
    "paper_algorithm1": PaperAlgorithm1,
    "adaptive": Adaptive,
    "shared": Shared,
}


class StrategyEntry(Entry):
    """One entry of ``strategies``."""

    kind: Literal[
        "fixed", "processes", "event_loop", "queue_scaler", "paper_algorithm1", "adaptive", "shared"
    ] = Field(description="the implementation in `harness/strategies/`")
    title: Title = Field(description="the label in tables and figures")
    parameters: dict[str, Any] = Field(description="as the table of its kind says")


class ConfiguredStrategy(StrategyEntry):
    """An entry with its name, its parameters as they were given."""

    name: str

    @property
    def is_cold(self) -> bool:
        """Whether it is measured from its first submit on, without any warm-up."""
        return bool(self.parameters.get("cold"))

    @property
    def label(self) -> str:
        """The title; where a published tick was compressed, with both ticks."""
        published = self.parameters.get("published_tick_ms")
        tick = self.parameters.get("tick_ms")
        if published is None or published == tick:
            return self.title
        return f"{self.title} (tick {tick:g}, not {published:g} ms)"


def with_names(entries: Mapping[str, StrategyEntry], path: Path) -> dict[str, ConfiguredStrategy]:
    """The strategies of a file by name; raises ``ConfigError`` for wrong parameters."""
    for name, entry in entries.items():
        check(entry.parameters, PARAMETERS[entry.kind], path, f"strategies.{name}.parameters")
    return {name: ConfiguredStrategy(name=name, **entry.said()) for name, entry in entries.items()}
