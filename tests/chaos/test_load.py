"""The load of the chaos runs is what it says: without this, an exact run would prove less than it claims."""

import time
from collections import Counter

import pytest

from streams.core.decode import Door, Refused, identity_of, second_of
from tests.chaos.load import plan
from tests.chaos.poison import KINDS, Poison
from tests.chaos.stage import SOURCES
from tests.verify import oracle
from tests.verify.oracle import Published, expected

DOORS = {name: Door(number, accept_from_s=631_152_000) for number, name in enumerate(SOURCES)}


@pytest.mark.parametrize("poison", KINDS, ids=[poison.name for poison in KINDS])
def test_poison_is_refused_with_its_code(poison: Poison) -> None:
    """Every kind of bad record has one fate, written down before."""
    found = DOORS[poison.topic].read(poison.value, int(time.time() * 1000))

    assert isinstance(found, Refused)
    assert poison.code == found.code


def test_a_plan_follows_from_its_seed() -> None:
    """The same seed gives the same records, another one others."""
    assert plan(1, 5_000) == plan(1, 5_000)
    assert plan(1, 5_000) != plan(2, 5_000)


def test_a_plan_holds_what_makes_it_hard() -> None:
    """There are duplicates, every kind of poison, records without a key, astray and out of order, over all topics."""
    records = plan(7, 20_000)
    good = [record for record in records if record.code is None]
    last: dict[str, int] = {}
    late = 0
    for record in good:
        event = DOORS[record.topic].read(record.value, None)
        second, key = second_of(event), identity_of(event)
        late += second < last.get(key, 0)
        last[key] = max(second, last.get(key, 0))

    assert 20_000 == len(records)
    assert 400 == len(good) - len({(record.topic, record.value) for record in good})
    assert {kind.value for kind in KINDS} == {record.value for record in records if record.code}
    assert set(SOURCES) == set(Counter(record.topic for record in good))
    assert any(record.key is None for record in good)
    assert any(record.partition is not None for record in good)
    assert late > 500


def test_the_oracle_reads_events_as_the_door_does() -> None:
    """Two independent readings of the same bytes agree on who and when."""
    for record in plan(3, 3_000):
        if record.code is None:
            event, mine = DOORS[record.topic].read(record.value, None), oracle.json.loads(record.value)

            assert (oracle.identity_of(mine), oracle.second_of(mine)) == (identity_of(event), second_of(event))


def test_no_customer_outgrows_the_rings() -> None:
    """Whatever the order of arrival, every event is within the duplicate ring's reach: nothing may be `late`."""
    published = [Published(p.topic, 0, i, p.key, p.value, p.code) for i, p in enumerate(plan(1))]

    known = expected(published)

    assert 60_000 == len(published)
    assert 2_000 <= len(known) <= 2_700
    assert max(customer.events for customer in known.values()) < 400
