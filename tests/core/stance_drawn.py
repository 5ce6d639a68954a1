"""Customers drawn at will: what they did, where we stand towards them, and an instant."""

from datetime import timedelta
from typing import Any, get_args

from hypothesis import strategies as st

from schemas import BANDS, CONTACT_CHANNELS, Event, Stage
from schemas.responses import SCORES
from streams.core.engagement import Engagement, fold
from streams.core.facts import Facts
from streams.core.ring import mark_of
from streams.core.stance import Stance
from tests.core.stories import NOON, event, histories, second

_SPAN_S = 400 * 86400


@st.composite
def sayings(draw: st.DrawFn) -> list[Event]:
    """Draw what a customer said of themselves and of us."""
    said = []
    tags = st.sampled_from(
        ["survey_answered", "survey_answered", "preferences_set", "complaint_made", "loyalty_joined"]
    )
    rows = st.lists(st.tuples(tags, st.integers(0, _SPAN_S)), max_size=6)
    for number, (tag, after_s) in enumerate(draw(rows)):
        fields: dict[str, Any] = {}
        if tag == "survey_answered":
            survey = draw(st.sampled_from(sorted(SCORES)))
            fields = {"survey": survey, "score": draw(st.integers(*SCORES[survey]))}
        elif tag == "preferences_set":
            fields["language"] = draw(st.sampled_from([None, "en", "de"]))
            fields["preferred_channel"] = draw(st.sampled_from([None, *CONTACT_CHANNELS]))
        said.append(event(tag, NOON + timedelta(seconds=after_s), event_id=f"s{number}", **fields))
    return said


@st.composite
def stances(draw: st.DrawFn) -> Stance:
    """Draw where we stand: a band or none yet, a word or none yet."""
    return Stance(
        assessed_s=draw(st.sampled_from([0, second(NOON) + _SPAN_S])),
        band=draw(st.integers(-1, len(BANDS) - 1)),
        risk=draw(st.floats(0, 1)),
        formed_segment=draw(st.sampled_from(["", "loyal", "occasional"])),
        formed_stage=draw(st.sampled_from([None, *get_args(Stage)])),
    )


def folded(events: list[Event]) -> Engagement:
    """Fold events in their order of arrival, each once."""
    first_s = second(events[0].occurred_at)
    engagement = Engagement(0, first_s, first_s)
    for one in events:
        at_s = second(one.occurred_at)
        fold(engagement, one, at_s, mark_of(at_s, one.event_id), "GBP")
    return engagement


@st.composite
def told_customers(draw: st.DrawFn) -> tuple[list[Event], Facts]:
    """Draw a customer at an instant, with all that was told of them."""
    events = draw(histories(max_size=15, span_days=400)) + draw(sayings())
    now_s = second(NOON) + draw(st.integers(0, _SPAN_S + 40 * 86400))
    return events, Facts(draw(st.sampled_from(["c1", "~a7"])), folded(events), draw(stances()), now_s)


def customers() -> st.SearchStrategy[Facts]:
    """Draw a customer at an instant."""
    return told_customers().map(lambda drawn: drawn[1])
