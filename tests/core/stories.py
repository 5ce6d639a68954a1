"""Builders for the core's tests: events at an instant, and a customer's story told step by step."""

import itertools
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import CONTACT_CHANNELS, EVENT_TYPES, PURPOSES, Event, NextBestAction, OrderEvent, OrderLine, source_number
from streams.core.book import Book, closed_week
from streams.core.budget import Ledger
from streams.core.catalogue import parse
from streams.core.record import Record, load
from streams.core.rules import Rules
from streams.core.stance import Stance
from streams.core.step import Advance, Signal, Step
from tests.core.habits_drawn import taught

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
BY_TAG: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in EVENT_TYPES}
CATALOGUE = parse((Path(__file__).parents[2] / "streams" / "core" / "catalogue.toml").read_text())
RULES = Rules(catalogue=CATALOGUE)
LEARNED_AT = NOON + 25 * DAY
"""From about here on the taught rules have another version."""


@cache
def taught_rules() -> Rules:
    """Rules with a calibrated model that serves from before NOON, and a later version that judges otherwise."""
    book, model = Book(), taught()
    for at in (NOON - 5 * DAY, LEARNED_AT):
        book.add(replace(model, version=closed_week(second(at))))
        model = replace(model, weights=(np.frombuffer(model.weights) * 0.8).tobytes())
    return replace(RULES, book=book)


LATIN = st.sampled_from(["p1", "p2", "p3"])

QUIET = st.sampled_from([(None, None), ("21:00", "08:00"), ("23:30", "06:15")])

_OFTEN = sorted(BY_TAG) + ["product_viewed"] * 9 + ["cart_item_added", "cart_item_removed", "store_entered"] * 2
_OFTEN += ["consent_given", "consent_withdrawn", "unsubscribed", "preferences_set", "action_delivered"] * 2
_counter = itertools.count()
_USUAL: dict[str, Any] = {
    "product_id": "p1",
    "store_id": "s1",
    "query": "scarf",
    "order_id": "o1",
    "currency": "GBP",
    "channel": "web",
    "amount_minor": 500,
    "decision_id": "d" * 32,
    "action": "try_at_home",
    "purpose": "marketing",
    "survey": "nps",
    "score": 9,
    "network": "instagram",
    "order_hash": "0" * 16,
    "lines": (OrderLine(product_id="p1", quantity=1, unit_price_minor=500),),
}


def event(tag: str, at: datetime = NOON, event_id: str | None = None, **fields: Any) -> Event:
    """Make an event; what is not said is usual."""
    usual = {"event_id": event_id or f"e{next(_counter)}", "schema_version": 1, "occurred_at": at, "customer_id": "c1"}
    return BY_TAG[tag](**_usual_of(tag) | usual | fields)


@cache
def _usual_of(tag: str) -> dict[str, Any]:
    required = {field.name for field in msgspec.structs.fields(BY_TAG[tag]) if field.required}
    return {name: value for name, value in _USUAL.items() if name in required}


def source_of(one: Event) -> int:
    """Say the number of the topic an event comes from."""
    return source_number(one.__class__)


def second(at: datetime) -> int:
    """Say an instant in seconds since 1970."""
    return int(at.timestamp())


