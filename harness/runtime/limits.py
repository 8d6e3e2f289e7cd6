"""Limits of the pool's size that throughput speaks for, whatever the network says.

A saturated remote or a lock makes tasks wait longer the more workers there are, which looks
like a reason for more. So growth is checked against what it brings: the throughput or the
cores in use must rise by at least half of what the network predicts, in logarithms. If not,
the knee of the throughput curve, N = X W by Little's law with the shortest stay W that was
seen, becomes a ceiling. Below it, half as many workers are tried once, as the knee itself may
have been passed unseen. Limits are tried again, ever more rarely, as remotes change.

Workers found waiting for locks that are not the GIL are a reason for suspicion, no more: what
they wait for may be a lock of the tasks' own, or the answer of some other thread. Then growth
has to show what it brings without the benefit of the doubt, and fewer workers are tried.
"""

import math
from typing import NamedTuple

RETRY_S = 3.0
RETRY_MOST_S = 60.0
RETRY_GROWTH = 1.5
#: completions and loss of throughput with which fewer workers are judged
COMPARED = 100
LOSS_ACCEPTED = 0.03
#: rounds of tasks after which a growth under suspicion is judged
SUSPECT_ROUNDS = 2
#: share of the capacity in use from which on more throughput takes more cores in use
BUSY = 0.85
#: a loss this large (in logarithms) beyond what was predicted undoes a shrink
LOSS_UNDONE = 0.12


class Size(NamedTuple):
    """What one size of the pool gave: tasks a second, cores in use, how well known."""

    workers: int
    throughput: float
    cores_used: float
    completions: float


class Judgement(NamedTuple):
    """What a comparison led to: the size to go to, or None to wait for more evidence."""

    size: int | None
    reason: str


class _Limit(NamedTuple):
    size: int
    until: float


class Limits:
    """Ceiling and floor of one pool's size, and how they were found."""

    def __init__(self) -> None:
        self._retry_s = RETRY_S
        self._ceiling: _Limit | None = None
        self._floor: _Limit | None = None
        self._shortest_stay = math.inf
        #: a size of which half is known not to do
        self._needed = 0
        self._before: Size | None = None
        self._more: Size | None = None

    def forget(self) -> None:
        """The tasks are new: nothing is known to limit them."""
        self._ceiling = self._floor = None
        self._shortest_stay = math.inf
        self._needed = 0
        self.stop_trying()

    def stop_trying(self) -> None:
        """Drop the comparison in progress: its two sides are no longer alike."""
        self._before = self._more = None

    @property
    def external(self) -> bool:
        """Whether something outside the network is known to limit the pool."""
        return self._ceiling is not None

    @property
    def compared_with(self) -> int | None:
        """The size the present one is to be compared with."""
        return None if self._before is None else self._before.workers

    @property
    def trying_fewer(self) -> bool:
        """Whether half of a size is being compared with it."""
        return self._more is not None

    def clamp(self, size: int, now: float) -> int:
        """The size within the limits that have not run out."""
        if self._ceiling is not None:
            if now < self._ceiling.until:
                size = min(size, self._ceiling.size)
            elif size > self._ceiling.size:
                # Try again, but no further than would show whether anything changed.
                size = min(size, math.ceil(RETRY_GROWTH * self._ceiling.size))
            else:
                self._ceiling = None
        if self._floor is not None and now < self._floor.until:
            size = max(size, self._floor.size)
        return size

    def leave(self, here: Size) -> None:
        """The pool is about to change its size: what follows is compared with ``here``."""
        self._before = here
        if here.throughput > 0:
            self._shortest_stay = min(self._shortest_stay, here.workers / here.throughput)

    def judge(
        self, here: Size, predicted: float, now: float, *, suspect: bool, capacity: float
    ) -> Judgement | None:
        """Compare with the size before; None: the present size stands.

        ``suspect``: most of the waiting is for locks; ``capacity`` in cores.
        """
        before = self._before
        if before is None:
            return None
        growing = here.workers > before.workers
        if growing and here.completions < self._evidence_wanted(here, suspect):
            return Judgement(None, "trying more")  # once bitten
        self._before = None
        noise = _noise(before, here)
        gains = [
            math.log(new / old)
            for new, old in (
                (here.cores_used, before.cores_used),
                (here.throughput, before.throughput),
            )
            if new > 0 and old > 0
        ]
        if not gains:
            return None
        # A machine that changes speed moves throughput, not the cores in use, when the CPU
        # is the limit, and the other way round when it is not: the better one counts.
        realised = max(gains)
        if growing:
            if suspect and before.cores_used > BUSY * capacity:
                realised = gains[0]
            allowance = 0.0 if self.external or suspect else noise
            return self._judge_growth(here, realised, predicted, allowance, now)
        if realised >= predicted - LOSS_UNDONE - 2 * noise:
            return None
        self._floor = self._new_limit(before.workers, now)
        return Judgement(before.workers, "shrinking cost throughput")

    def _evidence_wanted(self, here: Size, suspect: bool) -> float:
        """Completions without which a growth is not judged."""
        if self.external:
            return COMPARED / 2
        return min(COMPARED / 2, SUSPECT_ROUNDS * here.workers) if suspect else 0

    def _judge_growth(
        self, here: Size, realised: float, predicted: float, allowance: float, now: float
    ) -> Judgement | None:
        if realised >= predicted / 2 - allowance or predicted < allowance:
            if self._ceiling is not None and here.workers > self._ceiling.size:
                # The limit has moved: the next step need not wait.
                self._ceiling = _Limit(here.workers, now)
            return None
        knee = math.ceil(1.1 * here.throughput * self._shortest_stay)
        size = max(1, min(knee, here.workers - 1))
        self._ceiling = self._new_limit(size, now)
        return Judgement(size, "growing did not pay")

    def _new_limit(self, size: int, now: float) -> _Limit:
        limit = _Limit(size, now + self._retry_s)
        self._retry_s = min(2 * self._retry_s, RETRY_MOST_S)
        return limit

    def try_fewer(self, here: Size, least: int, now: float, *, suspect: bool) -> Judgement | None:
        """Half as many, under a ceiling, which is only known not to be too low.

        Under suspicion the present size is one.
        """
        if suspect and self._ceiling is None and here.workers > self._needed:
            self._ceiling = self._new_limit(here.workers, now)
        ceiling = self._ceiling
        if (
            ceiling is None
            or not 1.25 * self._needed < here.workers <= ceiling.size
            or here.workers <= least
            or here.completions < COMPARED
        ):
            return None
        self._more = here
        return Judgement(max(least, here.workers // 2), "trying fewer")

    def judge_fewer(self, here: Size) -> Judgement:
        """Keep the smaller size if it gives the same: here the network cannot tell."""
        more = self._more
        assert more is not None and self._ceiling is not None
        gain = math.log(max(here.throughput, 1e-9) / more.throughput)
        enough = here.completions >= min(COMPARED, more.completions)
        if not enough and gain > -LOSS_ACCEPTED - 3 * _noise(more, here):
            return Judgement(None, "trying fewer")
        self._more = None
        if gain >= -LOSS_ACCEPTED:
            self._ceiling = self._ceiling._replace(size=here.workers)
            return Judgement(here.workers, "fewer do")
        self._needed = more.workers
        return Judgement(more.workers, "fewer do not do")


def _noise(one: Size, other: Size) -> float:
    """Standard deviation of the logarithm of the ratio of two throughputs.

    Half of that of two Poisson processes: workers that are always occupied complete more
    evenly than chance would have it.
    """
    return 0.5 * math.sqrt(1 / max(one.completions, 1) + 1 / max(other.completions, 1))
