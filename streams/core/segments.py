"""
Segments and stages: which group a customer belongs to, and how far the relation has come.

Law: a segment follows from the engagement, the band and the instant by the first rule that matches,
a stage from the engagement and the instant alone; in silence a stage changes only as days pass, and
a segment by time alone only at `segment_end_s` - or with the band, which has a recheck of its own.
"""

from collections.abc import Iterable
from typing import Final

from schemas import BANDS, EVENT_TYPES, ContentShared, ReferralSent, ReviewWritten, Stage
from schemas.catalogue import Segment
from streams.core.engagement import DAY_S, Engagement, base_of
from streams.core.newest import entries, newest_second
from streams.core.stance import NONE

STAGE_DAYS: Final = 90
"""How many days are looked at for a stage, today included."""

_SPOKE_FOR_US: Final = tuple(EVENT_TYPES.index(kind) for kind in (ReviewWritten, ContentShared, ReferralSent))

SegmentRule = tuple[str, int, int, tuple[bool, ...]]
"""A segment made ready: its name, its end after the first act in seconds, the least orders, and by band whether in."""

_ALL_BANDS: Final = (True,) * (len(BANDS) + 1)
_FOREVER: Final = 1 << 62


def prepared(segments: Iterable[Segment]) -> tuple[SegmentRule, ...]:
    """Make segments ready for `segment_of`; no band yet (-1) is in no rule on bands."""
    return tuple(
        (
            segment.name,
            _FOREVER if segment.first_days is None else segment.first_days * DAY_S,
            -_FOREVER if segment.orders is None else segment.orders,
            _ALL_BANDS if segment.bands is None else (*(band in segment.bands for band in BANDS), False),
        )
        for segment in segments
    )


def segment_of(engagement: Engagement, band: int, now_s: int, rules: tuple[SegmentRule, ...]) -> str:
    """
    Say the segment of a customer in a band (0 low to 3 critical, -1 none yet).

    Who never acted is counted from the first event.

    >>> from streams.core.catalogue import SEGMENTS
    >>> regular = Engagement(0, 0, 0, first_act_s=0, orders=3)
    >>> [segment_of(regular, band, day * DAY_S, prepared(SEGMENTS)) for day, band in ((29, 3), (30, 3), (30, 0))]
    ['new', 'at-risk', 'loyal']
    """
    first_s, orders = engagement.first_act_s, engagement.orders
    known_s = now_s - (first_s if first_s >= 0 else engagement.first_s)
    for name, end_s, least, bands in rules:
        if known_s < end_s and orders >= least and bands[band]:
            return name
    return rules[-1][0]


def segment_end_s(engagement: Engagement, now_s: int, rules: tuple[SegmentRule, ...]) -> int:
    """Say the next second since 1970 at which time alone may end a segment; -1 if there is none ahead."""
    first_s = engagement.first_act_s
    if first_s < 0:
        first_s = engagement.first_s
    known_s, soonest_s = now_s - first_s, _FOREVER
    for _, length_s, _, _ in rules:
        if known_s < length_s < soonest_s:
            soonest_s = length_s
    return first_s + soonest_s if soonest_s < _FOREVER else NONE


def stage_of(engagement: Engagement, now_s: int) -> Stage:
    """
    Say how far the relation has come, by what was done in the last 90 days, today included; the farthest counts.

    - advocating: reviewed, shared or referred. When is not kept, only how often, so it is taken to be so for
      whoever ever did and was on the web within these days, where alone it is done: nobody who did is missed, and
      who did it earlier keeps the stage for as long as they come by.
    - returning: ordered, and on another day before, however long ago (within the window of the bitmaps).
    - buying: ordered. Net of cancellations one order must be left for buying, two for returning.
    - considering: changed the cart, began a checkout, looked twice at one of the products looked at last, or was
      active on two days or more.
    - discovering: anything less, silence included.
    """
    totals, orders, offset_s = engagement.totals, engagement.orders, engagement.offset_s
    today, base = (now_s + offset_s) // DAY_S, base_of(engagement)
    first_day = today - STAGE_DAYS + 1
    before = first_day - base if first_day > base else 0  # so many days of a bitmap are too long ago
    lately = (1 << max(0, today + 1 - base - before)) - 1
    web, ordered = int.from_bytes(engagement.web, "little"), int.from_bytes(engagement.order, "little")
    for number in _SPOKE_FOR_US:
        if number < len(totals) and totals[number] and web >> before & lately:
            return "advocating"
    if orders > 0 and ordered >> before & lately:
        return "returning" if orders > 1 and ordered & ordered - 1 else "buying"
    first_s = first_day * DAY_S - offset_s
    if engagement.checkout_s >= first_s or newest_second(engagement.cart) >= first_s:
        return "considering"
    active = (web | int.from_bytes(engagement.store, "little") | ordered) >> before & lately
    return "considering" if active & active - 1 or _looked_twice(engagement.views, first_s) else "discovering"


def _looked_twice(views: bytes, first_s: int) -> bool:
    if views[:1] < b"\x02":
        return False  # one look, or none
    looked_at = [view.payload for view in entries(views) if view.second >= first_s]
    return len(set(looked_at)) < len(looked_at)
