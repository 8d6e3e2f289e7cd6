"""Finding out how much of the pools' waiting is for the GIL.

Threads that have just finished a call hold the GIL: one of them looks, about every
``SAMPLE_S``, at what a few other busy threads are blocked in, and notes it for the functions
these run (``sampling`` beside this folder says which one, ``decomposition`` what
follows for the time in which nobody held the GIL). A
helper thread shows where threads wait for the GIL, and looks itself when no call has finished
for long.
"""

import logging
import sys
import threading
import time
from collections.abc import Sequence
from contextvars import Context
from random import Random
from typing import Any

from .. import gil
from ..probes import ProcReader, ThreadProbe, gil_enabled, open_reader
from ..sample_times import SampleTimes
from .recording import FunctionRecord, ThreadRecord

_logger = logging.getLogger(__name__)

SAMPLE_S = 0.02
#: threads looked at each time: 100 a second ...
SAMPLES_AT_ONCE = 2
#: ... and more when no call has ended for long
MOST_AT_ONCE = 8
#: functions seen less often are looked for more often
FEW_SAMPLES = 30
FEW_SAMPLES_S = SAMPLE_S / 4
LOOKOUT_S = 0.1
#: files of this many threads are kept open
_MOST_PROBES = 16
_LEARNING_TRIES = 10


