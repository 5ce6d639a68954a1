"""What happens in a shop with walls."""

from typing import ClassVar, Literal

from schemas.common import Channel, Event, Id, Seconds


class VisitEvent(Event, frozen=True, kw_only=True):
    """An act in a shop."""

    act_channel: ClassVar[Channel | None] = "store"
    weight: ClassVar[int] = 3
    source_topic: ClassVar[str] = "store-visits"

    store_id: Id


class StoreEntered(VisitEvent, frozen=True, kw_only=True):
    """A customer walked in; a till that sees a customer first says so too."""

    dwell_s: Seconds | None = None
    origin: Literal["beacon", "till"] | None = None


class AssociateHelped(VisitEvent, frozen=True, kw_only=True):
    """Somebody of the staff helped a customer."""

    weight: ClassVar[int] = 4

    associate_id: Id | None = None
    product_id: Id | None = None


class FittingRoomUsed(VisitEvent, frozen=True, kw_only=True):
    """A customer tried something on."""

    weight: ClassVar[int] = 5

    product_id: Id | None = None


class StoreLeft(VisitEvent, frozen=True, kw_only=True):
    """A customer walked out."""

    weight: ClassVar[int] = 0

    dwell_s: Seconds | None = None
