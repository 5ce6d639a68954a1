"""A catalogue that was parsed is whole; what is wrong is said by action and field."""

import pytest

from streams.core.catalogue import WORDS, Action, CatalogueError, parse
from streams.core.moments import FIND, tell
from tests.core.stories import CATALOGUE, DAY, NOON, Story, second

GOOD = {
    "name": '"thanks"',
    "moment": '"first_purchase"',
    "channel": '"email"',
    "purpose": '"relation"',
    "priority": "10",
    "window_s": "3600",
    "cooldown_s": "0",
    "expires_after_s": "3600",
    "message": '"Thank you."',
}


def written(**changes: str | None) -> str:
    """One action in TOML, with fields changed, added or (None) left out."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return "[[action]]\n" + "\n".join(f"{name} = {value}" for name, value in fields.items()) + "\n"


def test_the_shipped_catalogue_answers_every_moment() -> None:
    """Every moment the code knows has an action in the shipped catalogue."""
    assert set(FIND) == {action.moment for action in CATALOGUE.actions} == set(WORDS)


def test_actions_stand_in_order_of_priority_and_then_of_name() -> None:
    """The order in the file does not matter."""
    text = written(name='"b"') + written(name='"a"') + written(name='"c"', priority="20")

    assert ["c", "a", "b"] == [action.name for action in parse(text).actions]


def test_the_version_follows_the_meaning() -> None:
    """Comments and order do not change the version, a limit does."""
    a, b = written(name='"a"'), written(name='"b"')

    assert parse(a + b).version == parse("# hello\n" + b + a).version
    assert parse(a).version != parse(written(name='"a"', cooldown_s="1")).version


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (written(cooldown_s="-1"), "Action 'thanks': field 'cooldown_s': expected `int` >= 0."),
        (written(channel=None), "Action 'thanks': object missing required field `channel`."),
        (written(colour='"red"'), "Action 'thanks': object contains unknown field `colour`."),
        (written(message='"Hi {name}"'), "Action 'thanks': field 'message' uses {name}; first_purchase knows orders."),
        (written(message='"Hello {"'), "Action 'thanks': field 'message' has a brace without its partner."),
        (written(name='"nothing"'), "Action 'nothing': field 'name' is taken by the decision to do nothing."),
        (
            written(moment='"milestone"'),
            "Action 'thanks': field 'milestones' belongs to the moment milestone, and only there.",
        ),
        (written() + written(), "Action 'thanks': the name occurs more than once."),
        (written(name=None), "Action 1: object missing required field `name`."),
        ("[settings]\n", "The catalogue has a table 'settings'; it may only have [[action]] tables and [segments]."),
        ("action = 3\n", "The catalogue's actions must be written as [[action]] tables."),
        (
            written(valid_from="2026-02-01T00:00:00Z", valid_until="2026-01-01T00:00:00Z"),
            "Action 'thanks': field 'valid_until' must be later than valid_from.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_action_and_field(text: str, sentence: str) -> None:
    """One sentence names the action, the field and what was expected."""
    with pytest.raises(CatalogueError) as caught:
        parse(text)

    assert sentence == str(caught.value)


def test_what_is_not_toml_is_said_with_its_place() -> None:
    """A slip of the pen is shown by line and column."""
    with pytest.raises(CatalogueError, match="line 1, column"):
        parse("[[action\n")


def test_too_many_actions_are_refused() -> None:
    """Thirty-two actions at most: every one may leave a line in every record."""
    with pytest.raises(CatalogueError, match="at most 32"):
        parse("".join(written(name=f'"a{number}"') for number in range(33)))


def test_every_moment_fills_exactly_the_names_it_promises() -> None:
    """What a message may use is what the moment tells."""
    story = Story()
    for number in range(3):
        story.happens("order_placed", NOON + number * DAY)
    at = NOON + 3 * DAY
    story.happens("cart_item_added", at).happens("product_viewed", at).happens("store_entered", at)
    stance = story.record.stance
    assert stance is not None

    told = {moment: set(tell(moment, story.record.engagement, stance, second(at)).words) for moment in WORDS}

    assert {moment: set(names) for moment, names in WORDS.items()} == told


def test_an_action_refuses_what_it_does_not_know() -> None:
    """A misspelt field would silently change nothing; it is refused instead."""
    assert Action.__struct_config__.forbid_unknown_fields
