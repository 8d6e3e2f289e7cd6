"""The decomposed blocking ratio: where the time of occupied workers goes.

Over a window of T seconds, over the occupied workers, tasks in flight included::

    B  occupied wall seconds            O = B - C - R   off the CPU and in no run queue
    C  CPU seconds                      G = s O         waiting for the GIL
    R  seconds in a run queue           Z = (1 - s) O   genuinely blocked

s is the share of blocked workers that were found waiting for the GIL. Of the genuinely
blocked, those found waiting on another futex wait for a lock: L = l O. From these::

    beta_naive = 1 - C / B              what the paper calls beta (arXiv 2601.10582)
    beta*      = Z / (Z + C)            the task's own blocking ratio, whatever N is
    w          = (G + R) / B            contention: what the size of the pool adds
    U          = C / T                  cores in use
    a          = Z / C                  what ``harness.runtime.network`` sizes by

Ratios are of sums, never means of ratios.
"""

from typing import NamedTuple, Self


class Window(NamedTuple):
    """What was counted in one window; sums of windows are windows.

    Seconds are of worker time but for ``wall_seconds``, the window's length. ``blocked``
    counts samples of workers that were off the CPU, ``gil_waits`` and ``lock_waits`` those
    among them that waited for the GIL or for another lock, ``running`` samples of workers
    that were runnable while the sampler held the GIL. None need be whole after
    :meth:`scaled`.
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

    def plus(self, other: "Window") -> "Window":
        """Both windows, one after the other."""
        return Window(*[mine + its for mine, its in zip(self, other, strict=True)])

    def scaled(self, factor: float) -> "Window":
        """The window with every count multiplied, for sums that forget the past."""
        return Window(*[value * factor for value in self])


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
        samples = max(window.blocked, 1e-9)
        share = window.gil_waits / samples
        return cls(
            occupied_seconds=occupied,
            cpu_seconds=cpu,
            run_queue_seconds=run_queue,
            gil_seconds=share * off_cpu,
            blocked_seconds=(1 - share) * off_cpu,
            lock_seconds=window.lock_waits / samples * off_cpu,
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
