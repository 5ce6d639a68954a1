"""
Merging two identities of one person.

Law: the histories are disjoint - no event was folded into both. Then merging is a union of days and
a sum of everything counted: commutative and associative, and it equals folding all events into one.
Both engagements have the same day boundary.
"""

from itertools import zip_longest

from streams.core import replies
from streams.core.engagement import CART_CHANGES, HOUR_S, HOURS, VIEWS, VISITS, Engagement, base_of, copied, rebase
from streams.core.newest import union as newest_union
from streams.core.registers import union as registers_union
from streams.core.ring import DERIVED_RING, RING_SIZES
from streams.core.ring import union as ring_union
from streams.core.tiles import COUNT, MONEY, trim, wrap
from streams.core.tiles import union as tiles_union


def merge(a: Engagement, b: Engagement, ring_sizes: tuple[int, ...] = RING_SIZES) -> Engagement:
    """Say what one customer did who was known under two names; raise ValueError if their days begin differently."""
    if a.offset_s != b.offset_s:
        raise ValueError("engagements with different day boundaries cannot be merged")
    first_s, last_s = min(a.first_s, b.first_s), max(a.last_s, b.last_s)
    a, b = _widened(a, first_s, last_s), _widened(b, first_s, last_s)
    base, first_hour = base_of(a), last_s // HOUR_S - HOURS + 1
    return Engagement(
        offset_s=a.offset_s,
        first_s=first_s,
        last_s=last_s,
        first_act_s=_earliest(a.first_act_s, b.first_act_s),
        last_act_s=max(a.last_act_s, b.last_act_s),
        web=_days_union(a.web, b.web),
        store=_days_union(a.store, b.store),
        order=_days_union(a.order, b.order),
        rings=[
            ring_union(x, y, size)
            for (x, y), size in zip(
                zip_longest(a.rings, b.rings, fillvalue=b""), (*ring_sizes, DERIVED_RING), strict=False
            )
        ],
        totals=[x + y for x, y in zip_longest(a.totals, b.totals, fillvalue=0)],
        orders=a.orders + b.orders,
        revenue_minor=wrap(a.revenue_minor + b.revenue_minor, MONEY),
        foreign=a.foreign + b.foreign,
        day_acts=trim(tiles_union(a.day_acts, b.day_acts, COUNT), COUNT, base),
        day_orders=trim(tiles_union(a.day_orders, b.day_orders, COUNT), COUNT, base),
        day_money=trim(tiles_union(a.day_money, b.day_money, MONEY), MONEY, base),
        hour_acts=trim(tiles_union(a.hour_acts, b.hour_acts, COUNT), COUNT, first_hour),
        hour_orders=trim(tiles_union(a.hour_orders, b.hour_orders, COUNT), COUNT, first_hour),
        hour_money=trim(tiles_union(a.hour_money, b.hour_money, MONEY), MONEY, first_hour),
        cart=newest_union(a.cart, b.cart, CART_CHANGES),
        views=newest_union(a.views, b.views, VIEWS),
        visit=newest_union(a.visit, b.visit, VISITS),
        last_order_s=max(a.last_order_s, b.last_order_s),
        checkout_s=max(a.checkout_s, b.checkout_s),
        registers=registers_union(a.registers, b.registers),
        deliveries=newest_union(a.deliveries, b.deliveries, replies.DELIVERIES),
        outcomes=newest_union(a.outcomes, b.outcomes, replies.OUTCOMES),
        complaint=newest_union(a.complaint, b.complaint, replies.COMPLAINTS),
        surveys=newest_union(a.surveys, b.surveys, replies.ANSWERS),
        helped=newest_union(a.helped, b.helped, VISITS),
        last_return_s=max(a.last_return_s, b.last_return_s),
        joined_s=_earliest(a.joined_s, b.joined_s),
        last_referral_s=max(a.last_referral_s, b.last_referral_s),
        last_delivered_s=max(a.last_delivered_s, b.last_delivered_s),
    )


def _earliest(a: int, b: int) -> int:
    """Say the earlier of two seconds, -1 being never."""
    return min((second for second in (a, b) if second >= 0), default=-1)


def _widened(engagement: Engagement, first_s: int, last_s: int) -> Engagement:
    """Bring the bitmaps to the base that the common first and last give."""
    wide = copied(engagement)
    before = base_of(wide)
    wide.first_s, wide.last_s = first_s, last_s
    rebase(wide, (before - base_of(wide)) // 8)
    return wide


def _days_union(a: bytes, b: bytes) -> bytes:
    days = int.from_bytes(a, "little") | int.from_bytes(b, "little")
    return days.to_bytes((days.bit_length() + 7) // 8, "little")
