"""Measures one block of an experiment: cell after cell, trial after trial."""

import os
import platform
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness import records
from harness.config import Config, Workload
from harness.lifeline import die_with_parent
from harness.machine import busy
from harness.machine.cgroups import remove_stale
from harness.machine.lock import machine_lock
from harness.measure.enclosure import enclosed
from harness.measure.host import PROJECT_ROOT, TrialHost, ZygoteError, worker_environment
from harness.measure.observation import Observation
from harness.measure.progress import Progress
from harness.measure.speedometer import Speedometer
from harness.measure.summarise import summarise
from harness.plan import CellBlock, TrialSpec, available_cpus, pin_to

#: what of ``harness/`` a measured process may load: the only list of it
MEASURED = (
    *("__init__.py", "lifeline.py", "workload.py", "machine/__init__.py", "machine/counters.py"),
    *("trial/**/*.py", "strategies/**/*.py", "runtime/**/*.py"),
)
#: the micro-benchmarks share the trials' folder and interpreter, but no trial loads them
NOT_IN_TRIALS = ("trial/micro.py",)


@dataclass(frozen=True, slots=True)
class WorkerPython:
    """How to start measured processes of one interpreter."""

    python: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a block needs beside its plan."""

    config: Config
    interpreters: Mapping[str, WorkerPython]
    raw: Path
    models: Mapping[str, Mapping[str, str]]
    run_id: str


@dataclass(frozen=True, slots=True)
class Bench:
    """A machine that is held for measuring: its CPUs, the lock's descriptor, what watches them,
    and what others did on them just before."""

    setting: Setting
    cpus: Sequence[int]
    lock_fd: int
    speedometer: Speedometer
    before: busy.Sample


def new_run_id() -> str:
    """Identity of one invocation, for telling resumed measurements apart."""
    return uuid.uuid4().hex[:12]


def cell_file(raw: Path, cell: CellBlock) -> records.CellFile:
    """Where the records of a cell in a block lie."""
    return records.CellFile(raw / cell.experiment / f"block-{cell.block:02d}" / cell.name)


def attempt_file(raw: Path, attempt: int) -> records.CellFile:
    """Where the records of trials measured for the second, third … time lie."""
    return records.CellFile(raw / "repeats" / f"attempt-{attempt}")


def attempt_files(raw: Path) -> dict[int, records.CellFile]:
    """Those that are there, finished or in the making, by attempt in ascending order."""
    found = {
        int(path.name.removeprefix("attempt-").split(".")[0])
        for path in (raw / "repeats").glob("attempt-*.jsonl*")
    }
    return {attempt: attempt_file(raw, attempt) for attempt in sorted(found)}


def measured_files() -> list[Path]:
    """The project's own files that a measured process may load, beside the workload's."""
    found = {path for entry in MEASURED for path in (PROJECT_ROOT / "harness").glob(entry)}
    return sorted(found - {PROJECT_ROOT / "harness" / entry for entry in NOT_IN_TRIALS})


def source_hash(workload: Workload) -> str:
    """Hash of the code inside a trial: the workload and what of this project it may load."""
    digest = sha256()
    for path in (workload.file, *measured_files()):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Remote:
    """The far end of socket waits: the port it listens on and its process."""

    port: int
    pid: int


@contextmanager
def remote_for(first: TrialSpec, python: str, inherit: Sequence[int]) -> Iterator[Remote | None]:
    """The far end of the socket waits of trials that wait like ``first``; None for sleeps."""
    if first.io != "socket":
        yield None
        return
    servers = [] if first.remote_servers is None else [f"--servers={first.remote_servers}"]
    parent = os.getpid()
    process = subprocess.Popen(
        [python, "-m", "harness.trial.remote", *servers],
        stdout=subprocess.PIPE,
        env=worker_environment({}),
        pass_fds=tuple(inherit),
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - no threads here
    )
    try:
        assert process.stdout is not None
        yield Remote(int(process.stdout.readline()), process.pid)
    finally:
        process.kill()
        process.wait()


@contextmanager
def open_bench(setting: Setting, purpose: str, cores: int) -> Iterator[Bench]:
    """Hold the machine for trials on up to ``cores`` cores, and say so when it is busy.

    Raises ``BusyMachineError`` when configuration refuses a busy machine.
    """
    with machine_lock(purpose) as lock_fd:
        cpus = available_cpus()
        measured = pin_to(cores, cpus)
        remove_stale()
        rule = setting.config.busy_start
        sample = busy.take_sample(measured, rule.sample_s)
        if warning := busy.warn_or_refuse(sample, rule.max_foreign_cpu_share, rule.refuse_busy):
            print(f"warning: {warning}", file=sys.stderr, flush=True)
        with Speedometer(measured, inherit=[lock_fd]) as speedometer:
            yield Bench(setting, cpus, lock_fd, speedometer, sample)


def measure_block(setting: Setting, cells: Sequence[CellBlock], progress: Progress) -> None:
    """Measure whatever is missing of a block, holding the machine.

    Cells that are complete are left alone; a cell that was cut short goes on where it
    stopped. Raises ``RecordError`` when records already there belong to another plan.
    """
    purpose = f"{cells[0].experiment}, block {cells[0].block}, preset {setting.config.preset}"
    with open_bench(setting, purpose, max(cell.cores for cell in cells)) as bench:
        for cell in cells:
            file = cell_file(setting.raw, cell)
            if file.finished:
                continue
            done = {record["spec_hash"] for record in file.recover()}
            if strangers := done - {trial.spec_hash for trial in cell.trials}:
                raise records.RecordError(
                    f"{file.partial}: holds records of another plan "
                    f"({', '.join(sorted(strangers))}); "
                    "move the results of the earlier configuration away first"
                )
            missing = [
                (position, trial)
                for position, trial in enumerate(cell.trials)
                if trial.spec_hash not in done
            ]
            measure_trials(bench, missing, file, progress)
            file.finish()


def measure_trials(
    bench: Bench,
    trials: Sequence[tuple[int, TrialSpec]],
    file: records.CellFile,
    progress: Progress,
    attempt: int = 1,
) -> None:
    """Measure trials of one workload on one interpreter, each given with its position in its
    cell, and append their records to ``file``."""
    if not trials:
        return
    setting = bench.setting
    workload = setting.config.workloads[trials[0][1].workload]
    interpreter = setting.interpreters[trials[0][1].interpreter]
    code = source_hash(workload)
    host: TrialHost | None = None
    try:
        with remote_for(trials[0][1], sys.executable, [bench.lock_fd]) as remote:
            helpers = [*bench.speedometer.pids, *([remote.pid] if remote else [])]
            for position, trial in trials:
                cpus = pin_to(trial.cores, bench.cpus)
                spec = _worker_spec(setting, trial, workload, cpus, remote)
                device = setting.config.devices.get(trial.conditions.get("device", ""))
                enforcement: dict[str, list[str]] = {}
                started = time.time()
                try:
                    if host is None:
                        host = TrialHost(
                            interpreter.python,
                            workload.file,
                            environment=interpreter.environment,
                            inherit=[bench.lock_fd],
                            preload=device is None,
                        )
                    with enclosed(device, len(cpus), host.pid) as group:
                        spec["cgroup_procs"] = group.join
                        seen = _observe(host, spec, bench.speedometer, helpers)
                        seen.usage = group.usage()
                        enforcement = {"enforced": group.enforced, "missing": group.not_enforced}
                    result = summarise(seen, setting.config.has_gil[trial.interpreter])
                except ZygoteError as error:
                    result = _lost(str(error), started)
                    if host is not None:
                        host.close()
                        host = None
                record = {
                    "spec": asdict(trial),
                    "spec_hash": trial.spec_hash,
                    "sequence": position,
                    "attempt": attempt,
                    "run_id": setting.run_id,
                    "source_hash": code,
                    "cpus": spec["cpus"],
                    "machine": platform.node(),
                    "foreign_cpu_share_before": bench.before.foreign_cpu_share,
                    "device": enforcement if device is not None else {},
                    "result": result,
                }
                file.append(records.finite(record))
                progress.trial_done(trial, result)
    finally:
        if host is not None:
            host.close()


def _observe(
    host: TrialHost, spec: dict[str, Any], speedometer: Speedometer, helpers: Sequence[int]
) -> Observation:
    """Run a trial and note the speed of its CPUs meanwhile."""
    seen = host.measure(spec, helpers)
    if seen.ready:
        window = seen.ready["open_at"], seen.ready["close_at"]
        seen.speed_in_window = speedometer.rate(spec["cpus"], *window)
    return seen


def _worker_spec(
    setting: Setting,
    trial: TrialSpec,
    workload: Workload,
    cpus: list[int],
    remote: Remote | None,
) -> dict[str, Any]:
    """What the measured process is told: the plan's spec with this machine's paths."""
    return {
        "workload": {
            "name": workload.name,
            "path": str(workload.file),
            "parameters": {**workload.parameters, **setting.models.get(workload.name, {})},
        },
        "strategy": {"kind": trial.kind, "parameters": dict(trial.strategy_parameters)},
        "concurrency": trial.concurrency,
        "population": trial.population,
        "protocol": trial.protocol,
        "tasks": trial.tasks,
        "conditions": dict(trial.conditions),
        "cpus": cpus,
        "io": trial.io,
        "remote_port": None if remote is None else remote.port,
        "warmup_s": trial.warmup_s,
        "window_s": trial.window_s,
        "time_limit_s": trial.time_limit_s,
    }


def _lost(reason: str, started: float) -> dict[str, Any]:
    """The result of a trial whose zygote died: a crash that was seen only from outside."""
    return {
        "status": "crash",
        "reason": reason[-500:],
        "gil_enabled": None,
        "metrics": {"started_at": started, "ended_at": time.time()},
        "strategy": {},
    }
