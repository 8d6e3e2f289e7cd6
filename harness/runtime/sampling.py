"""When finishing workers look at what the others wait for.

A worker that has just finished a task holds the GIL and can look for free, but it is not any
worker: the task during which a given moment falls is longer than most (the inspection paradox),
and the queue at its end longer than usual. Whoever finishes first after a sample is due would
see too many others wait for the GIL; with few workers that halves a = Z/C. So samples are
taken at every k-th completion instead, with k such that they come about as often as wanted.
"""

#: completions after which a pool's state owes little to the moment a sample fell due
FORGOTTEN = 3


class SampleTimes:
    """Says at which completions to sample, about every ``pause`` seconds. No clock of its own."""

    def __init__(self) -> None:
        self.due = 0.0
        self._to_skip = 0

    def is_due(self, now: float) -> bool:
        """Whether the completion at ``now`` is to take a sample; asked at each from ``due`` on."""
        if now < self.due:
            return False
        if self._to_skip > 0:
            self._to_skip -= 1
            return False
        return True

    def plan(self, now: float, pause: float, rate: float) -> None:
        """A sample was taken; tasks complete ``rate`` times a second.

        Where each completion would take a sample, none is chosen by its time and none is
        skipped.
        """
        self._to_skip = min(FORGOTTEN, int(pause * rate))
        self.due = now + (pause - self._to_skip / rate if self._to_skip else pause)
