"""The best thing to do next for a customer, with the reason why; often: nothing."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import CustomerId, Id, Label, Time
from schemas.contacts import ContactChannel, Purpose
from schemas.signals import Cause, Sentence, SignalId

Minor = Annotated[int, Meta(ge=0, le=1_000_000_000, description="Minor units of the base currency.")]
Arm = Literal["treated", "holdout"]
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
Words = Annotated[str, Meta(max_length=2048)]


class Candidate(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """
    What was weighed: score = propensity x context_weight x value_minor x lever - cost_minor.

    `probability` is that of being chosen. The last candidate is "nothing", for no moment, with a score of 0;
    where a duty is among them, all are duties, and "nothing" is none.
    """

    action: Label
    moment: Label | None
    propensity: Probability
    context_weight: Annotated[float, Meta(ge=0.0)]
    value_minor: Minor
    lever: Annotated[float, Meta(ge=0.0)]
    cost_minor: Minor
    score: float
    probability: Probability


class RefusedAction(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An action that was considered and stopped at a gate, why, and until when it stays so, where that is known."""

    action: Label
    moment: Label
    gate: Label
    until: Time | None = None
    detail: Annotated[str, Meta(max_length=256)] = ""


class NextBestAction(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """
    One decision. `action` is "nothing" where nothing was weighed best, every action was refused, or in the
    holdout, which keeps everything back but duties.

    `would_have` is the action that the holdout kept back. `probability` is that of what was chosen among the
    candidates: the propensity by which outcomes are weighted. `strength` of the moment is from 0.05 to 1.
    """

    signal_id: SignalId
    customer_id: CustomerId | None
    anonymous_id: Id | None
    as_of: Time
    action: Label
    would_have: Label | None
    arm: Arm
    experiments: Annotated[dict[Label, Label], Meta(max_length=64)]
    moment: Label
    moment_id: Annotated[str, Meta(min_length=16, max_length=16, pattern="^[0-9a-f]{16}$")]
    strength: Annotated[float, Meta(gt=0.0, le=1.0)]
    moment_expires_at: Time
    channel: ContactChannel | None
    purpose: Purpose | None
    reason: Sentence
    message: Words | None
    template: Label | None
    variables: Annotated[dict[Label, Words], Meta(max_length=16)]
    language: Label | None
    candidates: Annotated[tuple[Candidate, ...], Meta(min_length=1, max_length=65)]
    refused: Annotated[tuple[RefusedAction, ...], Meta(max_length=64)]
    probability: Probability
    expires_at: Time
    respond_by: Time | None
    catalogue: Annotated[str, Meta(min_length=1, max_length=64, description="Version of the catalogue: its hash.")]
    cause: Cause
