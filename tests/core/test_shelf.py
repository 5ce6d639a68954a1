"""The shelf: which of the pushed catalogues serves an instant, and that decisions go by it."""

from msgspec.structs import replace

from streams.core.catalogue import EMPTY
from streams.core.rules import Rules
from streams.core.shelf import Shelf
from tests.core.decided import action, catalogue
from tests.core.stories import DAY, HOUR, NOON, Story, second

FIRST, SECOND, THIRD = (replace(EMPTY, version=name) for name in ("first", "second", "third"))


def shelf(*pushed: tuple[int, object]) -> Shelf:
    """Push catalogues one after another, each with the second from which it serves."""
    made = Shelf()
    for effective_s, one in pushed:
        made.add(effective_s, one)
    return made


def versions(made: Shelf, *seconds: int) -> list[str | None]:
    found = [made.serving(at) for at in seconds]
    return [one and one.version for one in found]


def test_a_catalogue_serves_from_its_instant_until_the_next() -> None:
    """To the second, whatever the order in which they were pushed."""
    expected = [None, "first", "first", "second", "second"]

    assert expected == versions(shelf((100, FIRST), (200, SECOND)), 99, 100, 199, 200, 10**9)
    assert expected == versions(shelf((200, SECOND), (100, FIRST)), 99, 100, 199, 200, 10**9)


def test_of_two_with_the_same_instant_the_later_pushed_serves() -> None:
    """So one that does not serve yet can be taken back; an earlier instant changes nothing of that."""
    made = shelf((200, FIRST), (200, SECOND), (100, THIRD))

    assert ["third", "second"] == versions(made, 199, 200)
    assert 3 == len(made)


def test_before_the_first_the_own_catalogue_serves() -> None:
    """An empty shelf changes nothing, and neither does one that serves later."""
    assert "third" == Rules(catalogue=THIRD).catalogue_at(5).version
    rules = Rules(catalogue=THIRD, shelf=shelf((100, FIRST)))

    assert ["third", "first"] == [rules.catalogue_at(at).version for at in (99, 100)]


def test_decisions_go_by_the_catalogue_of_their_instant() -> None:
    """Also when both are known long before, and for a recheck as for an event."""
    old, new = (catalogue(action(name, channel="web", prior=[999_000, 1000])) for name in ("thanks", "hello"))
    story = Story(Rules(catalogue=old, shelf=shelf((second(NOON + DAY), new))), key="c1")
    other = Story(story.rules, key="c2")

    story.happens("order_placed", NOON)
    other.happens("order_placed", NOON + DAY)

    assert [old.version] == [one.catalogue for one in story.decisions]
    assert [new.version] == [one.catalogue for one in other.decisions]


def test_what_waits_over_the_change_is_decided_by_the_new_catalogue() -> None:
    """A moment that quiet hours hold overnight finds the catalogue of the morning."""
    old, new = (catalogue(action(name, prior=[999_000, 1000])) for name in ("thanks", "hello"))
    midnight = NOON + 12 * HOUR
    story = Story(Rules(catalogue=old, shelf=shelf((second(midnight), new))))

    story.happens("order_placed", NOON + 10 * HOUR).until(NOON + DAY)

    assert [new.version] == [one.catalogue for one in story.decisions]
    assert NOON + 20 * HOUR == story.decisions[0].as_of
