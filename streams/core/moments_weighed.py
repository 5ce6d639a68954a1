"""
How much a moment weighs: its strength in hundredths, from 5 to 100 in steps of 5; 50 is a usual one.

Law: a strength follows from the engagement and the stance alone. It says how much hangs on this moment compared with
others of its name: how much is in the basket, how bad the score was, how much the customer is worth to us.
"""

from collections.abc import Callable
from typing import Final

from schemas import BANDS
from streams.core.cart import priced_cart_of
from streams.core.catalogue import MomentName
from streams.core.engagement import DAY_S, Engagement
from streams.core.newest import entries, newest_second
from streams.core.replies import Answer
from streams.core.stance import Stance
from streams.core.voice import AGAINST, latest_against, latest_for

USUAL: Final = 50

AGAIN_S: Final = 30 * DAY_S
"""A complaint so soon after the one before weighs twice."""

_CRITICAL: Final = BANDS.index("critical")

Weigh = Callable[[Engagement, Stance], int]


def strength(hundredths: int) -> int:
    """
    Bring a weight onto the scale.

    >>> strength(-3), strength(52), strength(140)
    (5, 50, 100)
    """
    return max(5, min(100, hundredths // 5 * 5))


def _usual(_engagement: Engagement, _stance: Stance) -> int:
    return USUAL


def _cart(engagement: Engagement, _stance: Stance) -> int:
    """Weigh what lies in the basket against the customer's mean order, else by how many products there are."""
    left = priced_cart_of(engagement)
    value = sum([price for _, price in left.values()])
    sold = engagement.orders - engagement.foreign
    if value and sold > 0 and engagement.revenue_minor > 0:
        return strength(USUAL * value * sold // engagement.revenue_minor)
    return strength(30 + 10 * len(left))


def _checkout(engagement: Engagement, stance: Stance) -> int:
    return strength(_cart(engagement, stance) + 20)


def _browsed(engagement: Engagement, _stance: Stance) -> int:
    newest, *others = entries(engagement.views)
    return strength(20 + 10 * (1 + sum(view.payload == newest.payload for view in others)))


def _helped(_engagement: Engagement, _stance: Stance) -> int:
    return 70


def _milestone(engagement: Engagement, _stance: Stance) -> int:
    return strength(USUAL + engagement.orders)


def _complaint(engagement: Engagement, _stance: Stance) -> int:
    newest, *others = entries(engagement.complaint)
    return 100 if others and newest.second - others[0].second < AGAIN_S else 80


def _detractor(engagement: Engagement, _stance: Stance) -> int:
    answer = latest_against(engagement)
    return USUAL if answer is None else strength(70 + 5 * (AGAINST[answer.survey] - answer.score) - _mood(answer) // 10)


def _overdue(_engagement: Engagement, _stance: Stance) -> int:
    return 100


def _promoter(engagement: Engagement, _stance: Stance) -> int:
    answer = latest_for(engagement)
    if answer is None:
        return USUAL
    return strength((80 if (answer.survey, answer.score) != ("nps", 9) else 65) + _mood(answer) // 10)


def _mood(answer: Answer) -> int:
    return answer.sentiment or 0


def _risen(engagement: Engagement, stance: Stance) -> int:
    return strength((70 if stance.band == _CRITICAL else 60) + 5 * min(4, max(0, engagement.orders)))


def _refill(engagement: Engagement, _stance: Stance) -> int:
    return strength(35 + 5 * int.from_bytes(engagement.order, "little").bit_count())


def _came_to_shop(engagement: Engagement, _stance: Stance) -> int:
    return 80 if newest_second(engagement.cart) > engagement.last_order_s else USUAL


WEIGH: Final[dict[MomentName, Weigh]] = {
    "cart_abandoned": _cart,
    "checkout_abandoned": _checkout,
    "browsed_and_left": _browsed,
    "visit_without_purchase": _usual,
    "helped_and_left": _helped,
    "first_purchase": _usual,
    "second_purchase": _usual,
    "milestone": _milestone,
    "return_made": _usual,
    "complaint": _complaint,
    "detractor": _detractor,
    "response_overdue": _overdue,
    "promoter": _promoter,
    "referral_bought": _usual,
    "risk_rose": _risen,
    "win_back": _risen,
    "refill_due": _refill,
    "survey_due": _usual,
    "came_to_shop": _came_to_shop,
    "came_to_web": _usual,
}
"""How each moment is weighed."""
