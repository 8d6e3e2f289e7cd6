"""What a controller is told, asks for and decides."""

from typing import Literal, NamedTuple


class Policy(NamedTuple):
    """What the controller uses; everything on, but for ablations.

    ``spare`` is the share of the CPU that the network may leave idle at the chosen size.
    ``headroom`` off means c(1 + a) workers, which ignores that times vary; ``verify`` off
    believes the network whatever throughput does; ``metric`` ``naive`` is the paper's rule,
    one more worker a window while 1 - cpu/wall exceeds ``threshold``.
    """

    gil_sampling: bool = True
    run_queue: bool = True
    headroom: bool = True
    verify: bool = True
    metric: Literal["decomposed", "naive"] = "decomposed"
    threshold: float = 0.3
    spare: float = 0.002


class Goal(NamedTuple):
    """When a window is complete: at least this long, and with this many completions."""

    seconds: float
    completions: int


class Decision(NamedTuple):
    """One window's outcome. ``at``: seconds of ``time.monotonic``; shares of occupied time."""

    at: float
    target: int
    previous: int
    backlog: int
    reason: str
    beta_naive: float
    beta_star: float
    gil_wait_share: float
    run_queue_share: float
    cores_used: float
    capacity: float
    throughput_tps: float
