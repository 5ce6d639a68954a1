"""
What shoppers let us do and what they say of us: consents, preferences, a membership, surveys, complaints.

A shopper's wishes have a source of chance of their own, so that telling them changes no visit. What would become of
messages is not made up: it follows from decisions, and those nobody here knows.
"""

from random import Random

from streams.simulate.life import Shopper, seeded
from streams.simulate.telling import DAY_MS, MINUTE_MS, PROFILES, RESPONSES, Fields, Teller

CONSENTS = (
    ("email", "relation", 0.75),
    ("email", "marketing", 0.6),
    ("push", "marketing", 0.35),
    ("sms", "marketing", 0.12),
    ("post", "relation", 0.1),
    ("staff", "relation", 0.2),
)
"""What is asked for at the first visit, and how many say yes; the others say nothing."""

ZONES = ("Europe/London",) * 6 + ("Europe/Berlin", "America/New_York")
NETWORKS = ("instagram", "pinterest")
_WISHES = 7
"""Tells a visit's wishes from the visit."""


def wishes(teller: Teller, shopper: Shopper, seed: int, count: int, at_ms: int) -> None:
    """Tell what a shopper lets us do, likes and says on the visit of this count; 0 is the first."""
    chance = seeded(seed, shopper.number, count + 1, _WISHES)
    if count == 0:
        _introduces_themselves(teller, shopper, chance, at_ms)
    elif chance.random() < 0.012:
        _thinks_better_of_it(teller, shopper, chance, at_ms)
    if count == 1 and chance.random() < 0.25:
        teller.tell(at_ms + _soon(chance), PROFILES, "loyalty_joined", shopper.account, program="circle")
    if chance.random() < 0.01:
        network = chance.choice(NETWORKS)
        teller.tell(at_ms + _soon(chance), PROFILES, "social_followed", shopper.account, network=network)
    if chance.random() < 0.03:
        _answers(teller, shopper, chance, at_ms + int(chance.uniform(0.5, 3) * DAY_MS))
    if chance.random() < 0.008:
        after_ms = at_ms + int(chance.uniform(0.5, 5) * DAY_MS)
        about: Fields = {
            "channel": chance.choice(("email", "phone", "web")),
            "topic": chance.choice(("late", "broken")),
        }
        teller.tell(after_ms, RESPONSES, "complaint_made", shopper.account, **about)


def _introduces_themselves(teller: Teller, shopper: Shopper, chance: Random, at_ms: int) -> None:
    """Say yes to some consents, and some preferences."""
    at_ms += _soon(chance)
    for channel, purpose, share in CONSENTS:
        if chance.random() < share:
            teller.tell(at_ms, PROFILES, "consent_given", shopper.account, channel=channel, purpose=purpose)
    likes: Fields = {}
    if chance.random() < 0.5:
        likes["language"] = "de" if chance.random() < 0.15 else "en"
    if chance.random() < 0.3:
        likes["time_zone"] = chance.choice(ZONES)
    if chance.random() < 0.15:
        likes |= {"quiet_from": f"{chance.randrange(19, 24)}:00", "quiet_until": f"0{chance.randrange(6, 10)}:30"}
    if chance.random() < 0.2:
        likes["preferred_channel"] = chance.choice(("email", "push", "sms"))
    if likes:
        teller.tell(at_ms + MINUTE_MS, PROFILES, "preferences_set", shopper.account, **likes)


def _thinks_better_of_it(teller: Teller, shopper: Shopper, chance: Random, at_ms: int) -> None:
    """Withdraw a consent in the account, or unsubscribe from a channel."""
    at_ms += _soon(chance)
    if chance.random() < 0.5:
        teller.tell(at_ms, RESPONSES, "unsubscribed", shopper.account, channel="email")
        return
    channel, purpose, _ = chance.choice(CONSENTS)
    teller.tell(at_ms, PROFILES, "consent_withdrawn", shopper.account, channel=channel, purpose=purpose)


def _answers(teller: Teller, shopper: Shopper, chance: Random, at_ms: int) -> None:
    """Answer a survey; most are content."""
    survey, lowest, highest, usual = chance.choice((("nps", 0, 10, 8), ("csat", 1, 5, 4), ("ces", 1, 7, 5)))
    score = min(highest, max(lowest, round(chance.gauss(usual, (highest - lowest) / 5))))
    sentiment = round(2 * (score - lowest) / (highest - lowest) - 1, 1) if chance.random() < 0.4 else None
    teller.tell(at_ms, RESPONSES, "survey_answered", shopper.account, survey=survey, score=score, sentiment=sentiment)


def _soon(chance: Random) -> int:
    """A few minutes within a visit, in milliseconds."""
    return 30_000 + int(chance.expovariate(1 / (3 * MINUTE_MS)))
