"""The decomposed blocking ratio: where the time of occupied workers goes.

Over a window of T seconds, over the occupied workers, tasks in flight included::

    B  occupied wall seconds            O = B - C - R   off the CPU and in no run queue
    C  CPU seconds                      G = s O         waiting for the GIL
    R  seconds in a run queue           Z = (1 - s) O   genuinely blocked

s is the share of that time which is spent waiting for the GIL.

Samples are taken by workers that have just finished a task and hold the GIL, so they show
what the others do *while it is held*, not at any time. Nobody waits for a GIL that nobody
holds, and whoever holds it runs or waits for a core: it can be held in a share

    h = min(1, (C_process + R_holders) / T)

of the time at most, whatever the samples say. With b, g and r the samples that were blocked,
blocked by the GIL, and not blocked (the sampler is one of these)::

    s = h g / (h b + (1 - h) (b + r))

as without a holder all are off the CPU and none waits for the GIL. So G <= h (N - 1) T, in
effect, whatever the samples were. Code that blocks while it holds the GIL is not thought of.
Two things keep h from being too small where the GIL is fought for, and passed on slowly. A
worker that is given it while it sleeps may then queue for a core; g / (b + r) of the workers
are, and as much of R is counted as theirs. And nobody leaves the GIL free who leaves others
waiting for it: where hardly any look finds no waiter, time without CPU use is time of passing
the GIL on, of which there is at most ``PASSING`` times as much as of holding it. (Among tasks
that wake together, a look at m others finds none waiting in 1 / (m + 1) of all cases.)

Of the genuinely blocked, those found waiting on another futex wait for a lock: L = l O, where
l is their share of the samples not blocked by the GIL. From these::

    beta_naive = 1 - C / B              what the paper calls beta (arXiv 2601.10582)
    beta*      = Z / (Z + C)            the task's own blocking ratio, whatever N is
    w          = (G + R) / B            contention: what the size of the pool adds
    U          = C / T                  cores in use
    a          = Z / C                  what ``queueing_network`` sizes by

Ratios are of sums, never means of ratios.
"""

from typing import NamedTuple, Self

#: looks without a waiter, against those of tasks that wake together, that make all time free
UNWAITED_FACTOR = 2.0
#: passing the GIL on takes no longer, against holding it
PASSING = 1.0


class Window(NamedTuple):
    """What was counted in one window; sums of windows are windows.

    Seconds are of worker time but for ``wall_seconds``, the window's length. ``blocked``
    counts samples of workers that were off the CPU, ``gil_waits`` and ``lock_waits`` those
    among them that waited for the GIL or for another lock, ``running`` samples of workers
    that were not blocked while the sampler held the GIL, itself included with the weight of
    the others. ``free_seconds`` is the wall time in which no thread of the process used CPU
    time, ``looks`` how often somebody looked at others, and ``unwaited`` the looks that found
    none of m others waiting for the GIL, with a weight of m + 1 each. None need be whole
    after :meth:`scaled`.
    """

    wall_seconds: float = 0.0
    occupied_seconds: float = 0.0
    cpu_seconds: float = 0.0
    run_queue_seconds: float = 0.0
    blocked: float = 0.0
    gil_waits: float = 0.0
    lock_waits: float = 0.0
    running: float = 0.0
    completions: float = 0.0
    free_seconds: float = 0.0
    looks: float = 0.0
    unwaited: float = 0.0

    def plus(self, other: "Window") -> "Window":
        """Both windows, one after the other."""
        return Window(*[mine + its for mine, its in zip(self, other, strict=True)])

    def scaled(self, factor: float) -> "Window":
        """The window with every count multiplied, for sums that forget the past."""
        return Window(*[value * factor for value in self])

    def with_samples_of(self, other: "Window") -> "Window":
        """The window with another one's samples: its own may be few."""
        return self._replace(
            blocked=other.blocked,
            gil_waits=other.gil_waits,
            lock_waits=other.lock_waits,
            running=other.running,
            looks=other.looks,
            unwaited=other.unwaited,
        )

    @property
    def held(self) -> float:
        """h: the share of the window in which somebody can have held the GIL, 0 to 1."""
        seen = self.blocked + self.running
        if seen <= 0 or self.looks <= 0 or self.wall_seconds <= 0:
            return 1.0
        queued = self.run_queue_seconds * self.gil_waits / seen
        free = min(1.0, max(0.0, self.free_seconds - queued) / self.wall_seconds)
        left_free = min(1.0, UNWAITED_FACTOR * self.unwaited / self.looks)
        return min(1 - free * left_free, (1 + PASSING) * (1 - free))

    @property
    def gil_share_of_waits(self) -> float:
        """s: the share of the time off the CPU that was spent waiting for the GIL, 0 to 1."""
        held = self.held
        off_cpu = held * self.blocked + (1 - held) * (self.blocked + self.running)
        return held * self.gil_waits / off_cpu if off_cpu > 0 else 0.0


