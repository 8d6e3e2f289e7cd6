"""Decides the size of the pool, window by window. Pure: no clock, no threads, no I/O.

The life of a size: *ramp* (the pool grows or shrinks, every worker finishes one task; what is
seen is not counted), *measure* (one window over about a task of each worker), and then either
the next size or *settled*, where windows go on and are watched for change.

1. Every window is decomposed (``decomposition``); the task's ratio a = Z/C and the capacity c
   give the size N* (``network``). Growth is at most ``GROWTH`` times a step.
2. Trust, but verify: after growing, the throughput or the cores in use must have risen by at
   least half of what the network predicts (in logarithms). If not, what limits the pool is
   outside the model - a saturated remote, a lock - and the knee of the throughput curve,
   N = X_max W_min by Little's law, becomes a ceiling that is tried again later, ever more
   rarely. The same check undoes a shrink that cost throughput.
3. A change of a by more than ``PHASE_CHANGE`` (and three standard deviations) in two windows
   running is a new phase: the past is forgotten.
4. Liveness: tasks may wait for tasks. When nothing completes, one more worker; when all
   workers are found waiting on locks, twice as many.
"""

import math
from typing import Literal, NamedTuple

from harness.runtime.decomposition import Decomposition, Window
from harness.runtime.network import enough_workers, ratio_from_utilisation, utilisation

START = 4
GROWTH = 4.0
GROWTH_FEW_SAMPLES = 3.0
ENOUGH_SAMPLES = 30
WINDOW_S = 0.05
SETTLED_WINDOW_S = 0.1
MEMORY_S = 2.0
DEAD_BAND = 0.12
PHASE_CHANGE = 0.4
SATURATED = 0.5
BUSY = 0.9
#: a window's own samples count when they differ by so many standard deviations
UNLIKELY = 3.0
#: completions and loss of throughput with which fewer workers are judged
COMPARED = 100
LOSS_ACCEPTED = 0.03
#: N* is computed anew when a or c has changed by this share
NOTABLE = 0.03
CAPACITY_WEIGHT = 0.3
SILENCE_S = 0.5
RETRY_S = 3.0
RETRY_MOST_S = 60.0
#: a = Z/C is kept within these: below, every size is the same; above, C is not measurable
RATIO_RANGE = (0.1, 1e4)


class Policy(NamedTuple):
    """What the controller uses; everything on, but for ablations.

    ``spare`` is the share of the CPU that may stay idle at the chosen size; ``headroom``
    off means c(1 + a), which ignores that times vary; ``metric`` ``naive`` is the paper's
    rule, one more worker a window while 1 - cpu/wall exceeds ``threshold``.
    """

    gil_sampling: bool = True
    run_queue: bool = True
    headroom: bool = True
    verify: bool = True
    metric: Literal["decomposed", "naive"] = "decomposed"
    threshold: float = 0.3
    spare: float = 0.002


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


class Goal(NamedTuple):
    """When a window is complete: at least this long, and with this many completions."""

    seconds: float
    completions: int


class _Size(NamedTuple):
    """What one size of the pool gave: tasks a second, cores in use, how well known."""

    workers: int
    throughput: float
    cores_used: float
    completions: float


class _Limit(NamedTuple):
    """A bound on the size that throughput spoke for, until it is tried again."""

    size: int
    until: float
    patience: float


