"""The workflow for other people's machines: valid, small, and nothing in it but make targets."""

import copy
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    content = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def schema_check(path: Path) -> subprocess.CompletedProcess[str]:
    """Check against the schema that check-jsonschema carries with it; needs no network."""
    pytest.importorskip("check_jsonschema", reason="check-jsonschema: run `make lint` once")
    command = [sys.executable, "-m", "check_jsonschema"]
    command += ["--builtin-schema", "vendor.github-workflows", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_workflow_follows_githubs_schema() -> None:
    result = schema_check(WORKFLOW)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("damage", ["runs-on", "steps"])
def test_a_job_without_what_it_needs_is_noticed(
    workflow: dict[Any, Any], damage: str, tmp_path: Path
) -> None:
    broken = copy.deepcopy(workflow)
    broken["on"] = broken.pop(True)  # YAML 1.1 reads the key `on` as a truth value
    job = broken["jobs"]["smoke"]
    job[damage] = 7
    path = tmp_path / "broken.yml"
    path.write_text(yaml.safe_dump(broken), encoding="utf-8")
    assert schema_check(path).returncode != 0


def test_every_command_is_a_make_target(workflow: dict[Any, Any]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    called = []
    for command in commands:
        program, *arguments = shlex.split(command.partition(">>")[0])
        assert program == "make", command
        called += [argument for argument in arguments if not argument.startswith("-")]
    assert set(called) <= set(targets)
    assert {"lint", "test", "smoke", "summary"} <= set(called)


def test_least_rights_time_limits_and_pinned_actions(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    assert all(0 < job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    assert not any("permissions" in job for job in workflow["jobs"].values())
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


def test_both_interpreters_are_there_and_results_are_kept(workflow: dict[Any, Any]) -> None:
    smoke = workflow["jobs"]["smoke"]["steps"]
    versions = [
        str(step["with"]["python-version"]).split()
        for step in smoke
        if step.get("uses", "").startswith("actions/setup-python")
    ]
    assert versions == [["3.13t", "3.12"]]
    uploads = [step for step in smoke if step.get("uses", "").startswith("actions/upload")]
    paths = uploads[0]["with"]["path"].split()
    assert {"results/smoke/report.html", "results/smoke/tables/"} <= set(paths)
    summaries = [step for step in smoke if "GITHUB_STEP_SUMMARY" in step.get("run", "")]
    assert len(summaries) == 1
