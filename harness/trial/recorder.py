"""The flight recorder: every task's times, in memory shared with the process that judges.

Workers of a trial (threads, coroutines or processes) write the times of each task as it
begins and ends; the runner reads them after it has killed the trial. Nothing has to be
collected, sorted or sent by a main thread that competes with its own workers for the GIL,
and what a crashed or hanging trial did until then is not lost.

Layout of the shared file, all values 8 bytes wide and in native order::

    header   HEADER_SLOTS int64   [0] number of chunks claimed
    chunk    CHUNK_TASKS + 1 rows of 5 float64
             row 0: worker number, process id, 0, 0, 0
             row i: submitted, started, ended   (seconds of time.perf_counter();
                    started == 0: row unused; ended == 0: task in flight),
                    lateness  (seconds a wait took longer than asked, mean over the task's
                    waits; NaN: it never waited),
                    outcome   (0: success, k: the k-th of the errors that the workload declares)

A chunk belongs to one worker, which alone writes to it, so that no counter is shared by
workers in the measured path; claiming the next chunk is the only synchronised step.
"""

import fcntl
import itertools
import mmap
import os
import sys
import threading

HEADER_SLOTS = 512
CHUNK_TASKS = 63
ROW = 5
SUCCESS = 0
CHUNK_SLOTS = (CHUNK_TASKS + 1) * ROW
SLOT_BYTES = 8


class RecorderFullError(RuntimeError):
    """More tasks were run than the recorder has room for."""


def size_for(tasks: int, workers: int) -> int:
    """Bytes a recorder needs for ``tasks`` tasks run by at most ``workers`` workers."""
    chunks = tasks // CHUNK_TASKS + workers + 1
    return (HEADER_SLOTS + chunks * CHUNK_SLOTS) * SLOT_BYTES


def used_bytes(first_slot: bytes) -> int:
    """Bytes of a recorder that hold data, from the first 8 bytes of its header."""
    chunks = int.from_bytes(first_slot, sys.byteorder)
    return (HEADER_SLOTS + chunks * CHUNK_SLOTS) * SLOT_BYTES


class Recorder:
    """The writing side, opened once per process on an inherited or re-opened descriptor."""

    def __init__(self, descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        self._descriptor = descriptor
        self._memory = mmap.mmap(descriptor, size)
        self._view = memoryview(self._memory)
        self._header = self._view[: HEADER_SLOTS * SLOT_BYTES].cast("q")
        self._chunks = (size // SLOT_BYTES - HEADER_SLOTS) // CHUNK_SLOTS
        self._lock = threading.Lock()
        self._workers = itertools.count()
        # Views are made under the lock and kept: free-threaded builds count the exports of
        # a shared buffer without synchronisation.
        self._claimed: list[memoryview[float]] = []

    def new_log(self) -> "WorkerLog":
        """A log for one worker, with its first chunk claimed."""
        with self._lock:
            number = next(self._workers)
        return WorkerLog(self, number)

    def claim_chunk(self, worker: int) -> "memoryview[float]":
        """Reserve the next chunk; safe among threads and among processes."""
        # The thread lock comes first: a POSIX record lock does not exclude threads of the
        # process that holds it.
        with self._lock:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                number = self._header[0]
                if number >= self._chunks:
                    raise RecorderFullError(f"all {self._chunks} chunks of the recorder are used")
                self._header[0] = number + 1
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
            start = (HEADER_SLOTS + number * CHUNK_SLOTS) * SLOT_BYTES
            chunk = self._view[start : start + CHUNK_SLOTS * SLOT_BYTES].cast("d")
            self._claimed.append(chunk)
        chunk[0] = worker
        chunk[1] = os.getpid()
        return chunk


class WorkerLog:
    """The rows of one worker. Not to be shared between threads."""

    __slots__ = ("_chunk", "_next", "_recorder", "_worker")

    def __init__(self, recorder: Recorder, worker: int) -> None:
        self._recorder = recorder
        self._worker = worker
        self._chunk = recorder.claim_chunk(worker)
        self._next = ROW

    def begin(self, submitted: float, started: float) -> "tuple[memoryview[float], int]":
        """Note that a task started; the handle is for :func:`finish`."""
        position = self._next
        if position == CHUNK_SLOTS:
            self._chunk = self._recorder.claim_chunk(self._worker)
            position = ROW
        self._next = position + ROW
        chunk = self._chunk
        chunk[position] = submitted
        chunk[position + 1] = started
        return chunk, position


def finish(
    handle: "tuple[memoryview[float], int]", ended: float, lateness: float, outcome: int = SUCCESS
) -> None:
    """Note that the task behind ``handle`` ended, how, and how late its waits did on average."""
    chunk, position = handle
    chunk[position + 4] = outcome
    chunk[position + 3] = lateness
    chunk[position + 2] = ended
