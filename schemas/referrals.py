"""What Latido tells itself: events that follow from another customer's, and travel by an internal topic."""

from typing import Annotated, ClassVar

from msgspec import Meta

from schemas.common import DERIVED_TOPIC, Event

OrderHash = Annotated[
    str,
    Meta(
        min_length=16,
        max_length=16,
        pattern="^[0-9a-f]{16}$",
        description="The 8-byte blake2b of the order's id, in hexadecimal digits: nothing else of the buyer is told.",
    ),
]


class ReferralConverted(Event, frozen=True, kw_only=True):
    """Somebody whom this customer invited has bought; `customer_id` is the referrer. The buyer acted, not they."""

    customer_act: ClassVar[bool] = False
    source_topic: ClassVar[str] = DERIVED_TOPIC

    order_hash: OrderHash
