"""
Reach: how a customer may be reached, and what is under way, as their document says it.

Law: all of it is read from the record, the catalogue and the instant by the functions that decide, so a document says
of a limit or a moment what a decision at that instant would go by.
"""

from typing import Any

from schemas import (
    CONTACT_CHANNELS,
    Consent,
    Contact,
    ContactChannel,
    ContactLimit,
    LastDecision,
    OpenMoment,
    PendingAction,
    ResponseClock,
    StatedPreferences,
    WaitingContact,
)
from streams.core.catalogue import Catalogue, Limit
from streams.core.clocks import respond_by
from streams.core.contacts import Contacts
from streams.core.engagement import Engagement
from streams.core.moments import look, moment_id
from streams.core.once import once
from streams.core.profile import consents, preferences
from streams.core.replies import DECISION_BYTES, Delivery, deliveries, outcomes
from streams.core.signals import at
from streams.core.stance import Reservation, Stance, recalled


def reach(catalogue: Catalogue, key: str, engagement: Engagement, stance: Stance, now_s: int) -> dict[str, Any]:
    """
    Say the fields of a document on consents, preferences, contacts, limits, moments, the clock and decisions.

    Of what never was there is no word: it is as the contract has it by default.
    """
    said: dict[str, Any] = {
        "pending_action": None,
        "limits": limits(catalogue, engagement, stance, now_s),
        "moments": open_moments(catalogue, key, engagement, stance, now_s),
        "response_clock": clock(catalogue, engagement, stance),
    }
    if stance.enrolled:
        said["arms"] = dict(sorted(stance.enrolled.items()))
    if engagement.registers:
        said["consents"] = tuple(
            [Consent(channel=channel, purpose=purpose, state=state) for channel, purpose, state in consents(engagement)]
        )
        said["preferences"] = stated(engagement)
    delivered = list(deliveries(engagement.deliveries)) if engagement.deliveries else []
    if delivered:
        said["contacts"] = tuple(
            [Contact(action=one.action, channel=one.channel, at=at(one.second)) for one in delivered]
        )
    if kept := [one for one in stance.reservations if not one.shadow and one.until_s > now_s]:
        last = max(kept, key=lambda one: one.until_s)
        said["pending_action"] = PendingAction(action=last.action, expires_at=at(last.until_s))
        said["waiting"] = waiting(engagement, kept, delivered)
    if stance.recent:
        said["last_decisions"] = tuple(
            [
                LastDecision(decision_id=one.decision.hex(), moment=one.moment, action=one.action, at=at(one.since_s))
                for one in recalled(stance.recent)
            ]
        )
    return said


def stated(engagement: Engagement) -> StatedPreferences:
    """Say the preferences, with quiet hours as times of the day."""
    liked = preferences(engagement)
    quiet_from, quiet_until = (None, None) if liked.quiet is None else map(clock_time, liked.quiet)
    return StatedPreferences(
        time_zone=liked.zone,
        language=liked.language,
        quiet_from=quiet_from,
        quiet_until=quiet_until,
        channel=liked.channel,
    )


def clock_time(minute: int) -> str:
    """
    Say a minute of the day as people write it.

    >>> clock_time(1290)
    '21:30'
    """
    return f"{minute // 60:02}:{minute % 60:02}"


def waiting(engagement: Engagement, kept: list[Reservation], delivered: list[Delivery]) -> tuple[WaitingContact, ...]:
    """Name the decided contacts that are neither delivered nor dismissed, of those that keep their slots."""
    over = {one.decision for one in delivered}
    over |= {one.decision for one in outcomes(engagement.outcomes) if one.result == "dismissed"}
    return tuple(
        [
            WaitingContact(action=one.action, channel=CONTACT_CHANNELS[one.channel], until=at(one.until_s))
            for one in kept
            if one.decision[:DECISION_BYTES] not in over
        ]
    )


def limits(catalogue: Catalogue, engagement: Engagement, stance: Stance, now_s: int) -> tuple[ContactLimit, ...]:
    """Say what is left of every limit: first those over all channels, then each channel's own."""
    unused, found = _unused(catalogue)
    if not engagement.deliveries and not stance.reservations:
        return unused
    reached = Contacts(catalogue, engagement, stance, now_s)
    return tuple(
        [
            ContactLimit(channel=channel, most=limit.most, days=limit.days, left=reached.left(limit, channel))
            for channel, limit in found
        ]
    )


@once
def _unused(catalogue: Catalogue) -> tuple[tuple[ContactLimit, ...], list[tuple[ContactChannel | None, Limit]]]:
    """Say what all limits allow whom nobody contacted, and which limits these are."""
    found: list[tuple[ContactChannel | None, Limit]] = [(None, limit) for limit in catalogue.policy.contacts]
    found += [(channel, limit) for channel, rule in catalogue.channels.items() for limit in rule.contacts]
    unused = [
        ContactLimit(channel=channel, most=limit.most, days=limit.days, left=limit.most) for channel, limit in found
    ]
    return tuple(unused), found


def open_moments(
    catalogue: Catalogue, key: str, engagement: Engagement, stance: Stance, now_s: int
) -> tuple[OpenMoment, ...]:
    """Say which moments are open and not answered, those that close soonest first."""
    if stance.band < 0:
        return ()
    moments = [one for one in look(catalogue, engagement, stance) if one.opens_s <= now_s < one.closes_s]
    if not moments:
        return ()
    return tuple(
        [
            OpenMoment(
                moment=one.name,
                moment_id=moment_id(key, one),
                since=at(one.opens_s),
                expires_at=at(one.closes_s),
            )
            for one in sorted(moments, key=lambda one: (one.closes_s, one.name, one.key))
        ]
    )


def clock(catalogue: Catalogue, engagement: Engagement, stance: Stance) -> ResponseClock | None:
    """Say until when an answer was promised that has not come."""
    running = respond_by(catalogue, engagement, stance)
    if running is None:
        return None
    return ResponseClock(moment=running.moment, since=at(running.since_s), due=at(running.due_s))