class Sampler:
    """Samples the threads of ``records``, a list that grows while the profile is taken.

    Public attributes: ``site`` is where threads wait for the GIL (None: there is no GIL or
    it was not found), ``had_gil`` whether there was a GIL at any time, ``due`` when a thread
    that has finished a call should call :meth:`call_ended` next.
    """

    def __init__(self, records: Sequence[ThreadRecord], *, use_proc: bool) -> None:
        self._records = records
        #: those of the first ``_known`` records whose threads have not ended
        self._alive: list[ThreadRecord] = []
        self._known = 0
        self._lock = threading.Lock()
        self._random = Random()
        self._reader: ProcReader | None = open_reader() if use_proc else None
        self._probes: dict[ThreadRecord, ThreadProbe] = {}
        self._stop = threading.Event()
        self._last = time.perf_counter()
        self._process_cpu = time.process_time()
        self._times = SampleTimes()
        self.had_gil = gil_enabled()
        self.due = float("inf")
        self._lookout: _Lookout | None = None
        if self._reader is not None:
            if self.had_gil and gil.known.site is None:
                gil.known.learn(self._reader, _LEARNING_TRIES)
            self._lookout = _Lookout(self)
            self._lookout.start()
            self.due = self._last + SAMPLE_S

    def call_ended(self, own: ThreadRecord, now: float) -> None:
        """Look at others if it is the turn of this call."""
        if self._times.is_due(now):
            self.look(own, now)

    def look(self, own: ThreadRecord | None, now: float) -> None:
        """Look at a few busy threads other than the caller's, unless somebody is at it."""
        if not self._lock.acquire(False):
            return
        try:
            self._look(own, now)
        except Exception:
            # Measuring must not cost the user a task.
            _logger.exception("waiting for the GIL is no longer sampled")
            self.due = float("inf")
        finally:
            self._lock.release()

    def _look(self, own: ThreadRecord | None, now: float) -> None:
        pause, rate, busy = SAMPLE_S, 0.0, 0
        if gil_enabled():
            self.had_gil = True
            known = len(self._records)
            self._alive += self._records[self._known : known]
            self._known = known
            self._alive = [record for record in self._alive if not record.ended]
            others = [r for r in self._alive if r.current is not None and r is not own]
            busy = len(others)
            wanted = min(MOST_AT_ONCE, int((now - self._last) / SAMPLE_S * SAMPLES_AT_ONCE))
            wanted = max(wanted, SAMPLES_AT_ONCE)
            chosen = self._random.sample(others, min(wanted, busy))
            found = [sample for sample in map(self._look_at, chosen) if sample is not None]
            if found:
                self._note(own, now, busy, found)
                if any(function.samples < FEW_SAMPLES for function, _, _ in found):
                    pause = FEW_SAMPLES_S
            if own is not None:
                chosen.append(own)
            rate = _calls_per_second(chosen) * (busy + 1)
        # Calls are chosen, not moments, or tasks that end together would always show the same.
        self._times.plan(now, pause, rate, busy + 1)
        self.due = self._times.due

    def _look_at(self, record: ThreadRecord) -> tuple[FunctionRecord, bool, bool] | None:
        """The function a thread runs, whether it is blocked, and by the GIL.

        None: there was nothing to see.
        """
        probe = self._probes.get(record) or self._open(record)
        if probe is None:
            return None
        try:
            call = gil.parse_syscall(probe.syscall())
        except ValueError:  # the thread has ended
            self._close(record)
            return None
        current = record.current
        if current is None:  # possible without a GIL only
            return None
        site = gil.known.site
        waits = call is not None and site is not None and site.matches(call)
        return current[0], call is not None, waits

    def _note(
        self,
        own: ThreadRecord | None,
        now: float,
        busy: int,
        found: list[tuple[FunctionRecord, bool, bool]],
    ) -> None:
        """Add what a look found of ``busy`` others; it stands for the time since the last one."""
        elapsed = now - self._last
        process_cpu = time.process_time()
        free = max(0.0, elapsed - (process_cpu - self._process_cpu)) / elapsed
        self._last, self._process_cpu = now, process_cpu
        # Without weights, a start with few threads would count as much as the rest.
        weight = min(elapsed, LOOKOUT_S)
        unwaited = 0.0 if any(waits for _, _, waits in found) else len(found) + 1.0
        for function, blocked, waits in found:
            function.samples += 1
            share = weight * busy / len(found)
            function.blocked += share * blocked
            function.gil_waits += share * waits
            _note_time(function, share, free, unwaited)
        if own is not None and own.ran is not None:
            _note_time(own.ran, weight, free, unwaited)

    def _open(self, record: ThreadRecord) -> ThreadProbe | None:
        if self._reader is None or record.ended:
            return None
        if len(self._probes) >= _MOST_PROBES:
            ended = [known for known in self._probes if known.ended]
            self._close(ended[0] if ended else self._random.choice(list(self._probes)))
        probe = self._probes[record] = ThreadProbe(self._reader, record.identity)
        return probe

    def _close(self, record: ThreadRecord) -> None:
        self._probes.pop(record).close()

    def look_out(self) -> bool:
        """The lookout's turn; False: it may leave."""
        now = time.perf_counter()
        if self.due < float("inf") and now - self._last > LOOKOUT_S:
            self.look(None, now)
        return not self._stop.wait(LOOKOUT_S)

    def stop(self) -> None:
        """No more samples; closes what was open."""
        with self._lock:
            self.due = float("inf")
            for record in list(self._probes):
                self._close(record)
        self._stop.set()
        if self._lookout is not None:
            self._lookout.join()


def _note_time(function: FunctionRecord, seconds: float, free: float, unwaited: float) -> None:
    function.seen += seconds
    function.free += seconds * free
    function.unwaited += seconds * unwaited


def _calls_per_second(threads: Sequence[ThreadRecord]) -> float:
    """How often one of the threads ends a call, by those it has ended; 0: none has."""
    rates = []
    for thread in threads:
        running = thread.current
        function = running[0] if running is not None else thread.ran
        tally = thread.tallies.get(function) if function is not None else None
        if tally is not None and tally.calls:
            rates.append(tally.calls / max(tally.wall_seconds, 1e-6))
    return sum(rates) / len(rates) if rates else 0.0


class _Lookout(threading.Thread):
    """Looks at programs whose calls do not end."""

    def __init__(self, sampler: Sampler) -> None:
        options: dict[str, Any] = {} if sys.version_info < (3, 14) else {"context": Context()}
        super().__init__(name="profile-lookout", daemon=True, **options)
        self._sampler = sampler

    def run(self) -> None:
        while self._sampler.look_out():
            pass
