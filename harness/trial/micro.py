"""Micro-benchmarks on the measured interpreter: what clocks and submissions cost.

Run by ``pyperf``: ``python -m harness.trial.micro -o FILE``. Table 3 of arXiv 2601.10582
prints ``time.time`` 0.08 us, ``thread_time`` 0.17 us and the four calls with beta 0.35 us.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pyperf

POOL_SIZES = (1, 4, 32)
TASKS_PER_LOOP = 256


def time_calls(loops: int, clock: object) -> float:
    """Seconds for ``loops`` calls of a clock."""
    assert callable(clock)
    iterations = range(loops)
    started = time.perf_counter()
    for _ in iterations:
        clock()
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


def time_submissions(loops: int, workers: int) -> float:
    """Seconds for ``loops`` rounds of submitting empty tasks and waiting for all results."""
    with ThreadPoolExecutor(workers) as executor:
        list(executor.map(abs, range(workers * 4)))  # starts the threads
        started = time.perf_counter()
        for _ in range(loops):
            futures = [executor.submit(abs, 1) for _ in range(TASKS_PER_LOOP)]
            for future in futures:
                future.result()
        return time.perf_counter() - started


def main() -> None:
    """Run every micro-benchmark."""
    runner = pyperf.Runner()
    for name in ("time", "perf_counter", "thread_time"):
        runner.bench_time_func(f"clock_{name}", time_calls, getattr(time, name))
    runner.bench_time_func("paper_instrumentation", time_beta)
    for workers in POOL_SIZES:
        runner.bench_time_func(
            f"submit_to_result_{workers}_workers",
            time_submissions,
            workers,
            inner_loops=TASKS_PER_LOOP,
        )


if __name__ == "__main__":
    main()
