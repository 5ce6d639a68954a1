"""
Signals: what a step says aloud, with an id that repeats when its cause repeats.

Law: the id is a hash of the customer, the kind, the cause and the ordinal. A cause is an event
(topic, time, id) or the due instant of a recheck. Every number spoken is finite.
"""

import math
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Final, overload

import msgspec

from schemas import (
    BANDS,
    DERIVED_TOPIC,
    SOURCES,
    Cause,
    ChurnRisk,
    Counterfactual,
    Event,
    NextBestAction,
    NextCrossing,
    Reason,
    Stage,
)
from streams.core.churn import MODEL as RHYTHM
from streams.core.hazard import Model
from streams.core.learner import first_day_of
from streams.core.record import ANONYMOUS_MARK
from streams.core.rules import Rules
from streams.core.value import value_at_risk

CHURN_RISK: Final = "churn-risk"
NEXT_BEST_ACTIONS: Final = "next-best-actions"
REROUTED: Final = "rerouted"
"""The kind of a signal to another customer, who folds it as an event."""

_TOPICS: Final = (*SOURCES, DERIVED_TOPIC)
"""The topics by source number."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_from_timestamp: Final = datetime.fromtimestamp

encode = msgspec.json.Encoder().encode


class Signal(msgspec.Struct, frozen=True, gc=False):
    """
    One thing to say: `kind` is the output topic, `label` the band or the action, for metrics.

    With `to` it is said to another customer, whose key that is, and `label` is the event's type.
    """

    kind: str
    signal_id: str
    body: bytes
    label: str
    to: str = ""


class Happening(msgspec.Struct, frozen=True, gc=False):
    """What made us look: an event of a source, or (event None) silence that lasted until `due_s`."""

    source: int
    event: Event | None
    due_s: int


@overload
def at(second: int) -> datetime: ...
@overload
def at(second: None) -> None: ...
def at(second: int | None) -> datetime | None:
    """Turn a second since 1970 into an instant in UTC."""
    return None if second is None else _from_timestamp(second, UTC)


def names_of(key: str) -> tuple[str | None, str | None]:
    """
    Split a key into customer_id and anonymous_id.

    >>> names_of("c1"), names_of("~a7")
    (('c1', None), (None, 'a7'))
    """
    return (None, key[1:]) if key.startswith(ANONYMOUS_MARK) else (key, None)


def signal_id(key: str, kind: str, happening: Happening, ordinal: int = 0) -> str:
    """Say the id of a signal: 32 hexadecimal digits."""
    event = happening.event
    if event is None:
        cause = f"recheck {happening.due_s}"
    else:
        microsecond = (event.occurred_at - _EPOCH) // _MICROSECOND
        cause = f"{_TOPICS[happening.source]} {microsecond} {event.event_id}"
    return blake2b(f"{key} {kind} {cause} {ordinal}".encode(), digest_size=16).hexdigest()  # no part holds a blank


def cause_of(happening: Happening) -> Cause:
    """Name the cause as it is published."""
    event = happening.event
    if event is None:
        return Cause(topic="recheck", event_id=None, at=at(happening.due_s))
    occurred_at = event.occurred_at
    if occurred_at.tzinfo is not UTC:
        occurred_at = occurred_at.astimezone(UTC)
    return Cause(topic=_TOPICS[happening.source], event_id=event.event_id, at=occurred_at)


def churn_risk(
    key: str, happening: Happening, *, rules: Rules, now_s: int, risk: float, band: int, previous_band: int,
    model: Model | None, reasons: tuple[Reason, ...], counterfactuals: tuple[Counterfactual, ...],
    expected_value: float, crossing: NextCrossing | None, segment: str, stage: Stage,
) -> Signal:  # fmt: skip
    """Say how likely a customer is to leave; without a model by the own rhythm."""
    assert math.isfinite(risk)
    customer_id, anonymous_id = names_of(key)
    spoken = ChurnRisk(
        signal_id=signal_id(key, CHURN_RISK, happening),
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        as_of=at(now_s),
        horizon_days=rules.horizon_days,
        risk=round(risk, 6),
        band=BANDS[band],
        previous_band=None if previous_band < 0 else BANDS[previous_band],
        calibrated=model is not None,
        reasons=reasons,
        counterfactuals=counterfactuals,
        expected_value=round(expected_value),
        value_at_risk=round(value_at_risk(risk, expected_value)),
        currency=rules.base_currency,
        next_crossing=crossing,
        model_version=RHYTHM if model is None else version_name(model),
        n_labels=0 if model is None else model.n_labels,
        segment=segment,
        stage=stage,
        cause=cause_of(happening),
        expires_at=at(now_s + rules.churn_risk_expires_s),
    )
    return Signal(CHURN_RISK, spoken.signal_id, encode(spoken), spoken.band)


def version_name(model: Model) -> str:
    """
    Name a version by the Monday after its week.

    >>> version_name(Model(version=2914))
    'hazard-2025-11-17'
    """
    return _named(model.version)


@lru_cache(maxsize=64)
def _named(version: int) -> str:
    monday = date(1970, 1, 1) + timedelta(days=first_day_of(version + 1))
    return f"hazard-{monday.isoformat()}"


def next_best_action(spoken: NextBestAction) -> Signal:
    """Say what is best to do next."""
    return Signal(NEXT_BEST_ACTIONS, spoken.signal_id, encode(spoken), spoken.action)
