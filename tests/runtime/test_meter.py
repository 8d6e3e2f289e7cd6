"""What a window says of the workers, from counters that a test makes up."""

from typing import Any, cast

import pytest

from harness.runtime.gil import FUTEX, WaitSite
from harness.runtime.meter import READ_LIMIT, Meter
from harness.runtime.probes import ProcReader
from harness.runtime.senses import Senses
from harness.runtime.worker import Worker

SITE_ADDRESS = 0x1000
IN_EPOLL = f"232 {SITE_ADDRESS:#x} 0x0".encode()
IN_A_LOCK = f"{FUTEX} 0x7f0000000000 0x0".encode()


class Identity:
    """A thread's identity with a CPU clock that a test sets; None when the thread has ended."""

    def __init__(self, native_id: int) -> None:
        self.native_id = native_id
        self.cpu: float | None = 0.0

    def cpu_seconds(self) -> float | None:
        return self.cpu


class Files:
    """Stands in for a reader of /proc: texts by path, which a test changes."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}
        self.paths: list[str] = []

    def open(self, path: str) -> int:
        self.paths.append(path)
        return len(self.paths) - 1

    def close(self, descriptor: int) -> None:
        pass

    def read(self, descriptor: int) -> bytes:
        return self.texts.get(self.paths[descriptor], b"") if descriptor >= 0 else b""

    def wait(self, worker: Worker, run_queue_seconds: float) -> None:
        path = f"/proc/self/task/{identity(worker).native_id}/schedstat"
        self.texts[path] = f"1 {round(run_queue_seconds * 1e9)} 1".encode()

    def block(self, worker: Worker, line: bytes) -> None:
        self.texts[f"/proc/self/task/{identity(worker).native_id}/syscall"] = line


def a_worker(native_id: int, *, idle_since: float | None = None) -> Worker:
    worker = Worker(cast(Any, None))
    worker.identity = cast(Any, Identity(native_id))
    worker.unoccupied = (0.0, idle_since)
    return worker


def identity(worker: Worker) -> Identity:
    return cast(Identity, worker.identity)


def a_meter(*workers: Worker) -> tuple[Meter, Files]:
    files = Files()
    for worker in workers:
        files.wait(worker, 0.0)
    return Meter(Senses(cast(ProcReader, files))), files


def test_a_window_holds_what_the_counters_gained_and_what_was_occupied() -> None:
    workers = [a_worker(1), a_worker(2)]
    meter, files = a_meter(*workers)
    identity(workers[0]).cpu = 5.0
    files.wait(workers[0], 1.0)
    meter.begin(workers, 100.0)
    identity(workers[0]).cpu = 5.6
    identity(workers[1]).cpu = 0.2
    files.wait(workers[0], 1.25)
    files.wait(workers[1], 0.5)
    workers[1].unoccupied = (0.0, 101.5)  # free for the last half second
    window = meter.end(102.0, workers=2, completions=7)
    assert window.wall_seconds == pytest.approx(2.0)
    assert window.cpu_seconds == pytest.approx(0.8)
    assert window.run_queue_seconds == pytest.approx(0.75)
    assert window.occupied_seconds == pytest.approx(2.0 + 1.5)
    assert window.completions == 7


def test_workers_that_are_not_read_are_taken_for_the_mean_of_those_that_are() -> None:
    workers = [a_worker(number) for number in range(2 * READ_LIMIT)]
    meter, files = a_meter(*workers)
    meter.begin(workers, 0.0)
    for worker in workers:
        identity(worker).cpu = 0.25
        files.wait(worker, 0.125)
    window = meter.end(1.0, workers=len(workers), completions=0)
    assert window.cpu_seconds == pytest.approx(0.25 * 32)
    assert window.run_queue_seconds == pytest.approx(0.125 * 32)
    assert window.occupied_seconds == pytest.approx(32)


def test_a_worker_that_ends_within_the_window_is_stood_for_by_the_others() -> None:
    workers = [a_worker(number) for number in range(4)]
    meter, _ = a_meter(*workers)
    meter.begin(workers, 0.0)
    for worker in workers[1:]:
        identity(worker).cpu = 0.5
    identity(workers[0]).cpu = None
    assert meter.end(1.0, workers=4, completions=0).cpu_seconds == pytest.approx(2.0)


def test_a_window_without_a_worker_to_read_is_empty() -> None:
    meter, _ = a_meter()
    meter.begin([], 0.0)
    window = meter.end(1.0, workers=3, completions=2)
    assert (window.cpu_seconds, window.occupied_seconds, window.completions) == (0.0, 0.0, 2)


def test_what_workers_wait_for_is_told_apart_and_the_free_are_not_looked_at() -> None:
    kinds = [b"running", IN_EPOLL, IN_EPOLL, IN_A_LOCK, f"{FUTEX} 0x1000 0x0".encode(), b""]
    workers = [a_worker(number) for number in range(len(kinds))]
    workers.append(a_worker(99, idle_since=0.0))
    meter, files = a_meter(*workers)
    for worker, line in zip(workers, [*kinds, IN_EPOLL], strict=True):
        files.block(worker, line)
    meter.begin(workers, 0.0)
    meter.sample_all(WaitSite(FUTEX, SITE_ADDRESS))
    window = meter.end(1.0, workers=7, completions=0)
    assert (window.running, window.blocked) == (1, 4)
    assert (window.gil_waits, window.lock_waits) == (1, 1)
