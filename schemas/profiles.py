"""What customers let us do, how they like it, and what they join."""

from typing import Annotated, ClassVar

from msgspec import Meta

from schemas.common import Channel, Event, Label
from schemas.contacts import ContactChannel, Purpose

# "$" also matches before a last line feed in some languages, so the patterns say that none follows.
TimeZone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_+/-]+(?!\n)$",
        description="A name of the IANA time zone database, such as Europe/London.",
    ),
]
Language = Annotated[
    str,
    Meta(min_length=2, max_length=3, pattern=r"^[a-z]{2,3}(?!\n)$", description="Primary language of BCP 47: en, de."),
]
TimeOfDay = Annotated[
    str,
    Meta(
        min_length=5,
        max_length=5,
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="HH:MM in the customer's time zone.",
    ),
]


class ProfileEvent(Event, frozen=True, kw_only=True):
    """Something that a customer told about themselves, or allowed."""

    customer_act: ClassVar[bool] = False
    source_topic: ClassVar[str] = "profiles"


class ConsentGiven(ProfileEvent, frozen=True, kw_only=True):
    """A customer may be reached on this channel for this purpose."""

    channel: ContactChannel
    purpose: Purpose


class ConsentWithdrawn(ProfileEvent, frozen=True, kw_only=True):
    """A customer may no more be reached on this channel for this purpose."""

    channel: ContactChannel
    purpose: Purpose


class PreferencesSet(ProfileEvent, frozen=True, kw_only=True):
    """
    How a customer likes to be reached; what is not said stays as it was.

    Quiet hours are said with both ends; equal ends say that the customer wants none.
    """

    time_zone: TimeZone | None = None
    language: Language | None = None
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None
    preferred_channel: ContactChannel | None = None

    def __post_init__(self) -> None:
        """Refuse quiet hours with one end."""
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet hours need both ends")


class LoyaltyJoined(ProfileEvent, frozen=True, kw_only=True):
    """A customer joined the loyalty programme."""

    customer_act: ClassVar[bool] = True
    act_channel: ClassVar[Channel | None] = "web"
    weight: ClassVar[int] = 5

    program: Label | None = None


class SocialFollowed(ProfileEvent, frozen=True, kw_only=True):
    """A customer follows us on a social network."""

    customer_act: ClassVar[bool] = True
    act_channel: ClassVar[Channel | None] = "web"
    weight: ClassVar[int] = 4

    network: Label
