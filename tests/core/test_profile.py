"""Consents and preferences are what was last said of them, whatever the order of arrival."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import CONTACT_CHANNELS, PURPOSES, ContactChannel, Purpose
from streams.core import registers
from streams.core.profile import UNSAID, Preferences, consent, preferences
from tests.core.stories import DAY, HOUR, NOON, Story

SAYINGS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.binary(max_size=5)), max_size=30)


@settings(deadline=None, max_examples=150)
@given(SAYINGS, st.randoms(use_true_random=False), st.integers(0, 30))
def test_registers_are_the_latest_of_each_slot(said: list[tuple[int, int, bytes]], rng, cut: int) -> None:  # type: ignore[no-untyped-def]
    """However sayings are ordered, repeated or divided, a blob holds the greatest second and value of each slot."""
    expected: dict[int, tuple[int, bytes]] = {}
    for slot, at, value in said:
        expected[slot] = max(expected.get(slot, (-1, b"")), (at, value))
    again = [*said, *said[:cut]]
    rng.shuffle(again)
    one, other = b"", b""
    for saying in again[:cut]:
        one = registers.put(one, *saying)
    for saying in again[cut:]:
        other = registers.put(other, *saying)

    assert registers.union(one, other) == registers.union(other, one)
    assert [(slot, *expected[slot]) for slot in sorted(expected)] == list(
        registers.entries(registers.union(one, other))
    )


def test_every_consent_and_preference_has_a_slot_of_its_own() -> None:
    """No two share a slot, and all fit into a byte."""
    slots = [registers.consent_slot(*pair) for pair in itertools.product(CONTACT_CHANNELS, PURPOSES)]
    slots += [registers.ZONE, registers.LANGUAGE, registers.QUIET, registers.CHANNEL]

    assert len(slots) == len(set(slots))
    assert max(slots) < 256


def test_silence_is_no_consent() -> None:
    """Before anything was said every consent is unknown and no preference is known."""
    engagement = Story().happens("page_viewed").record.engagement

    assert "unknown" == consent(engagement, "email", "marketing")
    assert UNSAID == preferences(engagement)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_later_saying_counts_whichever_arrives_first(backwards: bool) -> None:
    """A withdrawal of noon is undone by a consent of the evening, not by one of the morning."""
    said = [("consent_given", NOON - HOUR), ("consent_withdrawn", NOON), ("consent_given", NOON + HOUR)]
    states = []
    for sayings in (said[:2], said):
        story = Story()
        for tag, at in reversed(sayings) if backwards else sayings:
            story.happens(tag, at, channel="sms", purpose="relation")
        states.append(consent(story.record.engagement, "sms", "relation"))

    assert ["withdrawn", "given"] == states


@pytest.mark.parametrize("first", ["consent_given", "consent_withdrawn"])
def test_within_a_second_a_withdrawal_counts(first: str) -> None:
    """Who says yes and no in one second has said no."""
    (then,) = {"consent_given", "consent_withdrawn"} - {first}
    story = Story().happens(first, NOON).happens(then, NOON + timedelta(milliseconds=300))

    assert "withdrawn" == consent(story.record.engagement, "web", "marketing")


def test_unsubscribing_leaves_service_and_other_channels() -> None:
    """Without a purpose all but service of that channel is withdrawn; with one, only that."""
    story = Story()
    for channel, purpose in itertools.product(("email", "push"), PURPOSES):
        story.happens("consent_given", NOON, channel=channel, purpose=purpose)
    story.happens("unsubscribed", NOON + DAY, channel="email")
    story.happens("unsubscribed", NOON + DAY, channel="push", purpose="marketing")
    engagement = story.record.engagement

    def states(channel: ContactChannel) -> dict[Purpose, str]:
        return {purpose: consent(engagement, channel, purpose) for purpose in PURPOSES}

    assert {"service": "given", "relation": "withdrawn", "marketing": "withdrawn"} == states("email")
    assert {"service": "given", "relation": "given", "marketing": "withdrawn"} == states("push")


def test_preferences_are_said_one_by_one() -> None:
    """What is left out stays as it was said before; equal ends say that no quiet hours are wanted."""
    story = Story().happens("preferences_set", NOON, time_zone="Europe/London", quiet_from="21:30", quiet_until="07:05")
    first = preferences(story.record.engagement)
    story.happens("preferences_set", NOON + DAY, language="de", preferred_channel="sms")
    story.happens("preferences_set", NOON + 2 * DAY, quiet_from="00:00", quiet_until="00:00")

    assert Preferences("Europe/London", None, (1290, 425), None) == first
    assert Preferences("Europe/London", "de", (0, 0), "sms") == preferences(story.record.engagement)
