"""What both signals and the customer's document are made of."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from schemas.common import Id, Time

Band = Literal["low", "medium", "high", "critical"]
BANDS: Final[tuple[Band, ...]] = ("low", "medium", "high", "critical")

Stage = Literal["discovering", "considering", "buying", "returning", "advocating"]

SignalId = Annotated[
    str,
    Meta(
        min_length=32,
        max_length=32,
        pattern="^[0-9a-f]{32}$",
        description="Two signals with the same id are the same signal, byte for byte.",
    ),
]
Risk = Annotated[float, Meta(ge=0.0, le=1.0, description="Probability of no act within the horizon.")]
Sentence = Annotated[str, Meta(max_length=1024)]


class Cause(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Why a signal was spoken: an event, or silence that lasted until `at`."""

    topic: Literal["clickstream", "store-visits", "orders", "responses", "profiles", "rerouted", "recheck"]
    event_id: Id | None
    at: Time


class NextCrossing(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The band that will be reached, and when, if nothing happens."""

    band: Band
    at: Time
