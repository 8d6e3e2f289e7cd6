"""Kill a run at random moments, again and again, and count what that did to its results.

    python -m tests.pipeline.kill_fifty [--preset smoke] [--kills 50] [--seed 20260110]
                                        [--interpreters NAME,…] [--project FOLDER]

Copies the project's configuration and workloads into a fresh folder, starts the pipeline
there, kills its whole process group with SIGKILL at a random moment, starts the same command
again, and lets the last one finish. Then: every planned trial has exactly one result, no two
trials overlap, and no process of a killed run was alive when its group was gone for longer
than the kernel needs. Prints the counts as JSON; the exit code is 0 when all are as they must
be. A benchmark of its own, not part of the tests: fifty kills of ``smoke`` take about twice as
long as the preset.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from harness.commands.run import open_run
from harness.design.cost import estimate
from harness.design.plan import from_json
from harness.machine.orphans import VARIABLE
from tests import ROOT

#: how long after its group was killed a process may take to be gone
GRACE_S = 5.0
POLL_S = 0.02
#: what a start costs before anything is measured
START_S = 8.0


@dataclass
class Counts:
    """What was done and what was found."""

    kills: int = 0
    planned: int = 0
    rows: int = 0
    lost: int = 0
    duplicated: int = 0
    foreign: int = 0
    overlaps: int = 0
    orphans: int = 0
    seconds_until_gone_max: float = 0.0
    runs_that_measured: int = 0
    killed_after_s: list[float] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled, left over or measured beside another."""
        wrong = self.lost + self.duplicated + self.foreign + self.overlaps + self.orphans
        return wrong == 0 and self.rows == self.planned > 0


def copy_project(source: Path, target: Path) -> None:
    """Configuration and workloads of a project, without any result."""
    for name in ("config", "workloads"):
        shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))


def start(folder: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start the pipeline in a session of its own; its output goes to ``run.log``."""
    with (folder / "run.log").open("ab") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
                *("--cores", "1", *arguments),
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def belonging(folder: Path, session: int) -> list[int]:
    """Living processes of a run: of its session, or measuring, and working in its folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, of_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if state == "Z":
                continue
            marked = f"{VARIABLE}=".encode() in (entry / "environ").read_bytes()
            inside = (entry / "cwd").readlink() == folder
        except OSError:
            continue
        if int(of_session) == session or (marked and inside):
            found.append(int(entry.name))
    return found


def kill_run(run: subprocess.Popen[bytes], folder: Path, counts: Counts) -> None:
    """SIGKILL the run's process group; count what is alive after the grace."""
    os.killpg(run.pid, signal.SIGKILL)
    killed = time.monotonic()
    run.wait()
    while belonging(folder, run.pid) and time.monotonic() - killed < GRACE_S:
        time.sleep(POLL_S)
    gone = time.monotonic() - killed
    counts.seconds_until_gone_max = max(counts.seconds_until_gone_max, round(gone, 3))
    counts.orphans += len(belonging(folder, run.pid))


def judge(folder: Path, preset: str, settings: dict[str, str], counts: Counts) -> None:
    """Compare the results with the plan of an undisturbed run."""
    trials = pd.read_csv(folder / "results" / preset / "trials.csv", low_memory=False)
    trials = trials[trials["status"] != "not_run"]
    ordered = trials.sort_values("started_at")
    counts.overlaps = int((ordered["started_at"].shift(-1) < ordered["ended_at"]).sum())
    if "attempt" in trials:
        trials = trials[trials["attempt"].isna() | (trials["attempt"] == 1)]
    undisturbed = open_run({"preset": preset, **settings}, folder).plan
    planned = [trial.spec_hash for trial in undisturbed.trials()]
    frozen = from_json(folder / "results" / preset / "plan.json")
    assert [trial.spec_hash for trial in frozen.trials()] == planned, "another plan was frozen"
    hashes = list(trials["spec_hash"])
    counts.planned, counts.rows = len(planned), len(hashes)
    counts.lost = len(set(planned) - set(hashes))
    counts.foreign = len(set(hashes) - set(planned))
    counts.duplicated = len(hashes) - len(set(hashes))
    counts.runs_that_measured = int(trials["run_id"].nunique())


def main() -> int:
    """Run the benchmark; 0 when every count is as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.pipeline.kill_fifty")
    parser.add_argument("--preset", default="smoke")
    parser.add_argument("--interpreters", help="comma-separated, instead of the preset's")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=20260110)
    parser.add_argument("--latest", type=float, help="latest moment of a kill, in seconds")
    parser.add_argument("--project", type=Path, default=ROOT, help="default: this checkout")
    options = parser.parse_args()
    moments, counts = random.Random(options.seed), Counts()
    settings = {"interpreters": options.interpreters} if options.interpreters else {}
    with tempfile.TemporaryDirectory(prefix="kill-fifty-") as name:
        folder = Path(name).resolve()
        copy_project(options.project.resolve(), folder)
        chosen = [f"preset={options.preset}", *(f"{k}={v}" for k, v in settings.items())]
        arguments = ["--config", *chosen, "--", f"results/{options.preset}/trials.csv"]
        plan = open_run({"preset": options.preset, **settings}, folder).plan
        # So late that the killed runs together get about as far as one that is left alone.
        needed = estimate(list(plan.trials()), len(plan.cell_blocks)).seconds
        latest = options.latest or START_S + 2 * needed / options.kills
        while counts.kills < options.kills:
            run = start(folder, arguments)
            after = moments.uniform(0.3, latest)
            try:
                run.wait(timeout=after)
            except subprocess.TimeoutExpired:
                kill_run(run, folder, counts)
                counts.kills += 1
                counts.killed_after_s.append(round(after, 2))
                print(f"kill {counts.kills} after {after:.1f} s", file=sys.stderr, flush=True)
                continue
            if run.returncode != 0:
                print((folder / "run.log").read_text(), file=sys.stderr)
                return 1
            # Finished early: what is left of the kills is spent on measuring anew.
            print("finished; starting anew", file=sys.stderr, flush=True)
            judge(folder, options.preset, settings, counts)
            if not counts.good:
                break
            shutil.rmtree(folder / "results")
        else:
            run = start(folder, arguments)
            if run.wait() != 0:
                print((folder / "run.log").read_text(), file=sys.stderr)
                return 1
            judge(folder, options.preset, settings, counts)
    print(json.dumps({**asdict(counts), "good": counts.good}))
    return 0 if counts.good else 1


if __name__ == "__main__":
    sys.exit(main())
