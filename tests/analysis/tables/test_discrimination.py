"""What tasks wait for, told from trials with known truth."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis.data import regimes
from harness.analysis.data.regimes import Construction
from harness.analysis.data.trials import normalised
from harness.analysis.estimate import classification, decision_tree
from harness.analysis.estimate.classification import Judged
from harness.analysis.tables import discrimination as told
from harness.analysis.tables import discrimination_tables, matched_pairs
from harness.analysis.tables.inputs import Inputs
from tests.analysis.simulated_regimes import simulate_regimes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trials():
    return normalised(simulate_regimes())


@pytest.fixture(scope="module")
def seen(trials):
    return told.observations(trials)


@pytest.fixture(scope="module")
def fitted(seen):
    return told.fit_all(seen)


def score(fitted, family, interpreter="all", name="macro_f1"):
    table = told.scores_table([one for one in fitted if one.family.name == family])
    return table[table["interpreter"] == interpreter].iloc[0][name]


# --- truth by construction ---


@pytest.mark.parametrize(
    ("task", "workers", "cores", "gil", "expected"),
    [
        (Construction(0.5, 20), 4, 2, True, regimes.IO_WAIT),
        (Construction(2, 0.5), 16, 2, True, regimes.GIL_WAIT),
        (Construction(2, 0.5), 16, 2, False, regimes.RUN_QUEUE),
        (Construction(2, 0.5, releases_gil=True), 16, 2, True, regimes.RUN_QUEUE),
        (Construction(0.3, 2, lock="waiting"), 16, 2, True, regimes.USER_LOCK),
        (Construction(5, 2, lock="computing"), 16, 1, True, regimes.USER_LOCK),
        (Construction(0.2, 8, remote_servers=2), 16, 2, True, regimes.REMOTE),
        (Construction(0.2, 8, remote_servers=4096), 4, 2, True, regimes.IO_WAIT),
        (Construction(1, 10), 11, 1, True, None),
    ],
)
def test_the_regime_follows_from_demands_and_pool_size(task, workers, cores, gil, expected):
    assert task.regime(workers, cores, gil) == expected


def test_throughput_from_outside_confirms_or_contradicts_the_construction():
    task = Construction(2, 0.5)
    assert task.confirmed(regimes.GIL_WAIT, 16, 2, True, rate=450)
    assert not task.confirmed(regimes.GIL_WAIT, 16, 2, True, rate=200)
    waiting = Construction(0.5, 20)
    assert waiting.confirmed(regimes.IO_WAIT, 4, 2, True, rate=190)
    assert not waiting.confirmed(regimes.IO_WAIT, 4, 2, True, rate=90)


def test_parameters_are_read_back_from_their_column():
    text = 'cpu_ms=0.2;held_out=true;lock="waiting";remote_servers=3;wait_ms=5.0'
    task = regimes.construction(regimes.parse_parameters(text))
    assert task == Construction(0.2, 5.0, lock="waiting", remote_servers=3)
    assert regimes.parse_parameters(None) == {} == regimes.parse_parameters(math.nan)
    assert regimes.construction({"iterations": 3}) is None


# --- trees and measures ---


def test_a_tree_finds_the_threshold_between_two_classes():
    features = np.array([[1.0, 0], [2, 1], [8, 0], [9, 1]])
    classes = np.array([0, 0, 1, 1])
    tree = decision_tree.grow(features, classes, 2, depth=3)
    assert tree == decision_tree.Split(0, 5.0, tree.below, tree.above)
    assert decision_tree.probabilities(tree, features).argmax(1).tolist() == [0, 0, 1, 1]
    texts = [decision_tree.rule_text(rule, ["x", "y"]) for rule in decision_tree.rules(tree)]
    assert texts == ["x <= 5", "x > 5"]


def test_a_score_is_the_share_of_a_class_in_its_leaf_however_large_the_leaf():
    """A small leaf of one class alone says more for it than a large mixed one."""
    features = np.array([[float(x)] for x in [0, 0, *[10] * 8, *[10] * 8]])
    classes = np.array([0] * 10 + [1] * 8)
    tree = decision_tree.grow(features, classes, 2, depth=1)
    pure, mixed = decision_tree.probabilities(tree, np.array([[0.0], [10.0]]))
    assert pure.tolist() == [1.0, 0.0]
    assert mixed[0] == pytest.approx(0.8 / 1.8)


def test_a_tree_weights_classes_alike_however_rare():
    features = np.array([[float(x)] for x in [*range(100), 200, 201]])
    classes = np.array([0] * 100 + [1] * 2)
    tree = decision_tree.grow(features, classes, 2, depth=1)
    assert tree.threshold == 149.5
    flat = decision_tree.grow(np.zeros((102, 1)), classes, 2, depth=1)
    assert flat.weights.tolist() == pytest.approx([0.5, 0.5])


def judged(truth, predicted, classes=3):
    scores = np.eye(classes)[np.array(predicted)]
    return Judged(np.array(truth), scores, np.arange(len(truth)))


def test_measures_of_agreement_have_their_textbook_values():
    found = judged([0, 0, 1, 1], [0, 0, 1, 0])
    assert classification.balanced_accuracy(found, found.once).tolist() == [0.75]
    # F1 of class 0: 4/5; of class 1: 2/3; class 2 has no true sample and does not count.
    assert classification.macro_f1(found, found.once)[0] == pytest.approx((0.8 + 2 / 3) / 2)
    assert classification.macro_auc(found, found.once).tolist() == [0.75]
    assert classification.confusion(found)[0].tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_the_area_under_the_curve_agrees_with_ranks():
    generator = np.random.default_rng(3)
    truth = generator.integers(3, size=40)
    scores = generator.integers(5, size=(40, 3)) / 4.0
    found = Judged(truth, scores, np.arange(40))
    areas = []
    for code in range(3):
        own = truth == code
        ranks = stats.rankdata(scores[:, code])
        wins = ranks[own].sum() - own.sum() * (own.sum() + 1) / 2
        areas.append(wins / (own.sum() * (~own).sum()))
    assert classification.macro_auc(found, found.once)[0] == pytest.approx(np.mean(areas))


def test_a_sample_drawn_twice_weighs_twice():
    found = judged([0, 0, 1], [0, 1, 1])
    doubled = judged([0, 0, 0, 1], [0, 0, 1, 1])
    weights = np.array([[2.0, 1, 1]])
    for measure in told.MEASURES.values():
        assert measure(found, weights)[0] == pytest.approx(measure(doubled, doubled.once)[0])


def test_a_class_with_a_single_configuration_has_no_interval():
    found = classification.bootstrapped(judged([0, 0, 1], [0, 0, 1]), classification.macro_f1)
    assert (found.estimate, found.low, found.n) == (1.0, None, 3)


def test_repetitions_of_a_configuration_do_not_narrow_the_interval():
    truth, predicted = [0] * 4 + [1] * 4, [0, 0, 1, 0, 1, 0, 1, 1]
    single = judged(truth, predicted)
    tenfold = Judged(*(np.repeat(part, 10, axis=0) for part in (
        single.truth, single.scores, single.groups)))  # fmt: skip
    one, ten = (
        classification.bootstrapped(part, classification.balanced_accuracy)
        for part in (single, tenfold)
    )
    assert ten.n == 10 * one.n
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.15)


# --- the metrics ---


def test_the_response_is_the_slope_of_throughput_towards_the_neighbouring_size():
    frame = pd.DataFrame(
        {
            **dict.fromkeys(("experiment", "workload", "interpreter", "strategy"), "x"),
            "cores": 1,
            "block": [1, 1, 1, 2],
            "concurrency": [4, 16, 64, 4],
            "throughput_tps": [100.0, 400.0, 400.0, 100.0],
        }
    )
    assert told.response(frame).tolist()[:3] == pytest.approx([1.0, 0.0, 0.0])
    assert math.isnan(told.response(frame).iloc[3])


def test_the_decomposed_ratio_tells_all_regimes_apart_and_naive_beta_does_not(fitted):
    for interpreter in ("all", "cpython-3.12", "cpython-3.13t"):
        assert score(fitted, "decomposed", interpreter) > 0.95
        assert score(fitted, "naive_beta", interpreter) < 0.7
    assert score(fitted, "decomposed", "all", "classes") == 5
    assert score(fitted, "decomposed", "cpython-3.13t", "classes") == 4


def test_without_the_throughput_response_a_saturated_remote_is_io(fitted):
    assert score(fitted, "decomposed_ratio_only") < 0.9
    table = told.confusion_table(fitted)
    ratio = table[(table["family"] == "decomposed_ratio_only") & (table["interpreter"] == "all")]
    confused = ratio.set_index("truth")
    mixed = (
        confused.loc[regimes.IO_WAIT, regimes.REMOTE]
        + confused.loc[regimes.REMOTE, regimes.IO_WAIT]
    )
    assert mixed > 0


def test_held_out_workloads_have_no_say_in_the_rules(seen, fitted):
    altered = seen.copy()
    altered.loc[altered["held_out"], "gil_wait_share"] = 0.5
    again = told.fit(altered, told.FAMILIES[3])
    before = next(one for one in fitted if one.family.name == "decomposed")
    texts = [told.rules_table([one])["rule"].tolist() for one in (before, again)]
    assert texts[0] == texts[1]


def test_a_feature_that_was_not_measured_is_named(trials):
    frame = trials.drop(columns="wakeup_lateness_ms")
    table = told.scores_table(told.fit_all(told.observations(frame)))
    row = table[table["family"] == "lateness"].iloc[0]
    assert row["status"] == "not measured: wakeup_lateness_ms"
    assert pd.isna(row["macro_f1"]) and row["n_held_out"] == 0


# --- matched pairs ---


def test_matched_pairs_share_their_beta_and_differ_in_what_is_right(trials, seen, fitted):
    found = matched_pairs.matched_pairs(
        seen[seen["held_out"] & seen["regime"].notna()], matched_pairs.right_actions(trials)
    )
    assert len(found) >= 4
    assert (found["beta_naive_grow"] - found["beta_naive_shrink"]).abs().max() <= 0.02
    assert set(found["regime_grow"]) == {regimes.IO_WAIT}
    shares = matched_pairs.pair_shares(matched_pairs.with_verdicts(found, fitted))
    assert shares["decomposed"].estimate == 1.0
    assert shares[matched_pairs.PAPER_RULE].estimate == 0.0


def test_what_is_right_follows_from_fixed_pools(trials):
    actions = matched_pairs.right_actions(trials).set_index(
        ["workload", "interpreter", "cores", "concurrency"]
    )["action"]
    assert actions["regime_io_a", "cpython-3.12", 1, 4] == "grow"
    assert actions["regime_python_a", "cpython-3.12", 1, 64] == "shrink"
    assert ("regime_python_a", "cpython-3.12", 1, 4) not in actions.index


# --- tables ---


def tables_of(trials):
    return {t.name: t for t in discrimination_tables.tables(Inputs(trials))}


def test_the_tables_hold_every_family_and_show_no_nan(trials):
    tables = tables_of(trials)
    assert set(tables) == {
        f"discrimination{end}" for end in ("", "_confusion", "_rules", "_truth", "_pairs")
    }
    names = {family.name for family in told.FAMILIES}
    assert names < set(tables["discrimination"].data["family"])
    for table in tables.values():
        assert len(table.view)
        assert not any(str(text) in ("nan", "None", "<NA>") for text in table.view.to_numpy().flat)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_partial_results_give_partial_tables(trials, share):
    part = trials.sample(frac=share, random_state=1)
    for table in tables_of(part).values():
        assert not any(str(text) in ("nan", "<NA>") for text in table.view.to_numpy().flat)


def test_without_the_experiment_there_are_no_tables(trials):
    assert tables_of(trials[trials["experiment"] == "else"]) == {}


def test_when_every_trial_is_excluded_the_table_says_why(trials):
    excluded = trials.assign(excluded=True, exclusion_reason="steal_ms")
    table = tables_of(excluded)["discrimination"]
    assert table.data["status"].tolist() == [f"no usable trial: steal_ms x{len(trials)}"]
