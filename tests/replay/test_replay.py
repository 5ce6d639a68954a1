"""Replay: the same as one event after another, whatever the windows, and silence is heard in its time."""

import json
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from schemas import DERIVED, SOURCES, Event
from streams import replay as module
from streams.core.decode import Door, Refused, identity_of, second_of
from streams.core.record import engagement_bytes
from streams.core.rules import Rules
from streams.core.signals import Signal
from streams.core.step import Advance, advance
from streams.replay import Origin, Replay, Replayed, replay
from streams.rules import read_catalogue
from streams.simulate.shoppers import Crowd, shoppers
from streams.trying import delivered

START_MS = 1_767_225_600_000
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
RULES = Rules(catalogue=read_catalogue(""))
DOORS = [Door(source, accept_from_s=0) for source in (*range(len(SOURCES)), DERIVED)]


@cache
def crowd() -> list[tuple[int, bytes]]:
    return [(told.source, told.body) for told in shoppers(Crowd(seed=5, customers=60, start_ms=START_MS, days=75))]


def act(event_id: str, day: float, event_type: str = "page_viewed", **fields: Any) -> tuple[int, bytes]:
    event = {
        "event_id": event_id, "event_type": event_type, "schema_version": 1, "customer_id": "c1",
        "occurred_at": (MONDAY + timedelta(days=day)).isoformat(),
    } | fields  # fmt: skip
    source = 1 if event_type.startswith("store") else 0
    return source, json.dumps(event).encode()


def read(source: int, raw: bytes) -> Event:
    event = DOORS[source].read(raw, None)
    assert not isinstance(event, Refused)
    return event


def one_by_one(events: list[tuple[int, bytes]]) -> Replayed:
    """The plainest way to say it: before each event all rechecks that are due by then, earliest first."""
    done, wake, now_s = Replayed({}, [], []), dict[str, int](), -1

    def silence(until_s: int) -> None:
        while due := min(((due_s, key) for key, due_s in wake.items() if due_s <= until_s), default=None):
            due_s, key = due
            del wake[key]
            slice_ = Advance(RULES)
            slice_.recheck(key, done.bodies[key], due_s)
            for step in slice_.finish().values():
                keep(key, step)

    def keep(key: str, step: Any) -> None:
        done.bodies[key] = step.body
        done.signals += step.signals
        wake.pop(key, None)
        if step.wake_at is not None:
            wake[key] = step.wake_at

    def fold(source: int, event: Event) -> None:
        key = identity_of(event) or ""
        step = advance(RULES, key, done.bodies.get(key), source, event)
        if step is not None and not isinstance(step, Refused):
            keep(key, step)

    for source, raw in events:
        now_s = max(now_s, second_of(read(source, raw)))
        silence(now_s)
        fold(source, read(source, raw))
        while told := next((signal for signal in done.signals if signal.to), None):
            done.signals.remove(told)
            fold(DERIVED, read(DERIVED, told.body))
    silence(now_s)
    return done


def said(replayed: Replayed) -> list[tuple[str, bytes]]:
    return sorted((signal.signal_id, signal.body) for signal in replayed.signals)


def of_kind(replayed: Replayed, kind: str) -> list[dict[str, Any]]:
    return [json.loads(signal.body) for signal in replayed.signals if signal.kind == kind]


def test_a_replay_is_one_event_after_another() -> None:
    """Windows, rounds and pieces change nothing: records and signals are those of the plainest loop."""
    plain, quick = one_by_one(crowd()), replay(crowd(), RULES)

    assert plain.bodies == quick.bodies
    assert said(plain) == said(quick)
    assert len(quick.signals) > 300


@pytest.mark.parametrize("size", [1, 7, 400])
def test_the_size_of_the_window_changes_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a window ends is of no consequence for anybody."""
    whole = replay(crowd(), RULES)
    monkeypatch.setattr(module, "WINDOW_EVENTS", size)

    cut = replay(crowd(), RULES)

    assert (whole.bodies, said(whole)) == (cut.bodies, said(cut))


def test_what_comes_back_is_folded_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions that are delivered at once count for what comes after them, wherever a window ends."""
    replayed = []
    for size in (40, 4000):
        monkeypatch.setattr(module, "WINDOW_EVENTS", size)
        done = Replayed({}, [], [])
        run = Replay(RULES, done.signals.append, done.dead_letters.append, echo=delivered)
        for number, (source, raw) in enumerate(crowd()):
            run.take(Origin("", number), source, raw, DOORS[source].read(raw, None))
        run.close()
        replayed.append((run.bodies, said(done), done.dead_letters))
    alone = said(replay(crowd(), RULES))

    assert replayed[0] == replayed[1]
    assert [] == replayed[0][2]
    assert len(replayed[0][1]) > 300
    assert alone != replayed[0][1]


