"""The machine, held for measuring, and the seat on it where the trials of one cell run."""

import platform
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from harness.design.config import BusyStart, Config
from harness.machine import busy
from harness.machine.cgroups import remove_stale
from harness.machine.cpus import available_cpus, pin_to
from harness.machine.lock import machine_lock
from harness.measure.observation import Observation
from harness.measure.remote import Remote, remote_for
from harness.measure.source_hash import source_hash
from harness.measure.speedometer import Speedometer
from harness.measure.summarise import summarise
from harness.measure.trial_cgroup import enclosed
from harness.measure.watch import TrialHost, ZygoteError
from harness.measure.worker_python import WorkerPython
from harness.store.records import Record
from harness.trial.spec import TrialOrder, TrialSpec


@dataclass(frozen=True, slots=True)
class Setting:
    """What measuring needs beside the plan."""

    config: Config
    interpreters: Mapping[str, WorkerPython]
    raw: Path
    models: Mapping[str, Mapping[str, str]]
    run_id: str


class Seat(Protocol):
    """Where trials of one workload on one interpreter run, one after the other."""

    def measure(self, trial: TrialSpec) -> Record:
        """Run a trial; returns its record but for its place in the cell."""
        ...


class Bench(Protocol):
    """A machine that is held for measuring."""

    def seat(self, first: TrialSpec) -> AbstractContextManager[Seat]:
        """A seat for trials of the workload and interpreter of ``first``."""
        ...


#: holds the machine for a purpose, in words, and for trials on up to so many cores
Hold = Callable[[Setting, str, int], AbstractContextManager[Bench]]


def new_run_id() -> str:
    """Identity of one invocation, for telling resumed measurements apart."""
    return uuid.uuid4().hex[:12]


@contextmanager
def hold_machine(setting: Setting, purpose: str, cores: int) -> Iterator[Bench]:
    """Hold the machine for trials on up to ``cores`` cores, and say so when it is busy.

    Raises ``BusyMachineError`` when configuration refuses a busy machine.
    """
    with machine_lock(purpose) as lock_fd:
        cpus = available_cpus()
        measured = pin_to(cores, cpus)
        remove_stale()
        before = look_around(measured, setting.config.busy_start)
        with Speedometer(measured, inherit=[lock_fd]) as speedometer:
            yield _Bench(setting, cpus, lock_fd, speedometer, before)


def look_around(
    cpus: Sequence[int],
    rule: BusyStart,
    sample: Callable[[Sequence[int], float], busy.Sample] = busy.take_sample,
) -> busy.Sample:
    """What others do on ``cpus`` just before the measurement; warns of a busy machine.

    Raises ``BusyMachineError`` when configuration refuses it.
    """
    seen = sample(cpus, rule.sample_s)
    if warning := busy.warn_or_refuse(seen, rule.max_foreign_cpu_share, rule.refuse_busy):
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    return seen


@dataclass(frozen=True, slots=True)
class _Bench:
    """The CPUs, the lock's descriptor, what watches them, and what others did just before."""

    setting: Setting
    cpus: Sequence[int]
    lock_fd: int
    speedometer: Speedometer
    before: busy.Sample

    @contextmanager
    def seat(self, first: TrialSpec) -> Iterator[Seat]:
        with remote_for(first, [self.lock_fd]) as remote:
            seat = _Seat(self, first, remote)
            try:
                yield seat
            finally:
                seat.leave()


class _Seat:
    """A zygote of the interpreter, started anew after it was lost."""

    def __init__(self, bench: _Bench, first: TrialSpec, remote: Remote | None) -> None:
        setting = bench.setting
        self._bench = bench
        self._remote = remote
        self._workload = setting.config.workloads[first.workload]
        self._interpreter = setting.interpreters[first.interpreter]
        self._expect_gil = setting.config.has_gil[first.interpreter]
        self._code = source_hash(self._workload.path)
        self._host: TrialHost | None = None

    def leave(self) -> None:
        """End the zygote."""
        if self._host is not None:
            self._host.close()
            self._host = None

    def measure(self, trial: TrialSpec) -> Record:
        """Run a trial; one whose zygote died is a crash."""
        setting = self._bench.setting
        device = setting.config.devices.get(trial.conditions.get("device", ""))
        order = self._order(trial)
        enforcement: dict[str, list[str]] = {}
        started = time.time()
        try:
            host = self._host = self._host or self._start(preload=device is None)
            with enclosed(device, len(order.cpus), host.pid) as group:
                seen = self._observe(host, replace(order, cgroup_procs=group.join))
                seen.usage = group.usage()
                enforcement = {"enforced": group.enforced, "missing": group.not_enforced}
            result = summarise(seen, self._expect_gil)
        except ZygoteError as error:
            result = _lost(str(error), started)
            self.leave()
        return {
            "spec": asdict(trial),
            "spec_hash": trial.spec_hash,
            "run_id": setting.run_id,
            "source_hash": self._code,
            "cpus": order.cpus,
            "machine": platform.node(),
            "foreign_cpu_share_before": self._bench.before.foreign_cpu_share,
            "device": enforcement if device is not None else {},
            "result": result,
        }

    def _order(self, trial: TrialSpec) -> TrialOrder:
        """What the measured process is told: the specification with this machine's places."""
        models = self._bench.setting.models
        return TrialOrder(
            spec=trial,
            workload_file=str(self._workload.path),
            setup={**self._workload.parameters, **models.get(self._workload.name, {})},
            cpus=pin_to(trial.cores, self._bench.cpus),
            remote_port=None if self._remote is None else self._remote.port,
        )

    def _start(self, *, preload: bool) -> TrialHost:
        return TrialHost(
            self._interpreter.python,
            self._workload.path,
            environment=self._interpreter.environment,
            inherit=[self._bench.lock_fd],
            preload=preload,
        )

    def _observe(self, host: TrialHost, order: TrialOrder) -> Observation:
        """Run a trial and note the speed of its CPUs meanwhile."""
        speedometer = self._bench.speedometer
        helpers = [*speedometer.pids, *([self._remote.pid] if self._remote else [])]
        seen = host.measure(order, helpers)
        if seen.ready:
            window = seen.ready["open_at"], seen.ready["close_at"]
            seen.speed_in_window = speedometer.rate(order.cpus, *window)
        return seen


def _lost(reason: str, started: float) -> dict[str, Any]:
    """The result of a trial whose zygote died: a crash that was seen only from outside."""
    return {
        "status": "crash",
        "reason": reason[-500:],
        "gil_enabled": None,
        "metrics": {"started_at": started, "ended_at": time.time()},
        "strategy": {},
    }
