"""``simulate``: random tasks on a simulated machine, and beside what was measured."""

import re

import pandas as pd
import pytest

from harness.commands.main import main
from tests.analysis.simulated_trials import simulate_trials


def test_the_adaptive_pool_beside_a_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seeds", "2-3", "--family", "plain", "--cores", "2"]) == 0
    head, *rows, last = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["seed", "family"]
    assert [row.split()[:2] for row in rows] == [["2", "plain"], ["3", "plain"]]
    shares = [float(row.split()[-1]) for row in rows]
    assert all(0 < share < 2 for share in shares)
    assert re.match(r"2 tasks: geometric mean [\d.]+, 5th percentile [\d.]+, below \.8: \d+%", last)


@pytest.mark.parametrize("seeds", ["", "a", "1-b", "-3"])
def test_seeds_that_are_no_numbers_are_refused(
    capsys: pytest.CaptureFixture[str], seeds: str
) -> None:
    assert main(["simulate", f"--seeds={seeds}"]) == 1
    assert "neither a number nor two of them" in capsys.readouterr().err


def test_an_unknown_family_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "--seeds", "1", "--family", "nonsense"])
    assert "plain" in capsys.readouterr().err


def test_results_without_random_tasks_are_refused(tmp_path, capsys) -> None:
    none = simulate_trials(blocks=1).assign(parameters="wait_ms=1", gil_enabled=True)
    none.to_csv(tmp_path / "trials.csv", index=False)
    assert main(["simulate", str(tmp_path)]) == 1
    assert "no random task was measured there" in capsys.readouterr().err


def test_beside_what_was_measured(tmp_path, capsys) -> None:
    """Every size of each interpreter has its line, the adaptive pool two."""
    trials = simulate_trials(blocks=3).assign(gil_enabled=True)
    fixed = trials[(trials["workload"] == "rag") & (trials["strategy"] == "fixed")]
    adaptive = fixed[fixed["concurrency"] == 32].assign(strategy="adaptive", final_workers=20)
    run = pd.concat([fixed, adaptive]).assign(parameters='family="plain";seed=2', label="")
    run.to_csv(tmp_path / "trials.csv", index=False)
    assert main(["simulate", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "machine speed" in out
    for size in sorted({int(n) for n in fixed["concurrency"]}):
        assert re.search(rf"N = {size} +throughput +\d+ tasks, rank correlation", out)
    assert re.search(r"adaptive +final size", out)
