"""
Moments: the contacts that count, found in what a customer did.

Law: a moment is a pure function of engagement, stance and the catalogue's rule for it. It has a key - the second of
what caused it, or the beginning of that day -, an instant at which it opens, one at which it closes, and a strength.
A moment whose key is not greater than the one last answered under its name has been answered. So neither copies nor
the order of arrival ask for a second answer.
"""

from hashlib import blake2b
from typing import Final, NamedTuple

from streams.core.catalogue import Catalogue, MomentName, MomentRule
from streams.core.clocks import ANSWERING, RESPOND_WITHIN_S
from streams.core.engagement import DAY_S, Engagement
from streams.core.moments_found import FIND, Find, Scope, causes_of
from streams.core.moments_weighed import USUAL, WEIGH, Weigh
from streams.core.once import once
from streams.core.stance import NONE, Stance

UNRULED: Final = MomentRule(window_s=7 * DAY_S)
"""The rule of moments that are looked for even where the catalogue has none: somebody waits for an answer."""


class Moment(NamedTuple):
    """
    A contact that counts: instants in seconds since 1970, the strength in hundredths, 5 to 100 in steps of 5.

    It is open from `opens_s` on and before `closes_s`. `key` and name tell it from the customer's other moments.
    """

    name: MomentName
    key: int
    opens_s: int
    closes_s: int
    strength: int


Sought = tuple[MomentName, Find, Weigh, MomentRule]
"""A moment to look for: its name, how it is found and weighed, and its rule."""


class Watch(NamedTuple):
    """What a catalogue asks to look for, and which of it each sum of causes leaves."""

    sought: tuple[tuple[int, Sought], ...]
    by_causes: dict[int, tuple[Sought, ...]]
    scope: Scope


def moment_id(customer_key: str, moment: Moment) -> str:
    """
    Name a moment by 16 hexadecimal digits, the same wherever and whenever it is found.

    >>> moment_id("c1", Moment("return_made", 1_772_452_800, 1_772_452_800, 1_772_539_200, 50))
    'f0b7123822419371'
    """
    return blake2b(f"{customer_key} {moment.name} {moment.key}".encode(), digest_size=8).hexdigest()


def look(catalogue: Catalogue, engagement: Engagement, stance: Stance) -> list[Moment]:
    """
    Find every moment that was not answered yet and had not closed when the stance was last assessed, open or to come.

    Moments are looked for that have a rule and an action in the catalogue; a complaint, a detractor and an overdue
    response in any case. One that had not opened yet is weighed when it opens; until then its strength is the usual.
    """
    causes = causes_of(engagement, stance)
    if not causes:
        return []
    watch = _watch(catalogue)
    sought = watch.by_causes.get(causes)
    if sought is None:
        sought = watch.by_causes[causes] = tuple([one for needed, one in watch.sought if needed & causes])
    answers, assessed_s, scope = stance.answers, stance.assessed_s, watch.scope
    moments = []
    for name, find, weigh, rule in sought:
        for key, opens_s in find(engagement, stance, rule, scope):
            closes_s = opens_s + rule.window_s
            if closes_s > assessed_s and answers.get(name, NONE) < key:
                weight = USUAL if opens_s > assessed_s else weigh(engagement, stance)
                moments.append(Moment(name, key, opens_s, closes_s, weight))
    return moments


def next_opening(moments: list[Moment], stance: Stance) -> int:
    """
    Say when the next unanswered moment opens, always later than the latest assessment; -1 if none is in sight.

    One that is open already waits for the end of quiet hours if these hold a decision back, else for the next second.
    """
    soonest_s, assessed_s = NONE, stance.assessed_s
    for name, key, opens_s, closes_s, _ in moments:
        if closes_s <= assessed_s or stance.answers.get(name, NONE) >= key:
            continue
        if opens_s > assessed_s:
            wake_s = opens_s
        else:
            wake_s = stance.held_until_s if stance.held_until_s > assessed_s else assessed_s + 1
        if soonest_s < 0 or wake_s < soonest_s:
            soonest_s = wake_s
    return soonest_s


@once
def _watch(catalogue: Catalogue) -> Watch:
    """Prepare what a catalogue asks for."""
    rules = {name: catalogue.moments.get(name, UNRULED) for name in ANSWERING}
    rules |= {name: rule for name, rule in catalogue.moments.items() if name in catalogue.by_moment}
    sought = tuple((needed, (name, find, WEIGH[name], rules[name])) for name, needed, find in FIND if name in rules)
    promised_s = max(rules[name].respond_within_s or RESPOND_WITHIN_S for name in ANSWERING)
    return Watch(sought, {}, Scope(catalogue, frozenset(rules), promised_s))
