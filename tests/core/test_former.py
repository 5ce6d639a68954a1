"""Records of the former stance go on, and nobody is contacted twice because of it."""

from typing import Any

import msgspec

from streams.core.former import FORMER, Former
from streams.core.record import FORMAT, load, load_folded
from tests.core.stories import HOUR, MINUTE, NOON, Story, second


def before(story: Story, **said: Any) -> bytes:
    """Write a story's record as it was written before."""
    stance = story.stance
    same = {name: getattr(stance, name) for name in Former.__struct_fields__ if hasattr(stance, name)}
    former = Former(**same | {"answers": {}} | said)
    record = story.record
    return msgspec.msgpack.encode((FORMER, record.engagement, former, record.wake_s))


def test_a_stance_of_the_former_format_is_brought_up() -> None:
    """What was assessed and said stays; what was chosen rests on, and what holds the floor holds a slot."""
    story = Story().happens("order_placed", NOON).happens("page_viewed", NOON + HOUR)
    at_s = second(NOON)
    answers = {"thanks": (at_s, at_s), "cart_reminder": (at_s - 500, 0)}
    body = before(story, answers=answers, pending_action="thanks", pending_until_s=at_s + 7200)

    stance = load(body).stance

    assert stance is not None
    assert (story.stance.risk, story.stance.formed_segment, story.stance.heard_s) == (
        stance.risk, stance.formed_segment, stance.heard_s
    )  # fmt: skip
    assert {"thanks": at_s} == stance.chosen
    assert {at_s} == set(stance.answers.values())
    assert [("thanks", at_s, at_s + 7200, False)] == [
        (one.action, one.since_s, one.until_s, one.shadow) for one in stance.reservations
    ]


def test_what_was_answered_before_is_not_answered_again() -> None:
    """A first order that was thanked for before the change brings no second decision about it."""
    story = Story().happens("order_placed", NOON)
    story.body = before(story, answers={"thanks": (second(NOON), second(NOON))})
    said = len(story.said)
    story.happens("order_delivered", NOON + HOUR)

    assert said == len(story.said)
    assert FORMAT == load_folded(story.body or b"").format


def test_a_record_whose_stance_nobody_reads_keeps_its_format() -> None:
    """A click that changes no stance passes its bytes on as they are."""
    story = Story().happens("page_viewed", NOON)
    story.body = before(story)
    story.happens("page_viewed", NOON + MINUTE)

    assert FORMER == load_folded(story.body or b"").format
    assert story.stance.assessed_s == second(NOON)


def test_a_guest_order_of_the_former_format_has_no_stance() -> None:
    """What had no stance has none."""
    record = Story(key="#o1").happens("order_placed", guest=True).record
    body = msgspec.msgpack.encode((FORMER, record.engagement, None, record.wake_s))

    assert load(body).stance is None