class Controller:
    """Sizes one pool; ``least`` to ``most`` workers, ``cores`` the CPU time it may get."""

    def __init__(self, policy: Policy, least: int, most: int, cores: float, gil: bool) -> None:
        self.policy = policy
        self.target = max(least, min(START, most))
        self.goal = Goal(WINDOW_S, self.target)
        self._least = least
        self._most = most
        self.cores = cores
        self._stage: Literal["ramp", "measure", "settled"] = "measure"
        self._gil = gil
        self.capacity = self._prior_capacity()
        self._forget_phase()
        self._retry_s = RETRY_S
        self._locked = False
        self._stay = 0.0
        # a and c that N* was computed for, and N*
        self._model = (0.0, 0.0, 1)

    # -- what is known ---------------------------------------------------------------------

    def _prior_capacity(self) -> float:
        return 1.0 if self._gil else self.cores

    def _forget_phase(self) -> None:
        self._cpu = self._blocked = 0.0
        self._samples = 0.0
        self._deviation = 0.1
        self._suspicions = 0
        self._shortest_stay = math.inf
        self._ceiling: _Limit | None = None
        self._floor: _Limit | None = None
        self._before: _Size | None = None
        self._more: _Size | None = None
        self._needed = 0
        self._forget_size()

    def _forget_size(self) -> None:
        """What depends on the number of workers: shares and rates."""
        self._here = Window()
        self._misfits = 0

    @property
    def settled(self) -> bool:
        """Whether the size was kept when it was last measured."""
        return self._stage == "settled"

    @property
    def silence(self) -> float:
        """Seconds without any completion after which something may be stuck."""
        if self._locked:
            return WINDOW_S
        return max(SILENCE_S, 3 * self._stay)

    @property
    def ratio(self) -> float:
        """a = Z/C of the present phase, within ``RATIO_RANGE``."""
        low, high = RATIO_RANGE
        return min(high, max(low, self._blocked / self._cpu)) if self._cpu > 0 else high

    def model_size(self) -> int:
        """N* of the present phase, before floors and ceilings."""
        ratio, capacity = self.ratio, self.capacity
        if not self.policy.headroom:
            size = math.ceil(capacity * (1 + ratio))
        else:
            known_ratio, known_capacity, size = self._model
            if (
                abs(ratio - known_ratio) > NOTABLE * ratio
                or abs(capacity - known_capacity) > NOTABLE * capacity
            ):
                size = enough_workers(ratio, capacity, self.policy.spare, self._most)
                self._model = (ratio, capacity, size)
        return max(self._least, min(size, self._most))

    # -- one window ------------------------------------------------------------------------

    def observe(self, window: Window, now: float, backlog: int, *, sampled: bool) -> Decision:
        """Take in a window that met the goal and decide the size from here on.

        ``sampled`` tells whether ``window`` can be decomposed; if not (no /proc), a comes
        from the cores in use by inverting the network.
        """
        previous = self.target
        fading = math.exp(-window.wall_seconds / MEMORY_S)
        self._here = self._here.scaled(fading).plus(window)
        parts = self._decompose(window)
        self._locked = self._locked and window.completions == 0
        if backlog == 0:
            reason = self._without_backlog()
        elif self.policy.metric == "naive":
            reason = self._naive(parts)
        elif window.completions == 0:
            reason = self._unblock(window)
        elif self._stage == "ramp":
            self._forget_size()
            self._stage = "measure"
            reason = "ramp"
        else:
            reason = self._measured(window, parts, now, sampled)
        self.goal = self._next_goal(previous)
        return Decision(
            at=now,
            target=self.target,
            previous=previous,
            backlog=backlog,
            reason=reason,
            beta_naive=parts.beta_naive,
            beta_star=parts.beta_star,
            gil_wait_share=parts.gil_share,
            run_queue_share=parts.run_queue_share,
            cores_used=parts.cores_used,
            capacity=self.capacity,
            throughput_tps=parts.throughput,
        )

    def _decompose(self, window: Window) -> Decomposition:
        """Decompose with the share of GIL waits of all windows at this size: samples are few."""
        if not self.policy.gil_sampling:
            window = window._replace(blocked=0.0, gil_waits=0.0)
        elif not self._stands_alone(window):
            window = window._replace(blocked=self._here.blocked, gil_waits=self._here.gil_waits)
        if not self.policy.run_queue:
            window = window._replace(run_queue_seconds=0.0)
        return Decomposition.of(window)

    def _stands_alone(self, window: Window) -> bool:
        """Whether a window's samples contradict those of all windows at this size."""
        if window.blocked == 0 or self._here.blocked == 0:
            return False
        usual = self._here.gil_waits / self._here.blocked
        deviation = math.sqrt(max(usual * (1 - usual), 0.05) / window.blocked)
        return abs(window.gil_waits / window.blocked - usual) > UNLIKELY * deviation

    def _next_goal(self, previous: int) -> Goal:
        seconds = SETTLED_WINDOW_S if self._stage == "settled" else WINDOW_S
        if self._stage == "ramp":
            seconds = 0.0
        return Goal(seconds, max(self.target, previous))

    def cap(self, most: int) -> None:
        """No more than ``most`` workers can be had."""
        self._most = most
        self._model = (0.0, 0.0, 1)
        self.target = min(self.target, most)

    def remeasure(self) -> None:
        """Something outside changed what a task costs: measure it anew at this size."""
        self._cpu = self._blocked = self._samples = 0.0
        self._before = self._more = None
        self._stage = "ramp"
        self.goal = self._next_goal(self.target)

    def set_gil(self, enabled: bool) -> None:
        """Say whether there is a GIL now: an import can switch it on."""
        if enabled != self._gil:
            self._gil = enabled
            self._forget_phase()
            self.capacity = self._prior_capacity()
            self._stage = "measure"

    # -- the cases -------------------------------------------------------------------------

    def _without_backlog(self) -> str:
        """Demand, not the pool, set the throughput: nothing can be learnt from it."""
        self._before = self._more = None
        self._stage = "measure"
        self._forget_size()
        return "no backlog"

    def _naive(self, parts: Decomposition) -> str:
        if parts.beta_naive <= self.policy.threshold:
            return "veto"
        self.target = min(self.target + 1, self._most)
        return "grow"

    def _unblock(self, window: Window) -> str:
        """Nothing completed: perhaps the workers wait for tasks that wait for a worker."""
        others = window.blocked - window.lock_waits + window.running
        locked = window.lock_waits >= min(self.target, ENOUGH_SAMPLES / 2) and others == 0
        self._locked = locked
        self.target = min(self._most, self.target * 2 if locked else self.target + 1)
        return "all wait on locks" if locked else "nothing completes"

    def _measured(self, window: Window, parts: Decomposition, now: float, sampled: bool) -> str:
        self._learn_capacity(parts, sampled)
        ratio = self._window_ratio(parts, sampled)
        if self._stage == "settled" and self._phase_changed(ratio, window):
            self._forget_phase()
            self._here = window
            self.capacity = self._prior_capacity()
            self._learn_capacity(parts, sampled)
            self._take_in(window, parts, ratio)
            return self._resize("new phase", now)
        self._take_in(window, parts, ratio)
        if self._more is not None:
            return self._judge_fewer()
        if self._before is not None and self.policy.verify:
            verdict = self._verify(now)
            if verdict == "trying more":
                return verdict
            if verdict is not None:
                # Where the limit is outside the model, Z grows with N: what was learnt at the
                # other size is no measure for this one, let alone for a new phase.
                self._cpu = self._blocked = self._samples = 0.0
                return verdict
        if self._stage == "settled" and not self._misfit(now):
            return self._try_fewer() if self._fewer_might_do() else "settled"
        return self._resize("model", now)

    def _fewer_might_do(self) -> bool:
        """Under a ceiling, which is only known not to be too low."""
        ceiling = self._ceiling
        return (
            ceiling is not None
            and 1.25 * self._needed < self.target <= ceiling.size
            and self.target > self._least
            and self._here.completions >= COMPARED
        )

    def _try_fewer(self) -> str:
        self._more = self._rates()
        return self._go_to(max(self._least, self.target // 2), "trying fewer")

    def _judge_fewer(self) -> str:
        """Keep the smaller size if it gives the same; the network cannot say."""
        more, here = self._more, self._rates()
        assert more is not None and self._ceiling is not None
        gain = math.log(max(here.throughput, 1e-9) / more.throughput)
        enough = here.completions >= min(COMPARED, more.completions)
        if not enough and gain > -LOSS_ACCEPTED - 3 * _noise(more, here):
            return "trying fewer"
        self._more = None
        if gain >= -LOSS_ACCEPTED:
            self._ceiling = self._ceiling._replace(size=here.workers)
            self._stage = "settled"
            return "fewer do"
        self._needed = more.workers
        return self._go_to(more.workers, "fewer do not do")

    def _learn_capacity(self, parts: Decomposition, sampled: bool) -> None:
        if sampled and parts.contention > SATURATED:
            self.capacity += CAPACITY_WEIGHT * (parts.cores_used - self.capacity)
        else:
            excess = parts.cores_used - self.capacity
            self.capacity = min(self.cores, self.capacity + max(0.0, excess / 2))
            if sampled and parts.cores_used > BUSY * self.capacity:
                served = utilisation(self.target, self.ratio, self.capacity) * self.capacity
                queueing = 1 - served * (1 + self.ratio) / self.target
                if parts.contention < queueing / 2:
                    # So busy a station of this capacity would make them queue: it is larger.
                    self.capacity = min(self.cores, 1.1 * self.capacity)
        self.capacity = max(0.05, self.capacity)

    def _window_ratio(self, parts: Decomposition, sampled: bool) -> float:
        low, high = RATIO_RANGE
        if sampled:
            ratio = parts.ratio
        else:
            workers = parts.occupied_seconds / parts.wall_seconds
            ratio = ratio_from_utilisation(max(1, round(workers)), parts.cores_used, self.capacity)
        return min(high, max(low, ratio))

    def _take_in(self, window: Window, parts: Decomposition, ratio: float) -> None:
        keep = math.exp(-parts.wall_seconds / MEMORY_S)
        self._cpu = keep * self._cpu + parts.cpu_seconds
        self._blocked = keep * self._blocked + ratio * parts.cpu_seconds
        self._samples = keep * self._samples + window.blocked
        if parts.throughput > 0:
            self._stay = parts.occupied_seconds / parts.completions

    def _rates(self) -> _Size:
        here = self._here
        return _Size(
            self.target,
            here.completions / here.wall_seconds,
            here.cpu_seconds / here.wall_seconds,
            here.completions,
        )

    def _phase_changed(self, ratio: float, window: Window) -> bool:
        step = abs(math.log(ratio / self.ratio))
        # A few tasks' CPU times differ by chance, too.
        chance = 2 * math.sqrt(2 / max(window.completions, 1))
        if self._ceiling is not None:
            # A queue elsewhere makes a waver; what matters then is whether that queue moves.
            rate = max(window.completions, 0.5) / window.wall_seconds
            step = min(step, abs(math.log(rate / self._rates().throughput)))
        if step > max(PHASE_CHANGE, 3 * self._deviation, chance):
            self._suspicions += 1
        else:
            self._suspicions = 0
            self._deviation = math.sqrt(0.9 * self._deviation**2 + 0.1 * step**2)
        return self._suspicions >= 2

    def _predicted_gain(self, before: int, after: int) -> float:
        """log(u(after)/u(before)): what the network promises for a change of size."""
        return math.log(
            max(utilisation(after, self.ratio, self.capacity), 1e-9)
            / max(utilisation(before, self.ratio, self.capacity), 1e-9)
        )

    def _verify(self, now: float) -> str | None:
        """Compare with the size before; None when the present size stands."""
        before, here = self._before, self._rates()
        assert before is not None
        growing = here.workers > before.workers
        if growing and self._ceiling is not None and here.completions < COMPARED / 2:
            return "trying more"  # once bitten
        self._before = None
        predicted = self._predicted_gain(before.workers, here.workers)
        noise = _noise(before, here)
        gains = [
            math.log(new / old)
            for new, old in (
                (here.throughput, before.throughput),
                (here.cores_used, before.cores_used),
            )
            if new > 0 and old > 0
        ]
        if not gains:
            return None
        # A machine that changes speed moves throughput, not the cores in use, when the CPU
        # is the limit, and the other way round when it is not: the better one counts.
        realised = max(gains)
        if growing:
            allowance = noise if self._ceiling is None else 0.0
            if realised >= predicted / 2 - allowance or predicted < allowance:
                if self._ceiling is not None and here.workers > self._ceiling.size:
                    # The limit has moved: the next step need not wait.
                    self._ceiling = _Limit(here.workers, now, self._ceiling.patience)
                return None
            knee = math.ceil(1.1 * here.throughput * self._shortest_stay)
            size = max(self._least, min(knee, here.workers - 1, self._most))
            self._ceiling = _Limit(size, now + self._retry_s, self._retry_s)
            self._retry_s = min(2 * self._retry_s, RETRY_MOST_S)
            return self._go_to(size, "growing did not pay")
        if realised >= predicted - DEAD_BAND - 2 * noise:
            return None
        self._floor = _Limit(before.workers, now + self._retry_s, self._retry_s)
        self._retry_s = min(2 * self._retry_s, RETRY_MOST_S)
        return self._go_to(before.workers, "shrinking cost throughput")

    def _wanted(self, now: float) -> int:
        """N* within the limits that throughput set and that have not run out."""
        size = self.model_size()
        if self._ceiling is not None:
            if now < self._ceiling.until:
                size = min(size, self._ceiling.size)
            elif size > self._ceiling.size:
                # Try again, but no further than would show whether anything changed.
                size = min(size, math.ceil(1.5 * self._ceiling.size))
            else:
                self._ceiling = None
        if self._floor is not None and now < self._floor.until:
            size = max(size, self._floor.size)
        return size

    def _misfit(self, now: float) -> bool:
        """Whether the size has been off by more than the dead band for three windows."""
        wanted = self._wanted(now)
        off = wanted > self.target * (1 + DEAD_BAND) or wanted * (1 + DEAD_BAND) < self.target
        self._misfits = self._misfits + 1 if off else 0
        return self._misfits >= 3

    def _resize(self, reason: str, now: float) -> str:
        wanted = self._wanted(now)
        growth = GROWTH if self._samples >= ENOUGH_SAMPLES or not self._gil else GROWTH_FEW_SAMPLES
        wanted = min(wanted, math.ceil(self.target * growth))
        if abs(wanted - self.target) <= DEAD_BAND * self.target:
            self._stage = "settled"
            return "settled"
        self._before = self._rates()
        if self._before.throughput > 0:
            stay = self.target / self._before.throughput
            self._shortest_stay = min(self._shortest_stay, stay)
        return self._go_to(wanted, reason)

    def _go_to(self, size: int, reason: str) -> str:
        if size == self.target:
            self._stage = "settled"
            return reason
        self.target = size
        self._stage = "ramp"
        return reason


def _noise(one: _Size, other: _Size) -> float:
    """Standard deviation of the logarithm of the ratio of two throughputs.

    Half of that of two Poisson processes: workers that are always occupied complete more
    evenly than chance would have it.
    """
    return 0.5 * math.sqrt(1 / max(one.completions, 1) + 1 / max(other.completions, 1))
