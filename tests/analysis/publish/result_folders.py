"""Result folders of simulated runs, as the pipeline leaves them."""

import json
from pathlib import Path

import pandas as pd

from harness.commands.main import main
from tests.analysis.simulated_trials import simulate_trials

CLAIMS = [
    {"id": "C1", "statement": "a cliff", "subject": "system", "paper_value": "40 %"}
    | {"measured": 0.41, "ci_low": 0.38, "ci_high": 0.44, "rule": "≥ 0.2"}
    | {"verdict": "reproduced", "experiment": "cliff", "reason": "", "n": 3, "role": "verdict"}
    | {"command": "snakemake --cores 1 --config claim=C1", "minutes": 1.0, "hardware": "1 core"}
    | {"trials": "experiment == 'cliff'"},
    {"id": "C27", "statement": "mean efficiency", "subject": "algorithm1", "paper_value": "93.9 %"}
    | {"measured": 0.88, "ci_low": 0.86, "ci_high": 0.91, "rule": "≥ 0.9"}
    | {"verdict": "inconclusive", "experiment": "profiles", "reason": "crosses", "n": 3},
    {
        "id": "C30",
        "statement": "4.0 times as fast on four cores",
        "subject": "system",
        "paper_value": "4.0",
    }
    | {"rule": "3 to 4.5", "verdict": "not testable here", "experiment": "gil_nogil"}
    | {"reason": "needs 4 cores"},
]
MACHINE = {
    "architecture": "x86_64",
    "pyperf": {"cpu_model_name": "A CPU"},
    "interpreters": {"cpython-3.12": {"version": "3.12.1", "wheels": {"numpy": "2.4.6"}}},
}
TITLES = {"rag": "RAG orchestration", "cpython-3.12": "CPython 3.12", "fixed": "Fixed pool"}


def small_run(blocks: int = 3) -> pd.DataFrame:
    """Trials of one profile and of the cliff, on 3.12 and 3.13t."""
    trials = simulate_trials(blocks=blocks)
    return trials[trials["workload"].isin(["rag", "micro"])].reset_index(drop=True)


def write_folder(
    project: Path,
    trials: pd.DataFrame,
    *,
    figures: bool = True,
    titles: dict[str, str] = TITLES,
    claims: list[dict[str, object]] = CLAIMS,
    machine: dict[str, object] = MACHINE,
) -> Path:
    """results/tiny and paper_figures/tiny under ``project``; returns the former."""
    folder = project / "results" / "tiny"
    folder.mkdir(parents=True)
    trials.to_csv(folder / "trials.csv", index=False)
    pd.DataFrame(claims).to_csv(folder / "claims.csv", index=False)
    (folder / "machine.json").write_text(json.dumps(machine), encoding="utf-8")
    (folder / "titles.json").write_text(json.dumps(titles), encoding="utf-8")
    planned = small_run() if len(trials) < len(small_run()) else trials
    cells = [
        {"experiment": str(name), "trials": [{}] * len(group)}
        for name, group in planned[planned["status"] != "not_run"].groupby("experiment")
    ]
    (folder / "plan.json").write_text(json.dumps({"cell_blocks": cells}), encoding="utf-8")
    shared = ["--trials", str(folder / "trials.csv"), "--titles", str(folder / "titles.json")]
    assert main(["tables", *shared, "--out", str(folder / "tables")]) == 0
    if figures:
        out = str(project / "paper_figures" / "tiny")
        assert main(["figures", *shared, "--out", out]) == 0
    return folder
