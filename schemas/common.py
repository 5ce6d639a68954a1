"""
What every event carries, and the words all topics share.

Law: a field's type here is its whole contract. The decoder, the JSON Schema and the check of
characters at the door are all read from it, so they cannot disagree.
"""

import re
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, Struct

SOURCES: Final = ("clickstream", "store-visits", "orders", "responses", "profiles")
"""The source topics; the index is the *source number* that records keep. Append only."""

DERIVED: Final = len(SOURCES)
"""The source number of events that follow from others. A further source would move it, and the rings of old records."""

DERIVED_TOPIC: Final = "rerouted"
"""The internal topic by which derived events travel."""

MAX_VALUE_BYTES: Final = 256 * 1024
"""The largest value of a source topic that is read at all, in bytes."""

MAX_MONEY: Final = 10**12
"""The largest price, in minor units."""

MAX_AMOUNT: Final = 10**15
"""The largest amount of a whole order, in minor units; a sum of lines beyond it counts as this."""

# The decoder checks lengths and the door the characters of all ids at once, because patterns would take msgspec
# 1.2 µs an event; they stand in the JSON Schema only. There "not" says the same once more: in some languages "$"
# also matches before a last line feed.
Id = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="1 to 64 printable ASCII characters without blanks.",
        extra_json_schema={"pattern": "^[!-~]+$", "not": {"pattern": "[^!-~]"}},
        extra={"characters": "id"},
    ),
]
CustomerId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="1 to 64 printable ASCII characters without blanks; the first is neither ~ nor #, "
        "which mark anonymous visitors and guest orders.",
        extra_json_schema={"pattern": '^[!"$-}][!-~]*$', "not": {"pattern": "^[~#]|[^!-~]"}},
        extra={"characters": "customer_id"},
    ),
]
Currency = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=3,
        description="ISO 4217 code, three upper-case letters.",
        extra_json_schema={"pattern": "^[A-Z]{3}$"},
        extra={"characters": "currency"},
    ),
]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its zone.")]
OccurredAt = Annotated[
    datetime,
    Meta(
        tz=True,
        description="When it happened: RFC 3339, with its zone, seconds 00 to 59. "
        "A blank or a small t between day and time, and an offset without its colon, are read as well.",
        extra_json_schema={
            "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
            "([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])$",
            "not": {"pattern": "^0000|\\n"},
        },
    ),
]
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=512)]
Url = Annotated[str, Meta(max_length=2048)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
Money = Annotated[int, Meta(ge=0, le=MAX_MONEY, description="Minor units of the currency.")]
Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT, description="Minor units of the currency.")]
Seconds = Annotated[int, Meta(ge=0, le=31_622_400)]
Rating = Annotated[int, Meta(ge=1, le=5)]

Channel = Literal["web", "store", "order"]
"""Where a customer is active: a bitmap of days for each."""


def snake_case(class_name: str) -> str:
    """
    Say the event type of a class.

    >>> snake_case("CartItemAdded")
    'cart_item_added'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="event_type", tag=snake_case):
    """Something that happened to a customer, or that a customer did."""

    customer_act: ClassVar[bool] = True
    """Whether the customer acted; only acts make an active day."""
    act_channel: ClassVar[Channel | None] = None
    """The channel whose active days this type fills; an order may fill a second one."""
    weight: ClassVar[int] = 0
    """How much taking part this is worth, in points; looking at a page is 1."""
    source_topic: ClassVar[str]

    event_id: Id
    schema_version: Literal[1]
    occurred_at: OccurredAt
    customer_id: CustomerId | None = None
    anonymous_id: Id | None = None
    session_id: Id | None = None
    source: Label | None = None


def source_number(kind: type[Event]) -> int:
    """
    Say the source number of an event type, DERIVED for what follows from other events.

    >>> source_number(type("Rang", (Event,), {"source_topic": "orders"}))
    2
    """
    return DERIVED if kind.source_topic == DERIVED_TOPIC else SOURCES.index(kind.source_topic)
