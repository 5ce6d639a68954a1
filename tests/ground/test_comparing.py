"""Comparing catalogues: what their authors changed, and nothing that is only written otherwise."""

import pytest

from streams.comparing import differences
from streams.rules import text_of

CARD = '[[action]]\nname = "card"\nchannel = "post"\n'
NOTE = '[[action]]\nname = "note"\nchannel = "push"\n[action.template]\nen = "Hello."\n'


def told(before: str, after: str) -> list[tuple[str, str, object, object]]:
    return [tuple(one) for one in differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a = 1", "a = 2", ("changed", "a", 1, 2)),
        ("", "[policy]\nat_once = 2", ("added", "policy", None, {"at_once": 2})),
        ("[policy]\nat_once = 2", "[policy]", ("removed", "policy.at_once", 2, None)),
        (
            "[policy.holdout]\nshare = 0.1",
            "[policy.holdout]\nshare = 0.2",
            ("changed", "policy.holdout.share", 0.1, 0.2),
        ),
        ("", CARD, ("added", "action card", None, {"name": "card", "channel": "post"})),
        (NOTE, NOTE.replace("Hello.", "Hi."), ("changed", "action note.template.en", "Hello.", "Hi.")),
        (NOTE, NOTE + 'de = "Hallo."\n', ("added", "action note.template.de", None, "Hallo.")),
        ("[segments]\nnew = {}", "[segments]\nnew = 1", ("changed", "segments.new", {}, 1)),
    ],
)
def test_each_difference_is_told_at_its_place(before: str, after: str, expected: tuple[object, ...]) -> None:
    """Added, removed or changed, by the innermost table; actions go by their names."""
    assert [expected] == told(before, after)


def test_the_order_of_actions_and_the_way_of_writing_are_no_difference() -> None:
    """Comments, blanks, inline tables and another order of the actions say nothing."""
    first = f"[policy]\nholdout = {{ share = 0.1 }}\n{CARD}{NOTE}"
    second = f"# newer\n{NOTE}{CARD}\n[policy.holdout]\nshare   = 0.1\n"

    assert [] == told(first, second)


def test_another_order_of_segments_is_a_difference() -> None:
    """The first that matches counts; what was added or taken away is told by itself."""
    first, second = "[segments]\na = {}\nb = {}\n", "[segments]\nb = {}\na = {}\n"

    assert [("changed", "segments, in this order", ["a", "b"], ["b", "a"])] == told(first, second)
    assert [("added", "segments.c", None, {})] == told(first, "[segments]\nc = {}\na = {}\nb = {}")


def test_an_action_with_another_name_is_another_action() -> None:
    """It is taken away and added, for its cool-downs and budgets begin anew."""
    found = [one[:2] for one in told(CARD, CARD.replace('"card"', '"letter"'))]

    assert [("removed", "action card"), ("added", "action letter")] == found


def test_a_catalogue_is_what_it_was() -> None:
    """The shipped one has no difference to itself, and all that is in it against an empty one."""
    text = text_of("")

    assert [] == told(text, text)
    assert {"added"} == {one[0] for one in told("", text)}
