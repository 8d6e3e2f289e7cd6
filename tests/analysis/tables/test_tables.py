"""Tables: what people read of them, markup in names, and how they are written."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis.data.trials import normalised
from harness.analysis.tables.cliff import cliff_table
from harness.analysis.tables.efficiency import efficiency_table
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.quality import aa_twin_share, aa_twin_table, wall_time_table
from harness.analysis.tables.registry import write_tables
from harness.analysis.tables.writing import (
    Table,
    number,
    percent_with_interval,
    to_latex,
    to_markdown,
    with_interval,
    write_table,
)
from harness.base.whole_files import write_whole
from tests.analysis.simulated_trials import simulate_trials

pytestmark = pytest.mark.slow

NASTY = "<script>|a_b\\%{x}$~^&#"


@pytest.fixture(scope="module")
def trials():
    frame = simulate_trials()
    chosen = (frame["workload"] == "voice") & (frame["cores"] == 1)
    frame.loc[chosen & (frame["strategy"] == "processes"), "status"] = "oom"
    slow = chosen & (frame["strategy"] == "asyncio") & (frame["block"] == 2)
    frame["excluded"] = frame["excluded"].mask(slow, True)
    frame.loc[slow, "exclusion_reason"] = "steal"
    return normalised(frame)


def test_every_table_in_three_formats_without_nan(trials, tmp_path):
    names = write_tables(Inputs(trials, {"rag": "RAG orchestration"}, ["cpython-3.14t"]), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{kind}" for name in names for kind in ("csv", "md", "tex", "json")
    }
    for path in [*tmp_path.glob("*.md"), *tmp_path.glob("*.tex")]:
        text = path.read_text(encoding="utf-8")
        assert "nan" not in text.lower()
        assert "<NA>" not in text
        assert "cpython-3.14t" in text
    summary = (tmp_path / "efficiency_summary.md").read_text(encoding="utf-8")
    assert "RAG orchestration" in summary
    assert "not run: 2 cores" in summary
    assert "failed: oom x5" in summary


def test_written_twice_the_bytes_are_the_same(trials, tmp_path):
    for folder in ("a", "b"):
        write_tables(Inputs(trials), tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def nasty_table():
    frame = pd.DataFrame({"workload": [NASTY], "a_b": [np.nan]})
    return Table("nasty", NASTY, frame, frame, NASTY)


def test_markup_is_escaped_in_markdown():
    text = to_markdown(nasty_table())
    assert "<script>" not in text
    assert "&lt;script&gt;\\|a\\_b\\\\%{x}\\$\\~^&amp;#" in text
    cells = text.splitlines()[4].replace("\\|", "").split("|")
    assert len(cells) == 4


def test_markup_is_escaped_in_latex():
    text = to_latex(nasty_table())
    escaped = (
        r"\textless{}script\textgreater{}\textbar{}a\_b\textbackslash{}\%\{x\}\$"
        r"\textasciitilde{}\textasciicircum{}\&\#"
    )
    assert text.count(escaped) == 3
    assert r"\toprule" in text


def test_csv_keeps_names_as_they_are(tmp_path):
    write_table(nasty_table(), tmp_path)
    assert pd.read_csv(tmp_path / "nasty.csv")["workload"].tolist() == [NASTY]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    write_whole(path, "old")

    def broken(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", broken)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (float("nan"), "—"),
        (pd.NA, "—"),
        (5, "5"),
        (np.float64(128.0), "128"),
        (0.98765, "0.988"),
        (1234.56, "1235"),
        (12.345, "12.3"),
        (0.0000123, "1.2e-05"),
        ("text", "text"),
    ],
)
def test_numbers_for_people(value, text):
    assert number(value) == text


def test_intervals_for_people():
    assert with_interval(0.931, 0.912, 1.004, decimals=2) == "0.93 [0.91, 1.00]"
    assert with_interval(512.3, 498.1, 527.4) == "512 [498, 527]"
    assert with_interval(0.9, None, None, decimals=2) == "0.90"
    assert with_interval(None, 1, 2) == "—"
    assert percent_with_interval(-0.0001, -0.1, 0.1) == "0.0 [-10.0, 10.0]"


def test_cliff_has_the_loss_against_the_peak(trials):
    table = cliff_table(trials, efficiency_table(trials))
    ran = table[table["n_blocks"] > 0]
    peak = ran[ran["concurrency"] == ran["peak_concurrency"]]
    assert (peak["loss"].abs() < 0.05).all()
    last = ran[(ran["concurrency"] == 2048) & (ran["cores"] == 2)]
    assert (last["loss_ci_low"] > 0.3).all()
    assert (ran["p99_ci_low"] < ran["p99_ms"]).all()
    assert set(table["status"]) == {"ok", "not run: 2 cores"}


def test_twin_share(trials):
    twins = aa_twin_table(efficiency_table(trials))
    assert len(twins) == 28
    assert (twins["contains_1"] == "yes").sum() >= 25
    assert "of 28 cells" in aa_twin_share(twins)
    assert aa_twin_share(twins.iloc[:0]) == "No cell has a twin with an interval."


def test_wall_time_shares(trials):
    total = wall_time_table(trials).set_index("experiment").loc["all"]
    assert total["share_of_trials"] == pytest.approx(2.5 / 2.9)
    assert total["share_of_span"] < total["share_of_trials"]


def test_wall_time_of_batches_counts_as_measured(trials):
    batches = trials.assign(warmup_s=None, window_s=None, elapsed_s=0.5)
    total = wall_time_table(batches).set_index("experiment").loc["all"]
    assert total["window_s"] == pytest.approx(0.5 * total["trials"])


def test_effect_of_exclusions_names_only_their_cells(trials, tmp_path):
    write_tables(Inputs(trials), tmp_path)
    effect = pd.read_csv(tmp_path / "exclusions_effect.csv")
    assert set(effect["workload"]) == {"voice"}
    asyncio = effect[effect["strategy"] == "asyncio"]
    assert (asyncio["n_blocks"] == 4).all()
    assert (asyncio["n_blocks_all_trials"] == 5).all()
    counts = pd.read_csv(tmp_path / "exclusions.csv")
    excluded = counts[counts["kind"] == "excluded"]
    assert excluded["rule"].tolist() == ["steal"] * 2
    assert counts[counts["kind"] == "failed"]["trials"].tolist() == [5, 5]
