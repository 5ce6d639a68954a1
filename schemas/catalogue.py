"""What may be done for a customer, when, how often and in which words: the catalogue, as it is written in TOML."""

from datetime import datetime
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from schemas.contacts import ContactChannel, Purpose
from schemas.signals import Band

MAX_ACTIONS: Final = 64
"""So many actions at most: every one may leave a line in every record."""

MAX_SEGMENTS: Final = 4
"""So many segments at most: more personas than four nobody keeps apart, nor writes messages for."""

LEAST_REPEATS: Final = 2
"""The smallest `minimum` of looks or orders: once is no repetition."""

MOST_CHARACTERS: Final = 1000
"""The longest message on any channel, with the longest words filled in and with the footer."""

YEAR_S: Final = 366 * 86400

MomentName = Literal[
    "cart_abandoned",
    "checkout_abandoned",
    "browsed_and_left",
    "visit_without_purchase",
    "helped_and_left",
    "first_purchase",
    "second_purchase",
    "milestone",
    "return_made",
    "complaint",
    "detractor",
    "response_overdue",
    "promoter",
    "referral_bought",
    "risk_rose",
    "win_back",
    "refill_due",
    "survey_due",
    "came_to_shop",
    "came_to_web",
]
MOMENTS: Final[tuple[MomentName, ...]] = get_args(MomentName)
"""The moments that are looked for. Append only."""

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}$", max_length=48)]
SegmentName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,47}$", max_length=48)]
Duration = Annotated[int, Meta(ge=0, le=3 * YEAR_S, description="Seconds.")]
Positive = Annotated[int, Meta(ge=60, le=3 * YEAR_S, description="Seconds, at least a minute.")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its zone.")]
Days = Annotated[int, Meta(ge=1, le=366, description="Days.")]
Minor = Annotated[int, Meta(ge=1, le=1_000_000_000, description="Minor units of the base currency.")]
Cost = Annotated[int, Meta(ge=0, le=1_000_000_000, description="Minor units of the base currency.")]
Repeats = Annotated[int, Meta(ge=LEAST_REPEATS, le=12)]
Salt = Annotated[str, Meta(min_length=1, max_length=64)]
Language = Annotated[str, Meta(pattern="^[a-z]{2,3}$", max_length=3, description="BCP 47, the primary language.")]
Wording = Annotated[str, Meta(min_length=1, max_length=500)]
ClockTime = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]
Length = Annotated[int, Meta(ge=20, le=MOST_CHARACTERS, description="Characters.")]
Share = Annotated[float, Meta(gt=0, lt=1)]
Evidence = Annotated[float, Meta(ge=1, le=1_000_000)]


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many contacts within so many days."""

    most: Annotated[int, Meta(ge=1, le=1000)]
    days: Days


Limits = Annotated[tuple[Limit, ...], Meta(max_length=8)]


class QuietHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of the day in which nobody is disturbed, where the customer states none; they may span midnight."""

    from_: ClockTime = msgspec.field(name="from")
    until: ClockTime
    zone: Annotated[str, Meta(min_length=1, max_length=64, description="IANA, such as Europe/London.")] = "UTC"