class Story:
    """One customer's story: events happen, time passes, and everything said is kept."""

    def __init__(
        self, rules: Rules = RULES, key: str = "c1", now_s: int | None = None, ledger: Ledger | None = None
    ) -> None:
        self.rules, self.key, self.now_s, self.ledger = rules, key, now_s, ledger
        self.body: bytes | None = None
        self.wake_at: int | None = None
        self.said: list[Signal] = []
        self.muted = self.events = 0
        self.last: Step | None = None

    def happens(self, tag: str, at: datetime = NOON, **fields: Any) -> "Story":
        """Let an event happen, without letting time pass before it; its id is that of its place in the story."""
        self.events += 1
        one = event(tag, at, **{"event_id": f"s{self.events}"} | fields)
        advance = Advance(self.rules, self.now_s, self.ledger)
        advance.observe(self.key, self.body, source_of(one), one)
        return self._note(advance)

    def wakes(self, at_s: int | None = None) -> "Story":
        """Look again, at the instant asked for unless another is given."""
        due_s = self.wake_at if at_s is None else at_s
        assert due_s is not None
        assert self.body is not None
        advance = Advance(self.rules, self.now_s, self.ledger)
        advance.recheck(self.key, self.body, due_s)
        return self._note(advance)

    def until(self, at: datetime) -> "Story":
        """Let time pass: every wish to be woken before that instant is granted."""
        while self.wake_at is not None and self.wake_at <= second(at):
            self.wakes()
        return self

    def _note(self, advance: Advance) -> "Story":
        self.last = advance.finish().get(self.key)
        advance.put_down()
        if self.last is not None:
            self.body, self.wake_at = self.last.body, self.last.wake_at
            self.said += self.last.signals
            self.muted += self.last.muted
        return self

    @property
    def record(self) -> Record:
        assert self.body is not None
        return load(self.body)

    @property
    def actions(self) -> list[str]:
        """The actions decided, in order."""
        return [signal.label for signal in self.said if signal.kind == "next-best-actions"]

    @property
    def decisions(self) -> list[NextBestAction]:
        """The decisions as a reader sees them, in order."""
        bodies = [signal.body for signal in self.said if signal.kind == "next-best-actions"]
        return [msgspec.json.decode(body, type=NextBestAction) for body in bodies]

    @property
    def stance(self) -> Stance:
        stance = self.record.stance
        assert stance is not None
        return stance

    @property
    def bands(self) -> list[str]:
        """The bands spoken, in order."""
        return [signal.label for signal in self.said if signal.kind == "churn-risk"]

    def latest(self, kind: str) -> dict[str, Any]:
        """The latest signal of a kind, as a reader sees it."""
        body: dict[str, Any] = msgspec.json.decode([signal.body for signal in self.said if signal.kind == kind][-1])
        return body


@st.composite
def histories(draw: st.DrawFn, max_size: int = 40, span_days: int = 900) -> list[Event]:
    """Draw distinct events of one customer, some minutes and some years apart, in any order."""
    seconds = st.one_of(
        st.integers(0, span_days * 86400), st.integers(0, 7200), st.integers((span_days - 1) * 86400, span_days * 86400)
    )
    made = []
    for number, (tag, at) in enumerate(
        draw(st.lists(st.tuples(st.sampled_from(_OFTEN), seconds), min_size=1, max_size=max_size))
    ):
        made.append(event(tag, NOON + timedelta(seconds=at), event_id=f"h{number}", **_drawn(draw, BY_TAG[tag])))
    return made


def _drawn(draw: st.DrawFn, kind: type[Event]) -> dict[str, Any]:
    """Draw what matters of an event's fields."""
    names = set(kind.__struct_fields__)
    is_order = issubclass(kind, OrderEvent)
    drawn = {
        "product_id": LATIN,
        "channel": st.sampled_from(["web", "store"] if is_order else CONTACT_CHANNELS[:3]),
        "currency": st.sampled_from(["GBP", "GBP", "EUR"]) if is_order else st.sampled_from(["GBP"]),
        "purpose": st.sampled_from(PURPOSES),
        "decision_id": st.sampled_from(["0" * 32, "1" * 32]),
        "score": st.integers(1, 5),
        "survey": st.sampled_from(["nps", "csat", "ces"]),
        "sentiment": st.none() | st.floats(-1, 1),
        "time_zone": st.sampled_from([None, "Europe/London", "Asia/Kolkata"]),
        "language": st.sampled_from([None, "en", "de"]),
        "preferred_channel": st.sampled_from([None, "email", "push"]),
    }
    fields = {name: draw(values) for name, values in drawn.items() if name in names}
    if "quiet_from" in names:
        fields |= zip(("quiet_from", "quiet_until"), draw(QUIET), strict=True)
    return fields
