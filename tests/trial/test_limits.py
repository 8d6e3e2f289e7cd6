"""Real trials in real cgroups: memory and processes that run out."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.machine.cgroups import Group, Limits, make_group, members
from harness.measure.observation import Observation
from harness.measure.summarise import judge
from harness.measure.watch import TrialHost
from tests.samples import an_order

pytestmark = pytest.mark.measures

GREEDY = """
def setup(wait_ms):
    class Greedy:
        variants = 1
        def task(self, index):
            kept = bytearray(b"x" * (200 << 20))
            yield wait_ms / 1e3
            return len(kept)
    return Greedy()
"""
IDLE = GREEDY.replace("200 << 20", "1")


@pytest.fixture
def limited() -> Iterator[Callable[..., Group]]:
    """Makes groups; skips where this machine does not let one set the limit."""
    groups = []

    def make(**limits: Any) -> Group:
        group = make_group(Limits(**limits), "test")
        groups.append(group)
        missing = [text for text in group.not_enforced if not text.startswith("no swap")]
        if missing:
            pytest.skip(f"not enforceable on this machine: {'; '.join(missing)}")
        return group

    yield make
    for group in groups:
        group.close()


def run(tmp_path: Path, group: Group, source: str, **changes: Any) -> Observation:
    path = tmp_path / "workload.py"
    path.write_text(source)
    places = {"cpus": [min(os.sched_getaffinity(0))], "cgroup_procs": group.join}
    order = an_order(path, **{"concurrency": 2, "population": 8, **places, **changes})
    with TrialHost(Path(sys.executable), path, environment={}, preload=False) as host:
        seen = host.measure(order)
        inside = [pid for place in group.folders.values() for pid in members(place.folder)]
        assert host.pid not in inside
    seen.usage = group.usage()
    return seen


def test_trial_whose_memory_runs_out_is_oom_by_its_groups_own_count(
    tmp_path: Path, limited: Callable[..., Group]
) -> None:
    seen = run(tmp_path, limited(memory_mb=64), GREEDY)
    verdict = judge(seen, expect_gil=True)
    assert verdict.status == "oom"
    assert "its memory ran out at 64 MB" in verdict.reason


def test_process_pool_worker_whose_memory_runs_out_makes_the_trial_oom(
    tmp_path: Path, limited: Callable[..., Group]
) -> None:
    pool = {"kind": "processes", "strategy_parameters": {"start_method": "fork"}}
    seen = run(tmp_path, limited(memory_mb=96), GREEDY, **pool)
    assert judge(seen, expect_gil=True).status == "oom"


def test_threads_that_may_not_start_are_refused(
    tmp_path: Path, limited: Callable[..., Group]
) -> None:
    seen = run(tmp_path, limited(pids=8), IDLE, concurrency=64, population=128)
    verdict = judge(seen, expect_gil=True)
    assert verdict.status == "refused"
    assert seen.usage is not None and seen.usage.pids_refused


def test_trial_within_its_limits_is_ok_and_its_peak_is_known(
    tmp_path: Path, limited: Callable[..., Group]
) -> None:
    seen = run(tmp_path, limited(memory_mb=512, pids=100), IDLE)
    assert judge(seen, expect_gil=True).status == "ok"
    assert seen.usage is not None and seen.usage.memory_peak_mb
    assert seen.usage.memory_peak_mb < 512
