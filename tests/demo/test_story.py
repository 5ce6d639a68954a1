"""What the demo publishes: in order of time, repeatable, good but for the mishaps that it means."""

from collections import Counter

import pytest

from schemas import SOURCES
from streams.core.decode import Door, Refused, identity_of
from streams.demo.story import REPEATED_EVERY, mishaps, story
from streams.publishing import Outgoing
from streams.settings import Settings
from streams.simulate.telling import ORDERS

DOORS = [Door(source, accept_from_s=Settings().accept_from_s) for source in range(len(SOURCES))]


@pytest.fixture(scope="module")
def told() -> list[Outgoing]:
    return story(seed=1)


def test_it_is_told_in_order_of_time(told: list[Outgoing]) -> None:
    """Under the stream clock what is out of order would be judged too late."""
    times = [outgoing.at_ms for outgoing in told]

    assert sorted(times) == times


def test_only_the_mishaps_are_refused(told: list[Outgoing]) -> None:
    """Each refused record is one that is meant to be, and all kinds that a publisher can cause occur."""
    outcomes = [(outgoing, DOORS[outgoing.source].read(outgoing.raw, None)) for outgoing in told]
    refused = [(outgoing, outcome) for outgoing, outcome in outcomes if isinstance(outcome, Refused)]

    assert mishaps(told[0].at_ms, told[-1].at_ms) == [outgoing for outgoing, _ in refused]
    assert {"malformed": 1, "past": 1, "schema": 5, "too_large": 1, "unknown_version": 1, "unroutable": 1} == Counter(
        outcome.code for _, outcome in refused
    )


def test_every_key_is_the_identity(told: list[Outgoing]) -> None:
    """Nothing has to be sent on by the worker."""
    for outgoing in told:
        event = DOORS[outgoing.source].read(outgoing.raw, None)
        assert outgoing.key == (None if isinstance(event, Refused) else identity_of(event))


def test_some_events_are_repeated(told: list[Outgoing]) -> None:
    """So that duplicates are seen to be recognised."""
    copies = Counter(outgoing.raw for outgoing in told)

    assert (len(told) // REPEATED_EVERY, 2) == (sum(count > 1 for count in copies.values()), max(copies.values()))


def test_the_seed_decides_what_is_made_up(told: list[Outgoing]) -> None:
    """The same seed tells the same story, another one another, with the same orders."""
    orders = {outgoing for outgoing in told if outgoing.source == ORDERS and outgoing.key}

    assert told == story(seed=1)
    assert orders <= set(story(seed=2))
    assert told != story(seed=2)
