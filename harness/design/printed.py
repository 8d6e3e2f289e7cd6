"""printed.yaml: the numbers that the paper and its authors' raw results show."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from harness.base.models import Entry, Name, Number, as_tuple

FILE = "printed.yaml"

Text = Annotated[str, Field(min_length=1, max_length=300)]
Amount = Annotated[Number, Field(ge=0, le=1e9)]
#: a value, or a value and the half width of its 95 % interval
Printed = Amount | Annotated[list[Amount], Field(min_length=2, max_length=2)]


class Fact(Entry):
    """What a number is about, and the numbers."""

    workload: Name | None = None
    benchmark: Name | None = None
    build: Literal["gil", "free_threaded"] | None = None
    cores: Annotated[int, Field(ge=1, le=1024)] | None = None
    strategy: Name | Annotated[list[Name], Field(min_length=1)] | None = None
    concurrency: Annotated[int, Field(ge=1, le=100_000)] | None = None
    provenance: Literal["raw", "part", "none", "contradicted"] | None = Field(
        None,
        description="`raw`: the authors' raw data agree; `part`: raw data for some of it; `none`: "
        "no raw data found; `contradicted`: the raw data say otherwise",
    )
    printed: bool | None = Field(
        None, description="`false` for numbers that only the raw results hold"
    )
    throughput_tps: Printed | None = None
    p99_ms: Printed | None = None
    beta_naive: Printed | None = None
    final_workers: Printed | None = None
    vetoes: Printed | None = None
    loss: Printed | None = None
    efficiency: Printed | None = None
    raw_efficiency: Printed | None = None
    optimum_concurrency: Printed | None = None
    rss_mb: Printed | None = None
    overhead_mb: Printed | None = None
    memory_ratio: Printed | None = None
    mean_us: Printed | None = None
    median_us: Printed | None = None
    p99_us: Printed | None = None


class SourceEntry(Entry):
    """A table of the paper (``t4``), or raw results of its authors."""

    title: Text = Field(description="how it is called")
    where: Text = Field(description="where in the paper it stands")
    method: Text = Field(description="how its numbers were measured")
    note: Text = Field("", description="what is to be known of them")
    experiments: Annotated[tuple[Name, ...], BeforeValidator(as_tuple), Field(min_length=1)] = (
        Field(description="the experiments here that answer it")
    )
    common: Fact = Field(
        default_factory=Fact.empty, description="keys that hold for all of its facts"
    )
    facts: Annotated[list[Fact], Field(min_length=1)] = Field(
        description="what a number is about (`workload`, `build`: `gil` or `free_threaded`, "
        "`cores`: none without affinity, `strategy`, `concurrency`; `benchmark` for clocks) and "
        "the numbers, as `value` or `[value, half width of the 95 % interval]`"
    )


class WithoutCounterpart(Entry):
    """What the paper shows and nothing here is drawn beside."""

    where: Text = Field(description="where in the paper")
    reason: Text = Field(description="why nothing is drawn beside it")


class PrintedFile(Entry):
    """printed.yaml."""

    sources: Annotated[dict[Name, SourceEntry], Field(min_length=1)]
    without_counterpart: dict[Name, WithoutCounterpart]
