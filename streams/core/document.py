"""
The document: the current truth about one customer, for people and programs to read.

Law: a document is a function of the record and the instant; windows are whole tiles that end at the
instant - 1 hour (the current and the one before), 24 hours, 7 and 30 days, the current one included.
"""

from typing import Final

from schemas import (
    BANDS,
    EVENT_TYPES,
    ActiveDays,
    ContentShared,
    CustomerDocument,
    DaysActive,
    Participation,
    ReferralSent,
    ReviewWritten,
    Window,
    Windows,
)
from streams.core.assess import next_crossing
from streams.core.cart import priced_cart_of
from streams.core.days import latest_days
from streams.core.engagement import HOUR_S, Engagement, base_of, day_of
from streams.core.reach import reach
from streams.core.record import load
from streams.core.rules import Rules
from streams.core.signals import at, encode, names_of
from streams.core.stance import Stance
from streams.core.tiles import COUNT, MONEY, sums_from

_NO_DAYS: Final = ActiveDays(d30=0, d90=0, d365=0)

_REVIEWS: Final = EVENT_TYPES.index(ReviewWritten)
_SHARES: Final = EVENT_TYPES.index(ContentShared)
_REFERRALS: Final = EVENT_TYPES.index(ReferralSent)


def document(rules: Rules, key: str, body: bytes, version: tuple[int, int, int], as_of_s: int) -> bytes:
    """Render a customer's document as JSON; raise ValueError for a guest order, which has none."""
    record = load(body)
    if record.stance is None:
        raise ValueError("a guest order has no document")
    return encode(describe(rules, key, record.engagement, record.stance, version, as_of_s))


def describe(
    rules: Rules, key: str, engagement: Engagement, stance: Stance, version: tuple[int, int, int], as_of_s: int
) -> CustomerDocument:
    """Say everything we know of a customer at an instant; never earlier than the record itself."""
    as_of_s = max(as_of_s, engagement.last_s, stance.assessed_s)
    customer_id, anonymous_id = names_of(key)
    scored = stance.band >= 0
    sold = engagement.orders - engagement.foreign
    return CustomerDocument(
        version=version,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        as_of=at(as_of_s),
        first_seen=at(engagement.first_s),
        last_seen=at(engagement.last_s),
        last_act=at(engagement.last_act_s) if engagement.last_act_s >= 0 else None,
        risk=round(stance.risk, 6) if scored else None,
        band=BANDS[stance.band] if scored else None,
        next_crossing=next_crossing(stance) if scored else None,
        risk_as_of=at(stance.assessed_s) if scored else None,
        segment=stance.formed_segment or None,
        stage=stance.formed_stage,
        days_active=_days_active(engagement, as_of_s),
        windows=_windows(engagement, as_of_s),
        orders=engagement.orders,
        revenue_minor=engagement.revenue_minor,
        currency=rules.base_currency,
        average_order_minor=engagement.revenue_minor // sold if sold > 0 else None,
        participation=_participation(engagement),
        cart=tuple(priced_cart_of(engagement)),
        last_actions={name: at(chosen_s) for name, chosen_s in sorted(stance.chosen.items())},
        **reach(rules.catalogue_at(as_of_s), key, engagement, stance, as_of_s),
    )


def _participation(engagement: Engagement) -> Participation:
    totals = [*engagement.totals, *[0] * len(EVENT_TYPES)]
    return Participation(reviews=totals[_REVIEWS], shares=totals[_SHARES], referrals=totals[_REFERRALS])


def _days_active(engagement: Engagement, as_of_s: int) -> DaysActive:
    known = day_of(as_of_s, engagement.offset_s) - base_of(engagement) + 1
    return DaysActive(
        web=_latest(engagement.web, known),
        store=_latest(engagement.store, known),
        order=_latest(engagement.order, known),
    )


def _latest(bitmap: bytes, known: int) -> ActiveDays:
    """Count the active days among the latest of the `known` days."""
    if not bitmap:
        return _NO_DAYS
    days = int.from_bytes(bitmap, "little")
    return ActiveDays(
        d30=latest_days(days, known, 30), d90=latest_days(days, known, 90), d365=latest_days(days, known, 365)
    )


def _windows(engagement: Engagement, as_of_s: int) -> Windows:
    day, hour = day_of(as_of_s, engagement.offset_s), as_of_s // HOUR_S
    by_hour = (engagement.hour_acts, engagement.hour_orders, engagement.hour_money)
    by_day = (engagement.day_acts, engagement.day_orders, engagement.day_money)
    h24, h1 = _nested(by_hour, hour - 23, hour - 1)
    d30, d7 = _nested(by_day, day - 29, day - 6)
    return Windows(h1=h1, h24=h24, d7=d7, d30=d30)


def _nested(tiles: tuple[bytes, bytes, bytes], first: int, later: int) -> tuple[Window, Window]:
    """Sum up a window and the shorter one within it; no tile is later than their end."""
    acts, orders, money = tiles
    web, store, last_web, last_store = sums_from(acts, COUNT, first, later)
    web_orders, store_orders, last_web_orders, last_store_orders = sums_from(orders, COUNT, first, later)
    web_money, store_money, last_web_money, last_store_money = sums_from(money, MONEY, first, later)
    return (
        Window(web=web, store=store, orders=web_orders + store_orders, revenue_minor=web_money + store_money),
        Window(
            web=last_web,
            store=last_store,
            orders=last_web_orders + last_store_orders,
            revenue_minor=last_web_money + last_store_money,
        ),
    )
