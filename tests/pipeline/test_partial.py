"""A look at a run that is not finished, and at records that change."""

import pandas as pd
import pytest

from harness.store import records
from tests.pipeline.conftest import INTERPRETER, Project

pytestmark = pytest.mark.measures

PRESET = ("--config", "preset=tiny", f"interpreters={INTERPRETER}")
FIRST_BLOCK = "results/tiny/raw/profiles/block-01.done"
LOOK = ("results/tiny-partial/report.html",)


def test_an_unfinished_run_can_be_looked_at_and_follows_its_records(project: Project) -> None:
    project.run(FIRST_BLOCK, *PRESET)
    project.run(*LOOK, *PRESET, "partial=yes")
    results = project.folder / "results" / "tiny-partial"
    figure = project.folder / "paper_figures" / "tiny-partial" / "efficiency.csv"
    report = (results / "report.html").read_text()
    assert "10 of 15 planned trials have no row" in report
    assert not (project.folder / "results" / "tiny" / "trials.csv").exists()
    seen = pd.read_csv(results / "tables" / "efficiency.csv"), figure.read_text()

    (file,) = (project.folder / "results" / "tiny" / "raw").rglob("*.jsonl")
    altered = list(records.read_file(file))
    for record in altered:
        if record["spec"]["strategy"] == "asyncio":
            record["result"]["metrics"]["throughput_tps"] *= 2
    file.write_bytes(b"".join(map(records.encode, altered)))
    project.run(*LOOK, *PRESET, "partial=yes")
    changed = pd.read_csv(results / "tables" / "efficiency.csv")
    both = seen[0].merge(changed, on=["strategy", "concurrency", "cores"])
    ratio = (both["raw_throughput_tps_y"] / both["raw_throughput_tps_x"]).round(6)
    assert set(ratio[both["strategy"] == "asyncio"].dropna()) == {2}
    assert set(ratio[both["strategy"] == "fixed"].dropna()) == {1}
    assert figure.read_text() != seen[1]
