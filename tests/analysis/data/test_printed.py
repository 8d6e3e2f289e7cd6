"""The paper's printed numbers: read strictly, and each in its place."""

from pathlib import Path

import pytest

from harness.analysis.data.printed import PRINTED_FILE, build, read_printed
from harness.analysis.figures.catalogue import CATALOGUE, entry
from harness.base.errors import ConfigError


def test_printed_numbers_are_those_of_the_paper():
    printed = read_printed()
    peak = printed.about("t4").query("cores == 1 and concurrency == 32")
    rate = peak[peak["quantity"] == "throughput_tps"].iloc[0]
    assert (rate["value"], rate["margin"], rate["printed"]) == (39738, 752, True)
    raw = printed.about("t4").query("cores == 1 and concurrency == 512")
    assert not raw["printed"].any()
    processes = printed.about("t9").query("concurrency == 8 and quantity == 'rss_mb'")
    assert len(processes) == 3  # the start method is not printed: beside each
    assert set(processes["value"]) == {166.1}
    assert "formula" in printed.without_counterpart["f6"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("provenance: raw, printed: true}", "printed: true}", "lacks 'provenance'"),
        ("concurrency: 2048", "concurency: 2048", "concurency"),
        ("[4940, 50]", "[4940, 50, 1]", "throughput_tps"),
        ("[4940, 50]", "-1", "throughput_tps"),
        ("provenance: part", "provenance: sure", "provenance"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, old, new, said):
    text = PRINTED_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "printed.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        read_printed(path)


def test_builds_by_the_names_of_interpreters():
    assert build("cpython-3.12") == "gil"
    assert build("cpython-3.14t") == "free_threaded"
    assert build("cpython-3.13t-gil") is None


def test_every_figure_of_the_catalogue_is_found_by_its_files():
    assert len({item.name for item in CATALOGUE}) == len(CATALOGUE)
    assert entry("memory_vs_throughput_2core").name == "memory_vs_throughput"
    assert entry("paper_cliff_tail").name == "paper_cliff_tail"
    assert entry("cliff_micro").name == "cliff"
    assert entry("unheard_of") is None
    assert all(item.caption and item.experiments for item in CATALOGUE)
