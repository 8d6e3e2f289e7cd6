"""Does the harness notice a co-tenant? A benchmark to be run on a quiet machine, not a test.

    python -m tests.runtime.soak_co_tenant [--preset short] [--claim C22] [--seed 1] [--out FILE]

Runs the pipeline in a folder of its own while another process computes now and then, at
random times (seeded), on one CPU at a time, and notes the CPU time it really got. A trial is
**disturbed** when the co-tenant had at least 10 % of the capacity of the trial's CPUs during
its window, **undisturbed** when it had less than 1 %; what lies between is counted apart and
belongs to neither. The truth thus comes from the co-tenant's own clock and from nothing that
the harness measures. Goals: at least 95 % of the disturbed trials are marked, and less than
5 % of the undisturbed.

Anything else that runs on the machine meanwhile is marked rightly and counted here as false.
Batches, whose windows no record bounds, are left out.
"""

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.base.lifeline import die_with_parent
from harness.store.records import read_trials
from tests import ROOT

DISTURBED, UNDISTURBED = 0.10, 0.01
GOAL_RECALL, GOAL_FALSE = 0.95, 0.05
SLICE_S = 0.02
ON_S, OFF_S = (0.3, 4.0), (1.0, 8.0)
TINY = {
    "title": "soak",
    "blocks": 2,
    "interpreters": ["cpython-3.12"],
    "pinnings": [1, 2],
    "experiments": {
        "profiles": {
            "workloads": ["rag"],
            "window_s": 0.5,
            "warmup_s": 0.1,
            "warmup_rounds": 0,
            "population": 64,
            "concurrency": {"fixed": [1, 2, 4, 8, 16]},
        }
    },
}


@dataclass(frozen=True)
class Slice:
    """CPU seconds the co-tenant got on a CPU between two times of ``perf_counter``."""

    cpu: int
    start: float
    end: float
    cpu_s: float


@dataclass(frozen=True)
class Trial:
    """The window of a trial in ``perf_counter``, its CPUs, and why it was marked, if it was."""

    cpus: tuple[int, ...]
    open_at: float
    close_at: float
    marked: str


def tenant_share(trial: Trial, slices: Iterable[Slice]) -> float:
    """CPU time of the co-tenant in a window, over the capacity of the trial's CPUs."""
    used = 0.0
    for piece in slices:
        overlap = min(piece.end, trial.close_at) - max(piece.start, trial.open_at)
        if overlap > 0 and piece.cpu in trial.cpus:
            used += piece.cpu_s * overlap / (piece.end - piece.start)
    return used / ((trial.close_at - trial.open_at) * len(trial.cpus))


def score(trials: Sequence[Trial], slices: Sequence[Slice]) -> dict[str, Any]:
    """Recall and share of false marks; None where there was nothing to judge by."""
    shares = [tenant_share(trial, slices) for trial in trials]
    disturbed = [t for t, share in zip(trials, shares, strict=True) if share >= DISTURBED]
    undisturbed = [t for t, share in zip(trials, shares, strict=True) if share < UNDISTURBED]

    def marked(chosen: Sequence[Trial]) -> float | None:
        return sum(bool(t.marked) for t in chosen) / len(chosen) if chosen else None

    return {
        "trials": len(trials),
        "disturbed": len(disturbed),
        "undisturbed": len(undisturbed),
        "between": len(trials) - len(disturbed) - len(undisturbed),
        "recall": marked(disturbed),
        "false_marks": marked(undisturbed),
        "reasons_of_false_marks": dict(Counter(t.marked for t in undisturbed if t.marked)),
        "tenant_cpu_s": sum(piece.cpu_s for piece in slices),
    }


def be_tenant(log: Path, seed: int, cpus: Sequence[int]) -> None:
    """Compute now and then until killed, noting the CPU time of every slice."""
    die_with_parent()
    chance = random.Random(seed)
    with log.open("w") as stream:
        while True:
            time.sleep(chance.uniform(*OFF_S))
            cpu = chance.choice(cpus)
            os.sched_setaffinity(0, {cpu})
            until = time.perf_counter() + chance.uniform(*ON_S)
            while (start := time.perf_counter()) < until:
                spent = time.thread_time()
                while time.perf_counter() < start + SLICE_S:
                    sum(range(1000))
                spent = time.thread_time() - spent
                print(json.dumps([cpu, start, time.perf_counter(), spent]), file=stream)
            stream.flush()


def read_slices(log: Path) -> list[Slice]:
    """What the co-tenant noted; a last line that was cut off is left out."""
    lines = log.read_text().rpartition("\n")[0].splitlines()
    return [Slice(*json.loads(line)) for line in lines]


def read_windows(results: Path) -> list[Trial]:
    """Trials with a window, from the records, with the marks of trials.csv."""
    with (results / "trials.csv").open(newline="") as stream:
        marks = {
            (row["spec_hash"], row["attempt"]): row["exclusion_reason"]
            for row in csv.DictReader(stream)
        }
    found = []
    for path in sorted((results / "raw").rglob("*.jsonl")):
        for record in read_trials(path):
            spec, ready_at = record["spec"], record["result"].get("ready_at")
            if ready_at is None or spec["protocol"] != "steady" or not spec["window_s"]:
                continue
            if record["result"]["status"] != "ok":
                continue
            open_at = ready_at + spec["warmup_s"]
            marked = marks[record["spec_hash"], str(record["attempt"])]
            window = open_at, open_at + spec["window_s"]
            found.append(Trial(tuple(record["cpus"]), *window, marked))
    return found


def run(preset: str, claim: str | None, seed: int, folder: Path) -> dict[str, Any]:
    """Run the pipeline beside the co-tenant, all of a preset or what a claim needs of it;
    raises ``CalledProcessError`` when it fails."""
    for name in ("config", "workloads"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "config/presets/soak.yaml").write_text(yaml.safe_dump(TINY))
    log = folder / "tenant.jsonl"
    cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    itself = [sys.executable, "-m", "tests.runtime.soak_co_tenant", "--seed", str(seed)]
    tenant = subprocess.Popen([*itself, "--tenant", str(log), "--cpus", cpus], cwd=ROOT)
    try:
        part = [f"claim={claim}"] if claim else []
        results = Path("results", f"{preset}-{claim.lower()}" if claim else preset)
        snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        settings = [f"preset={preset}", *part]
        wanted = ["--cores", "1", "--config", *settings, "--", str(results / "trials.csv")]
        subprocess.run([*snakemake, *wanted], cwd=folder, check=True)
    finally:
        tenant.kill()
        tenant.wait()
    return score(read_windows(folder / results), read_slices(log))


def main() -> int:
    """0 when both goals are met, 1 when not, 2 when there was too little to judge by."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", default="soak", help="default: a minute of small trials")
    parser.add_argument("--claim", help="only what this claim needs of the preset")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the scores here as JSON too")
    parser.add_argument("--tenant", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cpus", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.tenant is not None:
        be_tenant(arguments.tenant, arguments.seed, [int(c) for c in arguments.cpus.split(",")])
    with tempfile.TemporaryDirectory(prefix="soak-co-tenant-") as folder:
        found = run(arguments.preset, arguments.claim, arguments.seed, Path(folder))
    text = json.dumps(found, indent=1)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n")
    if found["recall"] is None or found["false_marks"] is None:
        return 2
    return int(found["recall"] < GOAL_RECALL or found["false_marks"] >= GOAL_FALSE)


if __name__ == "__main__":
    sys.exit(main())
