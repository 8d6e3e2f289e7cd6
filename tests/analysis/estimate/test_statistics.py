"""Interval estimates: known values, too little data, samples without spread."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.analysis.estimate.statistics import (
    bca_interval,
    geometric_mean_t_interval,
    indistinguishable_from_best,
    mean_t_interval,
)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_t_interval_of_a_textbook_sample():
    interval = mean_t_interval([1, 2, 3, 4, 5])
    half = 2.7764451 * math.sqrt(2.5 / 5)  # t(0.975, 4) times the standard error
    assert interval.estimate == 3
    assert interval.low == pytest.approx(3 - half)
    assert interval.high == pytest.approx(3 + half)
    assert interval.n == 5


def test_geometric_mean_treats_a_ratio_and_its_inverse_alike():
    ratios = np.array([0.5, 0.8, 1.1, 0.9])
    there, back = geometric_mean_t_interval(ratios), geometric_mean_t_interval(1 / ratios)
    assert there.estimate == pytest.approx(1 / back.estimate)
    assert there.low == pytest.approx(1 / back.high)


def test_geometric_mean_refuses_what_has_no_logarithm():
    with pytest.raises(ValueError, match="positive"):
        geometric_mean_t_interval([1.0, 0.0])


@pytest.mark.parametrize("function", [mean_t_interval, geometric_mean_t_interval, bca_interval])
def test_too_little_data_gives_no_interval(function):
    empty, single = function([]), function([2.0])
    assert (empty.estimate, empty.low, empty.high, empty.n) == (None, None, None, 0)
    assert single.estimate == pytest.approx(2.0)
    assert (single.low, single.high, single.n) == (None, None, 1)
    assert single.contains(2.0) is None


@pytest.mark.parametrize("function", [mean_t_interval, geometric_mean_t_interval, bca_interval])
@pytest.mark.parametrize("value", [0.1, 1.0, 3e8])
def test_constant_samples_have_an_interval_of_no_width(function, value):
    interval = function([value] * 12)
    assert interval.low == pytest.approx(value, rel=1e-9)
    assert interval.high == pytest.approx(value, rel=1e-9)


def test_missing_values_do_not_count():
    assert mean_t_interval([1.0, np.nan, 3.0]).n == 2


def test_bca_agrees_with_t_on_normal_data_and_repeats_itself():
    sample = np.random.default_rng(4).normal(10, 1, 30)
    first, again, student = bca_interval(sample), bca_interval(sample), mean_t_interval(sample)
    assert first == again
    assert first.low == pytest.approx(student.low, abs=0.15)
    assert first.high == pytest.approx(student.high, abs=0.15)


def test_bca_is_silent_on_nine_values():
    assert bca_interval(np.arange(9.0)).low is None


def test_spreads_too_small_for_a_bootstrap_give_no_interval_and_no_warning():
    tiny = np.array([5e-324, 0.0] * 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        interval = bca_interval(tiny * 1e200)
    assert interval.low is None or math.isfinite(interval.low)


@given(arrays(float, st.integers(0, 14), elements=st.floats(-1e6, 1e6)))
def test_no_answer_is_nan(sample):
    for interval in (mean_t_interval(sample), bca_interval(sample)):
        for value in (interval.estimate, interval.low, interval.high):
            assert value is None or math.isfinite(value)


def test_sizes_that_cannot_be_told_from_the_best():
    block = np.array([0.0, 0.3, -0.2, 0.1, 0.05])
    wobble = np.array([0.01, -0.02, 0.02, -0.01, 0.0])
    logs = np.stack([block - 1 + wobble, block - 0.005 + wobble, block, block * np.nan], axis=1)
    assert indistinguishable_from_best(logs, [1, 8, 16, 32], best=16) == (8, 16, 32)
