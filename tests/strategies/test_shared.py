"""What is beside a pool in the same process."""

from concurrent.futures import Executor, Future
from typing import Any

import pytest

from harness.strategies import shared


class Stuck(Executor):
    """A pool that is given calls and ends none."""

    def __init__(self) -> None:
        self.calls: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls.append(Future())
        return self.calls[-1]


class Closing:
    """A load that closes after having been asked so many times."""

    def __init__(self, asked: int) -> None:
        self._left = asked

    @property
    def closing(self) -> bool:
        self._left -= 1
        return self._left < 0

    def fail(self, error: BaseException) -> None:
        raise error


def test_the_producer_has_no_more_calls_under_way_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where none of them ends for longer than it waits for room."""
    monkeypatch.setattr(shared, "FLOOD", 3)
    pool = Stuck()
    shared.Producer(Closing(5), [pool]).run()  # type: ignore[arg-type]
    assert len(pool.calls) == 3
