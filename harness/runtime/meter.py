"""Measures the windows the controller decides on, from the workers' counters.

At most ``READ_LIMIT`` workers are read, a random choice that changes now and then; they are
interchangeable, so what they did is scaled up to all occupied workers. Nothing here is
thread-safe: the pool's tick lock guards a meter.
"""

from collections.abc import Collection

from .decomposition import Window
from .gil import FUTEX, WaitSite, parse_syscall
from .probes import ThreadProbe
from .senses import Senses
from .worker import Worker

READ_LIMIT = 16
#: windows until other workers are chosen to be read
ROSTER_WINDOWS = 20
SAMPLES_AT_ONCE = 3


class _Entry:
    """A worker that is being read, and its counters when the window began."""

    __slots__ = ("cpu", "probe", "run_queue", "unoccupied", "worker")

    def __init__(self, worker: Worker, probe: ThreadProbe | None) -> None:
        self.worker = worker
        self.probe = probe
        self.cpu = self.run_queue = self.unoccupied = 0.0

    def read(self, now: float) -> tuple[float, float, float] | None:
        """CPU, run-queue and unoccupied seconds so far; None when the thread has ended."""
        assert self.worker.identity is not None
        cpu = self.worker.identity.cpu_seconds()
        if cpu is None:
            return None
        run_queue = self.probe.run_queue_seconds() if self.probe is not None else 0.0
        if run_queue is None:
            return None
        return cpu, run_queue, self.worker.unoccupied_seconds(now)

    def close(self) -> None:
        if self.probe is not None:
            self.probe.close()


class Meter:
    """Opens, closes and samples one window after another."""

    def __init__(self, senses: Senses) -> None:
        self._senses = senses
        self._random = senses.random
        self._roster: list[_Entry] = []
        self._windows_left = 0
        self._began = self._process_cpu = 0.0
        self._blocked = self._gil_waits = self._lock_waits = self._looks = self._unwaited = 0
        self._running = 0.0

    def _forget_samples(self) -> None:
        self._blocked = self._gil_waits = self._lock_waits = self._looks = self._unwaited = 0
        self._running = 0.0

    def begin(self, workers: Collection[Worker], now: float) -> None:
        """Start a window; also to be called when the workers have changed."""
        self._choose(workers)
        self._began = now
        self._process_cpu = self._senses.process_cpu()
        self._forget_samples()
        kept = []
        for entry in self._roster:
            counters = entry.read(now)
            if counters is None:
                entry.close()
            else:
                entry.cpu, entry.run_queue, entry.unoccupied = counters
                kept.append(entry)
        self._roster = kept

    def _choose(self, workers: Collection[Worker]) -> None:
        """Fill the roster, keeping the probes of those that stay in it."""
        known = [worker for worker in workers if worker.identity is not None]
        self._windows_left -= 1
        present = set(known)
        if len(known) > READ_LIMIT:
            kept = [entry for entry in self._roster if entry.worker in present]
            if len(kept) == READ_LIMIT and self._windows_left > 0:
                return
            known = self._random.sample(known, READ_LIMIT)
            present = set(known)
            self._windows_left = ROSTER_WINDOWS
        old = {entry.worker: entry for entry in self._roster}
        if old.keys() == present:
            return
        for worker, entry in old.items():
            if worker not in present:
                entry.close()
        self._roster = [old.get(worker) or self._entry(worker) for worker in known]

    def _entry(self, worker: Worker) -> _Entry:
        assert worker.identity is not None
        return _Entry(worker, self._senses.probe(worker.identity))

    def sample(self, site: WaitSite | None, sampler: Worker | None, workers: int = 1) -> None:
        """See what a few other occupied workers wait for; to be called with the GIL held.

        ``sampler`` is the worker that calls, one of ``workers`` that are occupied.
        Without ``site`` (no GIL, or not learnt) waits are told apart no further than locks
        of any kind from the rest.
        """
        roster = self._roster
        waits = self._gil_waits
        others = [entry for entry in roster if entry.worker is not sampler]
        if len(others) > SAMPLES_AT_ONCE:
            others = self._random.sample(others, SAMPLES_AT_ONCE)
        seen = sum(self._look_at(entry, site) for entry in others)
        if not seen:
            return
        self._looks += 1
        if self._gil_waits == waits:
            self._unwaited += seen + 1
        if sampler is not None and workers > 1:
            self._running += seen / (workers - 1)

    def sample_all(self, site: WaitSite | None) -> None:
        """See what every worker that is read waits for."""
        for entry in self._roster:
            self._look_at(entry, site)

    def _look_at(self, entry: _Entry, site: WaitSite | None) -> bool:
        """Take a sample of a worker; False: there was nothing to see."""
        if entry.probe is None or entry.worker.unoccupied[1] is not None:
            return False
        try:
            call = parse_syscall(entry.probe.syscall())
        except ValueError:
            return False  # the thread has ended
        if call is None:
            self._running += 1
            return True
        self._blocked += 1
        if site is not None and site.matches(call):
            self._gil_waits += 1
        elif call.number == FUTEX:
            self._lock_waits += 1
        return True

    def end(self, now: float, workers: int, completions: int) -> Window:
        """The window since :meth:`begin`, scaled from the workers read to ``workers``."""
        wall = now - self._began
        cpu = run_queue = occupied = 0.0
        read = 0
        for entry in self._roster:
            counters = entry.read(now)
            if counters is None:
                continue
            read += 1
            cpu += counters[0] - entry.cpu
            run_queue += counters[1] - entry.run_queue
            occupied += max(0.0, wall - (counters[2] - entry.unoccupied))
        scale = workers / read if read else 0.0
        return Window(
            wall_seconds=wall,
            occupied_seconds=occupied * scale,
            cpu_seconds=cpu * scale,
            run_queue_seconds=run_queue * scale,
            blocked=self._blocked,
            gil_waits=self._gil_waits,
            lock_waits=self._lock_waits,
            running=self._running,
            completions=completions,
            free_seconds=max(0.0, wall - (self._senses.process_cpu() - self._process_cpu)),
            looks=self._looks,
            unwaited=self._unwaited,
        )

    def close(self) -> None:
        """Close every file; the meter can be used again."""
        for entry in self._roster:
            entry.close()
        self._roster = []
