"""What comes out of a step does not depend on slices; what is said is said once, and in time."""

import random
from datetime import timezone
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import ChurnRisk, Event, NextBestAction
from streams.core.catalogue import EMPTY
from streams.core.churn import instant_of
from streams.core.decode import Door, Refused, identity_of
from streams.core.document import document
from streams.core.record import dump, engagement_bytes, load
from streams.core.rules import Rules
from streams.core.signals import Signal
from streams.core.step import Advance, advance
from tests.core.stories import (
    CATALOGUE,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    RULES,
    Story,
    event,
    histories,
    second,
    source_of,
    taught_rules,
)


def run(happenings: list[tuple[str, Event | int]], cuts: list[int], rules: Rules, now_s: int | None) -> Any:
    """Advance events and rechecks (a due second) in slices cut at these places; everything that came out, by key."""
    bodies: dict[str, bytes] = {}
    signals: dict[str, list[Signal]] = {}
    muted: dict[str, int] = {}
    wakes: dict[str, int | None] = {}
    bounds = [0, *sorted(cuts), len(happenings)]
    born: set[str] = set()
    for start, end in pairwise(bounds):
        slice_ = Advance(rules, now_s)
        for key, one in happenings[start:end]:
            if isinstance(one, Event):
                slice_.observe(key, bodies.get(key), source_of(one), one)
                born.add(key)
            elif key in born:
                slice_.recheck(key, bodies.get(key, b""), one)
        for key, step in slice_.finish().items():
            bodies[key] = step.body
            signals.setdefault(key, []).extend(step.signals)
            muted[key] = muted.get(key, 0) + step.muted
            wakes[key] = step.wake_at
    return bodies, signals, muted, wakes


@settings(deadline=None, max_examples=150)
@given(
    histories(max_size=50, span_days=60),
    st.lists(st.integers(0, 90 * 86400), max_size=15),
    st.lists(st.integers(0, 65), max_size=12),
    st.randoms(use_true_random=False),
    st.sampled_from([0, second(NOON + 20 * DAY)]),
    st.sampled_from([None, second(NOON + 30 * DAY)]),
    st.booleans(),
)
def test_slices_do_not_show(
    events: list[Event], dues: list[int], cuts: list[int], rng: random.Random, speak_from_s: int, now_s: int | None,
    is_taught: bool,
) -> None:  # fmt: skip
    """However events and rechecks of several customers are cut into slices, the same comes out."""
    rules = msgspec.structs.replace(taught_rules() if is_taught else RULES, speak_from_s=speak_from_s, hysteresis=0.24)
    happenings: list[Event | int] = [*events, *(second(NOON) + due for due in dues)]
    rng.shuffle(happenings)
    keyed = [(rng.choice(["c1", "c1", "c1", "c2", "~a1", "#o1"]), one) for one in happenings]
    whole = run(keyed, [], rules, now_s)

    assert whole == run(keyed, [min(cut, len(keyed)) for cut in cuts], rules, now_s)
    assert whole == run(keyed, list(range(1, len(keyed))), rules, now_s)


@settings(deadline=None, max_examples=60)
@given(histories(max_size=30, span_days=300), st.lists(st.integers(0, 400 * 86400), max_size=8))
def test_wake_ups_are_later_than_assessments_and_leave_the_engagement_alone(
    events: list[Event], dues: list[int]
) -> None:
    """Whatever happens: a wake-up is later than the assessment, and a recheck leaves the acts as they were."""
    story = Story()
    for one in events:
        step = advance(RULES, "c1", story.body, source_of(one), one)
        if step is not None and not isinstance(step, Refused):
            story.body, story.wake_at = step.body, step.wake_at
            assert step.wake_at is None or step.wake_at > load(step.body).stance.assessed_s  # type: ignore[union-attr]
    assert story.body is not None
    before = engagement_bytes(story.body)
    for due in dues:
        story.wakes(second(NOON) + due)

    assert before == engagement_bytes(story.body)
    assert story.body == dump(load(story.body))


