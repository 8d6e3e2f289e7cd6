"""The recorder that every task's times come through, from both of its sides."""

import mmap
import os
import tempfile
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from harness.measure.observation import TaskLog, read_task_log
from harness.trial.recorder import (
    CHUNK_TASKS,
    Recorder,
    RecorderFullError,
    finish,
    size_for,
    used_bytes,
)

NAN = float("nan")


@pytest.fixture
def descriptor() -> Iterator[int]:
    with tempfile.TemporaryFile() as file:
        yield file.fileno()


def read_back(descriptor: int) -> TaskLog:
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as memory:
        return read_task_log(memory[: used_bytes(memory[:8])])


def test_nothing_is_lost_or_doubled_by_many_threads(descriptor: int) -> None:
    threads, tasks = 16, 3 * CHUNK_TASKS + 5
    os.ftruncate(descriptor, size_for(threads * tasks, threads))
    recorder = Recorder(descriptor)
    together = threading.Barrier(threads)

    def work(number: int) -> None:
        log = recorder.new_log()
        together.wait()
        for i in range(tasks):
            at = 1.0 + number * tasks + i
            finish(log.begin(at, at + 0.25), at + 0.5, 0.001)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    log = read_back(descriptor)
    assert sorted(log.submitted) == [1.0 + n for n in range(threads * tasks)]
    assert (log.started == log.submitted + 0.25).all()
    assert (log.ended == log.submitted + 0.5).all()
    assert (log.lateness == 0.001).all()
    assert set(log.process) == {os.getpid()}
    assert sorted(np.bincount(log.worker)) == [tasks] * threads
    for worker_number in range(threads):  # no chunk was shared
        owners = set((log.submitted[log.worker == worker_number] - 1) // tasks)
        assert len(owners) == 1


def test_two_writers_of_one_file_take_different_chunks(descriptor: int) -> None:
    os.ftruncate(descriptor, size_for(200, 4))
    for recorder in (Recorder(descriptor), Recorder(descriptor)):
        log = recorder.new_log()
        for i in range(CHUNK_TASKS + 1):
            finish(log.begin(1.0 + i, 2.0), 3.0, NAN)
    assert len(read_back(descriptor).ended) == 2 * (CHUNK_TASKS + 1)


def test_task_in_flight_has_no_end(descriptor: int) -> None:
    os.ftruncate(descriptor, size_for(10, 1))
    log = Recorder(descriptor).new_log()
    finish(log.begin(1.0, 2.0), 3.0, NAN)
    log.begin(1.5, 2.5)
    assert read_back(descriptor).ended.tolist() == pytest.approx([3.0, NAN], nan_ok=True)


def test_tasks_may_end_in_another_order_than_they_began(descriptor: int) -> None:
    os.ftruncate(descriptor, size_for(200, 1))
    log = Recorder(descriptor).new_log()
    handles = [log.begin(1.0 + i, 1.0 + i) for i in range(CHUNK_TASKS + 10)]
    for i, handle in reversed(list(enumerate(handles))):
        finish(handle, 500.0 + i, NAN)
    assert (read_back(descriptor).ended == 500.0 + np.arange(CHUNK_TASKS + 10)).all()


def test_recorder_without_tasks_reads_as_empty(descriptor: int) -> None:
    os.ftruncate(descriptor, size_for(10, 1))
    assert len(read_back(descriptor).started) == 0
    Recorder(descriptor).new_log()
    assert len(read_back(descriptor).started) == 0


def test_full_recorder_says_so_and_keeps_what_it_has(descriptor: int) -> None:
    os.ftruncate(descriptor, size_for(CHUNK_TASKS, 0))  # two chunks
    log = Recorder(descriptor).new_log()
    with pytest.raises(RecorderFullError, match="all 2 chunks"):
        for _ in range(2 * CHUNK_TASKS + 1):
            finish(log.begin(1.0, 2.0), 3.0, NAN)
    assert len(read_back(descriptor).ended) == 2 * CHUNK_TASKS


def test_planned_size_is_enough_for_any_spread_over_the_workers(descriptor: int) -> None:
    tasks, workers = 1000, 7
    os.ftruncate(descriptor, size_for(tasks, workers))
    recorder = Recorder(descriptor)
    logs = [recorder.new_log() for _ in range(workers)]
    for i in range(tasks):
        log = logs[0] if i > workers else logs[i % workers]
        finish(log.begin(1.0, 2.0), 3.0, NAN)
    assert len(read_back(descriptor).ended) == tasks
