"""
What came back of our actions, and what customers said of us, as the newest few of each.

Law: a payload is fixed in form, for it stands in records: numbers are those of the contract's tuples, a decision is
known by the first 8 bytes of its id. Readers tell the newest first.
"""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from schemas import CONTACT_CHANNELS, SURVEYS, ContactChannel, Survey
from schemas.responses import (
    ActionClicked,
    ActionConverted,
    ActionDelivered,
    ActionDismissed,
    ActionEvent,
    ActionOpened,
    ComplaintMade,
    SurveyAnswered,
)
from streams.core.newest import entries

DELIVERIES, OUTCOMES, COMPLAINTS, ANSWERS = 32, 16, 2, 4
"""How many of the newest are kept."""

DECISION_BYTES: Final = 8
"""So many bytes of its id name a decision in deliveries, outcomes and reservations."""

Result = Literal["opened", "clicked", "converted", "dismissed"]
RESULTS: Final[tuple[Result, ...]] = ("opened", "clicked", "converted", "dismissed")
"""What may become of an action that was delivered, or never was. Append only."""

_NUMBER_OF_RESULT: Final[dict[type[ActionEvent], int]] = {
    ActionOpened: 0,
    ActionClicked: 1,
    ActionConverted: 2,
    ActionDismissed: 3,
}
_UNKNOWN: Final = 255
_NO_SENTIMENT: Final = -128


class Delivery(NamedTuple):
    """An action that reached the customer; `decision` are the first 8 bytes of its id."""

    second: int
    channel: ContactChannel
    decision: bytes
    action: str


class Outcome(NamedTuple):
    """What became of a decision."""

    second: int
    result: Result
    decision: bytes


class Complaint(NamedTuple):
    """A complaint, by which channel and about which order; None is what was not said."""

    second: int
    channel: ContactChannel | None
    order_id: str | None


class Answer(NamedTuple):
    """A survey's answer; the sentiment is in hundredths, -100 to 100."""

    second: int
    survey: Survey
    score: int
    sentiment: int | None


def decision_bytes(decision_id: str) -> bytes:
    """Say by which 8 bytes a decision is remembered."""
    return bytes.fromhex(decision_id[: 2 * DECISION_BYTES])


def delivery_payload(event: ActionDelivered) -> bytes:
    """Form what is kept of a delivery."""
    return bytes((CONTACT_CHANNELS.index(event.channel),)) + decision_bytes(event.decision_id) + event.action.encode()


def outcome_payload(event: ActionEvent) -> bytes:
    """Form what is kept of an action opened, clicked, converted or dismissed."""
    return bytes((_NUMBER_OF_RESULT[event.__class__],)) + decision_bytes(event.decision_id)


def complaint_payload(event: ComplaintMade) -> bytes:
    """Form what is kept of a complaint; its words are not."""
    channel = _UNKNOWN if event.channel is None else CONTACT_CHANNELS.index(event.channel)
    return bytes((channel,)) + (event.order_id or "").encode()


def answer_payload(event: SurveyAnswered) -> bytes:
    """Form what is kept of a survey's answer; its words are not."""
    sentiment = _NO_SENTIMENT if event.sentiment is None else round(event.sentiment * 100)
    return bytes((SURVEYS.index(event.survey), event.score)) + sentiment.to_bytes(1, "big", signed=True)


def deliveries(blob: bytes) -> Iterator[Delivery]:
    """Read `engagement.deliveries`."""
    for second, _, payload in entries(blob):
        yield Delivery(second, CONTACT_CHANNELS[payload[0]], payload[1:9], payload[9:].decode())


def outcomes(blob: bytes) -> Iterator[Outcome]:
    """Read `engagement.outcomes`."""
    for second, _, payload in entries(blob):
        yield Outcome(second, RESULTS[payload[0]], payload[1:9])


def complaints(blob: bytes) -> Iterator[Complaint]:
    """Read `engagement.complaint`."""
    for second, _, payload in entries(blob):
        channel = None if payload[0] == _UNKNOWN else CONTACT_CHANNELS[payload[0]]
        yield Complaint(second, channel, payload[1:].decode() or None)


def answers(blob: bytes) -> Iterator[Answer]:
    """Read `engagement.surveys`."""
    for second, _, payload in entries(blob):
        sentiment = int.from_bytes(payload[2:3], "big", signed=True)
        yield Answer(second, SURVEYS[payload[0]], payload[1], None if sentiment == _NO_SENTIMENT else sentiment)
