"""
Facts: what a condition in the catalogue may ask of a customer, by name.

Law: `FACTS` is the only table of names, types and meanings, and a fact says what the customer's document of
the same instant says. A fact is found when it is first asked for, and then kept, so asking for one never costs
the others. None is "not known". Days are counted as the calendar of the shop does: 0 is today, 1 was yesterday.
"""

from collections.abc import Callable
from difflib import get_close_matches
from struct import Struct
from typing import Final, Literal, NamedTuple, get_args

from schemas import (
    BANDS,
    CONTACT_CHANNELS,
    EVENT_TYPES,
    ContactChannel,
    ContentShared,
    Event,
    ReferralSent,
    ReviewWritten,
    Stage,
    Survey,
)
from schemas.responses import SCORES
from streams.core.cart import cart_of
from streams.core.days import active_between
from streams.core.engagement import CART_CHANGES, HOUR_S, Engagement, day_of
from streams.core.newest import newest_second
from streams.core.profile import Consent, consent, preferences
from streams.core.record import ANONYMOUS_MARK
from streams.core.replies import answers
from streams.core.stance import Stance
from streams.core.tiles import COUNT, MONEY, STORE, WEB, sums

Kind = Literal["bool", "int", "float", "str"]
Value = bool | int | float | str | None

_SIXTY_FOUR_BITS: Final = 2**63
_MOST_DAYS: Final = 2**32 // 86400
"""Seconds have 32 bits in a record."""


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


Find = Callable[[Facts], Value]


class Fact(NamedTuple):
    """
    One name: its type, its meaning with the unit, and how it is found.

    `values` are all that a text may be, any if there are none; a number lies from `least` to `most`.
    """

    kind: Kind
    meaning: str
    find: Find
    values: tuple[str, ...] = ()
    least: int = 0
    most: int = 0


def _count(meaning: str, find: Find, most: int = _SIXTY_FOUR_BITS) -> Fact:
    return Fact("int", meaning, find, least=0, most=most)


def _net(meaning: str, find: Find) -> Fact:
    return Fact("int", meaning, find, least=-_SIXTY_FOUR_BITS, most=_SIXTY_FOUR_BITS)


def _average_order(facts: Facts) -> Value:
    engagement = facts.engagement
    sold = engagement.orders - engagement.foreign
    return engagement.revenue_minor // sold if sold > 0 else None


def _risk(facts: Facts) -> Value:
    return round(facts.stance.risk, 6) if facts.stance.band >= 0 else None


def _band(facts: Facts) -> Value:
    return BANDS[facts.stance.band] if facts.stance.band >= 0 else None


def _days_since(second: Callable[[Engagement], int]) -> Find:
    """Count the calendar days since a second of the record; None if it never came."""

    def find(facts: Facts) -> Value:
        then_s, offset_s = second(facts.engagement), facts.engagement.offset_s
        return day_of(facts.now_s, offset_s) - day_of(then_s, offset_s) if then_s >= 0 else None

    return find


def _total(kind: type[Event]) -> Find:
    number = EVENT_TYPES.index(kind)

    def find(facts: Facts) -> Value:
        totals = facts.engagement.totals
        return totals[number] if number < len(totals) else 0

    return find


def _active(bitmap: Callable[[Engagement], bytes], back: int) -> Find:
    def find(facts: Facts) -> Value:
        engagement = facts.engagement
        today = day_of(facts.now_s, engagement.offset_s)
        return active_between(int.from_bytes(bitmap(engagement), "little"), engagement, today - back + 1, today)

    return find


class Tiles(NamedTuple):
    """What is counted by the hour and by the day, and in which form."""

    hours: Callable[[Engagement], bytes]
    days: Callable[[Engagement], bytes]
    form: Struct


_ACTS: Final = Tiles(lambda engagement: engagement.hour_acts, lambda engagement: engagement.day_acts, COUNT)
_ORDERS: Final = Tiles(lambda engagement: engagement.hour_orders, lambda engagement: engagement.day_orders, COUNT)
_MONEY: Final = Tiles(lambda engagement: engagement.hour_money, lambda engagement: engagement.day_money, MONEY)


def _within(tiles: Tiles, hours: int, days: int, *channels: int) -> Find:
    """Add up tiles of some channels in a window of so many hours, or days, that ends now."""

    def find(facts: Facts) -> Value:
        engagement = facts.engagement
        last = facts.now_s // HOUR_S if hours else day_of(facts.now_s, engagement.offset_s)
        counted = (tiles.hours if hours else tiles.days)(engagement)
        found = sums(counted, tiles.form, last - (hours or days) + 1, last)
        return sum([found[channel] for channel in channels])

    return find


def _score(survey: Survey) -> Find:
    def find(facts: Facts) -> Value:
        return next((answer.score for answer in answers(facts.engagement.surveys) if answer.survey == survey), None)

    return find


def _allowed(channel: ContactChannel) -> Find:
    def find(facts: Facts) -> Value:
        return consent(facts.engagement, channel, "marketing")

    return find


