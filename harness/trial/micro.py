"""Micro-benchmarks on the measured interpreter: what clocks, submissions and adapting cost.

Run by ``pyperf``: ``python -m harness.trial.micro -o FILE``. Table 3 of arXiv 2601.10582
prints ``time.time`` 0.08 us, ``thread_time`` 0.17 us and the four calls with beta 0.35 us.
Beside these: submitting to the standard library's executor and to the adaptive one, and the
parts of the adaptive one's bookkeeping, which runs per window and per sample, not per task.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, cast

import pyperf

from harness.runtime import AdaptiveThreadPoolExecutor, Policy
from harness.runtime.controller import Controller
from harness.runtime.decomposition import Window
from harness.runtime.gil import FUTEX, WaitSite
from harness.runtime.meter import Meter
from harness.runtime.probes import ThreadIdentity, open_reader
from harness.runtime.queueing_network import enough_workers, utilisation
from harness.runtime.senses import Senses
from harness.runtime.worker import Worker
from harness.strategies.paper_algorithm1 import PaperAlgorithm1
from harness.strategies.tick import Counting

POOL_SIZES = (1, 4, 32)
METERED_SIZES = (4, 16, 64, 512)
SETTLED_SIZES = (4, 64, 512)
RATIOS = (4, 60, 500)
MOST_WORKERS = 512
TASKS_PER_LOOP = 256
#: pure or single-threaded code differs little between processes, and starting them takes time
BOOKKEEPING_PROCESSES = 2
SPARE = Policy().spare
ALGORITHM_1 = {
    "minimum": 4,
    "tick_ms": 500,
    "threshold": 0.3,
    "patience": 3,
    "smoothing": 0.2,
    "initial_beta": 0.5,
    "recent_tasks": 100,
}
#: tasks that ended since the last tick: what a tick looks at, whatever the size of the pool
TASKS_PER_TICK = 10


def time_calls(loops: int, call: Callable[..., object], *args: object) -> float:
    """Seconds for ``loops`` calls."""
    iterations = range(loops)
    started = time.perf_counter()
    for _ in iterations:
        call(*args)
    return time.perf_counter() - started


def time_beta(loops: int) -> float:
    """Seconds for ``loops`` times the paper's instrumentation: four clock calls and beta."""
    iterations = range(loops)
    started = time.perf_counter()
    for _ in iterations:
        wall = time.time()
        cpu = time.thread_time()
        cpu = time.thread_time() - cpu
        wall = time.time() - wall
        _ = 1 - cpu / wall if wall > 0 else 0.0
    return time.perf_counter() - started


def _fixed(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers)


def _adaptive(workers: int) -> ThreadPoolExecutor:
    return AdaptiveThreadPoolExecutor(workers, min_workers=workers)


def time_submissions(
    loops: int, workers: int, make_executor: Callable[[int], ThreadPoolExecutor]
) -> float:
    """Seconds for ``loops`` rounds of submitting empty tasks and waiting for all results."""
    with make_executor(workers) as executor:
        list(executor.map(abs, range(workers * 4)))  # starts the threads
        started = time.perf_counter()
        for _ in range(loops):
            futures = [executor.submit(abs, 1) for _ in range(TASKS_PER_LOOP)]
            for future in futures:
                future.result()
        return time.perf_counter() - started


@cache
def _blocked_workers(count: int) -> list[Worker]:
    """``count`` real threads that wait for ever, as the records that a meter reads."""
    begun = threading.Semaphore(0)
    # A meter reads nothing of the pool that a worker belongs to.
    workers = [Worker(cast(Any, None)) for _ in range(count)]

    def wait(worker: Worker) -> None:
        worker.take_up()
        worker.identity = ThreadIdentity.of_caller(threading.get_ident(), threading.get_native_id())
        begun.release()
        threading.Event().wait()

    for worker in workers:
        threading.Thread(target=wait, args=(worker,), daemon=True).start()
    for _ in workers:
        begun.acquire()
    return workers


