"""Every configured workload: its waits, its results, its safety under concurrent threads."""

import threading
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from harness.model import build_mobilenet_v2
from harness.workload import Workload, load_workload, reference_results, run_without_waiting

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = yaml.safe_load((ROOT / "config" / "workloads.yaml").read_text())["workloads"]
PROFILES = [name for name, entry in ENTRIES.items() if entry["kind"] == "profile"]
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
    parameters = entry["parameters"] | (model if entry["needs_model"] else {})
    return load_workload(ROOT / "workloads" / entry["file"], parameters)


def test_waits_add_up_to_the_configured_wait(name: str, workload: Workload) -> None:
    waits_s = list(workload.task(0))
    assert all(wait_s > 0 for wait_s in waits_s)
    assert sum(waits_s) == pytest.approx(ENTRIES[name]["parameters"]["wait_ms"] / 1e3)


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


def test_tasks_interleaved_on_one_thread_do_not_disturb_each_other(workload: Workload) -> None:
    """As asyncio runs them: every task is at its wait before any goes on."""
    reference = reference_results(workload)
    tasks = [workload.task(index) for index in range(workload.variants)]
    for task in tasks:
        next(task)
    assert tuple(run_without_waiting(task) for task in tasks) == reference


def test_a_task_may_move_between_threads(workload: Workload) -> None:
    """As asyncio with a helper thread runs it: each stretch of computing on another thread."""
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
    side = ENTRIES["vision"]["parameters"]["side"]
    for _, row, column, extent in reference_results(workload):
        assert side // 4 - side // 12 <= min(row, column)
        assert max(row, column) <= 3 * side // 4 + side // 12
        assert 0 < extent < 3 * side**2


def test_mixed_charges_its_cpu_time() -> None:
    assert run_without_waiting(_load("mixed_10_50", {}).task(0)) is True


def test_onnx_refuses_a_model_with_another_hash(model: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected 0000"):
        _load("onnx_mobilenet", model | {"model_sha256": 64 * "0"})


@pytest.mark.parametrize("name", PROFILES)
def test_recorded_blocking_ratio_is_near_the_printed_one(name: str) -> None:
    """Sizes are chosen on 3.12; the other interpreters only have to be recorded consistently."""
    entry = ENTRIES[name]
    assert entry["measured"]["cpython-3.12"]["beta"] == pytest.approx(
        entry["printed_beta"], abs=0.05
    )
    for measured in entry["measured"].values():
        total_ms = measured["cpu_ms"] + entry["parameters"]["wait_ms"]
        assert 5 <= total_ms <= 60
        assert measured["beta"] == pytest.approx(1 - measured["cpu_ms"] / total_ms, abs=0.02)
