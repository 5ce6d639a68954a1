"""How likely a customer is to leave: spoken the first time, on a change of band, and on a real move."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from schemas.common import CustomerId, Id, Label, Time
from schemas.signals import Band, Cause, NextCrossing, Risk, Sentence, SignalId


class Reason(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One thing that drives the risk, in words and in figures."""

    code: Label
    text: Sentence
    figures: Annotated[dict[Label, float | None], Meta(max_length=16)] = msgspec.field(default_factory=dict)


class ChurnRisk(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The risk that a customer does nothing within the horizon, seen from `as_of`."""

    signal_id: SignalId
    customer_id: CustomerId | None
    anonymous_id: Id | None
    as_of: Time
    horizon_days: Annotated[int, Meta(ge=1, le=366)]
    risk: Risk
    band: Band
    previous_band: Band | None
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=5)]
    next_crossing: NextCrossing | None
    model: Label
    cause: Cause
    expires_at: Time