_BITMAPS: Final[dict[str, tuple[str, Callable[[Engagement], bytes]]]] = {
    "web": ("on the web", lambda engagement: engagement.web),
    "store": ("in the shops", lambda engagement: engagement.store),
    "order": ("with an order", lambda engagement: engagement.order),
}
_WINDOWS: Final = {
    "h1": ("this hour and the one before", 2, 0),
    "h24": ("the last 24 hours, the current one included", 24, 0),
    "d7": ("the last 7 days, today included", 0, 7),
    "d30": ("the last 30 days, today included", 0, 30),
}
_SURVEYS: Final[dict[Survey, str]] = {
    "nps": "How likely they are to recommend us",
    "csat": "How content they were",
    "ces": "How easy it was for them",
}

FACTS: Final[dict[str, Fact]] = {
    "orders": _net("Orders, less those that were cancelled.", lambda facts: facts.engagement.orders),
    "revenue_minor": _net(
        "Spent so far, less cancellations and returns, in minor units of the shop's currency (1250 is 12.50).",
        lambda facts: facts.engagement.revenue_minor,
    ),
    "average_order_minor": _net("Spent per order, in minor units; unknown without an order.", _average_order),
    "risk": Fact("float", "Churn risk, a probability; unknown before the first assessment.", _risk, least=0, most=1),
    "band": Fact("str", "Band of the churn risk; unknown before the first assessment.", _band, BANDS),
    "segment": Fact(
        "str", "Segment, as the catalogue names it.", lambda facts: facts.stance.formed_segment or None
    ),
    "stage": Fact(
        "str", "How far the relation has come.", lambda facts: facts.stance.formed_stage, get_args(Stage)
    ),
    "is_anonymous": Fact(
        "bool", "A visitor without a customer number.", lambda facts: facts.key.startswith(ANONYMOUS_MARK)
    ),
    "loyalty": Fact("bool", "Joined the loyalty program.", lambda facts: facts.engagement.joined_s >= 0),
    "language": Fact(
        "str", "Preferred language ('en', 'de'); unknown if not stated.",
        lambda facts: preferences(facts.engagement).language,
    ),
    "preferred_channel": Fact(
        "str", "Channel on which they like to be reached; unknown if not stated.",
        lambda facts: preferences(facts.engagement).channel, CONTACT_CHANNELS,
    ),
    "cart": _count(
        f"Different products in the basket, as far as its {CART_CHANGES} latest changes tell.",
        lambda facts: len(cart_of(facts.engagement)), CART_CHANGES,
    ),
    "days_known": _count("Days since first seen.", _days_since(lambda engagement: engagement.first_s), _MOST_DAYS),
    "days_since_act": _count(
        "Days since the last visit, order or other act; unknown without one.",
        _days_since(lambda engagement: engagement.last_act_s), _MOST_DAYS,
    ),
    "days_since_order": _count(
        "Days since the last order; unknown without one.",
        _days_since(lambda engagement: engagement.last_order_s), _MOST_DAYS,
    ),
    "complaint_days": _count(
        "Days since the last complaint; unknown without one.",
        _days_since(lambda engagement: newest_second(engagement.complaint)), _MOST_DAYS,
    ),
    **{
        f"marketing.{channel}": Fact(
            "str", f"What they said of marketing on the channel {channel}.", _allowed(channel), get_args(Consent)
        )
        for channel in CONTACT_CHANNELS
    },
    **{
        f"last_survey.{survey}": Fact(
            "int", f"{told}, as last answered; unknown without an answer.",
            _score(survey), (), *SCORES[survey],
        )
        for survey, told in _SURVEYS.items()
    },
    "participation.reviews": _count("Reviews written.", _total(ReviewWritten)),
    "participation.shares": _count("Contents shared.", _total(ContentShared)),
    "participation.referrals": _count("Referrals sent.", _total(ReferralSent)),
    **{
        f"days_active.{channel}.d{back}": _count(
            f"Days {where} within the last {back}, today included.", _active(bitmap, back), back
        )
        for channel, (where, bitmap) in _BITMAPS.items()
        for back in (30, 90, 365)
    },
    **{
        f"windows.{window}.{name}": fact
        for window, (when, hours, days) in _WINDOWS.items()
        for name, fact in {
            "web": _count(f"Acts on the web in {when}.", _within(_ACTS, hours, days, WEB)),
            "store": _count(f"Acts in the shops in {when}.", _within(_ACTS, hours, days, STORE)),
            "orders": _net(f"Orders in {when}, less cancellations.", _within(_ORDERS, hours, days, WEB, STORE)),
            "revenue_minor": _net(
                f"Spent in {when}, less cancellations and returns, in minor units.",
                _within(_MONEY, hours, days, WEB, STORE),
            ),
        }.items()
    },
}  # fmt: skip
"""Every name that a condition may use, and nothing else is one."""


def unknown(name: str) -> str:
    """Say that a name is none of these, with the nearest that is."""
    lower = name.lower()
    if lower in ("none", "null"):
        return f"There is no '{name}'; what is not known makes a comparison false, and not of it true."
    group = [known for known in FACTS if known.startswith(f"{lower}.")]
    if group:
        return f"'{name}' is a group of names; write one of them, for example '{group[0]}'."
    last = lower.rpartition(".")[2]
    near = get_close_matches(lower, FACTS, n=1) or [known for known in FACTS if known.rpartition(".")[2] == last]
    return f"There is no '{name[:48]}'" + (f"; did you mean '{near[0]}'?" if near else " among the names of facts.")
