"""
Facts: what a condition in the catalogue may ask of a customer, by name.

Law: `FACTS` is the only table of names, types and meanings, and a fact says what the customer's document of
the same instant says. A fact is found when it is first asked for, and then kept, so asking for
one never costs the others. None is "not known"; days are the shop's calendar days, today is 0.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from schemas import BANDS
from streams.core.engagement import Engagement
from streams.core.stance import Stance

Kind = Literal["bool", "int", "float", "str"]
Value = bool | int | float | str | None


class Facts(dict[str, Value]):
    """The facts of one customer at an instant (second since 1970), never earlier than the record itself."""

    __slots__ = ("engagement", "key", "now_s", "stance")

    def __init__(self, key: str, engagement: Engagement, stance: Stance, now_s: int) -> None:
        """Take the record as it stands; nothing is found yet."""
        self.key, self.engagement, self.stance = key, engagement, stance
        self.now_s = max(now_s, engagement.last_s, stance.assessed_s)

    def __missing__(self, name: str) -> Value:
        """Find a fact and keep it; raise KeyError for a name that is not in FACTS."""
        value = self[name] = FACTS[name].find(self)
        return value


class Fact(NamedTuple):
    """One name: its type, what it says with its unit, how it is found, and for texts all that it may be (else any)."""

    kind: Kind
    meaning: str
    find: Callable[[Facts], Value]
    values: tuple[str, ...] = ()
    least: float = -(2**63)
    most: float = 2**63


FACTS: Final[dict[str, Fact]] = {
    "orders": Fact("int", "Orders, net of cancellations.", lambda facts: facts.engagement.orders),
    "band": Fact(
        "str",
        "The band of the churn risk.",
        lambda facts: BANDS[facts.stance.band] if facts.stance.band >= 0 else None,
        BANDS,
    ),
}
"""Every name that a condition may use."""
