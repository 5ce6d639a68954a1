"""
Reasons: what drives a risk, in words and figures.

Law: a reason is derived from the engagement and the instant alone, and at most five are given, the
most telling first.
"""

from typing import Final

from schemas import Reason
from streams.core.churn import active_days
from streams.core.days import active_between, silent_days, usual_days
from streams.core.engagement import Engagement, day_of

MAX_REASONS: Final = 5
RECENT_DAYS, BEFORE_DAYS = 30, 90
"""Recent are the last 30 days; before are the days 31 to 90 back."""


def reasons(engagement: Engagement, now_s: int) -> tuple[Reason, ...]:
    """Say what drives the risk at an instant."""
    days = active_days(engagement)
    found = _rhythm(engagement, days, now_s)
    if _known_before(engagement, now_s) > 0:
        found += _trend(engagement, days, now_s)
        found += _channels(engagement, now_s)
    return tuple(found[:MAX_REASONS])


def _rhythm(engagement: Engagement, days: int, now_s: int) -> list[Reason]:
    silent, usual = silent_days(engagement, now_s), usual_days(days)
    since = "Active today" if silent == 0 else f"No visit for {silent} {'day' if silent == 1 else 'days'}"
    if usual is None:
        return [Reason(code="new", text=f"{since}; seen on one day only.", figures={"silent_days": silent})]
    code = "silent" if silent > usual else "in_rhythm"
    figures: dict[str, float | None] = {"silent_days": silent, "usual_days": round(usual, 1)}
    return [Reason(code=code, text=f"{since}; usually every {_days(usual)}.", figures=figures)]


def _trend(engagement: Engagement, days: int, now_s: int) -> list[Reason]:
    recent, before = _recent_and_before(days, engagement, now_s)
    known = _known_before(engagement, now_s)
    if before == 0 or known < RECENT_DAYS:
        return []
    usual = before * RECENT_DAYS / min(known, BEFORE_DAYS - RECENT_DAYS)
    if abs(recent - usual) < max(1.0, 0.25 * usual):
        return []
    code = "declining" if recent < usual else "growing"
    text = f"{recent} active days in the last {RECENT_DAYS}; {usual:.3g} per {RECENT_DAYS} days before."
    return [Reason(code=code, text=text, figures={"recent_days": recent, "before_days": round(usual, 1)})]


def _channels(engagement: Engagement, now_s: int) -> list[Reason]:
    found = []
    for channel, name in (("store", "in the shops"), ("web", "on the web"), ("order", "ordered")):
        days = int.from_bytes(getattr(engagement, channel), "little")
        recent, before = _recent_and_before(days, engagement, now_s)
        if recent == 0 and before > 0:
            text = f"Nothing {name} in the last {RECENT_DAYS} days; {before} days in the {RECENT_DAYS * 2} before."
            found.append(Reason(code=f"{channel}_silent", text=text, figures={"before_days": before}))
    return found


def _known_before(engagement: Engagement, now_s: int) -> int:
    """Say for how many days the customer was known before the recent ones."""
    return day_of(now_s, engagement.offset_s) - RECENT_DAYS + 1 - day_of(engagement.first_act_s, engagement.offset_s)


def _recent_and_before(days: int, engagement: Engagement, now_s: int) -> tuple[int, int]:
    today = day_of(now_s, engagement.offset_s)
    recent = active_between(days, engagement, today - RECENT_DAYS + 1, today)
    return recent, active_between(days, engagement, today - BEFORE_DAYS + 1, today - RECENT_DAYS)


def _days(number: float) -> str:
    return "day" if number == 1 else f"{number:.3g} days"
