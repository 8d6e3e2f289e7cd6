"""Runs the controller beside the pool's work: when to look, who looks, what comes of it.

There is no controller thread: with a GIL it would wait for its turn longest exactly when it
is needed (``attend`` is called by workers that have just finished a task, and therefore hold
the GIL). A *lookout* thread stands by for the case that no task finishes; it exists from the
first backlog on, looks every ``LOOKOUT_S`` while there is one, and sleeps otherwise.
"""

import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import Context
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol

from . import gil
from .controller import Controller
from .decomposition import Decomposition, Window
from .meter import Meter
from .placement import Placement
from .policy import Decision, Policy
from .probes import ThreadIdentity, open_reader
from .sample_times import SampleTimes
from .senses import Senses
from .worker import Worker

_logger = logging.getLogger(__name__)

SAMPLE_S = 0.02
LOOKOUT_S = 0.1
#: how soon to look again whether a window has enough completions
RECHECK_S = 0.01
MOST_DECISIONS = 256
LEARNING_S = 1.0
#: forgetting time of what ``stats`` shows
STATS_MEMORY_S = 5.0


class Crew(Protocol):
    """The pool, as its governor sees it."""

    @property
    def workers(self) -> Collection[Worker]:
        """Every worker that will still take tasks."""
        ...

    @property
    def backlog(self) -> int:
        """Queued calls that nobody has begun."""
        ...

    @property
    def occupied(self) -> int:
        """Workers less those that wait for another task of the pool."""
        ...

    @property
    def completed(self) -> int:
        """Calls that have been run to their end."""
        ...

    def apply(self, target: int) -> None:
        """Become as large as the controller wants it."""
        ...


class Settings(NamedTuple):
    """What a pool's owner can choose about its size."""

    least: int
    most: int
    policy: Policy
    keep_together: bool
    use_proc: bool
    on_decision: Callable[[Decision], object] | None


