"""Markup in titles is shown as it is written, in every kind of output, and never obeyed."""

import json
import re

import pytest

from harness.commands.main import main
from tests.analysis.simulated_trials import simulate_trials

pytestmark = pytest.mark.slow

TITLES = {
    "rag": "<script>alert(1)</script>",
    "slm": "a|b",
    "voice": r"\input{x}",
    "vision": "$x_1$ $",
    "micro": r"[here](javascript:alert) ~~x~~ `y` **z**",
    "fixed": r"100 % & \frac{1}{2} #1 ^_^",
    "adaptive": "<img src=x onerror=alert(1)>",
    "cpython-3.12": r"$\frac{$",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Tables and figures of trials whose every name has a nasty title."""
    folder = tmp_path_factory.mktemp("markup")
    trials = simulate_trials(blocks=2)
    trials[trials["workload"].isin(TITLES)].to_csv(folder / "trials.csv", index=False)
    (folder / "titles.json").write_text(json.dumps(TITLES), encoding="utf-8")
    given = ["--trials", str(folder / "trials.csv"), "--titles", str(folder / "titles.json")]
    for kind in ("tables", "figures"):
        assert main([kind, *given, "--out", str(folder / kind)]) == 0
    return folder


def texts(folder, suffix):
    found = {path.name: path.read_text() for path in sorted((folder / "tables").glob(f"*{suffix}"))}
    assert "efficiency" + suffix in found
    return found


def test_markdown_holds_no_tag_no_link_no_mathematics_and_no_extra_column(outputs):
    for name, text in texts(outputs, ".md").items():
        assert not re.search(r"<(script|img)", text), name
        assert not re.search(r"(?<!\\)[$~`]", text), name
        assert "](" not in text, name
        rows = [line for line in text.splitlines() if line.startswith("|")]
        columns = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(columns) <= 1, name
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in texts(outputs, ".md")["efficiency.md"]


def test_latex_holds_no_command_of_a_title(outputs):
    for name, text in texts(outputs, ".tex").items():
        assert not re.search(r"\\(input|frac)", text), name
        assert not re.search(r"(?<!\\)[$#^_]", text.partition(r"\label")[0]), name
    assert r"\textbackslash{}input\{x\}" in texts(outputs, ".tex")["efficiency.tex"]


def test_figures_are_drawn_whatever_the_titles(outputs):
    assert (outputs / "figures" / "efficiency.pdf").stat().st_size > 1000
