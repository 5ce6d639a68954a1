"""
What a customer lets us do, and how they like it, in the words of the contract.

Law: what was never said is unknown, and nobody's silence is read as a consent.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from schemas import CONTACT_CHANNELS, ContactChannel, Purpose
from streams.core import registers
from streams.core.engagement import Engagement

Stated = Literal["given", "withdrawn"]
Consent = Literal["given", "withdrawn", "unknown"]


class Preferences(NamedTuple):
    """
    How a customer likes to be reached; None is what they never said.

    `quiet` are the minutes of the day in their zone where quiet hours begin and end; equal ones say that none are
    wanted.
    """

    zone: str | None
    language: str | None
    quiet: tuple[int, int] | None
    channel: ContactChannel | None


UNSAID = Preferences(None, None, None, None)


def consent(engagement: Engagement, channel: ContactChannel, purpose: Purpose) -> Consent:
    """Say what a customer last said of being reached on a channel for a purpose."""
    said = registers.value_of(engagement.registers, registers.consent_slot(channel, purpose))
    return "unknown" if said is None else _consent(said)


def consents(engagement: Engagement) -> Iterator[tuple[ContactChannel, Purpose, Stated]]:
    """Say what a customer last said of each channel and purpose they spoke of, in the contract's order."""
    for said in registers.entries(engagement.registers):
        if said.slot in registers.CONSENT_OF_SLOT:
            yield *registers.CONSENT_OF_SLOT[said.slot], _consent(said.value)


def preferences(engagement: Engagement) -> Preferences:
    """Say how a customer likes to be reached."""
    blob = engagement.registers
    if not blob or blob[0] > registers.CHANNEL:
        return UNSAID
    zone, language, quiet, channel = (registers.value_of(blob, slot) for slot in range(4))
    return Preferences(
        zone=None if zone is None else zone.decode(),
        language=None if language is None else language.decode(),
        quiet=None if quiet is None else _ends(quiet),
        channel=None if channel is None else CONTACT_CHANNELS[channel[0]],
    )


def _consent(said: bytes) -> Stated:
    return "given" if said == registers.GIVEN else "withdrawn"


def _ends(value: bytes) -> tuple[int, int]:
    return int.from_bytes(value[:2], "big"), int.from_bytes(value[2:], "big")
