"""Where throughput overrules the network: shrinks that cost, growth that does not pay, locks."""

from random import Random

import pytest

from harness.runtime.decomposition import Window
from harness.runtime.policy import Decision, Policy
from harness.runtime.queueing_network import enough_workers
from tests.runtime.bench import Bench
from tests.runtime.simulation import Kind, network_window

MOSTLY_WAITING = Kind(1, 50)


def test_a_shrink_that_costs_throughput_is_undone_and_not_repeated_soon() -> None:
    bench = Bench()
    size = bench.settle(MOSTLY_WAITING)

    def misread() -> Decision:
        """Most waits look like waits for the GIL; each worker still adds throughput."""
        honest = network_window(bench.controller.target, MOSTLY_WAITING, 1.0, 0.1)
        blocked = 1000.0
        share = bench.controller.target / size
        return bench.observe(
            Window(
                wall_seconds=0.1,
                occupied_seconds=honest.occupied_seconds,
                cpu_seconds=0.09 * share,
                blocked=blocked,
                gil_waits=0.9 * blocked,
                completions=90 * share,
            )
        )

    decisions = [misread() for _ in range(20)]
    reasons = [decision.reason for decision in decisions]
    assert "shrinking cost throughput" in reasons
    undone = reasons.index("shrinking cost throughput")
    assert min(d.target for d in decisions[:undone]) < 0.8 * size
    assert decisions[undone].target == size
    assert bench.controller.target >= 0.88 * size


def test_growth_that_brings_nothing_is_undone() -> None:
    bench = Bench()

    def saturated() -> Decision:
        """A remote that serves eight at a time: 400 tasks a second, however many ask."""
        size = bench.controller.target
        rate = min(size * 47.0, 400.0)
        return bench.observe(
            Window(
                wall_seconds=0.1,
                occupied_seconds=0.1 * size,
                cpu_seconds=0.1 * rate * 0.0005,
                blocked=1000,
                completions=0.1 * rate,
            )
        )

    decisions = [saturated() for _ in range(60)]
    assert "growing did not pay" in {d.reason for d in decisions}
    # Once the lesson is learnt the size stays near the knee, tries included.
    assert max(d.target for d in decisions[-30:]) <= 16


def under_a_lock(bench: Bench, rate: float, cores: float, seconds: float) -> Decision:
    """All but one or two wait for a lock of the tasks' own, which no more workers make faster."""
    size = bench.controller.target
    return bench.observe(
        Window(
            wall_seconds=seconds,
            occupied_seconds=seconds * size,
            cpu_seconds=seconds * cores,
            blocked=60,
            gil_waits=2,
            lock_waits=min(57, 60 * (size - 1) / size),
            completions=rate * seconds,
        )
    )


@pytest.mark.parametrize("gil", [True, False])
def test_a_lock_over_computing_does_not_draw_workers(gil: bool) -> None:
    """13 ms of computing under a lock: one core is in use, and nobody queues for the others."""
    bench = Bench(gil=gil)
    random = Random(3)
    decisions = []
    for _ in range(80):
        goal = bench.controller.goal
        seconds = max(0.1, goal.seconds, goal.completions / 75)
        rate = 75 * random.uniform(0.8, 1.2)
        decisions.append(under_a_lock(bench, rate, random.uniform(0.95, 1.0), seconds))
    assert max(decision.target for decision in decisions) <= 16
    assert max(decision.target for decision in decisions[40:]) <= 8


def test_waiting_for_an_answer_by_a_lock_is_still_worth_more_workers() -> None:
    """What answers is another thread, and keeps up with however many ask."""
    bench = Bench()
    kind = Kind(1, 20)
    for _ in range(100):
        window = network_window(bench.controller.target, kind, 1.0, 0.1)
        window = window._replace(lock_waits=window.blocked - window.gil_waits)
        bench.observe(window)
    model = enough_workers(20, 1.0, Policy().spare, 512)
    assert bench.controller.target == pytest.approx(model, rel=0.13)
