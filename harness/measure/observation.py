"""What one trial left behind, before anything is computed from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.machine.cgroups import Usage
from harness.machine.counters import MemoryUse, TreeCounters
from harness.machine.noise import Noise
from harness.trial.recorder import CHUNK_TASKS, HEADER_SLOTS, ROW


@dataclass(frozen=True, slots=True)
class TaskLog:
    """Times of every task of a trial, in seconds of ``perf_counter``.

    Arrays of equal length, one element per task that started: ``worker`` (a number per
    log within its process), ``process`` (pid), ``submitted``, ``started``, ``ended``
    (NaN while in flight), ``lateness`` (by how many seconds its waits took longer than asked,
    the mean over them; NaN when it never waited), ``outcome`` (0: success, k: the k-th of the
    errors that the workload declares; 0 while in flight).
    """

    worker: npt.NDArray[np.int64]
    process: npt.NDArray[np.int64]
    submitted: npt.NDArray[np.float64]
    started: npt.NDArray[np.float64]
    ended: npt.NDArray[np.float64]
    lateness: npt.NDArray[np.float64]
    outcome: npt.NDArray[np.int64]


def read_task_log(memory: bytes | memoryview) -> TaskLog:
    """Decode the recorder's memory (see ``harness.trial.recorder`` for its layout)."""
    chunks = int(np.frombuffer(memory, dtype=np.int64, count=1)[0])
    rows_per_chunk = CHUNK_TASKS + 1
    table = np.frombuffer(
        memory, dtype=np.float64, count=chunks * rows_per_chunk * ROW, offset=HEADER_SLOTS * 8
    ).reshape(chunks, rows_per_chunk, ROW)
    owner = np.repeat(table[:, 0, :2].astype(np.int64), CHUNK_TASKS, axis=0)
    rows = table[:, 1:, :].reshape(-1, ROW)
    used = rows[:, 1] > 0
    rows, owner = rows[used], owner[used]
    return TaskLog(
        worker=owner[:, 0],
        process=owner[:, 1],
        submitted=rows[:, 0].copy(),
        started=rows[:, 1].copy(),
        ended=np.where(rows[:, 2] > 0, rows[:, 2], np.nan),
        lateness=np.where(rows[:, 2] > 0, rows[:, 3], np.nan),
        outcome=np.where(rows[:, 2] > 0, rows[:, 4], 0).astype(np.int64),
    )


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """When a batch began, had no task left, went on after a look at its memory, and was over.

    ``cpu_s``: CPU seconds of the trial from the first to the last, the look included.
    """

    open_at: float
    drained_at: float
    resumed_at: float
    close_at: float
    cpu_s: float

    @property
    def elapsed_s(self) -> float:
        """From before the pool was made until it was shut down, less the look in between."""
        return self.close_at - self.open_at - (self.resumed_at - self.drained_at)


@dataclass(frozen=True, slots=True)
class Edge:
    """The machine as the window opens or closes, read together with the trial's CPU clocks.

    ``harness_cpu_s``: CPU seconds of the runner and its helpers so far, which are nobody's
    disturbance but part of the measurement.
    """

    noise: Noise
    harness_cpu_s: float


@dataclass(slots=True)
class Observation:
    """Everything seen while one trial ran; fields stay empty when it ended too early."""

    started_at: float = 0.0
    ended_at: float = 0.0
    hello: dict[str, Any] = field(default_factory=dict)
    started: dict[str, Any] = field(default_factory=dict)
    ready: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    ended: dict[str, Any] = field(default_factory=dict)
    tree_at_open: TreeCounters | None = None
    tree_at_close: TreeCounters | None = None
    memory: MemoryUse | None = None
    #: of a batch: seconds of ``perf_counter`` at its edges
    batch: BatchTimes | None = None
    cpus: Sequence[int] = ()
    #: what happened in the trial's cgroup, and what it enforces; None without any
    usage: Usage | None = None
    noise_before: Noise | None = None
    noise_after: Noise | None = None
    at_open: Edge | None = None
    at_close: Edge | None = None
    speed_in_window: float | None = None
    tasks: TaskLog | None = None
    timed_out: str = ""
    #: what came over the control channel, or stands in the recorder, and cannot be
    garbage: str = ""
    output_tail: str = ""
