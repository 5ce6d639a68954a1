"""A year in the lives of some hundred customers: what they do is drawn, and what is decided for them is delivered."""

import re
from collections.abc import Iterator
from datetime import timedelta
from heapq import merge
from random import Random
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from schemas import Event, NextBestAction
from streams.core.catalogue import NOTHING, Holdout, parse
from streams.core.decode import second_of
from streams.core.record import load
from streams.core.rules import Rules
from streams.core.signals import NEXT_BEST_ACTIONS, Signal
from streams.core.stance import Stance
from streams.replay import Origin, Replay
from streams.rules import text_of
from tests.core.stories import DAY, HOUR, MINUTE, NOON, event, source_of

DAYS = 365
CONSENTS = (
    ("email", "relation", 0.9), ("email", "marketing", 0.8), ("push", "marketing", 0.5), ("post", "relation", 0.5)
)  # fmt: skip
HERE = Origin("", 0)

_decode = msgspec.json.Decoder(NextBestAction).decode


class Year(NamedTuple):
    """What a year left: all decisions, each customer's in order, and where each customer stands."""

    decisions: list[NextBestAction]
    stances: dict[str, Stance]


def shipped(share: float, budget: int, *, duties: bool = True) -> Rules:
    """Go by the shipped catalogue with another share of the holdout, other budgets, and duties or none."""
    text = re.sub(r"budget_per_day = \d+", f"budget_per_day = {budget}", text_of(""))
    catalogue = parse(text if duties else re.sub(r"(?m)^duty = true", "duty = false", text))
    policy = replace(catalogue.policy, holdout=Holdout(share=share, salt="arms"))
    return Rules(catalogue=replace(catalogue, policy=policy))


def lived(rules: Rules, customers: int, days: int = DAYS) -> Year:
    """
    Let customers live so many days; whatever is decided for them is delivered five minutes later.

    Each lives by the own source of chance, so what is decided changes nothing of what anybody does.
    """
    decisions: list[NextBestAction] = []

    def delivered(signal: Signal) -> Event | None:
        if signal.kind != NEXT_BEST_ACTIONS:
            return None
        decisions.append(_decode(signal.body))
        return None if signal.label == NOTHING else _delivered(decisions[-1])

    run = Replay(rules, lambda _: None, _buried, echo=delivered)
    for act in merge(*(_life(number, days) for number in range(customers)), key=second_of):
        run.take(HERE, source_of(act), b"", act)
    run.close()
    stances = {key: stance for key, body in run.bodies.items() if (stance := load(body).stance) is not None}
    return Year(decisions, stances)


def _buried(letter: object) -> None:
    raise AssertionError(letter)


def _delivered(decision: NextBestAction) -> Event:
    return event(
        "action_delivered", decision.as_of + 5 * MINUTE, f"d-{decision.signal_id}", customer_id=decision.customer_id,
        decision_id=decision.signal_id, action=decision.action, channel=decision.channel,
    )  # fmt: skip


def _life(number: int, days: int) -> Iterator[Event]:
    """About one thing a week, and now and then none for months."""
    who, chance = f"c{number}", Random(number)
    at = NOON + chance.random() * 7 * DAY
    for channel, purpose, share in CONSENTS:
        if chance.random() < share:
            consent = {"customer_id": who, "channel": channel, "purpose": purpose}
            yield event("consent_given", at, f"{who}-{channel}-{purpose}", **consent)
    count = 0
    while at < NOON + days * DAY:
        for tag, later, fields in _week(chance, count):
            yield event(tag, at + later, f"{who}-{count}", customer_id=who, **fields)
            count += 1
        at += chance.expovariate(1 / 6) * DAY + 12 * HOUR
        if chance.random() < 0.03:
            at += chance.uniform(40, 120) * DAY


def _week(chance: Random, count: int) -> Iterator[tuple[str, timedelta, dict[str, object]]]:
    kind = chance.choices(
        ("cart", "checkout", "look", "order", "helped", "visit", "complaint", "survey", "return", "referral"),
        (20, 8, 15, 22, 8, 10, 2, 6, 4, 2),
    )[0]
    if kind in ("cart", "checkout"):
        yield "cart_item_added", timedelta(), {}
        if kind == "checkout":
            yield "checkout_started", MINUTE, {}
    elif kind == "look":
        for minutes in range(3):
            yield "product_viewed", minutes * MINUTE, {}
    elif kind == "order":
        yield "order_placed", timedelta(), {"order_id": f"o{count}"}
    elif kind == "helped":
        yield "associate_helped", timedelta(), {}
    elif kind == "visit":
        yield "store_entered", timedelta(), {}
    elif kind == "complaint":
        yield "complaint_made", timedelta(), {}
    elif kind == "survey":
        yield "survey_answered", timedelta(), {"score": chance.randrange(11)}
    elif kind == "return":
        yield "order_returned", timedelta(), {}
    else:
        yield "referral_converted", timedelta(), {}
