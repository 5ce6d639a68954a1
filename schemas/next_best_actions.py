"""The best thing to do next for a customer, with the reason why; often: nothing."""

from typing import Annotated

from msgspec import Meta, Struct

from schemas.common import CustomerId, Id, Label, Time
from schemas.signals import Cause, Sentence, SignalId


class RefusedAction(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An action that was considered and stopped at a gate, and until when it stays so."""

    action: Label
    gate: Label
    until: Time | None = None


class NextBestAction(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One decision; `action` is "nothing" when a moment was open and every action was refused."""

    signal_id: SignalId
    customer_id: CustomerId | None
    anonymous_id: Id | None
    as_of: Time
    action: Label
    moment: Label
    channel: Label | None
    reason: Sentence
    message: Sentence | None
    priority: float
    refused: Annotated[tuple[RefusedAction, ...], Meta(max_length=64)]
    expires_at: Time
    catalogue: Annotated[str, Meta(min_length=1, max_length=64, description="Version of the catalogue: its hash.")]
    cause: Cause
