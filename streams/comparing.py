"""Comparing catalogues: what was added, taken away and changed, table by table, as their authors wrote it."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple


class Difference(NamedTuple):
    """One difference at a place such as `action cart_reminder` or `policy.holdout.share`."""

    kind: Literal["added", "removed", "changed"]
    place: str
    before: Any
    after: Any


def differences(before: str, after: str) -> list[Difference]:
    """
    List what a catalogue in TOML has other than another one; formatting, order of tables and comments do not count.

    Of segments the first that matches counts, so their order does.

    >>> differences("[policy]\\nat_once = 1", "[policy]\\nat_once = 2")
    [Difference(kind='changed', place='policy.at_once', before=1, after=2)]
    >>> [(one.kind, one.place) for one in differences("", "[[action]]\\nname = 'a'")]
    [('added', 'action a')]
    """
    old, new = _named(before), _named(after)
    return [*_between("", old, new), *_sequence(old.get("segments", {}), new.get("segments", {}))]


def _named(text: str) -> dict[str, Any]:
    """Read a catalogue with each action under its name."""
    tables = tomllib.loads(text)
    actions = tables.pop("action", [])
    return tables | {f"action {action['name']}": action for action in actions}


def _between(place: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in [*before, *(name for name in after if name not in before)]:
        inner = f"{place}.{name}" if place else name
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _between(inner, old, new)
        elif name not in after:
            yield Difference("removed", inner, old, None)
        elif name not in before:
            yield Difference("added", inner, None, new)
        elif old != new:
            yield Difference("changed", inner, old, new)


def _sequence(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Tell of segments that are asked in another order, those that both have."""
    old, new = [name for name in before if name in after], [name for name in after if name in before]
    if old != new:
        yield Difference("changed", "segments, in this order", old, new)
