"""The tables of keys in config/README.md say what the models say."""

from harness.design.key_tables import MODELS, table, with_tables
from tests import ROOT

PAGE = (ROOT / "config" / "README.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    assert with_tables(PAGE) == PAGE, "run: python -m harness.design.key_tables config/README.md"


def test_the_page_has_every_table() -> None:
    assert [name for name in MODELS if f"<!-- keys: {name} -->" not in PAGE] == []


def test_a_row_has_the_dotted_key_and_its_meaning() -> None:
    rows = table(MODELS["config.yaml"]).splitlines()
    assert any(row.startswith("| `limits.time_limit_s` | seconds until") for row in rows)
    assert any(row.startswith("| `exclusion.max_swap_mb` | optional: how much") for row in rows)
    assert any("experiments.NAME.window_s" in row for row in table(MODELS["presets"]).splitlines())
