"""Small configurations, plans and records that the unit tests share."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.design.config import BusyStart, Config, Repeat
from harness.design.experiment import Experiment
from harness.design.plan import CellBlock
from harness.design.rules import Exclusion
from harness.design.strategies import ConfiguredStrategy
from harness.design.workloads import ConfiguredWorkload, Measured
from harness.trial.spec import TrialOrder, TrialSpec
from tests import ROOT


def copy_project(target: Path) -> Path:
    """Copy the shipped configuration and workloads; returns the configuration's folder."""
    shutil.copytree(ROOT / "config", target / "config")
    shutil.copytree(
        ROOT / "workloads", target / "workloads", ignore=shutil.ignore_patterns("__pycache__")
    )
    return target / "config"


def a_rule(**limits: float) -> Exclusion:
    """Rules of exclusion; those not given are off."""
    return Exclusion(**limits)


def a_workload(name: str = "rag", beta: float = 0.8, cpu_ms: float = 2.0) -> ConfiguredWorkload:
    """A workload whose file is never opened."""
    return ConfiguredWorkload(
        name=name,
        title=name.title(),
        file=f"{name}.py",
        path=Path(f"{name}.py"),
        kind="synthetic",
        parameters={"wait_ms": 8.0},
        measured={"cpython-3.12": Measured(cpu_ms=cpu_ms, beta=beta)},
    )


def a_strategy(name: str, kind: str = "fixed", **parameters: Any) -> ConfiguredStrategy:
    """A way of running tasks."""
    return ConfiguredStrategy(name=name, kind=kind, title=name, parameters=parameters)  # type: ignore[arg-type]


def an_experiment(**changes: Any) -> Experiment:
    """Two workloads, pinnings 1 and 2, fixed pools of 1, 2 and 8, with an A/A twin."""
    values: dict[str, Any] = {
        "name": "profiles",
        "title": "Profiles",
        "workloads": ("rag", "slm"),
        "fresh": (),
        "interpreters": ("cpython-3.12", "cpython-3.13t"),
        "left_out_interpreters": (),
        "pinnings": (1, 2),
        "concurrency": {"fixed": (1, 2, 8), "asyncio": (8,)},
        "aa_twin": True,
        "blocks": 3,
        "protocol": "steady",
        "tasks": None,
        "conditions": {},
        "window_s": 0.5,
        "warmup_s": 0.1,
        "warmup_rounds": 1,
        "population": 16,
        "cold_window_s": None,
        "workload_window_s": {},
        "window_rounds": 0,
    }
    return Experiment(**(values | changes))


def a_config(*, experiment: Experiment | None = None, blocks: int = 3, **changes: Any) -> Config:
    """A configuration of one experiment, made without any file."""
    chosen = replace(experiment or an_experiment(), blocks=blocks)
    values: dict[str, Any] = {
        "root": Path(),
        "seed": 7,
        "preset": "tiny",
        "io": "sleep",
        "time_limit_s": 60,
        "exclusion": a_rule(max_foreign_cpu_share=0.1, max_steal_share=0.05),
        "repeat": Repeat(max_attempts=1, max_extra_share=0.5),
        "busy_start": BusyStart(max_foreign_cpu_share=0.1, sample_s=0.1, refuse_busy=False),
        "interpreters": ("cpython-3.12", "cpython-3.13t"),
        "common_interpreters": ("cpython-3.12", "cpython-3.13t"),
        "missing_interpreters": (),
        "has_gil": {"cpython-3.12": True, "cpython-3.13t": False},
        "devices": {},
        "workloads": {name: a_workload(name) for name in chosen.workloads},
        "strategies": {
            "fixed": a_strategy("fixed"),
            "asyncio": a_strategy("asyncio", "event_loop", offload=False),
            "processes": a_strategy("processes", "processes", start_method="spawn"),
        },
        "experiments": {chosen.name: chosen},
    }
    return Config(**(values | changes))


def a_trial(**changes: Any) -> TrialSpec:
    """One planned trial."""
    values: dict[str, Any] = {
        "experiment": "profiles",
        "workload": "rag",
        "parameters": {"wait_ms": 8.0},
        "interpreter": "cpython-3.12",
        "cores": 2,
        "strategy": "fixed",
        "kind": "fixed",
        "strategy_parameters": {},
        "concurrency": 8,
        "label": "",
        "block": 1,
        "population": 16,
        "protocol": "steady",
        "tasks": None,
        "conditions": {},
        "io": "sleep",
        "warmup_s": 0.1,
        "window_s": 0.5,
        "time_limit_s": 60,
        "expected_s": 0.6,
    }
    return TrialSpec(**(values | changes))


def an_order(workload: Path, **changes: Any) -> TrialOrder:
    """A short trial of a workload's file; ``changes`` are of the specification, or of ``setup``,
    ``cpus``, ``remote_port`` and ``cgroup_procs``. It runs on CPU 0."""
    places = {key: changes.pop(key) for key in TrialOrder.__slots__ if key in changes}
    spec: dict[str, Any] = {
        "concurrency": 4,
        "warmup_s": 0.05,
        "window_s": 0.2,
        "time_limit_s": 20,
        **changes,
    }
    order = TrialOrder(a_trial(**spec), str(workload), {"wait_ms": 1.0}, [0])
    return replace(order, **places)


def a_cell(*trials: TrialSpec) -> CellBlock:
    """The cell that holds these trials, which must belong to one cell and block."""
    first = trials[0]
    return CellBlock(
        first.experiment, first.block, first.workload, first.interpreter, first.cores, trials
    )


def a_record(
    trial: TrialSpec,
    *,
    metrics: Mapping[str, Any] | None = None,
    status: str = "ok",
    reason: str = "",
    strategy: Mapping[str, Any] | None = None,
    attempt: int = 1,
) -> dict[str, Any]:
    """What the measuring side stores for a trial."""
    return {
        "spec": asdict(trial),
        "spec_hash": trial.spec_hash,
        "sequence": 0,
        "attempt": attempt,
        "run_id": "0123456789ab",
        "source_hash": "feed",
        "result": {
            "status": status,
            "reason": reason,
            "gil_enabled": True,
            "metrics": {"started_at": 100.0, "ended_at": 101.0, **(metrics or {})},
            "strategy": dict(strategy or {}),
        },
    }
