"""The catalogue of claims against the configuration it reads."""

import pytest

from harness.analysis.claims.registry import MEASURES
from harness.analysis.data.trials import CELL
from harness.base.errors import ConfigError
from harness.design import claims
from harness.design.claims import restricted
from harness.design.config import read as read_config
from harness.design.experiment import read_catalogue
from harness.interpreters import config as interpreters
from tests import ROOT

CATALOGUE = claims.read(ROOT / "config")


def test_one_claim_needs_only_a_part_of_the_preset():
    config = read_config(ROOT / "config", preset="short")
    small = restricted(config, CATALOGUE.find("c29"))
    assert list(small.experiments) == ["profiles"]
    assert small.experiments["profiles"].workloads == ("onnx_mobilenet",)
    assert small.interpreters == ("cpython-3.12",)
    one_core = restricted(config, CATALOGUE.find("C1"))
    assert one_core.experiments["cliff"].pinnings == (1,)


def test_cells_of_claims_are_named_as_trials_are():
    for claim in CATALOGUE.claims:
        for part in claim.parts:
            for cell in part.cells():
                assert set(cell) <= set(CELL)


def test_claims_read_what_is_configured():
    catalogue = read_catalogue(ROOT / "config" / "experiments.yaml")
    known = interpreters.load(ROOT / "config" / "interpreters.yaml").known
    for claim in CATALOGUE.claims:
        for name, need in claim.needs().items():
            experiment = catalogue.experiments[name]
            assert need.workloads <= set(experiment.workloads), claim.id
            assert need.interpreters <= set(known), claim.id
            for part in claim.parts:
                assert part.measure in MEASURES, claim.id
                strategy = part.parameters.get("strategy")
                assert strategy is None or strategy in catalogue.strategies, claim.id


def test_the_preset_short_measures_something_for_every_claim_about_one_machine():
    config = read_config(ROOT / "config", preset="short")
    elsewhere = CATALOGUE.find("C38")
    for claim in CATALOGUE.claims:
        if claim != elsewhere:
            restricted(config, claim)
    with pytest.raises(ConfigError, match="measures nothing that claim C38 reads: further_boards"):
        restricted(config, elsewhere)
