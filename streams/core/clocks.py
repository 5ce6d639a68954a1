"""
Clocks: until when somebody should answer a customer who complained, or whose answer speaks against us.

Law: a clock begins with what the customer said and is stopped by the first answer that reached them since: the
delivery of an action that the catalogue has for a complaint, a detractor or a response overdue, or of any action by
telephone or by staff. A decision that was not delivered stops nothing; one that the holdout kept back stops what its
delivery would have, for else the holdout alone would be asked again, and could be compared with nobody.
"""

from typing import Final, Literal, NamedTuple

from schemas import CONTACT_CHANNELS, ContactChannel
from streams.core.catalogue import Catalogue, MomentName
from streams.core.engagement import Engagement
from streams.core.replies import complaints, deliveries
from streams.core.stance import NONE, Stance
from streams.core.voice import is_against, latest_answers

RESPOND_WITHIN_S: Final = 86400
"""What is promised where the catalogue says nothing."""

ANSWERING: Final[tuple[MomentName, ...]] = ("complaint", "detractor", "response_overdue")
"""The moments whose actions are answers."""

_BY_PEOPLE: Final[tuple[ContactChannel, ...]] = ("phone", "staff")
_OF_PEOPLE: Final = tuple([CONTACT_CHANNELS.index(channel) for channel in _BY_PEOPLE])


class Clock(NamedTuple):
    """Why a customer waits for an answer, since when and until when, in seconds since 1970."""

    moment: Literal["complaint", "detractor"]
    since_s: int
    due_s: int


def respond_by(catalogue: Catalogue, engagement: Engagement, stance: Stance) -> Clock | None:
    """Say which answer is due first; None where nobody waits for one."""
    running = clocks(catalogue, engagement, stance)
    return running[0] if running else None


def clocks(catalogue: Catalogue, engagement: Engagement, stance: Stance) -> list[Clock]:
    """Say which clocks run, the one that is due first first."""
    if not engagement.complaint and not engagement.surveys:
        return []
    complaint_s, detractor_s = _within_s(catalogue, "complaint"), _within_s(catalogue, "detractor")
    begun = [
        *(Clock("complaint", one.second, one.second + complaint_s) for one in complaints(engagement.complaint)),
        *(
            Clock("detractor", one.second, one.second + detractor_s)
            for one in latest_answers(engagement)
            if is_against(one)
        ),
    ]
    if not begun:
        return []
    answered_s = _answered_s(catalogue, engagement, stance, min([clock.since_s for clock in begun]))
    running = [clock for clock in begun if clock.since_s > answered_s]
    return sorted(running, key=lambda clock: (clock.due_s, clock.since_s))


def _answered_s(catalogue: Catalogue, engagement: Engagement, stance: Stance, since_s: int) -> int:
    """Say when an answer last reached the customer, or would have, of those since an instant at least; -1 for none."""
    names = {action.name for moment in ANSWERING for action in catalogue.by_moment.get(moment, ())}
    kept_back = [
        one.since_s for one in stance.reservations if one.shadow and (one.channel in _OF_PEOPLE or one.action in names)
    ]
    kept_back_s = max(kept_back, default=NONE)
    for delivery in deliveries(engagement.deliveries):
        if delivery.second < since_s:
            break
        if delivery.channel in _BY_PEOPLE or delivery.action in names:
            return max(delivery.second, kept_back_s)
    return kept_back_s


def _within_s(catalogue: Catalogue, moment: MomentName) -> int:
    rule = catalogue.moments.get(moment)
    return RESPOND_WITHIN_S if rule is None or rule.respond_within_s is None else rule.respond_within_s
