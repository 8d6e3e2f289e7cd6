"""The real pipeline in a folder of its own, small enough for a test."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests import ROOT

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
INTERPRETER = f"cpython-{VERSION}"
ABSENT = "cpython-3.98"

WORKLOAD = """
def setup(wait_ms):
    class Blink:
        variants = 1
        def task(self, index):
            yield wait_ms / 1e3
            return sum(range(2000))
    return Blink()
"""


@dataclass(frozen=True)
class Project:
    """A folder with a configuration and workloads, run by this checkout's Snakefile."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        """The command line of a run; arguments given here come last."""
        return [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--cores", "1", *arguments),
        ]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a run in a session of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> str:
        """Run to the end and return the output; fails the test when the run fails."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=280)
        assert process.returncode == 0, output
        return output

    def trials(self) -> pd.DataFrame:
        """The table of trials of the run, planned rows only."""
        table = pd.read_csv(self.folder / "results" / "tiny" / "trials.csv")
        return table[table["status"] != "not_run"]


def kill_session(process: subprocess.Popen[str]) -> None:
    """SIGKILL the leader alone; what it started has to end by itself."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with one new workload: one file, one entry in workloads.yaml."""
    return make_project(tmp_path)


def make_project(tmp_path: Path) -> Project:
    """Write the configuration and the workload of a small project into an empty folder."""
    config = tmp_path / "config"
    (config / "presets").mkdir(parents=True)
    (tmp_path / "workloads").mkdir()
    (tmp_path / "workloads" / "blink.py").write_text(WORKLOAD)

    def write(name: str, content: object) -> None:
        (config / name).write_text(yaml.safe_dump(content))

    write(
        "workloads.yaml",
        {
            "workloads": {
                "blink": {
                    "title": "Blink",
                    "file": "blink.py",
                    "kind": "profile",
                    "parameters": {"wait_ms": 2.0},
                }
            }
        },
    )
    settings = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    # Tests run beside whatever else a machine does: no rule may leave their trials out.
    settings["exclusion"] = {"max_foreign_cpu_share": 1000, "max_steal_share": 1000}
    write("config.yaml", settings)
    strategies = yaml.safe_load((ROOT / "config" / "experiments.yaml").read_text())["strategies"]
    write(
        "experiments.yaml",
        {
            "strategies": strategies,
            "experiments": {
                "profiles": {
                    "title": "Test",
                    "workloads": ["blink"],
                    "strategies": ["fixed", "asyncio"],
                    "aa_twin": True,
                }
            },
        },
    )
    write(
        "interpreters.yaml",
        {
            "default": [INTERPRETER],
            "interpreters": {
                INTERPRETER: {"version": VERSION, "executable": sys.executable},
                ABSENT: {"version": "3.98"},
            },
        },
    )
    write(
        "presets/tiny.yaml",
        {
            "title": "tiny",
            "blocks": 3,
            "interpreters": [INTERPRETER, ABSENT],
            "pinnings": [1, 4096],
            "experiments": {
                "profiles": {
                    "window_s": 0.1,
                    "warmup_s": 0.05,
                    "warmup_rounds": 0,
                    "population": 32,
                    "concurrency": {"fixed": [1, 2, 8], "asyncio": [8]},
                }
            },
        },
    )
    return Project(tmp_path)
