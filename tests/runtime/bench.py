"""A controller on windows that a test makes up, one after the other."""

from harness.runtime.controller import Controller
from harness.runtime.decomposition import Window
from harness.runtime.policy import Decision, Policy
from tests.runtime.simulation import Kind, network_window


class Bench:
    """A controller and a clock; ``feed`` gives it windows of the size it wants."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        least: int = 1,
        most: int = 512,
        cores: float = 2.0,
        gil: bool = True,
    ) -> None:
        self.controller = Controller(policy or Policy(), least, most, cores, gil)
        self.now = 0.0

    def observe(self, window: Window, *, backlog: int = 100, sampled: bool = True) -> Decision:
        self.now += window.wall_seconds
        return self.controller.observe(window, self.now, backlog, sampled=sampled)

    def feed(
        self, kind: Kind, capacity: float = 1.0, *, gil: bool = True, faster: float = 1.0
    ) -> Decision:
        seconds = max(0.05, self.controller.goal.seconds)
        window = network_window(
            self.controller.target, kind, capacity, seconds, gil=gil, faster=faster
        )
        return self.observe(window)

    def settle(self, kind: Kind, capacity: float = 1.0, *, gil: bool = True) -> int:
        """Feed until the size has been kept for ten windows; the size."""
        kept = 0
        for _ in range(200):
            decision = self.feed(kind, capacity, gil=gil)
            kept = kept + 1 if decision.target == decision.previous else 0
            if kept >= 10 and self.controller.settled:
                return self.controller.target
        raise AssertionError("never settled")
