"""
How each moment is found: what caused it, and when it opens.

Law: what is found follows from the engagement, the stance and the catalogue's rule alone, never from the order in which
events arrived. Each says the key - the second of the cause, or of the beginning of its day - and when it opens. Most
customers have none of most moments, so each looks first at what rules it out.
"""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from schemas import BANDS, EVENT_TYPES, OrderPlaced
from streams.core.cart import cart_of
from streams.core.catalogue import Catalogue, MomentName, MomentRule
from streams.core.clocks import clocks
from streams.core.days import anniversary_after
from streams.core.engagement import DAY_S, HOUR_S, Engagement, base_of, day_of
from streams.core.newest import MARK_BYTES, newest_second
from streams.core.stance import NONE, Stance
from streams.core.tiles import KINDS, MONEY
from streams.core.tiles import entries as tiles_of
from streams.core.voice import latest_against, latest_for

VISIT_S: Final = 4 * HOUR_S
"""Steps and a purchase in a shop that lie no farther apart belong to one visit."""

SURVEY_REST_S: Final = 90 * DAY_S
"""So long nobody is asked again who has answered a survey."""

CART_SIGN: Final = 1 + MARK_BYTES + 1
NEGATIVE: Final = 0x80
"""Where the newest change of the cart has the sign of its quantity; from this value on something was taken out."""

RETURN_DAYS: Final = 30
"""Who comes to the web so many days after a visit to a shop, and for the first time since, comes from there."""

_ORDER_PLACED: Final = EVENT_TYPES.index(OrderPlaced)
_HIGH: Final = BANDS.index("high")
_CRITICAL: Final = BANDS.index("critical")

Found = tuple[int, int]
"""The key of a moment and the second at which it opens."""


class Sight(NamedTuple):
    """What is looked at: the catalogue, which moments its actions answer, the customer, and where we stand."""

    catalogue: Catalogue
    served: Collection[str]
    engagement: Engagement
    stance: Stance


Find = Callable[[Sight, MomentRule], "tuple[Found, ...]"]


