"""The notebooks: stripped in git, and of use with all of a run, half of it and nothing."""

import json
import re
import sys

import pytest

from harness.analysis.publish import notebooks as nb
from harness.analysis.publish.notebooks.execute import NotebookError, execute, page
from harness.analysis.publish.notebooks.show import Grid, Note
from harness.commands.main import main
from tests import ROOT
from tests.analysis.publish.result_folders import small_run, write_folder

pytestmark = pytest.mark.slow

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NASTY = "<script>alert(1)</script>"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stripped(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    assert set(content["metadata"]) == {"kernelspec", "language_info"}
    assert content["metadata"]["language_info"] == {"name": "python"}
    for index, cell in enumerate(content["cells"]):
        assert cell["id"] == f"{path.stem}-{index}"
        assert cell["metadata"] in ({}, {"tags": ["parameters"]})
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    tagged = [cell for cell in content["cells"] if cell["metadata"]]
    assert len(tagged) == 1 and "results/short" in "".join(tagged[0]["source"])


def test_there_are_the_four_that_the_readme_names():
    assert [path.stem for path in NOTEBOOKS] == ["claims", "cliff", "efficiency", "metric"]


def folder_of(state, tmp_path):
    if state == "empty":
        folder = tmp_path / "results" / "tiny"
        folder.mkdir(parents=True)
        return folder
    trials = small_run()
    if state == "half":
        trials = trials[(trials["experiment"] == "profiles") & (trials["block"] <= 1)]
    folder = write_folder(tmp_path, trials, figures=False)
    if state == "half":
        (folder / "claims.csv").unlink()
    return folder


@pytest.mark.timeout(600)
@pytest.mark.parametrize("state", ["full", "half", "empty"])
def test_every_notebook_runs_headless_and_says_something(state, tmp_path):
    folder = folder_of(state, tmp_path)
    paths = [str(path) for path in NOTEBOOKS]
    assert main(["notebooks", "--results", str(folder), *paths]) == 0
    pages = {
        path.stem: (folder / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        for path in NOTEBOOKS
    }
    for text in pages.values():
        assert "<script" not in text and "Traceback" not in text and "Warning" not in text
        assert not re.search(r">[^<]*\b(nan|NaN|<NA>)\b[^<]*<", text)
        assert not re.search(r'(?:src|href)="(?!#|data:)', text)
    if state == "full":
        assert "data:image/png" in pages["cliff"] and "data:image/png" in pages["efficiency"]
        assert "inconclusive" in pages["claims"]
        assert "its trials are not here" in pages["claims"]  # the cliff is there, baselines are not
    elif state == "half":
        assert "Experiment cliff: none of its" in pages["cliff"]
        assert "throughput in experiment cliff: not in these results" in pages["cliff"]
        assert "too few blocks" in pages["efficiency"]
        assert "claims.csv is not there" in pages["claims"]
    else:
        assert all("There are no results in" in text for text in pages.values())


def test_a_cell_that_raises_is_named_and_the_kernel_is_this_python(tmp_path):
    content = json.loads((FOLDER / "claims.ipynb").read_text(encoding="utf-8"))
    content["cells"] = content["cells"][:1]
    content["cells"].append(
        {"cell_type": "code", "id": "x", "metadata": {}, "execution_count": None, "outputs": []}
        | {"source": "import sys\nprint(sys.executable)\nraise ValueError('so it is')"}
    )
    path = tmp_path / "broken.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(NotebookError, match=r"broken\.ipynb: ValueError: so it is"):
        execute(path, tmp_path)
    content["cells"][1]["source"] = "import sys\nprint(sys.executable)\n'<script>'"
    path.write_text(json.dumps(content), encoding="utf-8")
    text = page(execute(path, tmp_path), "broken")
    assert sys.executable in text  # the kernel is this Python, whatever else is installed
    assert "<script" not in text


def test_markup_in_what_is_shown_is_escaped():
    shown = Grid((NASTY, "b"), ((NASTY, "1"),), NASTY)._repr_html_() + Note(NASTY)._repr_html_()
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") == 4


def test_sizes_are_compared_with_the_pool_nearest_to_the_default(tmp_path, capsys):
    folder = write_folder(tmp_path, small_run(), figures=False)
    results = nb.open_results(str(folder))
    shown = nb.against_default(results, "paper_algorithm1")
    assert isinstance(shown, Grid)
    assert set(shown.frame()["N"]) == {"4"}  # min(32, 1 + 4) and (2 + 4): 4 is nearest to both
    assert "faster" in shown.note
    assert isinstance(nb.against_default(results, "nobody"), Note)
    assert "Results:" in capsys.readouterr().out
