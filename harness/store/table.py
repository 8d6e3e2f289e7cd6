"""From records to the table of trials: one row per trial, a failed one too."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.base.errors import RefusedError
from harness.base.whole_files import write_whole
from harness.design.plan import NotRun, Plan
from harness.design.rules import Exclusion
from harness.store import records
from harness.store.exclusion import judge, usual_speeds
from harness.store.parameter_text import parameter_text
from harness.store.places import attempt_files, cell_file
from harness.store.records import TIMELINE_BIN_S

SPEC_COLUMNS = (
    "experiment",
    "workload",
    "interpreter",
    "cores",
    "strategy",
    "concurrency",
    "label",
    "block",
    "protocol",
    "tasks",
)
#: what disturbed the trial, see ``harness.measure.disturbance``
NOISE_COLUMNS = (
    "noise_span_s",
    "steal_ms",
    "foreign_cpu_ms",
    "psi_cpu_some_ms",
    "psi_memory_some_ms",
    "psi_io_some_ms",
    "swap_in_mb",
    "swap_out_mb",
    "thermal_throttles",
    "quota_throttled_ms",
    "cpu_frequency_mhz",
    "clock_step_ms",
)
METRIC_COLUMNS = (
    "throughput_tps",
    "completed",
    "failed",
    "failures_tps",
    "elapsed_s",
    "startup_s",
    "shutdown_s",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "sojourn_p50_ms",
    "sojourn_p99_ms",
    "cpu_ms_per_task",
    "beta_naive",
    "occupied_workers",
    "run_queue_ms_per_task",
    "wakeup_lateness_ms",
    "voluntary_switches_per_s",
    "involuntary_switches_per_s",
    "pss_peak_mb",
    "uss_peak_mb",
    "rss_peak_mb",
    "memory_peak_mb",
    "littles_law_ratio",
    "jain_fairness",
    "drift_ratio",
    "speed_before",
    "speed_window",
    "speed_after",
    *NOISE_COLUMNS,
    "started_at",
    "ended_at",
    "setup_s",
)
#: what the adaptive runtime says of its tasks, beside what the trial's own clocks say
ESTIMATE_COLUMNS = (
    "beta_star",
    "gil_wait_share",
    "lock_wait_share",
    "run_queue_share",
    "capacity",
)
COLUMNS = (
    *SPEC_COLUMNS,
    "parameters",
    "conditions",
    "enforced",
    "not_enforced",
    "sequence",
    "status",
    "reason",
    "excluded",
    "exclusion_reason",
    "gil_enabled",
    "final_workers",
    "metric_size",
    "loop_lag_p99_ms",
    "decision_count",
    "vetoes",
    *ESTIMATE_COLUMNS,
    "gil_wait_share_true",
    "clocked_cpu_ms",
    "window_s",
    "warmup_s",
    *METRIC_COLUMNS,
    "spec_hash",
    "run_id",
    "attempt",
    "source_hash",
    "failures",
    "notes",
)

TIMELINE_COLUMNS = ("spec_hash", "from_s", "to_s", "phase", "completed")
DECISION_COLUMNS = (
    "spec_hash",
    "at_s",
    "workers",
    "backlog",
    "action",
    "beta",
    "beta_star",
    "gil_wait_share",
    "run_queue_share",
    "cores_used",
    "capacity",
    "throughput_tps",
)


class IncompleteError(RefusedError):
    """Records that the plan asks for are missing; the message names them."""


def decision_count(decisions: Sequence[Mapping[str, Any]] | None) -> int | None:
    """How often a controller decided, its start not counted; None without a controller."""
    if decisions is None:
        return None
    return sum(1 for decision in decisions if decision.get("action") != "start")


def _notes(spec: Mapping[str, Any]) -> str:
    parameters = spec["strategy_parameters"]
    published = parameters.get("published_tick_ms")
    if published and published != parameters["tick_ms"]:
        return f"tick {parameters['tick_ms']:g} ms, published {published:g} ms"
    return ""


def row(record: records.Record, reason: str, clocked: Collection[str] = ()) -> dict[str, Any]:
    """One record as a row of ``trials.csv``; ``reason``: why the rules leave it out, if so.
    ``clocked``: workloads whose tasks compute for ``cpu_ms`` by a clock."""
    spec, result = record["spec"], record["result"]
    metrics = result["metrics"]
    decisions = result["strategy"].get("decisions")
    final = result["strategy"].get("final_workers", decisions[-1]["workers"] if decisions else None)
    return {
        **{key: spec[key] for key in SPEC_COLUMNS},
        "parameters": parameters_text(spec),
        "conditions": parameter_text(spec["conditions"]),
        "enforced": "; ".join(record.get("device", {}).get("enforced", ())),
        "not_enforced": "; ".join(record.get("device", {}).get("missing", ())),
        "sequence": record["sequence"],
        "status": result["status"],
        "reason": result["reason"],
        "excluded": bool(reason),
        "exclusion_reason": reason,
        "gil_enabled": result["gil_enabled"],
        "final_workers": final,
        "metric_size": result["strategy"].get("metric_size"),
        "loop_lag_p99_ms": result["strategy"].get("loop_lag_p99_ms"),
        "decision_count": decision_count(decisions),
        "vetoes": result["strategy"].get("vetoes"),
        **{key: result["strategy"].get("stats", {}).get(key) for key in ESTIMATE_COLUMNS},
        "gil_wait_share_true": gil_wait_share(spec["parameters"].get("wait_ms"), metrics),
        "clocked_cpu_ms": spec["parameters"]["cpu_ms"] if spec["workload"] in clocked else 0.0,
        "window_s": spec["window_s"] if spec["protocol"] == "steady" else None,
        "warmup_s": spec["warmup_s"] if spec["protocol"] == "steady" else None,
        **{key: metrics.get(key) for key in METRIC_COLUMNS},
        "spec_hash": record["spec_hash"],
        "run_id": record["run_id"],
        "attempt": record["attempt"],
        "source_hash": record["source_hash"],
        "failures": parameter_text(result.get("failures", {})),
        "notes": _notes(spec),
    }


def parameters_text(spec: Mapping[str, Any]) -> str:
    """The workload's parameters as text; ``remote_servers`` is among them where the workload
    waits on a remote that has a limit."""
    parameters = dict(spec["parameters"])
    if spec.get("remote_servers") is not None:
        parameters["remote_servers"] = spec["remote_servers"]
    return parameter_text(parameters)


def gil_wait_share(wait_ms: float | None, metrics: Mapping[str, float | None]) -> float | None:
    """Share of occupied time that is neither CPU, run queue nor the tasks' known wait.

    For tasks that wait by sleeping ``wait_ms`` and use no lock but the GIL; it knows nothing
    of the runtime's sampling, which it is there to check. None where a part is unknown.
    """
    throughput, occupied = metrics.get("throughput_tps"), metrics.get("occupied_workers")
    cpu, run_queue = metrics.get("cpu_ms_per_task"), metrics.get("run_queue_ms_per_task")
    if not throughput or not occupied or None in (wait_ms, cpu, run_queue):
        return None
    assert wait_ms is not None and cpu is not None and run_queue is not None
    stay_ms = occupied / throughput * 1e3
    return max(0.0, stay_ms - cpu - run_queue - wait_ms) / stay_ms


def not_run_row(cell: NotRun) -> dict[str, Any]:
    """The row of a cell this machine cannot measure."""
    return {
        "experiment": cell.experiment,
        "workload": cell.workload,
        "interpreter": cell.interpreter,
        "cores": cell.cores,
        "block": 0,
        "status": "not_run",
        "reason": cell.reason,
        "excluded": False,
    }


#: the reason of a repetition that turned out to be needless, since the rules were changed
SUPERSEDED = "an earlier attempt counts"


def judged_records(
    plan: Plan, raw: Path, rules: Exclusion, *, before: int | None = None
) -> Iterator[tuple[records.Record, str]]:
    """Every record with the reason why it is left out, in running order, repetitions last;
    of attempts ``before`` a number, or all.

    At most one attempt of a trial is not left out: the first that the rules let stand. What
    speed is usual in a cell follows from first attempts, so that repeating changes no verdict.
    Raises as :func:`planned_records`.
    """
    first = list(planned_records(plan, raw))
    usual = usual_speeds(first)
    standing: set[str] = set()
    for record in (*first, *repeated_records(plan, raw, before)):
        identity = record["spec_hash"]
        reason = SUPERSEDED if identity in standing else judge(record, rules, usual)
        if not reason:
            standing.add(identity)
        yield record, reason


def counting_records(plan: Plan, raw: Path, rules: Exclusion) -> Iterator[records.Record]:
    """One record per trial: the attempt that is not left out, else the first."""
    first: dict[str, records.Record] = {}
    for record, reason in judged_records(plan, raw, rules):
        if record["attempt"] == 1 or not reason:
            first[record["spec_hash"]] = record
    yield from first.values()


def rows(
    plan: Plan, raw: Path, rules: Exclusion, clocked: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """Every row of the table, in running order; ``clocked`` as for :func:`row`. Raises as
    :func:`planned_records`."""
    for record, reason in judged_records(plan, raw, rules):
        yield row(record, reason, clocked)
    yield from map(not_run_row, plan.not_run)


def noted(table: Iterator[dict[str, Any]], note: str) -> Iterator[dict[str, Any]]:
    """The same rows with a note added to each; unchanged when it is empty."""
    for entry in table:
        notes = [text for text in (entry.get("notes"), note) if text]
        yield {**entry, "notes": "; ".join(notes)}


def planned_records(plan: Plan, raw: Path) -> Iterator[records.Record]:
    """Every record of a plan, in running order.

    Raises ``IncompleteError`` when a planned trial has no record and ``RecordError`` when
    a record is damaged, foreign to the plan or there twice.
    """
    seen: set[str] = set()
    for cell in plan.cell_blocks:
        file = cell_file(raw, cell)
        if not file.finished:
            raise IncompleteError(f"{file.final} is missing; run the same command again")
        planned = {trial.spec_hash for trial in cell.trials}
        for record in records.read_trials(file.final):
            identity = record["spec_hash"]
            if identity not in planned:
                raise records.RecordError(f"{file.final}: record {identity} is not in the plan")
            if identity in seen:
                raise records.RecordError(f"{file.final}: record {identity} is there twice")
            seen.add(identity)
            yield record
        if missing := planned - seen:
            raise IncompleteError(f"{file.final}: lacks {len(missing)} planned trials")


def repeated_records(plan: Plan, raw: Path, before: int | None = None) -> Iterator[records.Record]:
    """Records of trials that were measured again, in running order; of attempts ``before`` a
    number, or all.

    Raises ``RecordError`` when one is damaged, foreign to the plan or there twice.
    """
    planned = {trial.spec_hash for trial in plan.trials()}
    for attempt, file in attempt_files(raw).items():
        if before is not None and attempt >= before:
            break
        if not file.finished:
            raise IncompleteError(f"{file.final} is missing; run the same command again")
        for record in records.read_trials(file.final):
            identity = record["spec_hash"]
            if identity not in planned:
                raise records.RecordError(f"{file.final}: record {identity} is not in the plan")
            yield record


def timeline_rows(plan: Plan, raw: Path, rules: Exclusion) -> Iterator[dict[str, Any]]:
    """``timelines.csv``: how the work of each trial progressed from the start of its warm-up.

    ``phase`` numbers the phases of workloads whose parameters have ``phase_s``, from 0 on.
    """
    for record in counting_records(plan, raw, rules):
        parameters = record["spec"]["parameters"]
        phase_s = parameters.get("phase_s")
        phases = len(parameters.get("wait_factors", ())) or 1
        for number, completed in enumerate(record["result"].get("timeline", ())):
            middle = (number + 0.5) * TIMELINE_BIN_S
            yield {
                "spec_hash": record["spec_hash"],
                "from_s": round(number * TIMELINE_BIN_S, 6),
                "to_s": round((number + 1) * TIMELINE_BIN_S, 6),
                "phase": int(middle / phase_s) % phases if phase_s else 0,
                "completed": completed,
            }


def decision_rows(plan: Plan, raw: Path, rules: Exclusion) -> Iterator[dict[str, Any]]:
    """``decisions.csv``: what controllers saw and did; ``at_s`` since warm-up began."""
    for record in counting_records(plan, raw, rules):
        start = record["result"].get("ready_at") or 0.0
        for decision in record["result"]["strategy"].get("decisions", ()):
            known = {key: decision[key] for key in DECISION_COLUMNS if key in decision}
            at = round(decision["at"] - start, 6)
            yield {"spec_hash": record["spec_hash"], "at_s": at, **known}


def write_table(
    path: Path, table: Iterator[dict[str, Any]], columns: Sequence[str] = COLUMNS
) -> int:
    """Write a CSV file whole or not at all; returns the number of rows."""
    entries = list(table)  # fails before anything is written when a record is bad
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(entries)
    write_whole(path, text.getvalue())
    return len(entries)
