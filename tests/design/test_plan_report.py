"""The plan in words."""

from harness.design.plan import make_plan
from harness.design.plan_report import describe
from tests.samples import a_config, an_experiment


def test_plan_report_tells_trials_time_disk_and_what_is_not_run() -> None:
    plan = make_plan(a_config(experiment=an_experiment(pinnings=(1, 2, 4))), (0, 1))
    text = describe(plan)
    assert text.startswith("preset tiny, seed 7\n")
    assert "profiles: 8 cells x 3 blocks, 120 trials, about " in text
    assert "    fixed: 1, 2, 8\n" in text
    assert "    asyncio: 8\n" in text
    assert "profiles: 4 cells pinned to 4 cores: not run: 2 cores" in text
    assert "in all 120 trials, about " in text
    assert "of it warm-up and measurement), 0 MB of records" in text


def test_plan_report_tells_on_what_and_how_an_experiment_runs() -> None:
    plain = an_experiment()
    assert ", on cpython-3.12, cpython-3.13t\n" in describe(
        make_plan(a_config(experiment=plain), (0, 1))
    )
    batch = an_experiment(
        interpreters=("cpython-3.13t",),
        protocol="batch",
        tasks=100,
        population=100,
        conditions={"switch_interval_ms": 20, "co_tenants": 1},
    )
    text = describe(make_plan(a_config(experiment=batch), (0, 1)))
    assert ", on cpython-3.13t\n" in text
    assert "    batches of 100 tasks, start-up and shutdown included\n" in text
    assert "    conditions: co_tenants 1, switch_interval_ms 20\n" in text