def test_any_order_gives_the_same_engagement() -> None:
    """What files say about a customer does not depend on how their lines are sorted, within the rings' reach."""
    chance = random.Random(1)
    places = sorted(range(len(crowd())), key=lambda place: place + chance.uniform(0, 200))
    shuffled = [crowd()[place] for place in places]

    first, second = replay(crowd(), RULES), replay(shuffled, RULES)

    assert [] == second.dead_letters
    assert {key: engagement_bytes(body) for key, body in first.bodies.items()} == {
        key: engagement_bytes(body) for key, body in second.bodies.items()
    }


def test_signals_come_in_order_of_their_instants() -> None:
    """Whoever reads a replay reads a story, not a heap."""
    spoken = [json.loads(signal.body)["as_of"] for signal in replay(crowd(), RULES).signals]

    assert sorted(spoken) == spoken


def test_silence_is_heard_when_others_go_on() -> None:
    """A customer who stops coming is spoken of again as soon as time, told by others, has passed the instant."""
    steady = [act(f"e{day}", day) for day in range(0, 40, 4)]
    others = [act(f"x{day}", day, customer_id="c2") for day in range(40, 200, 4)]

    replayed = replay(steady + others, RULES)

    silent = [
        risk
        for risk in of_kind(replayed, "churn-risk")
        if risk["customer_id"] == "c1" and risk["cause"]["topic"] == "recheck"
    ]
    assert ["critical"] == [risk["band"] for risk in silent][-1:]
    assert all(risk["as_of"] == risk["cause"]["at"] for risk in silent)


def test_until_leaves_out_what_is_later_and_lets_silence_last() -> None:
    """The records are those of the given instant, whether events stopped before it or went on after it."""
    steady = [act(f"e{day}", day) for day in range(0, 40, 4)]
    end_s = int((MONDAY + timedelta(days=150)).timestamp())

    stopped = replay(steady, RULES, until_s=end_s)
    went_on = replay([*steady, act("later", 151)], RULES, until_s=end_s)

    assert stopped == went_on
    assert "critical" == of_kind(stopped, "churn-risk")[-1]["band"]
    assert len(stopped.signals) > len(replay(steady, RULES).signals)


def test_refused_events_are_dead_letters_with_their_place() -> None:
    """Nothing is silently dropped: code and bytes of each refused event, in order of the input."""
    events = [act("e1", 0), (0, b"{"), act("e2", 0, customer_id=None), act("e3", 1)]

    letters = replay(events, RULES).dead_letters

    assert [(2, "malformed", b"{"), (3, "unroutable", events[2][1])] == [
        (letter.origin.number, letter.code, letter.raw) for letter in letters
    ]


def test_a_duplicate_changes_nothing() -> None:
    """The same event twice is the same event."""
    assert replay([act("e1", 0)], RULES) == replay([act("e1", 0), act("e1", 0)], RULES)


def test_a_fault_of_ours_costs_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the worker, an event on which the core fails is put aside as `internal`, and all others are folded."""
    observe = Advance.observe

    def faulty(self: Advance, key: str, body: bytes | None, source: int, event: Event) -> Any:
        if event.event_id == "bad":
            raise ZeroDivisionError
        return observe(self, key, body, source, event)

    monkeypatch.setattr(Advance, "observe", faulty)
    others = [act("e1", 0), act("e3", 0.001), act("x1", 1, customer_id="c2")]

    replayed = replay([others[0], act("bad", 0), *others[1:]], RULES)

    assert [(2, "internal")] == [(letter.origin.number, letter.code) for letter in replayed.dead_letters]
    assert replay(others, RULES).bodies == replayed.bodies


def test_a_replay_keeps_quiet_about_what_it_is_told_to() -> None:
    """With a later `speak_from` a backfill changes records and says nothing."""
    quiet = Rules(catalogue=RULES.catalogue, speak_from_s=2**32 - 1)

    replayed = replay([act("e1", 0), act("e2", 9)], quiet)

    assert list[Signal]() == replayed.signals
    assert ["c1"] == list(replayed.bodies)