class Decomposition(NamedTuple):
    """Where the occupied seconds of a window went, by the equations of this module."""

    occupied_seconds: float
    cpu_seconds: float
    run_queue_seconds: float
    gil_seconds: float
    blocked_seconds: float
    lock_seconds: float
    wall_seconds: float
    completions: float

    @classmethod
    def of(cls, window: Window) -> Self:
        """Decompose a window; without samples no off-CPU time is put down to the GIL."""
        occupied = window.occupied_seconds
        cpu = min(window.cpu_seconds, occupied)
        run_queue = min(window.run_queue_seconds, occupied - cpu)
        off_cpu = occupied - cpu - run_queue
        share = window.gil_share_of_waits
        elsewhere = max(window.blocked - window.gil_waits, 1e-9)
        return cls(
            occupied_seconds=occupied,
            cpu_seconds=cpu,
            run_queue_seconds=run_queue,
            gil_seconds=share * off_cpu,
            blocked_seconds=(1 - share) * off_cpu,
            lock_seconds=window.lock_waits / elsewhere * (1 - share) * off_cpu,
            wall_seconds=window.wall_seconds,
            completions=window.completions,
        )

    def _share(self, seconds: float) -> float:
        return seconds / self.occupied_seconds if self.occupied_seconds > 0 else 0.0

    @property
    def beta_naive(self) -> float:
        """1 - C/B: counts every kind of waiting as blocking. 0 when nothing was occupied."""
        return 1 - self._share(self.cpu_seconds) if self.occupied_seconds > 0 else 0.0

    @property
    def beta_star(self) -> float:
        """Z/(Z + C): the blocking ratio of the tasks themselves."""
        own = self.blocked_seconds + self.cpu_seconds
        return self.blocked_seconds / own if own > 0 else 0.0

    @property
    def gil_share(self) -> float:
        """G/B: the share of occupied time spent waiting for the GIL."""
        return self._share(self.gil_seconds)

    @property
    def run_queue_share(self) -> float:
        """R/B: the share of occupied time spent waiting for a CPU."""
        return self._share(self.run_queue_seconds)

    @property
    def lock_share(self) -> float:
        """L/B: the share of occupied time spent waiting for locks other than the GIL."""
        return self._share(self.lock_seconds)

    @property
    def contention(self) -> float:
        """w = (G + R)/B."""
        return self._share(self.gil_seconds + self.run_queue_seconds)

    @property
    def cores_used(self) -> float:
        """U = C/T."""
        return self.cpu_seconds / self.wall_seconds if self.wall_seconds > 0 else 0.0

    @property
    def throughput(self) -> float:
        """X in tasks a second."""
        return self.completions / self.wall_seconds if self.wall_seconds > 0 else 0.0

    @property
    def ratio(self) -> float:
        """a = Z/C; infinite without CPU time."""
        return self.blocked_seconds / self.cpu_seconds if self.cpu_seconds > 0 else float("inf")
