"""What a tick says of the time since the last one."""

import pytest

from harness.strategies.tick import Counting, Spread


class Clocks:
    """A clock and a CPU clock that stand still until they are moved."""

    def __init__(self) -> None:
        self.now, self.cpu = 100.0, 7.0
        self.counting = Counting(lambda: self.now, lambda: self.cpu)

    def run(self, submitted: float, seconds: float, error: Exception | None = None) -> None:
        def task(submitted: float, index: int) -> None:
            self.now += seconds
            if error is not None:
                raise error

        self.counting.around(task)(submitted, 0)


def test_a_tick_holds_what_happened_since_the_last() -> None:
    clocks = Clocks()
    clocks.run(99.0, 0.5)
    clocks.run(100.25, 1.5)
    clocks.cpu += 0.25
    tick = clocks.counting.tick(8, 6, 3)
    assert tick[:6] == (2.0, 8, 6, 3, 2, 0)
    assert tick.cpu_seconds == 0.25
    assert tick.service.sum == 2.0
    assert tick.sojourn.sum == 1.5 + 1.75
    later = clocks.counting.tick(8, 6, 3)
    assert (later.seconds, later.completions, later.service.count, later.cpu_seconds) == (
        0,
        0,
        0,
        0,
    )


def test_a_failure_is_no_completion_and_goes_on_to_the_caller() -> None:
    clocks = Clocks()
    with pytest.raises(TimeoutError):
        clocks.run(99.0, 0.5, TimeoutError())
    clocks.run(100.0, 0.5)
    tick = clocks.counting.tick(1, 1, 0)
    assert (tick.completions, tick.failures, tick.service.sum) == (1, 1, 0.5)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 3.0), (0.99, 4.0), (1.0, 4.0)])
def test_quantiles(share: float, value: float) -> None:
    assert Spread([4.0, 1.0, 3.0, 2.0]).quantile(share) == value


def test_no_task_has_no_quantile() -> None:
    assert Spread([]).quantile(0.5) is None
    assert Spread([]).sum == 0