def _cart_abandoned(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    if not engagement.cart:
        return ()
    changed_s = newest_second(engagement.cart)
    if changed_s <= engagement.last_order_s:
        return ()
    if changed_s <= engagement.checkout_s and "checkout_abandoned" in sight.served:
        return ()  # the checkout is what was left last
    key = _put_in_last(engagement, changed_s)
    return () if key < 0 else ((key, key + rule.delay_s),)


def _checkout_abandoned(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    key = engagement.checkout_s
    changed_s = newest_second(engagement.cart)
    if not engagement.last_order_s < changed_s <= key or _put_in_last(engagement, changed_s) < 0:
        return ()  # went back to the cart, or nothing is known to be in it
    return ((key, key + rule.delay_s),)


def _put_in_last(engagement: Engagement, changed_s: int) -> int:
    """Say when what is still in the cart was last put there, given its last change; -1 if nothing is in it."""
    if engagement.cart[CART_SIGN] < NEGATIVE:
        return changed_s
    return max(cart_of(engagement).values(), default=NONE)


def _browsed_and_left(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    views = engagement.views
    newest_s, changed_s = newest_second(views), newest_second(engagement.cart)
    if engagement.last_order_s > changed_s:
        changed_s = engagement.last_order_s
    if changed_s >= newest_s or not may_be_repeated(views, rule.minimum):
        return ()
    first_s = _looked_at_since(views, rule.minimum, newest_s - DAY_S)
    return () if first_s <= changed_s else ((newest_s, newest_s + rule.delay_s),)


def _looked_at_since(views: bytes, minimum: int, since_s: int) -> int:
    """Say when the newest product was looked at for the `minimum`-th last time; -1 if not since then."""
    product = views[1 + MARK_BYTES : 15 + views[13]]  # with its length: read by hand, for most looks are no moment
    at, size = 1, len(views)
    while at < size:
        end = at + 14 + views[at + MARK_BYTES]
        second = int.from_bytes(views[at : at + 4], "big")
        if second < since_s:
            break
        if views[at + MARK_BYTES : end] == product:
            minimum -= 1
            if not minimum:
                return second
        at = end
    return NONE


def may_be_repeated(views: bytes, minimum: int) -> bool:
    """Say, quickly and never wrongly no, whether the newest product was looked at so many times."""
    return views != b"" and views[0] >= minimum and views.count(views[13 : 15 + views[13]]) >= minimum


def _visit_without_purchase(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    key = newest_second(engagement.visit)
    if key < 0 or engagement.last_order_s + VISIT_S >= key:
        return ()  # bought in the shop (the till's order precedes the steps out of the door), or since
    if newest_second(engagement.helped) + VISIT_S >= key and "helped_and_left" in sight.served:
        return ()
    return _one_visit(sight, "visit_without_purchase", key, key + rule.delay_s)


def _helped_and_left(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    key = newest_second(engagement.helped)
    if key < 0 or engagement.last_order_s + VISIT_S >= key:
        return ()
    left_s = newest_second(engagement.visit)
    return _one_visit(sight, "helped_and_left", key, (left_s if key < left_s <= key + VISIT_S else key) + rule.delay_s)


def _one_visit(sight: Sight, name: MomentName, key: int, opens_s: int) -> tuple[Found, ...]:
    """Take the steps of one visit for one: what was answered at its beginning is not asked again at the door."""
    return () if sight.stance.answers.get(name, NONE - VISIT_S) + VISIT_S >= key else ((key, opens_s),)


def _first_purchase(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    return _purchase(sight.engagement, 1, rule)


def _second_purchase(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    return _purchase(sight.engagement, 2, rule)


def _purchase(engagement: Engagement, number: int, rule: MomentRule) -> tuple[Found, ...]:
    """Find the n-th order that was placed, unless one of them was called off."""
    key = engagement.last_order_s
    if key < 0 or engagement.orders != number or engagement.totals[_ORDER_PLACED] != number:
        return ()
    return ((key, key + rule.delay_s),)


def _milestone(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    ordered_s = engagement.last_order_s
    if ordered_s < 0 or ordered_s + rule.delay_s + rule.window_s <= sight.stance.assessed_s:
        return ()
    key = _day_begins_s(engagement, day_of(ordered_s, engagement.offset_s))
    if key <= sight.stance.answers.get("milestone", NONE):
        return ()
    if engagement.orders not in rule.orders and sum_reached(engagement, rule) is None:
        return ()
    return ((key, ordered_s + rule.delay_s),)


def sum_reached(engagement: Engagement, rule: MomentRule) -> int | None:
    """
    Say the highest sum, in minor units, that the orders first came to on the day of the last one; None if to none.

    What was returned later leaves a day before as high as it was; days that the window has lost count as one.
    """
    spent = engagement.revenue_minor
    if not rule.spend_minor or spent < min(rule.spend_minor):
        return None
    last_day = day_of(engagement.last_order_s, engagement.offset_s)
    lately, at = 0, len(engagement.day_money) - MONEY.size
    while at >= 0:
        key, money = MONEY.unpack_from(engagement.day_money, at)
        if key < last_day * KINDS:
            break
        lately, at = lately + money, at - MONEY.size
    reached = [sum_ for sum_ in rule.spend_minor if spent - lately < sum_ <= spent]
    if not reached:
        return None
    most = _most_before(engagement, last_day, spent - lately)
    return max((sum_ for sum_ in reached if sum_ > most), default=None)


def _most_before(engagement: Engagement, last_day: int, had: int) -> int:
    """Say the most that the orders came to at the end of any day before, given what they came to on the eve."""
    days: dict[int, int] = {}
    for day, _, money in tiles_of(engagement.day_money, MONEY):
        if day < last_day:
            days[day] = days.get(day, 0) + money
    most = had
    for day in reversed(days):
        had -= days[day]
        most = max(most, had)
    return most


def _anniversary(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement, stance = sight.engagement, sight.stance
    if not rule.anniversaries or engagement.orders < 1:
        return ()
    over_s = max(stance.assessed_s - rule.delay_s - rule.window_s, stance.answers.get("milestone", NONE))
    offset_s, since_day = engagement.offset_s, known_since_day(engagement)
    # what began on the day of `over_s` has closed, or was answered
    day = anniversary_after(since_day, (over_s + offset_s) // DAY_S)
    key = day * DAY_S - offset_s
    if key + rule.delay_s > stance.assessed_s:
        return ((key, key + rule.delay_s),)
    next_key = anniversary_after(since_day, day) * DAY_S - offset_s  # for when this one is answered now
    return (key, key + rule.delay_s), (next_key, next_key + rule.delay_s)


def known_since_day(engagement: Engagement) -> int:
    """Say since which day since 1970 anniversaries are counted: that of joining, else of the first act."""
    since_s = engagement.joined_s if engagement.joined_s >= 0 else engagement.first_act_s
    return day_of(since_s, engagement.offset_s)


def _day_begins_s(engagement: Engagement, day: int) -> int:
    return day * DAY_S - engagement.offset_s


def _return_made(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    key = sight.engagement.last_return_s
    return () if key < 0 else ((key, key + rule.delay_s),)


def _complaint(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    key = newest_second(sight.engagement.complaint)
    return () if key < 0 else ((key, key + rule.delay_s),)


def _detractor(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    answer = latest_against(sight.engagement) if sight.engagement.surveys else None
    return () if answer is None else ((answer.second, answer.second + rule.delay_s),)


def _response_overdue(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    return tuple([(clock.since_s, clock.due_s + rule.delay_s) for clock in clocks(sight.catalogue, sight.engagement)])


def _promoter(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    answer = latest_for(engagement) if engagement.surveys else None
    if answer is None:
        return ()
    against = latest_against(engagement)
    against_s = max(newest_second(engagement.complaint), NONE if against is None else against.second)
    if answer.second <= against_s:
        return ()  # nobody is asked to speak for us who has since spoken against us
    return ((answer.second, answer.second + rule.delay_s),)


def _referral_bought(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    key = sight.engagement.last_referral_s
    return () if key < 0 else ((key, key + rule.delay_s),)


def _risk_rose(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    return _risen(sight, rule)


def _win_back(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    return () if sight.stance.band < _CRITICAL else _risen(sight, rule)


def _risen(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    key, acted_s = sight.stance.rose_s, sight.engagement.last_act_s
    if acted_s < 0 or acted_s + DAY_S > key:
        return ()  # nobody is won back who has just been here
    return ((key, key + rule.delay_s),)


def _refill_due(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    if engagement.orders < rule.minimum:
        return ()
    interval_s = refill_interval_s(engagement, rule.minimum)
    if not interval_s:
        return ()
    return ((engagement.last_order_s, engagement.last_order_s + interval_s + rule.delay_s),)


def refill_interval_s(engagement: Engagement, minimum: int) -> int:
    """Say the mean time between order days in seconds; 0 if there are fewer than `minimum` of them."""
    if engagement.orders < minimum:
        return 0
    days = int.from_bytes(engagement.order, "little")
    count = days.bit_count()
    if count < minimum:
        return 0
    first = (days & -days).bit_length()
    return (days.bit_length() - first) * DAY_S // (count - 1)


def _survey_due(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    engagement = sight.engagement
    key = max(newest_second(engagement.helped), engagement.last_delivered_s)
    if key < 0:
        return ()
    opens_s = key + rule.delay_s
    answered_s = newest_second(engagement.surveys)
    return () if answered_s >= 0 and opens_s < answered_s + SURVEY_REST_S else ((key, opens_s),)


def _came_to_shop(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    """Find the beginning of a visit by somebody who is known from the web."""
    engagement = sight.engagement
    key = newest_second(engagement.visit)
    if key + rule.delay_s + rule.window_s <= sight.stance.assessed_s or not engagement.web:
        return ()
    return _one_visit(sight, "came_to_shop", key, key + rule.delay_s)


def _came_to_web(sight: Sight, rule: MomentRule) -> tuple[Found, ...]:
    """Find the first day on the web after a visit to a shop, from the next day on; it opens after the latest act."""
    engagement = sight.engagement
    acted_s, offset_s = engagement.last_act_s, engagement.offset_s
    day, visit_day = (acted_s + offset_s) // DAY_S, (newest_second(engagement.visit) + offset_s) // DAY_S
    if not visit_day < day <= visit_day + RETURN_DAYS:
        return ()
    base = base_of(engagement)
    since = max(visit_day + 1, base)
    if day < since or int.from_bytes(engagement.web, "little") >> since - base != 1 << day - since:
        return ()
    return ((day * DAY_S - offset_s, acted_s + rule.delay_s),)


CART, VIEWS, VISIT, ORDER, VOICE, RISK, SELDOM = (1 << bit for bit in range(7))
"""What a moment needs to be remembered of a customer, so that most are not even looked for."""


def causes_of(engagement: Engagement, stance: Stance) -> int:
    """Say what there is that a moment may come of, as a sum of the bits above."""
    causes = ORDER if engagement.last_order_s >= 0 else 0
    if engagement.cart:
        causes |= CART
    if engagement.views:
        causes |= VIEWS
    if engagement.visit:
        causes |= VISIT
    if engagement.surveys or engagement.complaint:
        causes |= VOICE
    if stance.band >= _HIGH:
        causes |= RISK
    if engagement.last_return_s >= 0 or engagement.last_referral_s >= 0 or engagement.last_delivered_s >= 0:
        causes |= SELDOM
    return causes


FIND: Final[tuple[tuple[MomentName, int, Find], ...]] = (
    ("cart_abandoned", CART, _cart_abandoned),
    ("checkout_abandoned", CART, _checkout_abandoned),
    ("browsed_and_left", VIEWS, _browsed_and_left),
    ("visit_without_purchase", VISIT, _visit_without_purchase),
    ("helped_and_left", VISIT, _helped_and_left),
    ("first_purchase", ORDER, _first_purchase),
    ("second_purchase", ORDER, _second_purchase),
    ("milestone", ORDER, _milestone),
    ("milestone", ORDER, _anniversary),
    ("return_made", SELDOM, _return_made),
    ("complaint", VOICE, _complaint),
    ("detractor", VOICE, _detractor),
    ("response_overdue", VOICE, _response_overdue),
    ("promoter", VOICE, _promoter),
    ("referral_bought", SELDOM, _referral_bought),
    ("risk_rose", RISK, _risk_rose),
    ("win_back", RISK, _win_back),
    ("refill_due", ORDER, _refill_due),
    ("survey_due", VISIT | SELDOM, _survey_due),
    ("came_to_shop", VISIT, _came_to_shop),
    ("came_to_web", VISIT, _came_to_web),
)
"""How each moment is found, and which causes it may come of, any of them; a milestone is found in two ways."""
