"""Decides the size of the pool, window by window. Pure: no clock, no threads, no I/O.

The life of a size: *ramp* (the pool grows or shrinks, every worker finishes one task; what is
seen is not counted), *measure* (one window over about a task of each worker), and then either
the next size or *settled*, where windows go on and are watched for change.

1. Every window is decomposed; the task's ratio a = Z/C and the capacity c give the size N*
   (``estimate``, ``queueing_network``). Growth is at most ``GROWTH`` times a step.
2. Trust, but verify: what a change of size brings is compared with what the network promised
   (``limits``).
3. A change of a in two windows running, by more than chance, is a new phase: the past is
   forgotten.
4. Liveness: tasks may wait for tasks. When nothing completes, one more worker; when all
   workers are found waiting on locks, twice as many.
"""

import math
from typing import Literal

from .decomposition import Decomposition, Window
from .estimate import Estimate
from .limits import Judgement, Limits, Size
from .policy import Decision, Goal, Policy

START = 4
GROWTH = 4.0
GROWTH_FEW_SAMPLES = 3.0
ENOUGH_SAMPLES = 30
WINDOW_S = 0.05
SETTLED_WINDOW_S = 0.1
DEAD_BAND = 0.12
#: windows for which the size must be off before a settled pool changes it
MISFITS = 3
SILENCE_S = 0.5


class Controller:
    """Sizes one pool; ``least`` to ``most`` workers, ``cores`` the CPU time it may get."""

    def __init__(self, policy: Policy, least: int, most: int, cores: float, gil: bool) -> None:
        self.policy = policy
        self.target = max(least, min(START, most))
        self.goal = Goal(WINDOW_S, self.target)
        self.estimate = Estimate(policy, cores, gil=gil)
        self.limits = Limits()
        self._least = least
        self._most = most
        self._stage: Literal["ramp", "measure", "settled"] = "measure"
        self._misfits = 0
        self._locked = False
        self._stay = 0.0

    @property
    def settled(self) -> bool:
        """Whether the size was kept when it was last measured."""
        return self._stage == "settled"

    @property
    def capacity(self) -> float:
        """c: the cores the tasks can use at once."""
        return self.estimate.capacity

    @property
    def ratio(self) -> float:
        """a = Z/C of the present phase."""
        return self.estimate.ratio

    @property
    def silence(self) -> float:
        """Seconds without any completion after which something may be stuck."""
        return WINDOW_S if self._locked else max(SILENCE_S, 3 * self._stay)

    def model_size(self) -> int:
        """N* of the present phase, before floors and ceilings."""
        return max(self._least, self.estimate.size(self._most))

    # -- what happens around it --------------------------------------------------------------

    def cap(self, most: int) -> None:
        """No more than ``most`` workers can be had."""
        self._most = most
        self.target = min(self.target, most)

    def remeasure(self, cores: float) -> None:
        """The workers have moved to so many cores: what a task costs has changed."""
        self.estimate.cores = cores
        self.estimate.capacity = min(self.estimate.capacity, cores)
        self.estimate.forget_tasks()
        self.limits.stop_trying()
        self._stage = "ramp"
        self.goal = self._next_goal(self.target)

    def set_gil(self, enabled: bool) -> None:
        """Say whether there is a GIL now: an import can switch it on."""
        if enabled != self.estimate.gil:
            self.estimate.gil = enabled
            self._new_phase()
            self._stage = "measure"

    # -- one window ------------------------------------------------------------------------

    def observe(self, window: Window, now: float, backlog: int, *, sampled: bool) -> Decision:
        """Take in a window that met the goal and decide the size from here on.

        ``sampled`` tells whether ``window`` can be decomposed; if not (no /proc), a comes
        from the cores in use by inverting the network.
        """
        previous = self.target
        self.estimate.note(window)
        parts = self.estimate.decompose(window)
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
            self._stay = parts.occupied_seconds / parts.completions
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

    def _next_goal(self, previous: int) -> Goal:
        seconds = {"ramp": 0.0, "measure": WINDOW_S, "settled": SETTLED_WINDOW_S}[self._stage]
        return Goal(seconds, max(self.target, previous))

    def _forget_size(self) -> None:
        self.estimate.forget_size()
        self._misfits = 0

    def _new_phase(self) -> None:
        self.estimate.forget_phase()
        self.limits.forget()
        self._forget_size()

    # -- the cases -------------------------------------------------------------------------

    def _without_backlog(self) -> str:
        """Demand, not the pool, set the throughput: nothing can be learnt from it."""
        self.limits.stop_trying()
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
        estimate, limits = self.estimate, self.limits
        estimate.learn_capacity(parts, self.target, sampled=sampled)
        ratio = estimate.window_ratio(parts, sampled=sampled)
        if self.settled and estimate.phase_changed(ratio, window, queue_elsewhere=limits.external):
            self._new_phase()
            estimate.note(window)
            estimate.learn_capacity(parts, self.target, sampled=sampled)
            estimate.learn(window, parts, ratio)
            return self._resize("new phase", now)
        estimate.learn(window, parts, ratio)
        if limits.trying_fewer:
            return self._follow(limits.judge_fewer(self._size()))
        if self.policy.verify:
            verdict = limits.judge(
                self._size(),
                self._predicted(),
                now,
                suspect=estimate.waits_for_locks,
                capacity=self.capacity,
            )
            if verdict is not None:
                if verdict.size is not None:
                    # Where the limit is outside the model, Z grows with N: what was learnt at
                    # the other size is no measure for this one, let alone for a new phase.
                    estimate.forget_tasks()
                return self._follow(verdict)
        if self.settled and not self._misfit(now):
            fewer = None
            if self.policy.verify:
                fewer = limits.try_fewer(
                    self._size(), self._least, now, suspect=estimate.waits_for_locks
                )
            return "settled" if fewer is None else self._follow(fewer)
        return self._resize("model", now)

    def _size(self) -> Size:
        estimate = self.estimate
        return Size(
            self.target, estimate.throughput, estimate.cores_used, estimate.here.completions
        )

    def _predicted(self) -> float:
        before = self.limits.compared_with
        return 0.0 if before is None else self.estimate.predicted_gain(before, self.target)

    def _follow(self, verdict: Judgement) -> str:
        if verdict.size is not None:
            self._go_to(max(self._least, min(verdict.size, self._most)))
        return verdict.reason

    def _wanted(self, now: float) -> int:
        """N* within the limits."""
        return max(self._least, min(self.limits.clamp(self.model_size(), now), self._most))

    def _misfit(self, now: float) -> bool:
        """Whether the size has been off by more than the dead band for some windows."""
        wanted = self._wanted(now)
        off = wanted > self.target * (1 + DEAD_BAND) or wanted * (1 + DEAD_BAND) < self.target
        self._misfits = self._misfits + 1 if off else 0
        return self._misfits >= MISFITS

    def _resize(self, reason: str, now: float) -> str:
        few = self.estimate.gil and self.estimate.samples < ENOUGH_SAMPLES
        growth = GROWTH_FEW_SAMPLES if few else GROWTH
        wanted = min(self._wanted(now), math.ceil(self.target * growth))
        if abs(wanted - self.target) <= DEAD_BAND * self.target:
            self._stage = "settled"
            return "settled"
        self.limits.leave(self._size())
        self._go_to(wanted)
        return reason

    def _go_to(self, size: int) -> None:
        self._stage = "settled" if size == self.target else "ramp"
        self.target = size
