"""The crowd: in order of time, equal for equal seeds, acceptable to the Door, and alive."""

from collections import Counter, defaultdict
from itertools import islice

from schemas import (
    EVENT_TYPES,
    SOURCES,
    ActionEvent,
    ConsentGiven,
    ConsentWithdrawn,
    Event,
    OrderPlaced,
    ReferralConverted,
    Unsubscribed,
)
from streams.core.decode import Door, Refused, identity_of
from streams.simulate.shoppers import Crowd, shoppers
from streams.simulate.telling import DAY_MS, Told

START_MS = 1_767_225_600_000
SMALL = Crowd(seed=7, customers=150, start_ms=START_MS, days=90)
DOORS = [Door(source, accept_from_s=0) for source in range(len(SOURCES))]


def decoded(told: Told) -> Event:
    event = DOORS[told.source].read(told.body, None)
    assert not isinstance(event, Refused), (event, told.body)
    return event


def test_every_event_is_accepted_under_its_key() -> None:
    """The simulator writes to the contract: nothing is refused, and the key is the identity of the body."""
    assert [(told.key, told.at_ms) for told in shoppers(SMALL)] == [
        (identity_of(event), round(event.occurred_at.timestamp() * 1000)) for event in map(decoded, shoppers(SMALL))
    ]


def test_events_come_in_order_of_time_within_their_days() -> None:
    """A consumer of compressed time sees no event after a later one."""
    times = [told.at_ms for told in shoppers(SMALL)]

    assert sorted(times) == times
    assert times[0] >= START_MS
    assert times[-1] < START_MS + 90 * DAY_MS


def test_event_ids_are_distinct() -> None:
    """Two acts are never taken for one."""
    ids = Counter(decoded(told).event_id for told in shoppers(SMALL))

    assert [] == [event_id for event_id, count in ids.items() if count > 1]


def test_equal_seeds_tell_equal_events_and_others_do_not() -> None:
    """A run can be repeated byte for byte from its seed."""
    assert list(shoppers(SMALL)) == list(shoppers(SMALL))
    assert list(islice(shoppers(SMALL), 50)) != list(islice(shoppers(SMALL._replace(seed=8)), 50))


def test_further_customers_and_days_leave_the_others_as_they_are() -> None:
    """A larger run contains the smaller one, so that figures of both can be compared."""
    fewer = list(shoppers(SMALL._replace(customers=60, days=30)))

    larger = set(shoppers(SMALL))

    assert [] == [told for told in fewer if told not in larger]


def test_everything_that_can_happen_does() -> None:
    """All event types, guests, anonymous visitors and both channels of sale occur; what follows decisions does not."""
    crowd = SMALL._replace(customers=600)
    events = [decoded(told) for told in shoppers(crowd)]
    follows = {kind for kind in EVENT_TYPES if issubclass(kind, ActionEvent | ReferralConverted)}

    assert set(EVENT_TYPES) - follows == {type(event) for event in events}
    assert any(event.referred_by for event in events if isinstance(event, OrderPlaced))
    assert {"#", "~", "c"} == {(identity_of(event) or "?")[0] for event in events}
    assert {"web", "store"} == {event.channel for event in events if isinstance(event, OrderPlaced)}


def test_some_drift_away_and_most_do_not() -> None:
    """Churn exists: a share of regular customers is not seen again, the others go on to the end."""
    last: dict[str, int] = {}
    count: defaultdict[str, int] = defaultdict(int)
    for told in shoppers(Crowd(seed=7, customers=300, start_ms=START_MS, days=200)):
        if told.key.startswith("c"):
            last[told.key] = told.at_ms
            count[told.key] += 1

    regular = [key for key in last if count[key] > 30]
    gone = [key for key in regular if last[key] < START_MS + 130 * DAY_MS]

    assert 0.08 < len(gone) / len(regular) < 0.5


def test_more_activity_is_more_events() -> None:
    """`activity` scales how often everybody comes."""
    usual, busy = (sum(1 for _ in shoppers(SMALL._replace(activity=activity))) for activity in (1.0, 3.0))

    assert 2 < busy / usual < 4


def test_most_consents_stay_and_a_few_are_withdrawn() -> None:
    """Most shoppers let us write to them, by no means all, and some think better of it."""
    events = [decoded(told) for told in shoppers(SMALL._replace(customers=400))]
    given = {event.customer_id for event in events if isinstance(event, ConsentGiven) and event.channel == "email"}
    back = {event.customer_id for event in events if isinstance(event, ConsentWithdrawn | Unsubscribed)}

    assert 0.6 < len(given) / 400 < 1
    assert 0.02 < len(back) / 400 < 0.3


def test_whoever_was_invited_knows_somebody_who_was_there_before() -> None:
    """An order names as its inviter a customer of the same crowd, never the buyer."""
    events = [decoded(told) for told in shoppers(SMALL._replace(customers=400))]
    invited = [event for event in events if isinstance(event, OrderPlaced) and event.referred_by is not None]

    assert [] == [event for event in invited if not "c000000" <= (event.referred_by or "") <= "c000399"]
    assert [] == [event for event in invited if event.customer_id == event.referred_by]
