"""The pipeline as its users run it."""

import json
import os
import random
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from harness.design.plan import from_json
from tests.pipeline.conftest import ABSENT, INTERPRETER, Project, kill_session

pytestmark = pytest.mark.measures

PRESET = ("--config", "preset=tiny", f"interpreters={INTERPRETER}")


def overlaps(trials: pd.DataFrame) -> int:
    """Pairs of neighbouring trials of which the later began before the earlier had ended."""
    ordered = trials.sort_values("started_at")
    return int((ordered["started_at"].shift(-1) < ordered["ended_at"]).sum())


def planned_hashes(project: Project) -> list[str]:
    plan = from_json(project.folder / "results" / "tiny" / "plan.json")
    return sorted(trial.spec_hash for trial in plan.trials())


def test_one_file_and_one_entry_make_a_new_workload(project: Project) -> None:
    project.run(*PRESET)
    trials = project.trials()
    assert set(trials["status"]) == {"ok"}
    assert len(trials) == 3 * 5  # blocks x (three pools, the twin, asyncio)
    results = project.folder / "results" / "tiny"
    efficiency = pd.read_csv(results / "tables" / "efficiency.csv")
    ran = efficiency[efficiency["cores"] == 1]
    assert set(ran["strategy"]) == {"fixed", "aa_twin", "asyncio"}
    assert ran["ci_low"].notna().any()
    assert efficiency[efficiency["cores"] == 4096]["status"].str.startswith("not run").all()
    for name in ("efficiency.md", "efficiency.tex", "efficiency_summary.md"):
        text = (results / "tables" / name).read_text()
        assert "Blink" in text
        assert ABSENT in text  # the preset asks for it, the command line left it out
    figures = project.folder / "paper_figures" / "tiny"
    assert {path.suffix for path in figures.glob("efficiency.*")} == {".pdf", ".png", ".csv"}
    machine = json.loads((results / "machine.json").read_text())
    assert "cpu_count" in machine["pyperf"]

    # what is measured is measured once: the same command finds nothing left to do
    before = [path.stat().st_mtime_ns for path in sorted((results / "raw").rglob("*.jsonl"))]
    assert "Nothing to be done" in project.run(*PRESET, "--quiet", "rules")
    after = [path.stat().st_mtime_ns for path in sorted((results / "raw").rglob("*.jsonl"))]
    assert before == after

    exported = next((results / "pyperf").glob("cpython-*core.json"))
    stats = subprocess.run(
        [project.command()[0], "-m", "pyperf", "stats", str(exported)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Number of run" in stats.stdout


def test_many_cores_and_a_lost_resource_limit_do_not_make_trials_overlap(project: Project) -> None:
    target = "results/tiny/trials.csv"
    project.run("--cores", "8", "--resources", "foo=5", *PRESET, "--", target)
    trials = project.trials()
    assert len(trials) == 15
    assert overlaps(trials) == 0


def test_two_runs_on_one_machine_take_turns(project: Project, tmp_path_factory: object) -> None:
    other = Project(tmp_path_factory.mktemp("other"))  # type: ignore[attr-defined]
    subprocess.run(["cp", "-r", f"{project.folder}/.", str(other.folder)], check=True)
    target = "results/tiny/trials.csv"
    runs = [p.start(*PRESET, "--", target) for p in (project, other)]
    outputs = [run.communicate(timeout=280)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], "\n".join(outputs)
    trials = pd.concat([project.trials(), other.trials()])
    assert len(trials) == 30
    assert overlaps(trials) == 0
    assert any("measuring already" in output for output in outputs)


def test_a_run_killed_ten_times_measures_every_trial_once(project: Project) -> None:
    """SIGKILL at random moments, then the same command: nothing lost, doubled or orphaned."""
    target = "results/tiny/trials.csv"
    moments = random.Random(20260110)
    for _ in range(10):
        run = project.start(*PRESET, "--", target)
        try:
            run.wait(timeout=moments.uniform(1.0, 6.0))
        except subprocess.TimeoutExpired:
            kill_session(run)
        wait_until_alone(run.pid)
    project.run(*PRESET, "--", target)
    trials = project.trials()
    assert sorted(trials["spec_hash"]) == planned_hashes(project)
    assert overlaps(trials) == 0


def wait_until_alone(session: int) -> None:
    """Wait until no process of a session is left; fails after a while if one stays."""
    deadline = time.monotonic() + 20
    while left := members(session):
        assert time.monotonic() < deadline, f"left behind: {left}"
        os.sched_yield()


def members(session: int) -> list[str]:
    """Command lines of living processes in a session or measuring for nobody."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        state, parent, member_of = fields[0], int(fields[1]), int(fields[3])
        orphan = parent == 1 and "harness.trial" in command
        if state != "Z" and (member_of == session or orphan):
            found.append(command)
    return found


def test_a_missing_interpreter_is_named_with_its_fix(project: Project) -> None:
    """Only the project's own interpreters.yaml knows it, in a folder of another name."""
    (project.folder / "config").rename(project.folder / "settings")
    settings = ("config_folder=settings", "preset=tiny", f"interpreters={ABSENT}")
    run = project.start("--config", *settings)
    output, _ = run.communicate(timeout=240)
    assert run.returncode == 1
    for part in (
        f"{ABSENT}: no CPython 3.98 on this machine",
        "settings/interpreters.yaml names no source_package",
        "Either install CPython 3.98 (for instance `uv python install 3.98`)",
        "name one with EDGE_GIL_HARNESS_CPYTHON_3_98=/path/to/python",
        "as `executable` in settings/interpreters.yaml",
        f"leave {ABSENT} out of the preset's `interpreters` list",
    ):
        assert part in output, output
    assert "unknown interpreter" not in output
    assert "Traceback" not in output
    assert not list((project.folder / "results").rglob("*.jsonl*")), "nothing was measured"


def test_the_rules_read_the_runs_configuration_folder(project: Project) -> None:
    (project.folder / "config").rename(project.folder / "settings")
    (project.folder / "settings" / "printed.yaml").write_text("sources: nothing\n")
    settings = ("--config", "config_folder=settings", *PRESET[1:])
    results = project.folder / "results" / "tiny"
    project.run(*settings, "--", "results/tiny/interpreters.json")
    found = json.loads((results / "interpreters.json").read_text())
    assert found[INTERPRETER]["found_by"] == "settings/interpreters.yaml"
    targets = ("results/tiny/tables/efficiency.csv", "paper_figures/tiny/figures.done")
    looking = ("--workflow-profile", "none", "--dry-run", "--printshellcmds")
    said = project.run(*looking, *settings, "--", *targets)
    for command in ("tables", "figures"):
        (line,) = [line for line in said.splitlines() if f"-m harness {command} " in line]
        assert "--config-folder settings" in line
    assert said.count("settings/printed.yaml") == 2, "both read it"


def test_a_refused_configuration_runs_nothing(project: Project) -> None:
    preset = project.folder / "config" / "presets" / "tiny.yaml"
    preset.write_text(preset.read_text() + "blocks: 4\n")
    run = project.start(*PRESET)
    output, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "tiny.yaml" in output and "'blocks' occurs twice" in output
    assert "Traceback" not in output
    assert not (project.folder / "results").exists()


def test_results_through_a_link_are_refused_and_its_target_left_alone(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = tmp_path_factory.mktemp("elsewhere")
    (target / "mine.txt").write_text("mine")
    (project.folder / "results").symlink_to(target)
    run = project.start(*PRESET)
    output, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "results: is a symbolic link" in output
    assert "Traceback" not in output
    assert [path.name for path in target.iterdir()] == ["mine.txt"]


def test_an_altered_record_is_named_and_never_used(project: Project) -> None:
    project.run(*PRESET, "--", "results/tiny/trials.csv")
    results = project.folder / "results" / "tiny"
    victim = next((results / "raw").rglob("*.jsonl"))
    data = victim.read_text()
    victim.write_text(data.replace('"status":"ok"', '"status":"OK"', 1))
    (results / "trials.csv").unlink()
    run = project.start(*PRESET, "--", "results/tiny/trials.csv")
    output, _ = run.communicate(timeout=120)
    assert run.returncode != 0
    assert victim.name in output and "checksum" in output
    assert not (results / "trials.csv").exists()


def test_waits_can_go_over_a_socket_by_configuration(project: Project) -> None:
    project.run(*PRESET, "io=socket", "--", "results/tiny/trials.csv")
    trials = project.trials()
    assert set(trials["status"]) == {"ok"}
    assert (trials["latency_p50_ms"] >= 2.0).all()