def time_windows(loops: int, size: int) -> float:
    """Seconds for ``loops`` times closing a window over ``size`` workers and opening the next."""
    workers = _blocked_workers(size)
    meter = Meter(Senses(open_reader()))
    meter.begin(workers, time.monotonic())
    started = time.perf_counter()
    for _ in range(loops):
        now = time.monotonic()
        meter.end(now, size, size)
        meter.begin(workers, now)
    elapsed = time.perf_counter() - started
    meter.close()
    return elapsed


def time_samples(loops: int, size: int) -> float:
    """Seconds for ``loops`` looks at what a few of ``size`` workers wait for."""
    # Some address: whether it matches makes no difference to the cost.
    site = WaitSite(FUTEX, 0)
    meter = Meter(Senses(open_reader()))
    meter.begin(_blocked_workers(size), time.monotonic())
    elapsed = time_calls(loops, meter.sample, site, None)
    meter.close()
    return elapsed


def _steady_window(size: int) -> Window:
    """What ``size`` workers do whose number is just right, without noise."""
    ratio = max(0.1, size - 1.0)
    while enough_workers(ratio, 1.0, SPARE, MOST_WORKERS + 1) > size:
        ratio *= 0.99
    cores, seconds = utilisation(size, ratio, 1.0), 0.1
    blocked = ratio * cores
    return Window(
        wall_seconds=seconds,
        occupied_seconds=size * seconds,
        cpu_seconds=cores * seconds,
        blocked=100,
        gil_waits=100 * (1 - blocked / (size - cores)),
        completions=cores * seconds / 1e-4,
    )


def time_decisions(loops: int, size: int) -> float:
    """Seconds for ``loops`` windows of a settled controller at ``size`` workers.

    Raises ``RuntimeError`` when the controller leaves the size.
    """
    window = _steady_window(size)
    controller = Controller(Policy(), 1, MOST_WORKERS, 1.0, True)
    controller.target = size
    now = 0.0
    for _ in range(5):
        now += window.wall_seconds
        controller.observe(window, now, 100, sampled=True)
    started = time.perf_counter()
    for _ in range(loops):
        now += window.wall_seconds
        controller.observe(window, now, 100, sampled=True)
    elapsed = time.perf_counter() - started
    if not controller.settled or controller.target != size:
        raise RuntimeError(f"the controller left {size} workers for {controller.target}")
    return elapsed


def time_ticks(loops: int, size: int) -> float:
    """Seconds for ``loops`` ticks of the paper's Algorithm 1 at ``size`` workers."""
    controller = PaperAlgorithm1(MOST_WORKERS * 2, ALGORITHM_1)
    run_task = controller.instrument(lambda submitted, index: None)
    tick = Counting().tick(size, size, 100)
    elapsed = 0.0
    for _ in range(loops):
        for index in range(TASKS_PER_TICK):
            run_task(0.0, index)
        started = time.perf_counter()
        controller.decide(tick)
        elapsed += time.perf_counter() - started
    return elapsed


def main() -> None:
    """Run every micro-benchmark."""
    runner = pyperf.Runner()
    for name in ("time", "perf_counter", "thread_time"):
        runner.bench_time_func(f"clock_{name}", time_calls, getattr(time, name))
    runner.bench_time_func("paper_instrumentation", time_beta)
    for prefix, make_executor in (("", _fixed), ("adaptive_", _adaptive)):
        for workers in POOL_SIZES:
            runner.bench_time_func(
                f"{prefix}submit_to_result_{workers}_workers",
                time_submissions,
                workers,
                make_executor,
                inner_loops=TASKS_PER_LOOP,
            )
    options = runner.parse_args()
    options.processes = min(options.processes, BOOKKEEPING_PROCESSES)
    for size in METERED_SIZES:
        runner.bench_time_func(f"window_{size}_workers", time_windows, size)
    runner.bench_time_func("sample", time_samples, METERED_SIZES[1])
    for size in SETTLED_SIZES:
        runner.bench_time_func(f"settled_decision_{size}_workers", time_decisions, size)
        runner.bench_time_func(f"algorithm1_tick_{size}_workers", time_ticks, size)
    for ratio in RATIOS:
        runner.bench_time_func(
            f"model_size_ratio_{ratio}",
            time_calls,
            enough_workers,
            float(ratio),
            1.0,
            SPARE,
            MOST_WORKERS * 2,
        )


if __name__ == "__main__":
    main()