class Governor:
    """Measures a pool, has its controller decide, and puts decisions into effect."""

    def __init__(
        self, settings: Settings, crew: Crew, most: int, senses: Senses | None = None
    ) -> None:
        self.settings = settings
        self.decisions: list[Decision] = []
        self._crew = crew
        self.senses = senses = senses or Senses(open_reader() if settings.use_proc else None)
        self._gil = senses.gil_enabled()
        self._cores = senses.cores()
        self.controller = Controller(settings.policy, settings.least, most, self._cores, self._gil)
        self.placement = Placement(senses, settings.keep_together)
        self.recent = Window()
        # Reentrant: the hook, or a finalizer, may submit to the pool or shut it down.
        self._tick = threading.RLock()
        self._meter: Meter | None = None
        self._completed = 0
        #: when a worker that finishes a task is to call ``attend`` next
        self.due = math.inf
        self._window_due = 0.0
        #: completions a second in the last window
        self._rate = 0.0
        self._samples = SampleTimes()
        self._completions = 0
        self._last_completion = 0.0
        self._lookout: Lookout | None = None
        self.resting = True
        self._stopped = False
        # Now, not when the first backlog comes: importing releases the GIL many times, which
        # among busy workers takes half a second.
        if self._gil:
            senses.learn_wait_site()

    @property
    def target(self) -> int:
        """The size the controller wants."""
        return self.controller.target

    def refused(self, workers: int) -> None:
        """No further thread can be started: the pool stays at ``workers``."""
        self.controller.cap(workers)

    # -- the lookout -----------------------------------------------------------------------

    def wake(self) -> None:
        """There is a backlog: measure from now on."""
        with self._tick:
            if self._stopped or not self.resting:
                return
            self.resting = False
            if self.due == math.inf:
                self._start_measuring(self.senses.now())
            self._post_lookout()

    def _post_lookout(self) -> None:
        if self._lookout is not None:
            self._lookout.wake()
            return
        self._lookout = Lookout(self)
        try:
            self._lookout.start()
        except RuntimeError:  # no thread to be had: finishing workers must do
            self._lookout = None

    def stop(self) -> None:
        """The pool closes: let the lookout go."""
        # Without a lock, like Pool.close.
        self._stopped = True
        lookout = self._lookout
        if lookout is not None:
            lookout.wake()

    def join(self) -> None:
        """Wait for the lookout's end, and close what was open."""
        with self._tick:  # it is not about to be started
            lookout = self._lookout
        if lookout is not None and lookout is not threading.current_thread():
            lookout.join()
        with self._tick:
            if self._stopped:
                self.due = math.inf
                if self._meter is not None:
                    self._meter.close()

    def look_out(self) -> bool:
        """One look of the lookout; False: there is nothing to look out for."""
        if self._crew.backlog == 0:
            # Submitters look at this after they have put their call into the queue.
            self.resting = True
            if self._crew.backlog == 0:
                return False
            self.resting = False
        now = self.senses.now()
        if now >= self.due + LOOKOUT_S:
            self.attend(None, now)
        return True

    def needs_helper(self) -> bool:
        """Whether the address at which threads wait for the GIL is still to be learnt."""
        return self.senses.sees_waits and self._gil and self.senses.wait_site is None

    # -- measuring -------------------------------------------------------------------------

    def _start_measuring(self, now: float) -> None:
        self._meter = Meter(self.senses)
        self._completed = self._crew.completed
        self._meter.begin(list(self._crew.workers), now)
        self._completions = 0
        self._last_completion = now
        self._window_due = now + self.controller.goal.seconds
        self._plan_sample(now, SAMPLE_S / 4)
        self.due = min(self._window_due, self._samples.due)

    def _plan_sample(self, now: float, pause: float) -> None:
        self._samples.plan(now, pause, self._rate, len(self._crew.workers))

    def place(self, worker: Worker) -> None:
        """A new worker runs where the others do; to be called by its thread."""
        self.placement.adopt(worker)

    def attend(self, worker: Worker | None, now: float) -> None:
        """Sample, and end the window if it is complete. ``worker`` has just finished a task."""
        sampling = self._samples.is_due(now)
        if not sampling and now < self._window_due:
            return
        if not self._tick.acquire(False):
            return  # somebody else is at it
        try:
            self._attend(worker, now, sampling)
        except Exception:
            # Measuring must not cost the user a task: stop it, keep the size.
            _logger.exception("the pool's size is no longer adapted")
            self.due = math.inf
            self._stopped = True
        finally:
            self._tick.release()

    def _attend(self, worker: Worker | None, now: float, sampling: bool) -> None:
        meter = self._meter
        if meter is None or self._stopped:
            self.due = math.inf
            return
        if sampling:
            self._learn_wait_site()
            meter.sample(self._wait_site(), worker, self._crew.occupied)
            pause = SAMPLE_S if self.controller.settled else SAMPLE_S / 4
            self._plan_sample(now, pause)
        if now >= self._window_due:
            self._end_window(meter, now)
        self.due = min(self._window_due, self._samples.due)

    def _end_window(self, meter: Meter, now: float) -> None:
        crew, goal = self._crew, self.controller.goal
        completions = crew.completed - self._completed
        if completions != self._completions:
            self._completions, self._last_completion = completions, now
        silent = now - self._last_completion > self.controller.silence
        if completions < goal.completions and not silent:
            self._window_due = now + RECHECK_S
            return
        if 0 < completions < goal.completions:
            # It got stuck within the window: what came before says nothing about that.
            self._begin_window()
            return
        if silent and completions == 0:
            meter.sample_all(self._wait_site())
        window = meter.end(now, crew.occupied, completions)
        self._rate = completions / window.wall_seconds
        fading = math.exp(-window.wall_seconds / STATS_MEMORY_S)
        self.recent = self.recent.scaled(fading).plus(window)
        self._note_gil()
        self._decide(window, now)
        crew.apply(self.target)
        self._begin_window()

    def _begin_window(self) -> None:
        """Begin to count anew."""
        assert self._meter is not None
        began = self.senses.now()
        self._completed = self._crew.completed
        self._completions = 0
        self._meter.begin(list(self._crew.workers), began)
        self._last_completion = began
        self._window_due = began + self.controller.goal.seconds

    def _decide(self, window: Window, now: float) -> None:
        """Hand the window to those who decide about place and size."""
        crew, controller, placement = self._crew, self.controller, self.placement
        trying = placement.trying
        moved = crew.backlog > 0 and placement.review(
            window, Decomposition.of(window), now, self.target, gil=self._gil
        )
        if not trying:
            senses = self.senses
            sampled = senses.sees_waits and (not self._gil or senses.wait_site is not None)
            decision = controller.observe(window, now, crew.backlog, sampled=sampled)
            self._publish(decision)
            if decision.reason == "new phase":
                placement.new_phase()
        if moved:
            placement.apply(crew.workers)
            if not placement.trying:
                controller.remeasure(1.0 if placement.together else self._cores)

    def _note_gil(self) -> None:
        enabled = self.senses.gil_enabled()
        if enabled != self._gil:
            self._gil = enabled
            self.controller.set_gil(enabled)

    def _wait_site(self) -> gil.WaitSite | None:
        """Where to look for GIL waits, if anywhere."""
        wanted = self._gil and self.settings.policy.gil_sampling
        return self.senses.wait_site if wanted else None

    def _learn_wait_site(self) -> None:
        """With the lookout as the helper; tried until it works or time is up."""
        lookout = self._lookout
        if lookout is None or not self.needs_helper():
            return
        if lookout.identity is not None and lookout.helping:
            self.senses.learn_wait_site_from(lookout.identity)

    def _publish(self, decision: Decision) -> None:
        if decision.target == decision.previous:
            return
        if len(self.decisions) >= MOST_DECISIONS:
            del self.decisions[: MOST_DECISIONS // 2]
        self.decisions.append(decision)
        if self.settings.on_decision is not None:
            try:
                self.settings.on_decision(decision)
            except Exception:
                _logger.exception("the decision hook failed")

    def decomposition(self) -> Decomposition:
        """What the last few seconds' windows add up to."""
        return Decomposition.of(self.recent)

    def successor(self, most: int) -> "Governor":
        """The governor of a forked child: no lookout, no open files, everything to be learnt."""
        if self._meter is not None:
            self._meter.close()
        heir = Governor(self.settings, self._crew, most)
        heir.decisions = self.decisions
        return heir


class Lookout(threading.Thread):
    """Looks after a pool whose tasks do not finish; also the helper that shows where a thread
    waits for the GIL."""

    def __init__(self, governor: Governor) -> None:
        options: dict[str, Any] = {} if sys.version_info < (3, 14) else {"context": Context()}
        super().__init__(name="pool-lookout", daemon=True, **options)
        self.identity: ThreadIdentity | None = None
        self.helping = False
        self._governor = governor
        # A queue, as finalizers may wake it at any point: ``put`` is reentrant.
        self._woken: SimpleQueue[None] = SimpleQueue()

    def wake(self) -> None:
        """Look again, or leave if the pool closes."""
        self._woken.put(None)

    def run(self) -> None:
        """Look every ``LOOKOUT_S`` while there is a backlog."""
        self.identity = ThreadIdentity.of_caller(threading.get_ident(), threading.get_native_id())
        governor = self._governor
        self._help()
        while not governor._stopped:
            more = governor.look_out()
            with suppress(Empty):
                self._woken.get(True, LOOKOUT_S if more else None)

    def _help(self) -> None:
        """Keep waking up until a worker has seen where this thread then waits."""
        until = time.monotonic() + LEARNING_S
        self.helping = True
        governor = self._governor
        while governor.needs_helper() and not governor._stopped and time.monotonic() < until:
            time.sleep(gil.HELPER_SLEEP_S)
        self.helping = False
