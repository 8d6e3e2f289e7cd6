"""When samples are taken, against a queue of which the truth is known."""

from collections import Counter
from random import Random

import pytest

from harness.runtime.sample_times import SampleTimes


def sampled(times: SampleTimes, completions: list[float], pause: float, rate: float) -> list[int]:
    """Which of ``completions``, by their order, take a sample; 6 workers."""
    chosen = []
    times.plan(completions[0], pause, rate, 6)
    for k, at in enumerate(completions):
        if times.is_due(at):
            chosen.append(k)
            times.plan(at, pause, rate, 6)
    return chosen


def test_until_the_rate_is_known_a_pause_goes_by() -> None:
    times = SampleTimes()
    times.plan(now=10.0, pause=0.02, rate=0.0)
    assert not times.is_due(10.019)
    assert times.is_due(10.021)


def test_of_tasks_rarer_than_the_pause_all_are_sampled() -> None:
    assert sampled(SampleTimes(), [k / 5 for k in range(20)], 0.02, 5.0) == [*range(20)]


def test_of_frequent_tasks_so_many_go_by_that_the_pause_is_kept_on_average() -> None:
    chosen = sampled(SampleTimes(), [k / 1000 for k in range(40_000)], 0.02, 1000.0)
    assert 1700 < len(chosen) < 2300


@pytest.mark.parametrize("pause", [0.005, 0.02, 0.1])
def test_of_tasks_that_end_together_the_first_is_sampled_no_more_than_the_last(
    pause: float,
) -> None:
    """Six at once, every 10 ms: a timer would always find the first."""
    completions = [0.01 * k + 0.0001 * place for k in range(20_000) for place in range(6)]
    places = Counter(k % 6 for k in sampled(SampleTimes(), completions, pause, 600.0))
    assert max(places.values()) < 1.4 * min(places.values())


def queue_seen(times: SampleTimes | None, seed: int) -> float:
    """Mean number of others waiting that samplers see in a closed queue of 6 with a = 1.

    ``None`` samples at the first completion after each pause, as a plain timer would.
    """
    random, now, due, waiting = Random(seed), 0.0, 0.0, 5
    back: list[float] = []
    seen = []
    while len(seen) < 4000:
        served = now + random.expovariate(1.0)
        waiting += sum(at <= served for at in back)
        back = [at for at in back if at > served]
        now = served
        if times is None:
            take = now >= due
            due = now + 6.0 if take else due
        else:
            take = times.is_due(now)
            if take:
                times.plan(now, 6.0, 0.98, 6)
        if take:
            seen.append(waiting)
        back.append(now + random.expovariate(1.0))
        if waiting:
            waiting -= 1
        else:
            now = min(back)
            back.remove(now)
    return sum(seen) / len(seen)


def test_samples_are_nearer_to_the_average_queue_than_those_of_a_timer() -> None:
    """The mean over *all* completions is what a completion chosen without bias sees."""
    every = queue_seen(SampleTimesAlways(), seed=1)
    timer = queue_seen(None, seed=2)
    chosen = queue_seen(SampleTimes(), seed=3)
    assert timer - every > 0.15
    assert abs(chosen - every) < 0.1


class SampleTimesAlways(SampleTimes):
    """Samples at every completion."""

    def is_due(self, now: float) -> bool:
        """Always."""
        return True
