"""When samples are taken, against a queue of which the truth is known."""

from random import Random

from harness.runtime.sampling import FORGOTTEN, SampleTimes


def test_slow_tasks_are_sampled_at_every_completion_once_due() -> None:
    times = SampleTimes()
    times.plan(now=10.0, pause=0.02, rate=5.0)
    assert not times.is_due(10.019)
    assert times.is_due(10.021)


def test_of_fast_tasks_some_go_by_so_that_the_pause_is_kept() -> None:
    times = SampleTimes()
    times.plan(now=10.0, pause=0.02, rate=1000.0)
    at = 10.0
    while not times.is_due(at):
        at += 0.001
    assert abs(at - 10.02) < 0.0021


def test_completions_before_the_due_time_are_not_counted() -> None:
    times = SampleTimes()
    times.plan(now=0.0, pause=1.0, rate=10.0)
    assert [times.is_due(t / 10) for t in range(1, 7)] == [False] * 6
    assert [times.is_due(0.75 + t / 10) for t in range(FORGOTTEN + 1)] == [
        *[False] * FORGOTTEN,
        True,
    ]


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
                times.plan(now, 6.0, 0.98)
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
