"""A fact says what the customer's document of the same instant says, and is found when it is asked for."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings

from schemas import CONTACT_CHANNELS, CustomerDocument, Event
from streams.core.document import describe
from streams.core.engagement import Engagement
from streams.core.facts import FACTS, Facts, unknown
from streams.core.ring import mark_of
from streams.core.rules import Rules
from streams.core.stance import Stance
from tests.core.stance_drawn import folded, told_customers
from tests.core.stories import DAY, HOUR, NOON, event, second

TYPES = {"bool": bool, "int": int, "float": float, "str": str}


def days_before(at: datetime | None, now: datetime) -> int | None:
    """Count calendar days."""
    return None if at is None else (now.date() - at.date()).days


def in_document(told: CustomerDocument, name: str) -> Any:
    """Read a fact off a document."""
    match name:
        case "cart":
            return len(told.cart)
        case "is_anonymous":
            return told.customer_id is None
        case "days_known":
            return days_before(told.first_seen, told.as_of)
        case "days_since_act":
            return days_before(told.last_act, told.as_of)
    if name.startswith("marketing."):
        said = (one.state for one in told.consents if (one.purpose, f"marketing.{one.channel}") == ("marketing", name))
        return next(said, "unknown")
    found: Any = told
    for step in name.split("."):
        found = getattr(found, step)
    return found


def when(event: Event) -> bytes:
    """Say which of two events is the newer, as the newest few are kept."""
    return mark_of(second(event.occurred_at), event.event_id)


def in_events(events: list[Event], name: str, now: datetime) -> Any:
    """Read off the events what a document does not say: the latest word counts, of two in a second the greater."""
    wanted, field = {
        "days_since_order": ("order_placed", ""),
        "complaint_days": ("complaint_made", ""),
        "loyalty": ("loyalty_joined", ""),
        "language": ("preferences_set", "language"),
        "preferred_channel": ("preferences_set", "preferred_channel"),
    }.get(name, ("survey_answered", "score"))
    of_kind = sorted((one for one in events if one.__struct_config__.tag == wanted), key=when)
    if wanted == "survey_answered":
        newest = [one for one in of_kind[-4:] if one.survey == name.rpartition(".")[2]]  # type: ignore[attr-defined]
        return newest[-1].score if newest else None  # type: ignore[attr-defined]
    if wanted == "loyalty_joined":
        return bool(of_kind)
    if field:
        stated = [(second(one.occurred_at), value) for one in of_kind if (value := getattr(one, field)) is not None]
        in_order = CONTACT_CHANNELS.index if field == "preferred_channel" else str
        return max(stated, key=lambda row: (row[0], in_order(row[1])))[1] if stated else None
    return days_before(of_kind[-1].occurred_at if of_kind else None, now)


UNTOLD = [
    "days_since_order", "complaint_days", "loyalty", "language", "preferred_channel",
    "last_survey.nps", "last_survey.csat", "last_survey.ces",
]  # fmt: skip
"""What the document does not say in these words."""


@given(told_customers())
@settings(max_examples=60)
def test_a_fact_says_what_the_document_says(drawn: tuple[list[Event], Facts]) -> None:
    """Every name, at any instant, for any customer; what the document does not say is what the events say."""
    events, facts = drawn
    told = describe(Rules(), facts.key, facts.engagement, facts.stance, (0, 0, 0), facts.now_s)
    expected = {name: in_document(told, name) for name in FACTS if name not in UNTOLD}
    expected |= {name: in_events(events, name, told.as_of) for name in UNTOLD}

    assert expected == {name: facts[name] for name in FACTS}


@pytest.mark.parametrize("key", ["c1", "~a7"])
def test_a_fact_says_what_the_document_says_at_every_edge(key: str) -> None:
    """For somebody who came every hour of two days and every day of a year, and bought as often."""
    instants = [NOON - hours * HOUR for hours in range(48)] + [NOON - days * DAY for days in range(400)]
    tags = ("page_viewed", "store_entered", "order_placed")
    events = [event(tag, at, event_id=f"{tag} {at}") for at in sorted(instants) for tag in tags]
    engagement, stance = folded(events), Stance(band=3, risk=0.8, formed_segment="loyal", formed_stage="buying")
    facts = Facts(key, engagement, stance, second(NOON))
    told = describe(Rules(), key, engagement, stance, (0, 0, 0), facts.now_s)
    names = [name for name in FACTS if name not in UNTOLD]

    assert {name: in_document(told, name) for name in names} == {name: facts[name] for name in names}


@given(told_customers())
@settings(max_examples=30)
def test_a_fact_is_of_its_type_and_within_its_bounds(drawn: tuple[list[Event], Facts]) -> None:
    """The types and bounds by which conditions are refused hold for every customer."""
    for name, fact in FACTS.items():
        value = drawn[1][name]
        if value is None:
            assert fact.kind != "bool"
            continue
        assert isinstance(value, TYPES[fact.kind])
        if isinstance(value, str):
            assert not fact.values or value in fact.values
        elif fact.kind != "bool":
            assert fact.least <= value <= fact.most


def test_facts_are_never_of_an_instant_before_the_record() -> None:
    """Asked too early they speak of the latest event or assessment, as the document does."""
    at_s = second(NOON)
    engagement = Engagement(0, at_s, at_s, last_act_s=at_s)

    assert 0 == Facts("c1", engagement, Stance(), at_s - 86400)["days_since_act"]
    assert 3 == Facts("c1", engagement, Stance(assessed_s=second(NOON + 3 * DAY)), at_s)["days_since_act"]


def test_yesterday_is_one_day_ago() -> None:
    """Days are those of the shop's calendar: a minute over midnight it was yesterday."""
    at_s = second(NOON) // 86400 * 86400 - 60
    engagement = Engagement(0, at_s, at_s, last_act_s=at_s)

    assert [0, 1] == [Facts("c1", engagement, Stance(), at_s + later)["days_since_act"] for later in (59, 60)]


def test_only_what_is_asked_for_is_found() -> None:
    """And kept for the next condition."""
    facts = Facts("c1", Engagement(0, 0, 0, orders=3), Stance(), 0)

    assert (3, 3) == (facts["orders"], facts["orders"])
    assert ["orders"] == list(facts)


def test_a_name_that_is_none_is_no_fact() -> None:
    """Conditions are checked, so this is a fault of ours and raises."""
    with pytest.raises(KeyError):
        Facts("c1", Engagement(0, 0, 0), Stance(), 0)["oders"]


@pytest.mark.parametrize("name", ["x" * 500, "", ".", "orders" * 80])
def test_any_name_is_answered(name: str) -> None:
    """However long, what is said of it fits in a sentence."""
    assert len(unknown(name)) < 120
