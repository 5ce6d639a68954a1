"""
How each moment is told: the reason in one sentence, and the words that a message may use.

Law: every name that `templates.WORDS` promises for a moment is filled.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from schemas import BANDS
from streams.core.cart import cart_of
from streams.core.catalogue import MomentName
from streams.core.days import anniversary_after, silent_days
from streams.core.engagement import DAY_S, HOUR_S, Engagement, day_of
from streams.core.moments import Moment
from streams.core.moments_found import known_since_s, refill_interval_s
from streams.core.newest import entries, newest_payload
from streams.core.replies import Answer
from streams.core.stance import Stance
from streams.core.voice import latest_against, latest_for


class Telling(NamedTuple):
    """A moment in words: why, and the names a message may use."""

    reason: str
    words: dict[str, str]


class _Sight(NamedTuple):
    moment: Moment
    engagement: Engagement
    stance: Stance
    now_s: int


Told = tuple[str, dict[str, str]]


def tell(moment: Moment, engagement: Engagement, stance: Stance, now_s: int) -> Telling:
    """Put a moment into words, as of an instant at which it is open."""
    reason, words = _TELL[moment.name](_Sight(moment, engagement, stance, now_s))
    words["orders"] = str(max(0, engagement.orders))
    return Telling(reason, words)


def _cart_abandoned(sight: _Sight) -> Told:
    return _left_behind(sight, "in the basket")


def _checkout_abandoned(sight: _Sight) -> Told:
    return _left_behind(sight, "at the checkout")


def _left_behind(sight: _Sight, where: str) -> Told:
    cart = list(cart_of(sight.engagement))
    words = {"product_id": cart[-1], "products": str(len(cart))}
    return f"{_count(len(cart), 'product')} left {where}, not ordered.", words


def _browsed_and_left(sight: _Sight) -> Told:
    views = list(entries(sight.engagement.views))
    product = views[0].payload
    times = sum(view.payload == product for view in views)
    words = {"product_id": product.decode(), "views": str(times)}
    return f"Looked at {words['product_id']} {times} times and left.", words


def _visit_without_purchase(sight: _Sight) -> Told:
    store = _store(sight.engagement.visit)
    return f"Was in shop {store} and bought nothing.", {"store_id": store}


def _helped_and_left(sight: _Sight) -> Told:
    store = _store(sight.engagement.helped)
    return f"Was helped in shop {store} and bought nothing.", {"store_id": store}


def _store(blob: bytes) -> str:
    return newest_payload(blob).decode()


def _first_purchase(_sight: _Sight) -> Told:
    return "Placed a first order.", {}


def _second_purchase(_sight: _Sight) -> Told:
    return "Placed a second order.", {}


def _milestone(sight: _Sight) -> Told:
    engagement = sight.engagement
    since, day = (day_of(one, engagement.offset_s) for one in (known_since_s(engagement), sight.moment.key))
    if anniversary_after(since, day - 1) == day:
        return f"With us for {_count(round((day - since) / 365.2425), 'year')} today.", {}
    return f"Reached a milestone with order number {engagement.orders}.", {}


def _return_made(sight: _Sight) -> Told:
    return f"Brought something back {_ago(sight)}.", {}


def _complaint(sight: _Sight) -> Told:
    return f"Complained {_ago(sight)}.", {}


def _detractor(sight: _Sight) -> Told:
    return _answer(latest_against(sight.engagement), "against us")


def _promoter(sight: _Sight) -> Told:
    return _answer(latest_for(sight.engagement), "for us")


def _answer(answer: Answer | None, which: str) -> Told:
    survey, score = ("", "") if answer is None else (answer.survey.upper(), str(answer.score))
    return f"Answered {score} to {survey}, which speaks {which}.", {"survey": survey, "score": score}


def _response_overdue(sight: _Sight) -> Told:
    hours = _hours(sight)
    return f"Has waited for an answer for {_count(hours, 'hour')}.", {"hours": str(hours)}


def _referral_bought(_sight: _Sight) -> Told:
    return "Somebody whom they invited has bought.", {}


def _risk_rose(sight: _Sight) -> Told:
    silent, band = silent_days(sight.engagement, sight.now_s), BANDS[sight.stance.band]
    return f"Risk became {band} after {_count(silent, 'silent day')}.", {"days": str(silent), "band": band}


def _win_back(sight: _Sight) -> Told:
    silent, since = silent_days(sight.engagement, sight.now_s), (sight.now_s - sight.moment.key) // DAY_S
    text = f"Silent for {_count(silent, 'day')}; the risk became critical {_count(since, 'day')} ago."
    return text, {"days": str(silent)}


def _refill_due(sight: _Sight) -> Told:
    days = max(1, refill_interval_s(sight.engagement, 2) // DAY_S)
    since = (sight.now_s - sight.engagement.last_order_s) // DAY_S
    return f"Orders every {_count(days, 'day')}; the last was {_count(since, 'day')} ago.", {"days": str(days)}


def _survey_due(sight: _Sight) -> Told:
    return f"Was served {_ago(sight)} and has not been asked since.", {}


def _came_to_shop(sight: _Sight) -> Told:
    store = _store(sight.engagement.visit)
    return f"Known from the web, and now in shop {store}.", {"store_id": store}


def _came_to_web(sight: _Sight) -> Told:
    store = _store(sight.engagement.visit)
    return f"On the web for the first time since the visit to shop {store}.", {"store_id": store}


def _hours(sight: _Sight) -> int:
    return max(0, sight.now_s - sight.moment.key) // HOUR_S


def _ago(sight: _Sight) -> str:
    """
    Say how long ago the cause was.

    >>> from streams.core.moments import Moment
    >>> moment = Moment("complaint", 0, 0, 86400, 80)
    >>> [_ago(_Sight(moment, Engagement(0, 0, 0), Stance(), hours * HOUR_S)) for hours in (0, 1, 48)]
    ['just now', '1 hour ago', '2 days ago']
    """
    hours = _hours(sight)
    if hours < 1:
        return "just now"
    return f"{_count(hours, 'hour')} ago" if hours < 48 else f"{_count(hours // 24, 'day')} ago"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_TELL: Final[dict[MomentName, Callable[[_Sight], Told]]] = {
    "cart_abandoned": _cart_abandoned,
    "checkout_abandoned": _checkout_abandoned,
    "browsed_and_left": _browsed_and_left,
    "visit_without_purchase": _visit_without_purchase,
    "helped_and_left": _helped_and_left,
    "first_purchase": _first_purchase,
    "second_purchase": _second_purchase,
    "milestone": _milestone,
    "return_made": _return_made,
    "complaint": _complaint,
    "detractor": _detractor,
    "response_overdue": _response_overdue,
    "promoter": _promoter,
    "referral_bought": _referral_bought,
    "risk_rose": _risk_rose,
    "win_back": _win_back,
    "refill_due": _refill_due,
    "survey_due": _survey_due,
    "came_to_shop": _came_to_shop,
    "came_to_web": _came_to_web,
}
"""How each moment is told."""
