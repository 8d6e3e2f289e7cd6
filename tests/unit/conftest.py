"""A machine that is free, quiet and measures nothing."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
from fake_bench import QUIET, TWO_CPUS, FakeHost, IdleSpeedometer

from harness.machine.cgroups import Group
from harness.measure import run_block


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the fake host was asked to measure, in order."""

    @contextmanager
    def free_machine(_: str) -> Iterator[int]:
        yield 0

    FakeHost.asked = []
    monkeypatch.setattr(run_block, "TrialHost", FakeHost)
    monkeypatch.setattr(run_block, "machine_lock", free_machine)
    monkeypatch.setattr(run_block, "Speedometer", lambda *_, **__: nullcontext(IdleSpeedometer()))
    monkeypatch.setattr(run_block, "_observe", lambda host, spec, *_: host.measure(spec))
    monkeypatch.setattr(run_block, "enclosed", lambda *_: nullcontext(Group()))
    monkeypatch.setattr(run_block, "remove_stale", lambda: [])
    monkeypatch.setattr(run_block.busy, "take_sample", lambda *_: QUIET)
    monkeypatch.setattr(run_block, "available_cpus", lambda: TWO_CPUS)
    monkeypatch.setattr(run_block, "source_hash", lambda *_: "feed")
    monkeypatch.setattr(run_block, "summarise", lambda *_: {"status": "ok", "metrics": {}})
    return FakeHost.asked
