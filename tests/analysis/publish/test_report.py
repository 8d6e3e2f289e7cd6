"""The report and the summary: order, traces, markup, what is missing, and nothing from outside."""

import html
import json
import re

import pandas as pd
import pytest

from harness.analysis.publish.report.sections import SECTIONS, place, section_of
from harness.commands.main import main
from tests.analysis.publish.result_folders import CLAIMS, small_run, write_folder

pytestmark = pytest.mark.slow

NASTY = "<script>alert(1)</script>|a_b\\%{x}$&\"'"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("whole"), small_run())


def report(folder, *more):
    assert main(["report", "--results", str(folder), *more]) == 0
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(folder):
    return report(folder)


def test_what_is_missing_then_verdicts_then_headline_then_the_rest(page):
    order = ["missing", "verdicts", "headline", "efficiency", "cliff", "noise", "machine", "trace"]
    places = [page.index(f'<section id="{key}"') for key in order]
    assert places == sorted(places)
    assert "This report is partial" in page  # the simulated machine lacks four cores
    assert "not run: 2 cores" in page


def test_it_needs_nothing_from_outside(page):
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert links and all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert not re.search(r"<script|<link|@import|url\(|javascript:", page, flags=re.IGNORECASE)
    assert page.count("data:image/png") >= 4
    assert not re.search(r">[^<]*\bnan\b[^<]*<", page, flags=re.IGNORECASE)


def test_every_expression_selects_the_number_of_trials_it_says(page, folder):
    trials = pd.read_csv(folder / "trials.csv")
    found = re.findall(r"<summary>(\d+)</summary><code>([^<]+)</code>", page)
    assert len(found) > 100
    for count, expression in set(found):
        chosen = trials if expression == "all rows" else trials.query(html.unescape(expression))
        assert len(chosen) == int(count), expression
    # Elsewhere rows without trials stand for printed numbers; an efficiency has trials.
    part = page.partition('id="table-efficiency"')[2].partition("</section>")[0]
    counts = [int(count) for count in re.findall(r"<summary>(\d+)</summary><code>", part)]
    assert len(counts) > 50 and min(counts) > 0


def test_rows_are_traced_to_trials_of_their_own_workload_and_size(folder, tmp_path):
    tables = tmp_path / "untitled"
    assert main(["tables", "--trials", str(folder / "trials.csv"), "--out", str(tables)]) == 0
    checked = 0
    for path in tables.glob("*.json"):
        table = json.loads(path.read_text(encoding="utf-8"))
        for row, expression in zip(table["rows"], table["trials"] or [], strict=True):
            named = dict(zip(table["columns"], row, strict=True))
            for column in ("Workload", "Interpreter", "Cores", "N"):
                key = {"N": "concurrency"}.get(column, column.lower())
                wanted = re.search(rf"\b{key} == '?([^' ]+)", expression)
                if column in named and wanted:
                    assert named[column] == wanted[1], (path.name, expression)
                    checked += 1
    assert checked > 300


def test_verdicts_are_counted_by_subject_and_marked_without_colour(page):
    counts = page.partition('<table class="counts">')[2].partition("</table>")[0]
    numbers = [
        [int(text) for text in re.findall(r"<td>(\d+)</td>", row)]
        for row in counts.split("<tbody>")[1].split("</tr>")[:2]
    ]
    assert numbers == [[1, 0, 0, 1], [0, 0, 1, 0]]
    assert "✓ reproduced" in page and "needs 4 cores" in page
    assert "0.410 [0.380, 0.440]" in page