class Holdout(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share of customers from whom every contact is kept back, so that what contacts are worth can be seen."""

    share: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    salt: Salt = "-"


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for all actions together."""

    contacts: Limits = ()
    at_once: Annotated[int, Meta(ge=1, le=16, description="Decisions that are neither delivered nor over.")] = 1
    quiet_hours: QuietHours | None = None
    complaint_days: Annotated[int, Meta(ge=0, le=366, description="No discount so long after a complaint.")] = 14
    holdout: Holdout = Holdout()
    languages: Annotated[tuple[Language, ...], Meta(min_length=1, max_length=16)] = ("en",)
    """Every template is there in the first; who reads none of the others gets it."""


class ChannelRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How one channel may be used.

    Purposes in `needs_consent` pass only when consent was given, the others unless it was withdrawn. `quiet`:
    quiet hours hold it. `counts`: its contacts count for the limits over all channels. `anonymous`: it reaches
    visitors without a customer_id.
    """

    needs_consent: Annotated[tuple[Purpose, ...], Meta(max_length=3)] = ()
    quiet: bool = False
    counts: bool = True
    contacts: Limits = ()
    anonymous: bool = False


class MomentRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    When a moment opens after its cause, how long it stays open, and what some moments ask for besides.

    `minimum`: looks at one product (browsed_and_left) or order days (refill_due). `least_days`: whose order days lie
    closer together needs no reminder (refill_due). `orders`, `spend_minor` and
    `anniversaries`: which milestones there are. `respond_within_s`: how soon somebody should have answered
    (complaint, detractor).
    """

    window_s: Positive
    delay_s: Duration = 0
    minimum: Repeats = 3
    least_days: Days = 10
    orders: Annotated[tuple[Annotated[int, Meta(ge=2, le=1_000_000)], ...], Meta(max_length=32)] = ()
    spend_minor: Annotated[tuple[Minor, ...], Meta(max_length=32)] = ()
    anniversaries: bool = False
    respond_within_s: Positive | None = None


class ExperimentTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A comparison: each customer falls by hash into one arm and stays there; the shares add up to 1."""

    salt: Salt
    arms: Annotated[dict[Name, Share], Meta(min_length=2, max_length=8)]
    from_: Instant | None = msgspec.field(name="from", default=None)
    until: Instant | None = None


class Brand(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One voice: words that are never used, the longest message for each channel, and what it ends with."""

    banned: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=48)], ...], Meta(max_length=200)] = ()
    max_length: Annotated[dict[ContactChannel, Length], Meta(max_length=8)] = {}
    needs_footer: Annotated[tuple[ContactChannel, ...], Meta(max_length=8)] = ()
    footer: Annotated[
        dict[ContactChannel, Annotated[dict[Language, Wording], Meta(max_length=16)]], Meta(max_length=8)
    ] = {}


class ActionTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One thing that may be done when one of its moments calls for it.

    `when` is a condition on the customer. `value_minor` is what a success is worth, `cost_minor` what doing it
    costs, `lever` a factor by which the shop stresses it; `prior` are the successes and failures believed in before
    anything was seen. `cooldown_s`: how long it rests after it was chosen; `expires_after_s`: how long a decision is
    worth carrying out; `respond_within_s`: how soon somebody has to act. A `duty` is owed: where its gates let one
    pass, only duties are candidates, "nothing" is none, and the holdout keeps none back.
    """

    name: Name
    moments: Annotated[tuple[MomentName, ...], Meta(min_length=1, max_length=len(MOMENTS))]
    channel: ContactChannel
    purpose: Purpose
    value_minor: Minor
    prior: tuple[Evidence, Evidence]
    cooldown_s: Duration
    expires_after_s: Positive
    template: Annotated[dict[Language, Wording], Meta(min_length=1, max_length=16)]
    when: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    discount: bool = False
    duty: bool = False
    cost_minor: Cost = 0
    lever: Annotated[float, Meta(gt=0, le=100)] = 1.0
    budget_per_day: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    respond_within_s: Positive | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    experiment: Name | None = None
    arm: Name | None = None
    variables: Annotated[tuple[Name, ...], Meta(max_length=16)] = ()


class SegmentTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A group of customers by rule: who meets every condition that is stated is in it.

    `first_days` after the first act, an instant and not a midnight, the customer is past it; `orders` are the
    least that were placed, net of cancellations; `bands` are the bands of risk.
    """

    first_days: Days | None = None
    orders: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    bands: Annotated[tuple[Band, ...], Meta(min_length=1, max_length=4)] | None = None

    @property
    def takes_everybody(self) -> bool:
        """Say whether it states no condition."""
        return self.first_days is None and self.orders is None and self.bands is None


class Segment(SegmentTable, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of customers by rule, with its name."""

    name: SegmentName


SEGMENTS: Final = (
    Segment(name="new", first_days=30),
    Segment(name="at-risk", bands=("high", "critical")),
    Segment(name="loyal", orders=3),
    Segment(name="occasional"),
)
"""The segments of a catalogue that states none."""


class CatalogueFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole catalogue; of the segments the first that matches counts, and the last takes everybody else."""

    policy: Policy = Policy()
    channels: Annotated[dict[ContactChannel, ChannelRule], Meta(max_length=8)] = {}
    moments: Annotated[dict[MomentName, MomentRule], Meta(max_length=len(MOMENTS))] = {}
    experiments: Annotated[dict[Name, ExperimentTable], Meta(max_length=32)] = {}
    brand: Brand = Brand()
    action: Annotated[tuple[ActionTable, ...], Meta(max_length=MAX_ACTIONS)] = ()
    segments: Annotated[dict[SegmentName, SegmentTable], Meta(min_length=1, max_length=MAX_SEGMENTS)] | None = None
