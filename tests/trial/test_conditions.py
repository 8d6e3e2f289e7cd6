"""What an experiment may change about the machine: switch interval, co-tenants."""

import os
from collections.abc import Iterable
from typing import Any

import pytest

from harness.machine import counters
from harness.machine.counters import descendants, process_cpu_seconds
from harness.measure.summarise import summarise
from tests.trial.conftest import Trial

pytestmark = pytest.mark.measures

READS_THE_INTERVAL = """
import sys
def setup(wait_ms):
    class Reading:
        variants = 1
        def task(self, index):
            yield wait_ms / 1e3
            return round(sys.getswitchinterval() * 1e3, 6)
    return Reading()
"""


@pytest.mark.parametrize(
    ("kind", "parameters"), [("fixed", {}), ("processes", {"start_method": "spawn"})]
)
def test_the_switch_interval_is_set_where_tasks_run(
    run_trial: Trial, kind: str, parameters: dict[str, Any]
) -> None:
    # The reference result is computed under the condition too: compare with a number.
    source = READS_THE_INTERVAL.replace("return round", "assert 20 == round")
    seen = run_trial(
        source, kind=kind, parameters=parameters, conditions={"switch_interval_ms": 20}
    )
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert (result["status"], result["reason"]) == ("ok", "")
    assert result["switch_interval_s"] == pytest.approx(0.020)


def test_the_switch_interval_of_one_trial_is_not_that_of_the_next(run_trial: Trial) -> None:
    intervals = [
        summarise(run_trial(again=again, conditions=conditions), expect_gil=True)[
            "switch_interval_s"
        ]
        for again, conditions in ((False, {"switch_interval_ms": 20}), (True, {}))
    ]
    assert intervals == pytest.approx([0.020, 0.005])


def test_co_tenants_compute_beside_the_trial_and_are_not_part_of_it(
    run_trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(descendants(os.getpid()))
    read: list[list[int]] = []

    def note(pids: Iterable[int]) -> float:
        read.append(list(pids))
        return process_cpu_seconds(read[-1])

    monkeypatch.setattr(counters, "process_cpu_seconds", note)
    seen = run_trial(conditions={"co_tenants": 2})
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert (result["status"], result["reason"]) == ("ok", "")
    assert seen.tree_at_open is not None and seen.tree_at_close is not None
    assert seen.tree_at_close.threads <= 5  # the main thread and four workers
    of_the_trial = seen.tree_at_close.cpu_s - seen.tree_at_open.cpu_s
    beside = [sorted(pids) for pids in read if pids not in ([], [seen.started["pid"]])]
    assert len(beside) == 2, "at both edges, so that they do not count as foreign"
    assert beside[0] == beside[1]
    assert len(beside[0]) == 2
    assert seen.ended["cpu_s"] > 2 * of_the_trial  # which holds them: the zygote collected them
    assert seen.ended["strays_killed"] == 0
    zygote = set(descendants(os.getpid())) - before
    assert len(zygote) == 1, "co-tenants ended with their trial"


def test_co_tenants_of_a_crashing_trial_end_with_it(run_trial: Trial) -> None:
    before = set(descendants(os.getpid()))
    source = "import os\ndef setup(wait_ms):\n    os._exit(3)\n"
    seen = run_trial(source, conditions={"co_tenants": 1})
    assert summarise(seen, expect_gil=True)["status"] == "crash"
    assert len(set(descendants(os.getpid())) - before) == 1
