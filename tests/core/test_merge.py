"""Merging disjoint histories is folding them into one."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import Event
from streams.core.engagement import Engagement
from streams.core.merge import merge
from streams.core.record import load
from streams.core.rules import Rules
from streams.core.step import Advance
from tests.core.stories import histories, source_of


def folded(events: list[Event], rules: Rules = Rules()) -> Engagement:  # noqa: B008
    """What one customer did."""
    slice_ = Advance(rules)
    for one in events:
        slice_.observe("c1", None, source_of(one), one)
    return load(slice_.finish()["c1"].body).engagement


def encoded(engagement: Engagement) -> bytes:
    """The canonical bytes."""
    return msgspec.msgpack.encode(engagement)


@settings(deadline=None, max_examples=100)
@given(histories(max_size=40), st.data())
def test_merging_equals_folding_all_into_one(events: list[Event], data: st.DataObject) -> None:
    """However a history is divided among three identities, merging them in any order and grouping gives one result."""
    owners = data.draw(st.lists(st.integers(0, 2), min_size=len(events), max_size=len(events)))
    parts = [[one for one, owner in zip(events, owners, strict=True) if owner == part] for part in range(3)]
    a, *others = [folded(part) for part in parts if part]
    whole = encoded(folded(events))
    forwards, backwards = a, others[-1] if others else a
    for other in others:
        forwards = merge(forwards, other)
    for other in [*reversed(others[:-1]), a][: len(others)]:
        backwards = merge(other, backwards)

    assert whole == encoded(forwards) == encoded(backwards)


@settings(deadline=None, max_examples=50)
@given(histories(max_size=20), histories(max_size=20))
def test_merging_leaves_its_arguments_alone(one: list[Event], other: list[Event]) -> None:
    """Merge is a pure function."""
    a, b = folded(one), folded([msgspec.structs.replace(event, event_id=f"b{event.event_id}") for event in other])
    before = encoded(a), encoded(b)
    assert encoded(merge(a, b)) == encoded(merge(b, a))

    assert before == (encoded(a), encoded(b))


def test_different_day_boundaries_do_not_merge() -> None:
    """Days that begin at different hours cannot be united."""
    with pytest.raises(ValueError, match="day boundaries"):
        merge(Engagement(0, 86400, 86400), Engagement(3600, 86400, 86400))
