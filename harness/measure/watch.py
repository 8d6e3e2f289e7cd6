"""Drives the zygote of one interpreter and watches its trials from outside."""

import itertools
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

from harness.base.lifeline import die_with_parent
from harness.machine import counters, orphans
from harness.machine.noise import read_noise
from harness.measure import batch, channel
from harness.measure.observation import Edge, Observation, read_task_log
from harness.trial import recorder
from harness.trial.spec import TrialOrder, TrialSpec

PROJECT_ROOT = Path(__file__).resolve().parents[2]
OUTPUT_TAIL_BYTES = 4000
START_LIMIT_S = 60.0
END_LIMIT_S = 30.0
# Room in the recorder, as tasks per second of a trial. The file is sparse, so that
# generosity costs nothing.
MOST_TASKS_PER_SECOND = 200_000

SINGLE_THREADED_LIBRARIES = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)


class ZygoteError(Exception):
    """The process that forks the trials did not start or died."""


def worker_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of measured processes: the user's, less what would change Python."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return {
        **kept,
        **SINGLE_THREADED_LIBRARIES,
        "PYTHONPATH": str(PROJECT_ROOT),
        "PYTHONHASHSEED": "0",
        orphans.VARIABLE: orphans.runner_mark(),
        **extra,
    }


def shared_memory_folder() -> str | None:
    """A folder in memory for the recorder, or None for the usual temporary folder."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class TrialHost:
    """Runs trials of one workload on one interpreter, one after the other.

    A context manager. ``inherit`` are descriptors the measured processes keep open (the
    machine lock). ``preload=False``: each trial does its imports itself, so that their memory
    is the trial's own. Raises ``ZygoteError`` when the interpreter does not start.
    """

    _numbers = itertools.count(1)

    def __init__(
        self,
        python: Path,
        workload_file: Path,
        *,
        environment: Mapping[str, str],
        inherit: Sequence[int] = (),
        preload: bool = True,
    ) -> None:
        self._tail = b""
        self._pending = b""
        self._mark = orphans.runner_mark(f"host {next(self._numbers)}")
        self._helpers: Sequence[int] = ()
        with tempfile.TemporaryFile(dir=shared_memory_folder()) as file:
            self._recorder_fd = os.dup(file.fileno())
        self._control, control_write = os.pipe()
        parent = os.getpid()
        self._process = subprocess.Popen(
            [
                str(python),
                "-m",
                "harness.trial",
                f"--workload={workload_file}",
                f"--control-fd={control_write}",
                f"--recorder-fd={self._recorder_fd}",
                *([] if preload else ["--no-preload"]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=worker_environment({**environment, orphans.VARIABLE: self._mark}),
            pass_fds=(control_write, self._recorder_fd, *inherit),
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - no threads here
        )
        os.close(control_write)
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._output, selectors.EVENT_READ)
        try:
            hello = self._next_event(perf_counter() + START_LIMIT_S)
            if hello is None or hello["event"] != "hello":
                raise ZygoteError(f"{python} did not start: {self._output_tail()}")
        except BaseException:
            self.close()
            raise
        self._hello = hello

    @property
    def pid(self) -> int:
        """The zygote's."""
        return self._process.pid

    def __enter__(self) -> "TrialHost":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the zygote and whatever it runs, what left its session included."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        orphans.end_part(self._mark)
        self._selector.close()
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        os.close(self._control)
        os.close(self._recorder_fd)

    def measure(self, order: TrialOrder, helpers: Sequence[int] = ()) -> Observation:
        """Run one trial and return what was seen of it.

        ``helpers`` are processes of the harness that run beside it: no foreign ones, as are
        the co-tenants that the specification asks for.
        Raises ``ZygoteError`` only when no trial could be attempted at all; whatever goes
        wrong inside a trial is part of the observation.
        """
        assert self._process.stdin is not None
        spec = order.spec
        room = int(MOST_TASKS_PER_SECOND * (spec.warmup_s + spec.window_s)) + spec.population
        size = recorder.size_for(room, spec.population + spec.concurrency)
        os.ftruncate(self._recorder_fd, 0)
        os.ftruncate(self._recorder_fd, size)
        self._tail = b""
        seen = Observation(hello=self._hello, started_at=time.time(), cpus=order.cpus)
        seen.noise_before = read_noise(seen.cpus)
        self._helpers = helpers
        try:
            self._process.stdin.write(order.to_json().encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ZygoteError(f"the zygote is gone: {self._output_tail()}") from None
        self._watch(seen, spec)
        seen.noise_after = read_noise(seen.cpus)
        seen.ended_at = time.time()
        seen.output_tail = self._output_tail()
        self._read_recorder(seen)
        return seen

    def _read_recorder(self, seen: Observation) -> None:
        # Read, not mapped: the trial may have cut the file short or overwritten its header.
        size = os.fstat(self._recorder_fd).st_size
        used = recorder.used_bytes(os.pread(self._recorder_fd, recorder.SLOT_BYTES, 0))
        if 0 < used <= size:
            seen.tasks = read_task_log(os.pread(self._recorder_fd, used, 0))
        else:
            seen.garbage = seen.garbage or f"a recorder of {size} bytes said to hold {used}"

    def _watch(self, seen: Observation, spec: TrialSpec) -> None:
        """Follow a trial from its start to its end, reading counters as the window turns."""
        time_limit_s = spec.time_limit_s
        event = self._next_event(perf_counter() + END_LIMIT_S)
        if event is None or event["event"] != "started":
            self._process.kill()
            raise ZygoteError(f"the zygote did not start a trial: {self._output_tail()}")
        seen.started = event
        pid = event["pid"]
        event = self._next_event(perf_counter() + time_limit_s)
        if event is None:
            seen.timed_out = f"not ready after {time_limit_s:g} s"
        elif event["event"] == "ready":
            seen.ready = event
            if spec.protocol == "batch":
                seen.at_open = self._edge(seen.cpus, pid)
                event = self._next_event(perf_counter() + time_limit_s)
                seen.at_close = self._edge(seen.cpus, pid)
                missed = f"the batch had not ended after {time_limit_s:g} s"
            else:
                event = self._watch_window(seen, pid, event["open_at"], event["close_at"])
                event = event or self._next_event(perf_counter() + time_limit_s)
                missed = f"no report {time_limit_s:g} s after the window closed"
            if event is None:
                seen.timed_out = missed
        if event is not None and event["event"] == "report":
            seen.report = event
            batch.adopt(seen)
        elif event is not None and event["event"] != "ended":
            seen.garbage = event.get("text", f"{event['event']} out of turn")
        if event is None or event["event"] != "ended":
            self._kill_trial(pid)
            event = self._await_end(perf_counter() + END_LIMIT_S)
        seen.ended = event

    def _await_end(self, deadline: float) -> dict[str, Any]:
        """The zygote's word that the trial has ended; what the trial still said is passed over."""
        while event := self._next_event(deadline):
            if event["event"] == "ended":
                return event
        self._process.kill()
        raise ZygoteError(f"the zygote does not answer: {self._output_tail()}")

    def _watch_window(
        self, seen: Observation, pid: int, open_at: float, close_at: float
    ) -> dict[str, Any] | None:
        """Read counters at both edges; returns the event that cut the window short, if any."""
        known = counters.descendants(pid)  # now, for it may take longer than an edge should
        event = self._next_event(open_at)
        if event is not None:
            return event

        def open_edge() -> float:
            seen.at_open = self._edge(seen.cpus, pid)
            return seen.at_open.noise.monotonic_s

        def close_edge() -> float:
            seen.at_close = self._edge(seen.cpus, pid)
            return seen.at_close.noise.monotonic_s

        seen.tree_at_open = counters.read_tree(pid, known=known, at_once=open_edge)
        event = self._next_event(close_at)
        # The report of a trial that closed on time can be early only by scheduling.
        if event is not None and event.get("status") != "ok":
            return event
        seen.tree_at_close = counters.read_tree(pid, known=known, at_once=close_edge)
        # The zygote counts too: what the trial shares with it would be halved otherwise.
        seen.memory = counters.read_memory([self._process.pid, *counters.descendants(pid)])
        return event

    def _edge(self, cpus: Sequence[int], pid: int) -> Edge:
        noise = read_noise(cpus)
        # Beside the trial the zygote may run co-tenants that the experiment asks for.
        beside = [child for child in counters.children(self._process.pid) if child != pid]
        helpers = counters.process_cpu_seconds([*self._helpers, *beside])
        return Edge(noise, time.process_time() + helpers)

    def _kill_trial(self, pid: int) -> None:
        # The zygote reaps the pid, so it may be gone, but it cannot be somebody else's: the
        # zygote starts nothing before it has said that the trial ended.
        for send in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                send(pid, signal.SIGKILL)

    def _output_tail(self) -> str:
        return self._tail.decode(errors="replace").strip()

    def _next_event(self, deadline: float) -> dict[str, Any] | None:
        """The next message, or None at the deadline (seconds of ``perf_counter``).

        The measured processes' output is drained meanwhile, so that they never block on it.
        Raises ``ZygoteError`` when the other side has closed.
        """
        while True:
            line, newline, rest = self._pending.partition(b"\n")
            if newline:
                self._pending = rest
                if line:
                    return channel.parse(line)
                continue
            if len(self._pending) > channel.MOST_BYTES:
                self._pending = b""
                return channel.garbage(line)
            remaining = deadline - perf_counter()
            if remaining <= 0:
                return None
            for key, _ in self._selector.select(remaining):
                data = os.read(key.fd, 65536)
                if key.fd == self._output:
                    if not data:
                        self._selector.unregister(self._output)
                    self._tail = (self._tail + data)[-OUTPUT_TAIL_BYTES:]
                elif not data:
                    raise ZygoteError(f"the zygote ended: {self._output_tail()}")
                else:
                    self._pending += data
