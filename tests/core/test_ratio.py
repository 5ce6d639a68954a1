"""The sample ratio against an independent chi-square."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from streams.core.ratio import sample_ratio


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 9)), min_size=2, max_size=7).filter(
        lambda arms: any(n for n, _ in arms)
    )
)
def test_the_probability_is_that_of_the_chi_square(arms: list[tuple[int, int]]) -> None:
    """For any number of arms and any shares the probability is scipy's."""
    counts = {str(place): count for place, (count, _) in enumerate(arms)}
    parts = sum(part for _, part in arms)
    shares = {str(place): part / parts for place, (_, part) in enumerate(arms)}
    total = sum(counts.values())

    expected = chisquare(list(counts.values()), [total * share for share in shares.values()]).pvalue

    assert expected == pytest.approx(sample_ratio(counts, shares), rel=1e-9, abs=1e-12)


def test_no_customers_are_no_imbalance() -> None:
    """Before anybody was enrolled there is nothing to be alarmed about."""
    assert 1.0 == sample_ratio({}, {"treated": 0.95, "holdout": 0.05})


def test_an_arm_without_a_share_must_be_empty() -> None:
    """Somebody in an arm that should hold nobody is the surest alarm."""
    assert 0.0 == sample_ratio({"a": 1000, "b": 1}, {"a": 1.0, "b": 0.0})
