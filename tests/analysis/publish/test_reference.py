"""The committed reference: made from a run, the same bytes each time, and read like a run."""

import gzip
import json

import pandas as pd
import pytest

from harness.analysis.data.pyperf_results import read_micro_benchmarks
from harness.analysis.data.results import read_results
from harness.analysis.data.trials import TrialsError, read_trials
from harness.analysis.publish.compare import compare_files
from harness.analysis.publish.notebooks import open_results
from harness.analysis.publish.report.content import report_of
from harness.analysis.publish.report.render import html
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.registry import write_tables
from harness.commands.main import main
from tests.analysis.publish.result_folders import small_run, write_folder

MICRO = {
    "benchmarks": [
        {
            "runs": [
                {"values": [1e-6, 3e-6], "metadata": {"date": f"2026-01-01 0{n}:00:00.000000"}}
                for n in (1, 2, 3)
            ]
        }
    ],
    "metadata": {
        "name": "close_window",
        "hostname": "somebodys-laptop",
        "python_executable": "/home/somebody/python",
        "python_config_args": "'--enable-shared' '--prefix=/home/somebody'",
    },
    "version": "1.0",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with a finished run and an older reference, the new one made from the run."""
    root = tmp_path_factory.mktemp("project")
    trials = small_run()
    run = write_folder(root, trials[trials["experiment"] == "profiles"], figures=False)
    (root / "paper_figures" / "tiny").mkdir(parents=True)
    for name in ("efficiency.pdf", "efficiency.png", "efficiency.csv"):
        (root / "paper_figures" / "tiny" / name).write_text(name, encoding="utf-8")
    for name in ("timelines.csv", "decisions.csv"):
        (run / name).write_text("spec_hash,at_s\nabc,0.5\n", encoding="utf-8")
    (run / "pyperf").mkdir()
    (run / "pyperf" / "micro-cpython-3.12.json").write_text(json.dumps(MICRO), encoding="utf-8")
    for folder in ("results", "paper_figures"):
        old = root / folder / "reference"
        (old / "tables").mkdir(parents=True)
        for name in ("README.md", "withdrawn.csv", "tables/withdrawn.csv"):
            (old / name).write_text("by hand", encoding="utf-8")
    assert main(["reference", str(run), "--out", str(root / "results" / "reference")]) == 0
    return root


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if not p.is_dir()}


def test_tables_and_figures_are_those_of_the_run_and_nothing_of_an_older_one_stays(project):
    results, run = contents(project / "results/reference"), contents(project / "results/tiny")
    packed = {f"{name}.csv.gz" for name in ("trials", "timelines", "decisions")}
    assert {n for n in results if n.endswith(".gz")} == packed
    assert all(gzip.decompress(results[name]) == run[name.removesuffix(".gz")] for name in packed)
    kept = {n for n in run if n.startswith("tables/") and not n.endswith(".tex")}
    plain = kept | {"claims.csv", "machine.json", "titles.json"}
    assert results.keys() == plain | packed | {"README.md", "pyperf/micro-cpython-3.12.json"}
    assert all(results[name] == run[name] for name in plain)
    figures = contents(project / "paper_figures/reference")
    assert figures.pop("README.md") == results["README.md"] == b"by hand"
    assert figures == contents(project / "paper_figures/tiny")


def test_the_same_run_gives_the_same_bytes(project, monkeypatch):
    before = contents(project / "results/reference")
    monkeypatch.setattr("time.time", lambda: 1e9)
    monkeypatch.chdir(project)
    assert main(["reference", "results/tiny"]) == 0
    assert contents(project / "results/reference") == before


def test_micro_benchmarks_are_read_from_it_and_name_no_host_and_no_folder(project):
    folder = project / "results/reference/pyperf"
    (found,) = read_micro_benchmarks(folder)
    assert (found.name, found.cost_us.n) == ("close_window", 3)
    assert found.cost_us.estimate == pytest.approx(2)
    text = next(folder.iterdir()).read_text(encoding="utf-8")
    assert "somebody" not in text and "--enable-shared" in text


def test_it_is_read_like_the_run(project, capsys):
    run, reference = (read_results(project / "results" / name) for name in ("tiny", "reference"))
    pd.testing.assert_frame_equal(run.trials, reference.trials)
    assert reference.problems == ("plan.json is not there.",)
    assert [path.name for path in reference.figures()] == [path.name for path in run.figures()]
    page = html(report_of(reference))
    assert 'pd.read_csv("results/reference/trials.csv.gz")' in page
    assert len(open_results(str(reference.folder)).trials) == len(run.trials)
    text = compare_files(run.folder, reference.folder)
    assert "differs" not in text and "within noise" in text


def test_the_tables_can_be_made_again_from_it(project, tmp_path):
    reference = project / "results/reference"
    titles = json.loads((reference / "titles.json").read_text(encoding="utf-8"))
    write_tables(Inputs(read_trials(reference / "trials.csv.gz"), titles), tmp_path)
    again = contents(tmp_path)
    wanted = contents(reference / "tables")
    assert {name: again[name] for name in wanted} == wanted


@pytest.mark.parametrize("cut", [0, 5, 40, -1])
def test_a_damaged_file_of_trials_is_a_sentence(project, tmp_path, cut):
    whole = (project / "results/reference/trials.csv.gz").read_bytes()
    path = tmp_path / "trials.csv.gz"
    path.write_bytes(whole[:cut])
    with pytest.raises(
        TrialsError, match=r"trials\.csv\.gz: (not a table of trials|cannot be read)"
    ):
        read_trials(path)
    path.write_bytes(whole[:200] + bytes(64) + whole[264:])
    with pytest.raises(
        TrialsError, match=r"trials\.csv\.gz: (not a table of trials|cannot be read)"
    ):
        read_trials(path)
    assert read_results(tmp_path).problems[0].startswith("trials.csv.gz cannot be read")


@pytest.mark.parametrize("absent", ["trials.csv", "claims.csv", "pyperf/micro-cpython-3.12.json"])
def test_an_unfinished_run_changes_nothing(project, capsys, absent):
    run, reference = project / "results/tiny", project / "results/reference"
    before = contents(project)
    data = (run / absent).read_bytes()
    (run / absent).unlink()
    try:
        assert main(["reference", str(run), "--out", str(reference)]) == 1
    finally:
        (run / absent).write_bytes(data)
    assert "let the run end first" in capsys.readouterr().err
    assert contents(project) == before


def test_the_reference_is_not_made_from_itself(project, capsys):
    before = contents(project)
    folder = str(project / "results/reference")
    assert main(["reference", folder, "--out", folder]) == 1
    assert "is the reference itself" in capsys.readouterr().err
    assert contents(project) == before
