"""How likely a customer is to leave: spoken the first time, when band, segment or stage change, and on a real move."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.common import Currency, CustomerId, Id, Label, Time
from schemas.signals import Band, Cause, NextCrossing, Risk, Sentence, SignalId, Stage


class Reason(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One thing that drives the risk, in words and in figures."""

    code: Label
    text: Sentence
    figures: Annotated[dict[Label, float | None], Meta(max_length=16)] = msgspec.field(default_factory=dict)


Money = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Minor units of `currency`; to rank by, not to book.")]


class Counterfactual(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the risk would be, had the customer just acted."""

    act: Literal["visit", "order"]
    risk: Risk


class ChurnRisk(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """
    The risk that a customer does nothing within the horizon, seen from `as_of`.

    While `calibrated` is false the shop's history is too short, and the risk comes from the customer's own rhythm.
    """

    signal_id: SignalId
    customer_id: CustomerId | None
    anonymous_id: Id | None
    as_of: Time
    horizon_days: Annotated[int, Meta(ge=1, le=366)]
    risk: Risk
    band: Band
    previous_band: Band | None
    calibrated: bool
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=5)]
    counterfactuals: Annotated[tuple[Counterfactual, ...], Meta(max_length=4)]
    expected_value: Money
    value_at_risk: Money
    currency: Currency
    next_crossing: NextCrossing | None
    model_version: Label
    n_labels: Annotated[int, Meta(ge=0, le=2**63 - 1, description="How many customer weeks the model has learned.")]
    segment: Label
    stage: Stage
    cause: Cause
    expires_at: Time
