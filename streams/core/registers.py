"""
Registers: what a customer last said of a thing - a consent, a preference - whatever came in first.

Law: a blob holds one entry for each slot, sorted by slot: the slot in one byte, the second of the saying, big-endian
in 4 bytes, the value's length in one and the value (at most 255 bytes). The latest second wins; within one second the
greater value does, so that neither the order of arrival nor a copy shows, and a withdrawal beats a consent. Slots
stand in records and never change their meaning.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from schemas import CONTACT_CHANNELS, PURPOSES, ContactChannel, Event, Purpose
from schemas.profiles import ConsentGiven, ConsentWithdrawn, PreferencesSet
from schemas.responses import Unsubscribed

ZONE, LANGUAGE, QUIET, CHANNEL = range(4)
"""The slots of preferences. Quiet hours are two minutes of the day in 2 bytes each, a channel is its number."""

_CONSENTS: Final = 32
_MOST_PURPOSES: Final = 8

_CONSENT_SLOTS: Final[dict[tuple[ContactChannel, Purpose], int]] = {
    (channel, purpose): _CONSENTS + _MOST_PURPOSES * channel_number + purpose_number
    for channel_number, channel in enumerate(CONTACT_CHANNELS)
    for purpose_number, purpose in enumerate(PURPOSES)
}

CONSENT_OF_SLOT: Final = {slot: allowed for allowed, slot in _CONSENT_SLOTS.items()}
"""Of which channel and purpose a slot holds the consent; the slots stand in the contract's order."""

GIVEN, WITHDRAWN = b"\0", b"\1"
"""The values of a consent."""

_HEAD: Final = 6


class Register(NamedTuple):
    """What was last said of a slot, and when (seconds since 1970)."""

    slot: int
    second: int
    value: bytes


def put(blob: bytes, slot: int, second: int, value: bytes) -> bytes:
    """
    Say something of a slot; what is older than what is known changes nothing.

    >>> blob = put(put(b"", 7, 20, b"new"), 7, 10, b"old")
    >>> value_of(blob, 7)
    b'new'
    """
    at, end = _place(blob, slot)
    when = second.to_bytes(4, "big")
    if end > at and (blob[at + 1 : at + 5], blob[at + _HEAD : end]) >= (when, value):
        return blob
    return blob[:at] + bytes((slot,)) + when + bytes((len(value),)) + value + blob[end:]


def value_of(blob: bytes, slot: int) -> bytes | None:
    """Read what was last said of a slot; None if nothing ever was."""
    at, end = _place(blob, slot)
    return blob[at + _HEAD : end] if end > at else None


def entries(blob: bytes) -> Iterator[Register]:
    """Read all slots, the lowest first."""
    at = 0
    while at < len(blob):
        end = at + _HEAD + blob[at + _HEAD - 1]
        yield _read(blob, at, end)
        at = end


def union(a: bytes, b: bytes) -> bytes:
    """Keep of both what was said last."""
    for one in entries(b):
        a = put(a, *one)
    return a


def consent_slot(channel: ContactChannel, purpose: Purpose) -> int:
    """
    Say the slot of a consent.

    >>> consent_slot("email", "service"), consent_slot("push", "marketing")
    (32, 42)
    """
    return _CONSENT_SLOTS[channel, purpose]


def told(blob: bytes, event: Event, second: int) -> bytes:
    """Put down what a consent, its withdrawal, preferences or an unsubscription say."""
    for slot, value in _SAYINGS[event.__class__](event):
        blob = put(blob, slot, second, value)
    return blob


def minutes(time_of_day: str) -> int:
    """
    Say the minute of the day of HH:MM.

    >>> minutes("21:30")
    1290
    """
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:])


def _given(event: ConsentGiven) -> Iterator[tuple[int, bytes]]:
    yield consent_slot(event.channel, event.purpose), GIVEN


def _withdrawn(event: ConsentWithdrawn) -> Iterator[tuple[int, bytes]]:
    yield consent_slot(event.channel, event.purpose), WITHDRAWN


def _unsubscribed(event: Unsubscribed) -> Iterator[tuple[int, bytes]]:
    for purpose in PURPOSES:
        if purpose == event.purpose or (event.purpose is None and purpose != "service"):
            yield consent_slot(event.channel, purpose), WITHDRAWN


def _preferences(event: PreferencesSet) -> Iterator[tuple[int, bytes]]:
    if event.time_zone is not None:
        yield ZONE, event.time_zone.encode()
    if event.language is not None:
        yield LANGUAGE, event.language.encode()
    if event.quiet_from is not None and event.quiet_until is not None:
        ends = minutes(event.quiet_from), minutes(event.quiet_until)
        yield QUIET, b"".join(end.to_bytes(2, "big") for end in ends)
    if event.preferred_channel is not None:
        yield CHANNEL, bytes((CONTACT_CHANNELS.index(event.preferred_channel),))


_SAYINGS: Final[dict[type[Event], Callable[[Any], Iterator[tuple[int, bytes]]]]] = {
    ConsentGiven: _given,
    ConsentWithdrawn: _withdrawn,
    Unsubscribed: _unsubscribed,
    PreferencesSet: _preferences,
}


def _place(blob: bytes, slot: int) -> tuple[int, int]:
    """Say where a slot's entry begins and ends; equal if there is none, and then where it belongs."""
    at = 0
    while at < len(blob) and blob[at] <= slot:
        end = at + _HEAD + blob[at + _HEAD - 1]
        if blob[at] == slot:
            return at, end
        at = end
    return at, at


def _read(blob: bytes, at: int, end: int) -> Register:
    return Register(blob[at], int.from_bytes(blob[at + 1 : at + 5], "big"), blob[at + _HEAD : end])
