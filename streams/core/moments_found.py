"""
How each moment is found: what caused it, and when it opens.

Law: what is found follows from the engagement, the stance and the catalogue's rule alone, never from the order in which
events arrived. Each says the key - the second of the cause, or of the beginning of its day - and when it opens. Each
relies on the causes that stand beside it in `FIND`.
"""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from schemas import BANDS, EVENT_TYPES, OrderPlaced
from schemas.catalogue import LEAST_REPEATS
from streams.core.cart import cart_of
from streams.core.catalogue import Catalogue, MomentName, MomentRule
from streams.core.clocks import clocks
from streams.core.days import anniversary_after
from streams.core.engagement import DAY_S, HOUR_S, WINDOW_DAYS, Engagement, base_of, day_of
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


class Scope(NamedTuple):
    """The catalogue, which moments are looked for in it, and within how many seconds it promises any answer."""

    catalogue: Catalogue
    sought: Collection[str]
    promised_s: int


Find = Callable[[Engagement, Stance, MomentRule, Scope], "tuple[Found, ...]"]


def _cart_abandoned(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    changed_s = newest_second(engagement.cart)
    if _is_done("cart_abandoned", changed_s, rule, stance):
        return ()
    if changed_s <= engagement.checkout_s and "checkout_abandoned" in scope.sought:
        return ()  # the checkout is what was left last
    if engagement.cart[CART_SIGN] < NEGATIVE:
        return ((changed_s, changed_s + rule.delay_s),)
    key = _put_in_last(engagement, changed_s)
    return () if key < 0 else ((key, key + rule.delay_s),)


def _checkout_abandoned(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    key = engagement.checkout_s
    changed_s = newest_second(engagement.cart)
    if changed_s > key or _put_in_last(engagement, changed_s) < 0:
        return ()  # went back to the cart, or nothing is known to be in it
    return ((key, key + rule.delay_s),)


def _is_done(name: MomentName, newest_s: int, rule: MomentRule, stance: Stance, promised_s: int = 0) -> bool:
    """Say, before more is read, whether whatever came of a cause up to this second has closed or was answered."""
    closes_s = newest_s + promised_s + rule.delay_s + rule.window_s
    return closes_s <= stance.assessed_s or stance.answers.get(name, NONE) >= newest_s


def _put_in_last(engagement: Engagement, changed_s: int) -> int:
    """Say when what is still in the cart was last put there, given its last change; -1 if nothing is in it."""
    if engagement.cart[CART_SIGN] < NEGATIVE:
        return changed_s
    return max(cart_of(engagement).values(), default=NONE)


def _browsed_and_left(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    views = engagement.views
    if not may_be_repeated(views, rule.minimum):
        return ()
    newest_s, changed_s = newest_second(views), max(newest_second(engagement.cart), engagement.last_order_s)
    if changed_s >= newest_s:
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


def _visit_without_purchase(
    engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope
) -> tuple[Found, ...]:
    key = newest_second(engagement.visit)
    opens_s = key + rule.delay_s
    if engagement.last_order_s + VISIT_S >= key or opens_s + rule.window_s <= stance.assessed_s:
        return ()  # bought in the shop (the till's order precedes the steps out of the door), or since; or long ago
    if engagement.helped and newest_second(engagement.helped) + VISIT_S >= key and "helped_and_left" in scope.sought:
        return ()
    return _one_visit(stance, "visit_without_purchase", key, opens_s)


def _helped_and_left(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    key = newest_second(engagement.helped)
    if engagement.last_order_s + VISIT_S >= key:
        return ()
    left_s = newest_second(engagement.visit)
    opens_s = (left_s if key < left_s <= key + VISIT_S else key) + rule.delay_s
    return _one_visit(stance, "helped_and_left", key, opens_s)


def _one_visit(stance: Stance, name: MomentName, key: int, opens_s: int) -> tuple[Found, ...]:
    """Take the steps of one visit for one: what was answered at its beginning is not asked again at the door."""
    answered_s = stance.answers.get(name)
    return () if answered_s is not None and answered_s + VISIT_S >= key else ((key, opens_s),)


def _first_purchase(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    if engagement.totals[_ORDER_PLACED] != 1:
        return ()  # one was called off
    return ((engagement.last_order_s, engagement.last_order_s + rule.delay_s),)


def _second_purchase(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    if engagement.totals[_ORDER_PLACED] != 2:
        return ()
    return ((engagement.last_order_s, engagement.last_order_s + rule.delay_s),)


def _milestone(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    opens_s = engagement.last_order_s + rule.delay_s
    if opens_s + rule.window_s <= stance.assessed_s:
        return ()
    if engagement.orders not in rule.orders and sum_reached(engagement, rule) is None:
        return ()
    return ((_day_begins_s(engagement, day_of(engagement.last_order_s, engagement.offset_s)), opens_s),)


def sum_reached(engagement: Engagement, rule: MomentRule) -> int | None:
    """
    Say the highest sum, in minor units, that the orders first came to on the day of the last one; None if to none.

    What was returned later leaves a day before as high as it was; days that the window has lost count as one.
    """
    spent = engagement.revenue_minor
    below = [sum_ for sum_ in rule.spend_minor if sum_ <= spent]
    if not below:
        return None
    last_day = day_of(engagement.last_order_s, engagement.offset_s)
    lately, at = 0, len(engagement.day_money) - MONEY.size
    while at >= 0:
        key, money = MONEY.unpack_from(engagement.day_money, at)
        if key < last_day * KINDS:
            break
        lately, at = lately + money, at - MONEY.size
    reached = [sum_ for sum_ in below if spent - lately < sum_]
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


def _anniversary(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    """Nobody celebrates with us who has been gone for two years; so silence comes to an end, too."""
    if not rule.anniversaries or engagement.orders < 1:
        return ()
    over_s, answered_s = stance.assessed_s - rule.delay_s - rule.window_s, stance.answers.get("milestone", NONE)
    if answered_s > over_s:
        over_s = answered_s
    offset_s, since_s = engagement.offset_s, known_since_s(engagement)
    since_day = (since_s + offset_s) // DAY_S
    # what began on the day of `over_s` has closed, or was answered
    day = anniversary_after(since_day, (over_s + offset_s) // DAY_S)
    key, last_s = day * DAY_S - offset_s, engagement.last_act_s + WINDOW_DAYS * DAY_S
    if key >= last_s:
        return ()
    if key + rule.delay_s > stance.assessed_s:
        return ((key, key + rule.delay_s),)
    after = anniversary_after(since_day, day) * DAY_S - offset_s  # for when this one is answered now
    return tuple([(one, one + rule.delay_s) for one in (key, after) if one < last_s])


def known_since_s(engagement: Engagement) -> int:
    """Say since when anniversaries are counted, in seconds since 1970: since joining, else since the first act."""
    return engagement.joined_s if engagement.joined_s >= 0 else engagement.first_act_s


def _day_begins_s(engagement: Engagement, day: int) -> int:
    return day * DAY_S - engagement.offset_s


def _return_made(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    return ((engagement.last_return_s, engagement.last_return_s + rule.delay_s),)


def _complaint(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    key = newest_second(engagement.complaint)
    return ((key, key + rule.delay_s),)


def _detractor(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    if _is_done("detractor", newest_second(engagement.surveys), rule, stance):
        return ()
    answer = latest_against(engagement)
    return () if answer is None else ((answer.second, answer.second + rule.delay_s),)


def _response_overdue(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    said_s = max(newest_second(engagement.complaint), newest_second(engagement.surveys))
    if _is_done("response_overdue", said_s, rule, stance, scope.promised_s):
        return ()
    return tuple([(clock.since_s, clock.due_s + rule.delay_s) for clock in clocks(scope.catalogue, engagement, stance)])


def _promoter(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    if _is_done("promoter", newest_second(engagement.surveys), rule, stance):
        return ()
    answer = latest_for(engagement)
    if answer is None:
        return ()
    against = latest_against(engagement)
    against_s = max(newest_second(engagement.complaint), NONE if against is None else against.second)
    if answer.second <= against_s:
        return ()  # nobody is asked to speak for us who has since spoken against us
    return ((answer.second, answer.second + rule.delay_s),)


def _referral_bought(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    return ((engagement.last_referral_s, engagement.last_referral_s + rule.delay_s),)


def _risk_rose(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    return ((stance.rose_s, stance.rose_s + rule.delay_s),)


def _win_back(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    return () if stance.band < _CRITICAL else ((stance.rose_s, stance.rose_s + rule.delay_s),)


def _refill_due(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    ordered_s = engagement.last_order_s
    if engagement.orders < rule.minimum or stance.answers.get("refill_due", NONE) >= ordered_s:
        return ()
    days = int.from_bytes(engagement.order, "little")
    interval_s = _mean_gap_s(days, rule.minimum)
    if interval_s < rule.least_days * DAY_S:
        return ()  # back before anybody could be reminded
    interval_s = max(interval_s, _usual_gap_days(days) * DAY_S)
    return ((ordered_s, ordered_s + interval_s + rule.delay_s),)


def refill_interval_s(engagement: Engagement, minimum: int) -> int:
    """Say the mean time between order days in seconds; 0 if there are fewer than `minimum` of them."""
    return 0 if engagement.orders < minimum else _mean_gap_s(int.from_bytes(engagement.order, "little"), minimum)


def _mean_gap_s(days: int, minimum: int) -> int:
    count = days.bit_count()
    if count < minimum:
        return 0
    first = (days & -days).bit_length()
    return (days.bit_length() - first) * DAY_S // (count - 1)


def _usual_gap_days(days: int) -> int:
    """
    Say the number of days within which the next order day has come four times of five, given the order days as bits.

    >>> _usual_gap_days(0b10000000000100010001000100001)
    5
    """
    gaps = sorted(map(len, f"{days:b}".split("1")[1:-1]))  # the days without an order, between two that have one
    return gaps[(4 * len(gaps) + 4) // 5 - 1] + 1


def _survey_due(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    key = max(newest_second(engagement.helped), engagement.last_delivered_s)
    opens_s = key + rule.delay_s
    answered_s = newest_second(engagement.surveys)
    return () if answered_s >= 0 and opens_s < answered_s + SURVEY_REST_S else ((key, opens_s),)


def _came_to_shop(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    """Find the beginning of a visit by somebody who is known from the web."""
    key = newest_second(engagement.visit)
    if key + rule.delay_s + rule.window_s <= stance.assessed_s:
        return ()
    return _one_visit(stance, "came_to_shop", key, key + rule.delay_s)


def _came_to_web(engagement: Engagement, stance: Stance, rule: MomentRule, scope: Scope) -> tuple[Found, ...]:
    """Find the first day on the web after a visit to a shop, from the next day on; it opens after the latest act."""
    acted_s, offset_s, visit_s = engagement.last_act_s, engagement.offset_s, newest_second(engagement.visit)
    if acted_s <= visit_s:
        return ()
    day, visit_day = (acted_s + offset_s) // DAY_S, (visit_s + offset_s) // DAY_S
    if not visit_day < day <= visit_day + RETURN_DAYS:
        return ()
    base = base_of(engagement)
    since = max(visit_day + 1, base)
    if day < since or int.from_bytes(engagement.web, "little") >> since - base != 1 << day - since:
        return ()
    return ((day * DAY_S - offset_s, acted_s + rule.delay_s),)


(
    CART, CHECKOUT, VIEWS, VISIT, HELPED, KNOWN, ORDER, FIRST, SECOND,
    COMPLAINT, SURVEY, RISK, RETURN, REFERRAL, DELIVERY,
) = (1 << bit for bit in range(15))  # fmt: skip
"""
What a moment needs to be remembered of a customer, so that most are not even looked for; a cart that changed after the
last order, an order that is the `FIRST` or `SECOND`, a visitor who is `KNOWN` from the web, a risk risen in silence.
"""


def causes_of(engagement: Engagement, stance: Stance) -> int:
    """Say what there is that a moment may come of, as a sum of the bits above."""
    causes, ordered_s = 0, engagement.last_order_s
    if ordered_s >= 0:
        orders = engagement.orders
        causes = ORDER | FIRST if orders == 1 else ORDER | SECOND if orders == 2 else ORDER
    if engagement.cart and newest_second(engagement.cart) > ordered_s:
        causes |= CART | CHECKOUT if engagement.checkout_s > ordered_s else CART
    if engagement.views and engagement.views[0] >= LEAST_REPEATS:
        causes |= VIEWS
    if engagement.visit:
        causes |= VISIT | KNOWN if engagement.web else VISIT
        if engagement.helped:
            causes |= HELPED
    if engagement.complaint:
        causes |= COMPLAINT
    if engagement.surveys:
        causes |= SURVEY
    # nobody is won back who has just been here
    if stance.band >= _HIGH and 0 <= engagement.last_act_s <= stance.rose_s - DAY_S:
        causes |= RISK
    if engagement.last_return_s >= 0:
        causes |= RETURN
    if engagement.last_referral_s >= 0:
        causes |= REFERRAL
    if engagement.last_delivered_s >= 0:
        causes |= DELIVERY
    return causes


FIND: Final[tuple[tuple[MomentName, int, Find], ...]] = (
    ("cart_abandoned", CART, _cart_abandoned),
    ("checkout_abandoned", CHECKOUT, _checkout_abandoned),
    ("browsed_and_left", VIEWS, _browsed_and_left),
    ("visit_without_purchase", VISIT, _visit_without_purchase),
    ("helped_and_left", HELPED, _helped_and_left),
    ("first_purchase", FIRST, _first_purchase),
    ("second_purchase", SECOND, _second_purchase),
    ("milestone", ORDER, _milestone),
    ("milestone", ORDER, _anniversary),
    ("return_made", RETURN, _return_made),
    ("complaint", COMPLAINT, _complaint),
    ("detractor", SURVEY, _detractor),
    ("response_overdue", COMPLAINT | SURVEY, _response_overdue),
    ("promoter", SURVEY, _promoter),
    ("referral_bought", REFERRAL, _referral_bought),
    ("risk_rose", RISK, _risk_rose),
    ("win_back", RISK, _win_back),
    ("refill_due", ORDER, _refill_due),
    ("survey_due", HELPED | DELIVERY, _survey_due),
    ("came_to_shop", KNOWN, _came_to_shop),
    ("came_to_web", KNOWN, _came_to_web),
)
"""How each moment is found, and which causes it may come of, any of them; a milestone is found in two ways."""
