"""Every configured workload: its waits, its results, its safety under concurrent threads."""

import threading
import time
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.design.mobilenet import build_mobilenet_v2
from harness.design.workloads import read_workloads
from harness.workload import Workload, load_workload, reference_results, run_without_waiting
from tests import ROOT

pytestmark = pytest.mark.slow

#: all but the templates of random tasks, which tests/test_random_task.py runs
ENTRIES = {n: entry for n, entry in read_workloads(ROOT / "config").items() if not entry.drawn}
PROFILES = [name for name, entry in ENTRIES.items() if entry.kind == "profile"]
THREADS = 4
ROUNDS = 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("model") / "mobilenet_v2.onnx"
    return {"model_path": str(path), "model_sha256": build_mobilenet_v2(path, 64, seed=0)}


@pytest.fixture(scope="module", params=ENTRIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def workload(name: str, model: dict[str, str]) -> Workload:
    return _load(name, model)


def _load(name: str, model: dict[str, str]) -> Workload:
    entry = ENTRIES[name]
    parameters = entry.parameters | (model if entry.needs_model else {})
    return load_workload(entry.path, parameters)


@pytest.fixture(scope="module")
def suspendable(name: str, workload: Workload) -> Workload:
    """A workload that an event loop can run: its tasks hold no lock while they wait."""
    parameters = ENTRIES[name].parameters
    if parameters.get("lock") == "waiting" or parameters.get("limit") == "remote":
        pytest.skip("its tasks hold a lock while they wait: each needs a thread of its own")
    return workload


def test_waits_add_up_to_the_configured_wait(name: str, workload: Workload) -> None:
    """On average over the inputs, which differ in their waits where these are drawn."""
    waits_s = [list(workload.task(index)) for index in range(workload.variants)]
    assert all(wait_s > 0 for of_task in waits_s for wait_s in of_task)
    mean_s = sum(map(sum, waits_s)) / workload.variants
    assert mean_s == pytest.approx(ENTRIES[name].parameters["wait_ms"] / 1e3)


def test_result_is_hashable_and_depends_on_the_variant_alone(workload: Workload) -> None:
    reference = reference_results(workload)
    assert all(isinstance(hash(result), int) for result in reference)
    for index in range(workload.variants, 2 * workload.variants):
        again = run_without_waiting(workload.task(index))
        assert again == reference[index % workload.variants]


def test_a_second_set_up_gives_the_same_results(
    name: str, workload: Workload, model: dict[str, str]
) -> None:
    assert reference_results(_load(name, model)) == reference_results(workload)


def test_inputs_can_be_told_apart_by_their_results(workload: Workload) -> None:
    reference = reference_results(workload)
    assert len(set(reference)) == workload.variants


def test_concurrent_tasks_do_not_disturb_each_other(workload: Workload) -> None:
    reference = reference_results(workload)
    gate = threading.Barrier(THREADS)

    def run_all(first: int) -> list[tuple[int, Hashable]]:
        gate.wait()
        indices = range(first, first + ROUNDS * workload.variants)
        return [(i, run_without_waiting(workload.task(i))) for i in indices]

    with ThreadPoolExecutor(THREADS) as pool:
        for results in pool.map(run_all, range(THREADS)):
            assert all(result == reference[i % workload.variants] for i, result in results)


def test_tasks_interleaved_on_one_thread_do_not_disturb_each_other(suspendable: Workload) -> None:
    """As asyncio runs them: every task is at its wait before any goes on to its next."""
    workload = suspendable
    reference = reference_results(workload)
    results: dict[int, Hashable] = {}
    tasks = {index: workload.task(index) for index in range(workload.variants)}
    while tasks:
        for index, task in list(tasks.items()):
            result = _advance(task)
            if result is not None:
                results[index] = result
                del tasks[index]
    assert tuple(results[index] for index in range(workload.variants)) == reference


def test_a_task_may_move_between_threads(suspendable: Workload) -> None:
    """As asyncio with a helper thread runs it: each stretch of computing on another thread."""
    workload = suspendable
    task, result = workload.task(0), None
    while result is None:
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(_advance, task).result()
    assert result == reference_results(workload)[0]


def _advance(task: object) -> Hashable:
    """One stretch of computing; the task's result when it was the last, else None."""
    try:
        next(task)  # type: ignore[call-overload]
    except StopIteration as stop:
        return stop.value
    return None


def test_rag_finds_the_chunk_the_question_was_made_from() -> None:
    reference = reference_results(_load("rag", {}))
    assert [result[0][0] for result in reference] == [0, 1, 2, 3]


def test_vision_finds_the_bright_disc() -> None:
    workload = _load("vision", {})
    side = ENTRIES["vision"].parameters["side"]
    for _, row, column, extent in reference_results(workload):
        assert side // 4 - side // 12 <= min(row, column)
        assert max(row, column) <= 3 * side // 4 + side // 12
        assert 0 < extent < 3 * side**2


def _mixed(**changes: object) -> Workload:
    parameters = {"cpu_ms": 0.1, "wait_ms": 10.0} | changes
    return load_workload(ROOT / "workloads" / "mixed.py", parameters)


@pytest.mark.parametrize("segments", [1, 8])
def test_mixed_charges_its_cpu_time(segments: int) -> None:
    task = _mixed(cpu_ms=4.0, segments=segments).task(0)
    before_s = time.thread_time()
    assert run_without_waiting(task) == (0, True)
    assert time.thread_time() - before_s >= 4e-3


def test_mixed_alternates_as_often_as_it_has_segments() -> None:
    assert list(_mixed(segments=5).task(0)) == pytest.approx(5 * [2e-3])


@pytest.mark.parametrize(
    ("distribution", "median", "largest"), [("exponential", 0.70, 4.8), ("pareto", 0.60, 9.3)]
)
def test_drawn_waits_have_the_shape_of_their_distribution(
    distribution: str, median: float, largest: float
) -> None:
    """In units of the mean; an exponential's median is ln 2, a finite draw's mean is smaller."""
    workload = _mixed(distribution=distribution)
    waits = [sum(workload.task(index)) / 10e-3 for index in range(workload.variants)]
    assert sorted(waits)[len(waits) // 2] == pytest.approx(median, abs=0.01)
    assert max(waits) == pytest.approx(largest, abs=0.1)


def test_every_customer_of_a_closed_loop_meets_all_waits() -> None:
    """Customer k runs tasks k, k + population, …; populations are powers of two here."""
    variants = _mixed(distribution="pareto").variants
    assert {(3 + turn * 128) % variants for turn in range(variants)} == set(range(variants))


def test_an_unknown_distribution_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'uniform' is not one of fixed, exponential, pareto"):
        _mixed(distribution="uniform")


@pytest.mark.parametrize(
    ("file", "amount"), [("cpu_only", "iterations"), ("cpu_objects", "rounds")]
)
def test_a_wait_is_refused_where_tasks_never_wait(file: str, amount: str) -> None:
    with pytest.raises(ValueError, match="wait_ms: 1 is not 0"):
        load_workload(ROOT / "workloads" / f"{file}.py", {amount: 10, "wait_ms": 1})


def test_onnx_refuses_a_model_with_another_hash(model: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected 0000"):
        _load("onnx_mobilenet", model | {"model_sha256": 64 * "0"})


@pytest.mark.parametrize("name", PROFILES)
def test_recorded_blocking_ratio_is_near_the_printed_one(name: str) -> None:
    """Sizes are chosen on 3.12; the other interpreters only have to be recorded consistently."""
    entry = ENTRIES[name]
    assert entry.measured["cpython-3.12"].beta == pytest.approx(entry.printed_beta, abs=0.05)
    for measured in entry.measured.values():
        total_ms = measured.cpu_ms + entry.parameters["wait_ms"]
        assert 5 <= total_ms <= 60
        assert measured.beta == pytest.approx(1 - measured.cpu_ms / total_ms, abs=0.02)


def test_a_task_whose_whole_time_goes_by_unseen_has_still_computed(
    name: str, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stalled machine may charge a thread more, between two looks at the clock, than its task
    was to compute for: that is a slow task, and no wrong result."""
    workload = _load(name, model)
    reference = reference_results(workload)
    clock = iter(range(10**9))
    monkeypatch.setattr(time, "thread_time", lambda: float(next(clock)))
    assert run_without_waiting(workload.task(0)) == reference[0]