def test_markup_in_names_titles_reasons_and_claims_is_shown_not_obeyed(tmp_path):
    trials = small_run(blocks=2)
    trials.loc[trials["strategy"] == "asyncio", ["status", "reason"]] = ["crash", NASTY]
    trials.loc[trials["status"] == "not_run", "reason"] = NASTY
    claims = [CLAIMS[0] | {"statement": NASTY, "reason": NASTY, "verdict": NASTY}]
    machine = {"interpreters": {NASTY: {NASTY: NASTY}}}
    folder = write_folder(
        tmp_path,
        trials,
        figures=False,
        titles={"rag": NASTY, "asyncio": NASTY},
        claims=claims,
        machine=machine,
    )
    page = report(folder, "--missing", NASTY)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") > 10
    # In attributes as well: a quote must not end one.
    assert not re.search(r'class="[^"]*"\'[^"]*"', page)


def test_half_a_run_is_a_partial_report_that_says_so_at_the_top(tmp_path):
    trials = small_run()
    half = trials[(trials["experiment"] == "profiles") & (trials["block"] <= 1)]
    half = half[half["strategy"] != "processes"]
    folder = write_folder(tmp_path, half, figures=False)
    (folder / "claims.csv").unlink()
    page = report(folder, "--missing", "cpython-3.14t")
    top = page.partition('<section id="missing"')[2].partition("</section>")[0]
    for text in (
        "claims.csv is not there",
        "cpython-3.14t is configured",
        "Experiment cliff: none of its 72 planned trials was run",
        "Experiment profiles: ",
        "too few blocks for an interval",
        "There are no figures",
    ):
        assert text in top
    assert "No verdicts" in page
    assert not re.search(r">[^<]*\bnan\b[^<]*<", page, flags=re.IGNORECASE)


def test_an_empty_folder_gives_a_report_that_lists_what_is_not_there(tmp_path):
    folder = tmp_path / "results" / "tiny"
    folder.mkdir(parents=True)
    page = report(folder)
    for name in ("trials.csv", "claims.csv", "machine.json", "plan.json"):
        assert f"{name} is not there" in page
    assert "There are no tables." in page


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("claims.csv", "id\nC1\n"),
        ("claims.csv", ""),
        ("machine.json", "[1]"),
        ("plan.json", "{}"),
        ("trials.csv", "a,b\n1,2\n"),
        ("titles.json", "{"),
        ("tables/cliff.json", '{"name": "cliff"}'),
    ],
)
def test_a_damaged_file_is_named_and_the_rest_is_shown(tmp_path, folder, name, content):
    copy = tmp_path / "results" / "tiny"
    (copy / "tables").mkdir(parents=True)
    for path in [*folder.glob("*.*"), *folder.glob("tables/headline.json")]:
        (copy / path.relative_to(folder)).write_bytes(path.read_bytes())
    (copy / name).write_text(content, encoding="utf-8")
    page = report(copy)
    assert f"{name} cannot be read" in page
    assert 'id="table-headline"' in page


def test_a_folder_that_is_not_there_is_refused(tmp_path, capsys):
    assert main(["report", "--results", str(tmp_path / "nothing")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_the_same_results_give_the_same_bytes(folder, page):
    assert report(folder) == page


def test_the_summary_has_verdicts_and_efficiencies_and_escapes_markup(folder, capsys, tmp_path):
    assert main(["summary", "--results", str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.index("Missing") < text.index("Verdicts") < text.index("Efficiency of each")
    assert "✓ reproduced" in text and "RAG orchestration" in text
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["summary", "--results", str(empty), "--missing", "<b>|x"]) == 0
    text = capsys.readouterr().out
    assert "No verdicts" in text
    assert "<b>" not in text and "&lt;b&gt;\\|x" in text


def test_a_table_or_figure_that_nobody_knows_goes_to_the_last_section():
    assert section_of("something_new") is SECTIONS[-1]
    assert section_of("cliff").key == section_of("paper_cliff_tail").key == "cliff"
    assert section_of("memory_vs_throughput_1core").key == "baselines"
    assert sorted(["throughput_vs_n", "efficiency_summary", "efficiency"], key=place) == [
        "efficiency_summary",
        "efficiency",
        "throughput_vs_n",
    ]
