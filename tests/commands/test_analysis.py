"""The command line and the export that pyperf's own commands read."""

import json
import subprocess
import sys

import pyperf
import pytest

from harness.commands.main import main
from tests.analysis.simulated_trials import simulate_trials

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trials_csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "trials.csv"
    trials = simulate_trials(blocks=3)
    trials[trials["workload"].isin(["rag", "micro"])].to_csv(path, index=False)
    return path


def command(name, trials, out, *more):
    return main([name, "--trials", str(trials), "--out", str(out), *more])


def test_tables_and_figures(trials_csv, tmp_path, capsys):
    titles = tmp_path / "titles.json"
    titles.write_text(json.dumps({"rag": "RAG orchestration"}), encoding="utf-8")
    assert command("tables", trials_csv, tmp_path / "t", "--titles", str(titles)) == 0
    assert command("figures", trials_csv, tmp_path / "f", "--titles", str(titles)) == 0
    assert "RAG orchestration" in (tmp_path / "t" / "efficiency.md").read_text(encoding="utf-8")
    assert (tmp_path / "f" / "cliff.pdf").exists()
    assert "efficiency_summary" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n"])
def test_unusable_input_is_refused(tmp_path, capsys, content):
    path = tmp_path / "trials.csv"
    path.write_text(content, encoding="utf-8")
    assert command("tables", path, tmp_path / "out") == 1
    assert capsys.readouterr().err.startswith(f"{path}")
    assert not (tmp_path / "out").exists()


def test_titles_must_be_texts(trials_csv, tmp_path):
    titles = tmp_path / "titles.json"
    titles.write_text('{"rag": 1}', encoding="utf-8")
    assert command("tables", trials_csv, tmp_path / "out", "--titles", str(titles)) == 1


@pytest.fixture(scope="module")
def exported(trials_csv, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pyperf")
    for _ in range(2):  # the second time over existing files
        assert command("pyperf", trials_csv, folder) == 0
    return folder


def test_export_has_a_file_per_interpreter_and_pinning(exported):
    assert sorted(path.name for path in exported.iterdir()) == [
        f"cpython-{version}-{cores}core.json" for version in ("3.12", "3.13t") for cores in (1, 2)
    ]
    suite = pyperf.BenchmarkSuite.load(str(exported / "cpython-3.12-1core.json"))
    bench = suite.get_benchmark("profiles/rag/fixed-8")
    assert bench.get_nrun() == 3
    metadata = bench.get_metadata()
    assert metadata["workload"] == "rag"
    assert metadata["concurrency"] == 8
    blocks = [run.get_metadata()["block"] for run in bench.get_runs()]
    assert blocks == [1, 2, 3]


@pytest.mark.parametrize("name", ["stats", "hist", "compare_to"])
def test_pyperf_reads_the_export(exported, name):
    files = [str(exported / "cpython-3.12-1core.json")]
    if name == "compare_to":
        files.append(str(exported / "cpython-3.13t-1core.json"))
    result = subprocess.run(
        [sys.executable, "-m", "pyperf", name, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "profiles/rag/fixed-8" in result.stdout
