"""What is known of the tasks of the present phase: a = Z/C, the capacity c, and so N*.

Both forget the past with a time constant of ``MEMORY_S``, and at once when the tasks change.
"""

import math

from .decomposition import Decomposition, Window
from .policy import Policy
from .queueing_network import enough_workers, ratio_from_utilisation, utilisation

MEMORY_S = 2.0
#: a = Z/C is kept within these: below, every size is the same; above, C is not measurable
RATIO_RANGE = (0.02, 1e4)
#: below it a says that tasks hardly block, and its logarithm nothing
LEAST_TOLD_APART = 0.1
#: a step of log a that is a new phase if it is seen twice
PHASE_CHANGE = 0.4
#: a window's own samples count when they differ by so many standard deviations
UNLIKELY = 2.5
#: contention above which the CPU is taken to be saturated: what is used is what there is
SATURATED = 0.5
CAPACITY_WEIGHT = 0.3
BUSY = 0.9
#: samples, and the share of locks among the waits that are not for the GIL, to be suspicious
SUSPECT_SAMPLES = 20
SUSPECT_SHARE = 0.5
#: N* is computed anew when a or c has changed by this share
NOTABLE = 0.03


class Estimate:
    """Learns from windows what the tasks are like; ``cores`` bounds the capacity."""

    def __init__(self, policy: Policy, cores: float, *, gil: bool) -> None:
        self.policy = policy
        self.cores = cores
        self.gil = gil
        self.capacity = self.prior_capacity
        # a and c that N* was computed for, the most it could be, and N*
        self._model = (0.0, 0.0, 0, 1)
        self._deviation = 0.1
        self._suspicions = 0
        self._cpu = self._blocked = self.samples = 0.0
        self.here = Window()

    @property
    def prior_capacity(self) -> float:
        """With a GIL one core, until more are seen in use."""
        return 1.0 if self.gil else self.cores

    def forget_phase(self) -> None:
        """The tasks are new."""
        self.forget_tasks()
        self.capacity = self.prior_capacity
        self._deviation = 0.1
        self._suspicions = 0

    def forget_tasks(self) -> None:
        """What a task costs is to be learnt anew."""
        self._cpu = self._blocked = self.samples = 0.0

    def forget_size(self) -> None:
        """What depends on the number of workers: rates, and the share of GIL waits."""
        self.here = Window()

    @property
    def ratio(self) -> float:
        """a = Z/C of the present phase, within ``RATIO_RANGE``."""
        return _within_range(self._blocked / self._cpu) if self._cpu > 0 else RATIO_RANGE[1]

    @property
    def throughput(self) -> float:
        """Tasks a second at the present size."""
        return self.here.completions / self.here.wall_seconds if self.here.wall_seconds else 0.0

    @property
    def cores_used(self) -> float:
        """U at the present size."""
        return self.here.cpu_seconds / self.here.wall_seconds if self.here.wall_seconds else 0.0

    @property
    def waits_for_locks(self) -> bool:
        """Whether what looks like blocking at the present size is mostly waiting for locks."""
        blocked = self.here.blocked - self.here.gil_waits
        enough = self.here.blocked >= SUSPECT_SAMPLES
        return enough and self.here.lock_waits > SUSPECT_SHARE * blocked

    def size(self, most: int) -> int:
        """N*, at most ``most``."""
        ratio, capacity = self.ratio, self.capacity
        if not self.policy.headroom:
            return min(most, math.ceil(capacity * (1 + ratio)))
        known_ratio, known_capacity, known_most, size = self._model
        if (
            abs(ratio - known_ratio) > NOTABLE * ratio
            or abs(capacity - known_capacity) > NOTABLE * capacity
            or most != known_most
        ):
            size = enough_workers(ratio, capacity, self.policy.spare, most)
            self._model = (ratio, capacity, most, size)
        return size

    def predicted_gain(self, before: int, after: int) -> float:
        """log(u(after)/u(before)): what the network promises for a change of size."""
        least = 1e-9
        gained = max(utilisation(after, self.ratio, self.capacity), least)
        return math.log(gained / max(utilisation(before, self.ratio, self.capacity), least))

    # -- windows ---------------------------------------------------------------------------

    def note(self, window: Window) -> None:
        """Add a window to what was seen at this size."""
        fading = math.exp(-window.wall_seconds / MEMORY_S)
        self.here = self.here.scaled(fading).plus(window)

    def decompose(self, window: Window) -> Decomposition:
        """Decompose with the share of GIL waits of all windows at this size: samples are few."""
        if not self.policy.gil_sampling:
            window = window.with_samples_of(Window())
        elif not self._stands_alone(window):
            window = window.with_samples_of(self.here)
        if not self.policy.run_queue:
            window = window._replace(run_queue_seconds=0.0)
        return Decomposition.of(window)

    def _stands_alone(self, window: Window) -> bool:
        """Whether a window's samples contradict those of all windows at this size."""
        if window.blocked == 0 or self.here.blocked == 0:
            return False
        usual = self.here.gil_waits / self.here.blocked
        # The samples of one look are alike.
        independent = min(window.blocked, 2 * window.looks) if window.looks > 0 else window.blocked
        deviation = math.sqrt(max(usual * (1 - usual), 0.05) / independent)
        return abs(window.gil_waits / window.blocked - usual) > UNLIKELY * deviation

    def window_ratio(self, parts: Decomposition, *, sampled: bool) -> float:
        """a of one window; without samples from the cores in use, by inverting the network."""
        if sampled:
            return _within_range(parts.ratio)
        workers = max(1, round(parts.occupied_seconds / parts.wall_seconds))
        return _within_range(ratio_from_utilisation(workers, parts.cores_used, self.capacity))

    def learn(self, window: Window, parts: Decomposition, ratio: float) -> None:
        """Add one window's costs to those of the phase."""
        keep = math.exp(-parts.wall_seconds / MEMORY_S)
        self._cpu = keep * self._cpu + parts.cpu_seconds
        self._blocked = keep * self._blocked + ratio * parts.cpu_seconds
        self.samples = keep * self.samples + window.blocked

    def learn_capacity(self, parts: Decomposition, workers: int, *, sampled: bool) -> None:
        """c: what is used when the CPU is saturated, else no less than what is used."""
        if sampled and parts.contention > SATURATED:
            self.capacity += CAPACITY_WEIGHT * (parts.cores_used - self.capacity)
        else:
            excess = parts.cores_used - self.capacity
            self.capacity = min(self.cores, self.capacity + max(0.0, excess / 2))
            if sampled and parts.cores_used > BUSY * self.capacity and not self.waits_for_locks:
                served = utilisation(workers, self.ratio, self.capacity) * self.capacity
                queueing = 1 - served * (1 + self.ratio) / workers
                if parts.contention < queueing / 2:
                    # So busy a station of this capacity would make them queue: it is larger.
                    self.capacity = min(self.cores, 1.1 * self.capacity)
        self.capacity = max(0.05, self.capacity)

    def phase_changed(self, ratio: float, window: Window, *, queue_elsewhere: bool) -> bool:
        """Whether a has been another one for two windows, by more than chance.

        ``queue_elsewhere``: something outside the pool is the limit. The queue there makes a
        waver, and what matters is whether throughput moves.
        """
        least = LEAST_TOLD_APART
        step = abs(math.log(max(ratio, least) / max(self.ratio, least)))
        # A few tasks' CPU times differ by chance, too.
        chance = 2 * math.sqrt(2 / max(window.completions, 1))
        if queue_elsewhere:
            rate = max(window.completions, 0.5) / window.wall_seconds
            step = min(step, abs(math.log(rate / self.throughput)))
        if step > max(PHASE_CHANGE, 3 * self._deviation, chance):
            self._suspicions += 1
        else:
            self._suspicions = 0
            self._deviation = math.sqrt(0.9 * self._deviation**2 + 0.1 * step**2)
        return self._suspicions >= 2


def _within_range(ratio: float) -> float:
    return min(RATIO_RANGE[1], max(RATIO_RANGE[0], ratio))
