"""When finishing workers look at what the others wait for (``Meter.sample`` does it).

A worker that has just finished a task holds the GIL and can look for free, but it is not any
worker. If it is the first to finish after a sample fell due, it sees too many others wait for
the GIL: the task during which a given moment falls is longer than most (the inspection
paradox), and of tasks that wake together the first to end leaves all others waiting. So each
completion is sampled with the same chance, whenever it comes: the number of completions until
the next sample is drawn at random. Where it is large, most of them pass by the clock, which
costs nothing, and the last, more than the workers that could have woken together, are counted.
"""

from random import Random

#: completions after which a pool's state owes little to the moment a sample fell due
FORGOTTEN = 3


class SampleTimes:
    """Says at which completions to sample, about every ``pause`` seconds. No clock of its own."""

    def __init__(self) -> None:
        self.due = 0.0
        self._to_skip = 0
        # Its own: the user's seeds are the user's. Always the same, as tasks do not know it.
        self._random = Random(1)

    def is_due(self, now: float) -> bool:
        """Whether the completion at ``now`` is to take a sample; asked at each from ``due`` on."""
        if now < self.due:
            return False
        if self._to_skip > 0:
            self._to_skip -= 1
            return False
        return True

    def plan(self, now: float, pause: float, rate: float, workers: int = 1) -> None:
        """A sample was taken; ``workers`` workers complete ``rate`` tasks a second.

        Where that is less than one in ``pause`` seconds, every completion takes a sample.
        """
        some = int(self._random.random() * workers)
        if rate <= 0:  # not known yet
            self._to_skip, self.due = some, now + pause
            return
        skipped = int(self._random.expovariate(1.0) * max(0.0, pause * rate - 1))
        self._to_skip = min(skipped, FORGOTTEN + some)
        self.due = now + (skipped - self._to_skip) / rate