@settings(deadline=None, max_examples=40)
@given(histories(max_size=25, span_days=100))
def test_silence_comes_to_an_end(events: list[Event]) -> None:
    """Left alone for three years after any history, a customer is woken a bounded number of times, then never again."""
    story = Story()
    for one in events:
        slice_ = Advance(RULES)
        slice_.observe("c1", story.body, source_of(one), one)
        story._note(slice_)
    for _ in range(40):
        if story.wake_at is None:
            break
        story.wakes()

    assert story.wake_at is None


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
        ).map(msgspec.json.encode),
    ),
    st.integers(0, 2),
)
def test_nothing_raises_on_arbitrary_bytes_and_json(raw: bytes, source: int) -> None:
    """Any bytes and any JSON are refused at the door or advanced, never raised upon."""
    one = Door(source, accept_from_s=0).read(raw, None)
    if not isinstance(one, Refused):
        advance(RULES, identity_of(one) or "", None, source, one)

    assert isinstance(one, Refused | Event)


@settings(deadline=None, max_examples=200)
@given(histories(max_size=6), st.datetimes(), st.integers(-50_000, 50_000), st.sampled_from([None, 0, 2**33]))
def test_nothing_raises_on_any_event_at_any_time(
    events: list[Event], at: Any, offset_s: int, now_s: int | None
) -> None:
    """Any decoded event at any instant of the calendar is advanced or refused, whatever the day boundary."""
    rules = msgspec.structs.replace(RULES, day_offset_s=offset_s)
    body = None
    for one in [
        *events,
        msgspec.structs.replace(events[0], event_id="odd", occurred_at=at.replace(tzinfo=NOON.tzinfo)),
    ]:
        step = advance(rules, "c1", body, source_of(one), one, now_s)
        if step is not None and not isinstance(step, Refused):
            body = step.body

    assert isinstance(body, bytes)


def test_a_duplicate_changes_nothing() -> None:
    """The same event again is a duplicate: no step, no signal."""
    one = event("page_viewed")
    step = advance(RULES, "c1", None, 0, one)
    assert step is not None
    assert not isinstance(step, Refused)

    assert advance(RULES, "c1", step.body, 0, one) is None


def test_a_second_event_of_a_slice_uses_the_record_in_hand() -> None:
    """Within a slice the stored bytes are read once; later events build on what is in hand."""
    slice_ = Advance(RULES)
    slice_.observe("c1", None, 0, event("page_viewed", NOON))
    slice_.observe("c1", None, 0, event("page_viewed", NOON + MINUTE))

    assert [2] == load(slice_.finish()["c1"].body).engagement.totals


def test_a_guest_order_is_kept_and_says_nothing() -> None:
    """A guest is not scored: no stance, no signal, no wake-up, no document."""
    story = Story(key="#o1").happens("order_placed", guest=True)
    assert story.last is not None

    assert (None, (), None, False) == (story.record.stance, story.last.signals, story.wake_at, story.last.show)


def test_a_customer_who_only_received_something_is_not_scored() -> None:
    """Without any act there is no rhythm, so there is no score."""
    story = Story().happens("order_delivered")

    assert ([], None, -1) == (story.said, story.wake_at, story.record.stance.band)  # type: ignore[union-attr]


def test_a_band_is_carried_from_snapshot_to_snapshot_within_a_slice() -> None:
    """Hysteresis goes by the band before, also when that band was found in the same slice."""
    rules = msgspec.structs.replace(RULES, hysteresis=0.24, catalogue=EMPTY)
    days: list[tuple[str, Event | int]] = [("c1", event("page_viewed", NOON + number * DAY)) for number in range(8)]

    assert run(days, list(range(1, 8)), rules, None) == run(days, [], rules, None)
    assert {"critical", "high", "medium"} <= {signal.label for signal in run(days, [], rules, None)[1]["c1"]}


def test_the_first_assessment_is_spoken() -> None:
    """The first act of a customer is spoken, by the contract's own Struct, with its cause."""
    story = Story().happens("page_viewed", event_id="first")
    spoken = msgspec.json.decode(story.said[0].body, type=ChurnRisk)

    assert ("c1", None, None, "first", NOON) == (
        spoken.customer_id, spoken.anonymous_id, spoken.previous_band, spoken.cause.event_id, spoken.as_of
    )  # fmt: skip


def test_a_visitor_without_a_name_is_spoken_of_by_anonymous_id() -> None:
    """The key's mark does not reach readers."""
    spoken = Story(key="~a7").happens("page_viewed").latest("churn-risk")

    assert (None, "a7") == (spoken["customer_id"], spoken["anonymous_id"])


