"""
Telling: what drives a learned risk, group of features by group, in words and figures.

Law: a reason stands for what its group adds to the logit of one step compared with the mean customer
(`logit` among its figures), its words and other figures are read from the engagement at that instant.
Its code is the group. What lowers the risk says so at its beginning; what raises it needs no such word.

The most telling come first, which is the largest addition whatever its sign; from the band high on all
that raise the risk come before all that lower it, for there a way to act is looked for. At most five are
told, and nothing that adds no more than `LEAST_LOGIT`: of a customer like the mean there is nothing to tell.
"""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Final, NamedTuple

from schemas import BANDS, Reason
from streams.core.churn import active_days
from streams.core.days import active_between, latest_days, usual_days
from streams.core.engagement import Engagement, base_of, day_of
from streams.core.reasons import BEFORE_DAYS, MAX_REASONS, RECENT_DAYS
from streams.core.stance import NONE
from streams.core.tiles import COUNT, sums

LEAST_LOGIT: Final = 0.05
"""What changes the odds by less than a twentieth is not worth a word."""

MINOR_DIGITS: Final = {"CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "VND": 0, "BHD": 3, "KWD": 3, "OMR": 3, "TND": 3}
"""Digits of the minor unit where they are not two (ISO 4217)."""

STAYING: Final = "Speaks for staying: "

_HIGH: Final = BANDS.index("high")
_SIZE: Final = itemgetter(0)

Figures = dict[str, float | None]


class _Sight(NamedTuple):
    """
    A customer as of a day since 1970, that of bit `end` - 1 of the bitmaps.

    `days` are the active days as a bitmap; the first of them ever was `known_days` ago.
    """

    engagement: Engagement
    today: int
    end: int
    days: int
    known_days: int
    currency: str


def reasons_of(
    contributions: Mapping[str, float], engagement: Engagement, now_s: int, *, band: int = NONE, currency: str = ""
) -> tuple[Reason, ...]:
    """
    Say what drives a risk, given what each of `hazard.GROUPS` adds to its logit.

    `band` is 0 low to 3 critical, -1 unknown; `currency` that of the engagement's money.
    """
    known = contributions.get
    added = [(size, group) for group in _TELL if (size := abs(known(group, 0.0))) > LEAST_LOGIT]
    added.sort(key=_SIZE, reverse=True)  # of equal ones the first stays the first
    if band >= _HIGH:
        added.sort(key=lambda one: contributions[one[1]] < 0.0)
    sight = _sight(engagement, now_s, currency)
    return tuple([_reason(group, contributions[group], sight) for _, group in added[:MAX_REASONS]])


def _sight(engagement: Engagement, now_s: int, currency: str) -> _Sight:
    today = day_of(now_s, engagement.offset_s)
    end = max(0, today + 1 - base_of(engagement))
    known_days = today - day_of(engagement.first_act_s, engagement.offset_s)
    return _Sight(engagement, today, end, active_days(engagement), known_days, currency)


def _reason(group: str, logit: float, sight: _Sight) -> Reason:
    text, figures = _TELL[group](sight)
    figures["logit"] = round(logit, 3)
    if logit < 0.0:
        text = f"{STAYING}{text[0].lower()}{text[1:]}"
    return Reason(code=group, text=text, figures=figures)


def _silence(sight: _Sight) -> tuple[str, Figures]:
    engagement = sight.engagement
    silent = sight.today - day_of(engagement.last_act_s, engagement.offset_s)
    usual = usual_days(sight.days)
    since = f"No visit for {_count(silent, 'day')}" if silent else "Active today"
    if usual is None:
        return f"{since}; seen on one day only.", {"silent_days": silent}
    every = "day" if usual == 1 else _days(usual)
    return f"{since}; usually every {every}.", {"silent_days": silent, "usual_days": round(usual, 1)}


def _rhythm(sight: _Sight) -> tuple[str, Figures]:
    gaps = _intervals(sight.days)
    if not gaps:
        return "Seen on one day only, so there is no rhythm yet.", {}
    shortest, longest, last = min(gaps), max(gaps), gaps[0]
    figures: Figures = {"shortest_days": shortest, "longest_days": longest, "last_days": last}
    if len(gaps) == 1:
        return f"Seen on two days, {_count(last, 'day')} apart.", figures
    if shortest == longest:
        return f"Always {_count(last, 'day')} from one active day to the next.", figures
    text = f"From {shortest} to {_count(longest, 'day')} from one active day to the next; last {_count(last, 'day')}."
    return text, figures


def _intervals(days: int) -> list[int]:
    """
    Say the intervals between the days of a bitmap, the latest first.

    >>> _intervals(0b1001011)
    [3, 2, 1]
    """
    return [len(gap) + 1 for gap in f"{days:b}".split("1")[1:-1]]


def _activity(sight: _Sight) -> tuple[str, Figures]:
    recent = _recent(sight, sight.days)
    text, figures = f"{_count(recent, 'active day')} in the last {RECENT_DAYS}", Figures(recent_days=recent)
    known = min(BEFORE_DAYS, sight.known_days + 1) - RECENT_DAYS
    if known >= RECENT_DAYS:
        last_day = sight.today - RECENT_DAYS
        before = active_between(sight.days, sight.engagement, last_day - known + 1, last_day)
        usual = before * RECENT_DAYS / known
        text += f"; {usual:.3g} per {RECENT_DAYS} days before"
        figures["before_days"] = round(usual, 1)
    return f"{text}.", figures


def _recent(sight: _Sight, days: int) -> int:
    """Count the recent days of a bitmap."""
    return latest_days(days, sight.end, RECENT_DAYS)


def _tenure(sight: _Sight) -> tuple[str, Figures]:
    known = sight.known_days
    return f"First seen {_count(known, 'day')} ago." if known else "First seen today.", {"known_days": known}


def _money(sight: _Sight) -> tuple[str, Figures]:
    engagement, orders = sight.engagement, sight.engagement.orders
    spent, paid = engagement.revenue_minor, orders - engagement.foreign
    figures: Figures = {"spent_minor": spent, "orders": orders}
    if orders < 1:
        return _no_order(engagement), figures
    if paid < 1:
        return f"{_count(orders, 'order')}, in another currency only.", figures
    if paid == 1:
        return f"Spent {amount(spent, sight.currency)} in one order.", figures
    each = spent // paid
    text = f"Spent {amount(spent, sight.currency)} in {paid} orders, {amount(each, sight.currency)} each."
    return text, figures | {"average_minor": each}


def _basket(sight: _Sight) -> tuple[str, Figures]:
    web, store, items = sums(sight.engagement.day_orders, COUNT, 0, sight.today)
    if web + store < 1:
        return _no_order(sight.engagement), {}
    each = max(0, items) / (web + store)
    text = f"{each:,.1f} items per order." if items > 0 else "No items known of the orders."
    return text, {"items_per_order": round(each, 2)}


def _no_order(engagement: Engagement) -> str:
    return "No order so far." if engagement.last_order_s < 0 else "No order that was kept."


def _web(sight: _Sight) -> tuple[str, Figures]:
    return _channel(sight, sight.engagement.web, "On the web", "Never on the web.")


def _store(sight: _Sight) -> tuple[str, Figures]:
    return _channel(sight, sight.engagement.store, "In the shops", "Never in the shops.")


def _order(sight: _Sight) -> tuple[str, Figures]:
    return _channel(sight, sight.engagement.order, "Ordered", "Never ordered.")


def _channel(sight: _Sight, bitmap: bytes, where: str, never: str) -> tuple[str, Figures]:
    days = int.from_bytes(bitmap, "little")
    if not days:
        return never, {"days": 0, "recent_days": 0}
    count, recent = days.bit_count(), _recent(sight, days)
    text = f"{where} on {_count(count, 'day')}, {recent or 'none'} of them in the last {RECENT_DAYS} days."
    return text, {"days": count, "recent_days": recent}


def amount(minor: int, currency: str) -> str:
    """
    Write an amount in minor units as people do.

    >>> amount(123456, "GBP"), amount(1200, "JPY"), amount(-5, "EUR"), amount(50, "")
    ('1,234.56 GBP', '1,200 JPY', '-0.05 EUR', '0.50')
    """
    digits = MINOR_DIGITS.get(currency, 2)
    return f"{minor / 10**digits:,.{digits}f} {currency}".rstrip()


def _days(number: float) -> str:
    return "1 day" if number == 1 else f"{number:.3g} days" if number < 100 else f"{number:.0f} days"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_TELL: Final[dict[str, Callable[[_Sight], tuple[str, Figures]]]] = {
    "silence": _silence,
    "rhythm": _rhythm,
    "activity": _activity,
    "tenure": _tenure,
    "money": _money,
    "basket": _basket,
    "web": _web,
    "store": _store,
    "order": _order,
}
"""How each group is told; of equal ones the first comes first."""
