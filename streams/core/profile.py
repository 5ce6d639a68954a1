"""
What a customer lets us do, and how they like it, in the words of the contract.

Law: what was never said is unknown, and nobody's silence is read as a consent.
"""

from typing import Literal, NamedTuple

from schemas import CONTACT_CHANNELS, ContactChannel, Purpose
from streams.core import registers
from streams.core.engagement import Engagement

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
    said = registers.get(engagement.registers, registers.consent_slot(channel, purpose))
    if said is None:
        return "unknown"
    return "given" if said.value == registers.GIVEN else "withdrawn"


def preferences(engagement: Engagement) -> Preferences:
    """Say how a customer likes to be reached."""
    blob = engagement.registers
    if not blob or blob[0] > registers.CHANNEL:
        return UNSAID
    zone, language, quiet, channel = (registers.get(blob, slot) for slot in range(4))
    return Preferences(
        zone=None if zone is None else zone.value.decode(),
        language=None if language is None else language.value.decode(),
        quiet=None if quiet is None else _ends(quiet.value),
        channel=None if channel is None else CONTACT_CHANNELS[channel.value[0]],
    )


def _ends(value: bytes) -> tuple[int, int]:
    return int.from_bytes(value[:2], "big"), int.from_bytes(value[2:], "big")