def test_instants_are_published_in_utc() -> None:
    """A publisher's zone does not reach readers; the instant is the same."""
    there = NOON.astimezone(timezone(2 * HOUR))

    assert "2026-03-02T12:00:00Z" == Story().happens("page_viewed", there).latest("churn-risk")["cause"]["at"]


def test_clicks_of_the_same_day_are_not_spoken() -> None:
    """A second click on the same day cannot change the score: nothing is said, nothing shown."""
    story = Story().happens("page_viewed", NOON).happens("search_performed", NOON + MINUTE)
    assert story.last is not None

    assert ((), False) == (story.last.signals, story.last.show)


def regular(days: int = 40, rules: Rules = RULES, now_s: int | None = None) -> Story:
    """Tell of somebody who looks in daily, and whose risk is low."""
    story = Story(rules, now_s=now_s)
    for number in range(days):
        story.happens("page_viewed", NOON + number * DAY)
    return story


def test_silence_raises_the_risk_band_by_band_at_the_instants_foretold() -> None:
    """Nothing happening is news: each band is reached when the customer's document said it would be."""
    story = regular()

    def crossing() -> Any:
        return msgspec.json.decode(document(RULES, "c1", story.body or b"", (0, 0, 0), 0))["next_crossing"]

    foretold = crossing()
    spoken = []
    while story.wake_at is not None:
        count = len(story.bands)
        story.wakes()
        if len(story.bands) > count and story.bands[-1] != story.bands[count - 1]:
            word = story.latest("churn-risk")
            spoken.append((word["band"], word["as_of"]))
            assert (foretold["band"], foretold["at"]) == spoken[-1]
            assert word["next_crossing"] == crossing()
            foretold = word["next_crossing"]

    assert ["medium", "high", "critical"] == [band for band, _ in spoken]
    assert foretold is None


def test_crossings_are_spread_over_their_day() -> None:
    """A hundred customers with one rhythm cross at a hundred different instants of one day."""
    slice_ = Advance(RULES)
    for number in range(100):
        slice_.observe(f"c{number}", None, 0, event("page_viewed", NOON))
        slice_.observe(f"c{number}", None, 0, event("page_viewed", NOON + DAY))
    stances = [load(step.body).stance for step in slice_.finish().values()]
    crossings = {stance.crossing_s for stance in stances if stance is not None}

    assert len(crossings) > 95
    assert max(crossings) - min(crossings) < 86400


def test_a_band_has_hysteresis() -> None:
    """A band is left downwards only below its edge less .05."""
    story = regular(3)
    stance = story.record.stance
    assert stance is not None
    bands = []
    for edge in (stance.risk + 0.04, stance.risk + 0.06):
        rules = msgspec.structs.replace(RULES, band_edges=(0.01, 0.02, edge))
        record = story.record
        assert record.stance is not None
        record.stance.band = 3
        again = Story(rules)
        again.body = dump(record)
        again.wakes(stance.assessed_s + 1)
        assert again.record.stance is not None
        bands.append(again.record.stance.band)

    assert [3, 2] == bands


def test_an_id_repeats_with_its_cause_and_with_nothing_else() -> None:
    """The same event gives the same id and bytes; another customer or another event gives another id."""
    one, other = event("page_viewed", event_id="a"), event("page_viewed", event_id="b")

    def ids(key: str, what: Event) -> list[str]:
        step = advance(RULES, key, None, 0, what)
        assert step is not None
        assert not isinstance(step, Refused)
        return [signal.signal_id for signal in step.signals]

    assert ids("c1", one) == ids("c1", one)
    assert 3 == len({*ids("c1", one), *ids("c2", one), *ids("c1", other)})


def test_a_stale_recheck_is_ignored() -> None:
    """A recheck that is due before the latest assessment finds that somebody has looked since."""
    story = regular(2)
    story.wakes(second(NOON))

    assert story.last is None


def test_a_backfill_is_quiet_and_made_good_once() -> None:
    """Before `speak_from` everything is remembered, counted as muted, and one current word follows."""
    speak_from = second(NOON + 100 * DAY)
    story = regular(40, msgspec.structs.replace(RULES, speak_from_s=speak_from))
    assert (story.muted > 2, []) == (True, story.said)
    while story.wake_at is not None and story.wake_at < speak_from:
        story.wakes()
    assert (speak_from, []) == (story.wake_at, story.said)

    story.wakes()

    assert ["critical"] == story.bands
    assert NOON + 100 * DAY == msgspec.json.decode(story.said[0].body, type=ChurnRisk).as_of
    assert story.latest("churn-risk")["previous_band"] is None


def test_a_word_since_then_makes_the_current_word_needless() -> None:
    """Who was heard of after `speak_from` anyway gets no second word at that instant."""
    speak_from = second(NOON + 39 * DAY)
    story = regular(42, msgspec.structs.replace(RULES, speak_from_s=speak_from))
    stance = story.record.stance
    assert stance is not None

    assert (1, False) == (len(story.bands), stance.muted)


def test_a_day_of_lag_is_quiet_and_made_good_now() -> None:
    """A word that would reach readers after its expiry is muted; the wish to be woken is now."""
    now_s = second(NOON + 60 * DAY)
    story = regular(40, now_s=now_s)
    assert ([], now_s) == (story.said, max(story.wake_at or 0, now_s))
    while story.wake_at is not None and story.wake_at < now_s:
        story.wakes()

    story.wakes()

    assert 1 == len(story.bands)


def test_a_muted_decision_is_answered_and_neither_rests_nor_blocks() -> None:
    """Nobody is contacted about the past, and the past does not stop a contact of today."""
    story = Story(msgspec.structs.replace(RULES, speak_from_s=second(NOON + 2 * HOUR)))
    story.happens("order_placed", NOON + HOUR).happens("cart_item_added", NOON + 2 * HOUR).until(NOON + 5 * HOUR)

    assert ["cart_abandoned"] == [one.moment for one in story.decisions]
    assert second(NOON + HOUR) == story.stance.answers["first_purchase"]
    assert set(story.stance.chosen) == set(story.actions)


def test_what_is_muted_is_what_would_have_been_said() -> None:
    """A muted word counts once, as it would have been spoken once."""
    spoken, muted = regular(), regular(40, msgspec.structs.replace(RULES, speak_from_s=second(NOON + 99 * DAY)))

    assert len(spoken.said) == muted.muted


def test_expiry_is_not_judged_under_the_stream_clock() -> None:
    """Without a wall clock nothing is too old to be said."""
    assert regular(3).said


def test_both_signals_follow_the_contract() -> None:
    """Everything said can be read by the contract's Structs."""
    story = Story().happens("order_placed").happens("cart_item_added", NOON + HOUR).until(NOON + 300 * DAY)
    kinds = {"churn-risk": ChurnRisk, "next-best-actions": NextBestAction}

    read = [msgspec.json.decode(signal.body, type=kinds[signal.kind]) for signal in story.said]

    assert [signal.signal_id for signal in story.said] == [one.signal_id for one in read]  # type: ignore[attr-defined]
    assert len({signal.signal_id for signal in story.said}) == len(story.said)


@pytest.mark.parametrize("at", [NOON.replace(year=1970, month=1, day=1), NOON.replace(year=2200)])
def test_an_instant_that_no_record_can_hold_is_refused(at: Any) -> None:
    """The first day of 1970 and everything after 2106 are refused, not raised upon."""
    outcome = advance(RULES, "c1", None, 0, event("page_viewed", at))

    assert isinstance(outcome, Refused)
    assert outcome.code == ("past" if at.year == 1970 else "future")


def test_an_instant_on_a_day_follows_the_boundary() -> None:
    """Day 10 begins at its midnight, moved by the offset."""
    assert 10 * 86400 - 3600 + 5 == instant_of(10, 3600, 5)


def test_what_comes_back_of_an_action_is_no_news() -> None:
    """Deliveries, openings and wishes change no score: nobody is scored for them, nothing is said."""
    story = Story().happens("page_viewed")
    assessed_s = story.stance.assessed_s
    story.happens("action_delivered", NOON + HOUR, decision_id="0" * 32, action="thanks", channel="email")
    story.happens("preferences_set", NOON + 2 * HOUR, language="de")

    assert (assessed_s, 1) == (story.stance.assessed_s, len(story.said))


def test_who_only_received_something_is_never_woken() -> None:
    """Without any act there is no score, so nothing is ever looked for."""
    story = Story().happens("order_delivered").happens("action_delivered", decision_id="0" * 32, action="thanks")

    assert None is story.wake_at


def test_catalogue_is_in_use() -> None:
    """A decision names the catalogue it was made by."""
    story = Story().happens("order_placed")

    assert CATALOGUE.version == story.latest("next-best-actions")["catalogue"]
