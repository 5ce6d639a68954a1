"""The current truth about one customer, in JSON that people can read; readers keep the highest version."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from schemas.common import Currency, CustomerId, Id, Label, Time
from schemas.contacts import ContactChannel, Purpose
from schemas.profiles import Language, TimeOfDay, TimeZone
from schemas.signals import Band, NextCrossing, Risk, SignalId, Stage

_LARGEST: Final = 2**63 - 1

MomentId = Annotated[str, Meta(min_length=16, max_length=16, pattern="^[0-9a-f]{16}$")]
Count = Annotated[int, Meta(ge=0, le=_LARGEST)]
Net = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST, description="After cancellations and returns; may be negative.")]


class ActiveDays(
    Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True,
    rename={"d30": "30d", "d90": "90d", "d365": "365d"},
):  # fmt: skip
    """Days with at least one act."""

    d30: Count
    d90: Count
    d365: Count


class DaysActive(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Active days for each channel."""

    web: ActiveDays
    store: ActiveDays
    order: ActiveDays


class Window(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Acts, orders and money of one rolling window; money and orders are net, so they may be negative."""

    web: Count
    store: Count
    orders: Net
    revenue_minor: Net


class Windows(
    Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True,
    rename={"h1": "1h", "h24": "24h", "d7": "7d", "d30": "30d"},
):  # fmt: skip
    """The rolling windows, each ending at `as_of`."""

    h1: Window
    h24: Window
    d7: Window
    d30: Window


class Participation(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What a customer did for us beyond buying."""

    reviews: Count
    shares: Count
    referrals: Count


class PendingAction(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """The action that holds the floor until it expires."""

    action: Label
    expires_at: Time


class Consent(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What a customer last said of being reached on a channel for a purpose; what they never said is not listed."""

    channel: ContactChannel
    purpose: Purpose
    state: Literal["given", "withdrawn"]


class StatedPreferences(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """How a customer likes to be reached; null is what they never said, equal ends say that quiet is not wanted."""

    time_zone: TimeZone | None = None
    language: Language | None = None
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None
    channel: ContactChannel | None = None


class Contact(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An action that reached the customer."""

    action: Label
    channel: ContactChannel
    at: Time


class WaitingContact(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An action that was decided and not yet delivered; it holds a slot of the limits until then."""

    action: Label
    channel: ContactChannel
    until: Time


class ContactLimit(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """How many more contacts a limit of the catalogue allows now; without a channel over all channels that count."""

    channel: ContactChannel | None
    most: Count
    days: Count
    left: Count


class OpenMoment(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A moment that is open and was not answered yet."""

    moment: Label
    moment_id: MomentId
    since: Time
    expires_at: Time


class ResponseClock(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A customer waits for an answer: for which reason, since when, and until when it was promised."""

    moment: Literal["complaint", "detractor"]
    since: Time
    due: Time


class LastDecision(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A decision that was published; its id leads to the whole of it."""

    decision_id: SignalId
    moment: Label
    action: Label
    at: Time


class CustomerDocument(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """
    One customer; `version` is (changelog generation, writer term, counter) and only ever grows.

    What has a default is not there in a document that was written before it was known.
    """

    version: tuple[Count, Count, Count]
    customer_id: CustomerId | None
    anonymous_id: Id | None
    as_of: Time
    first_seen: Time
    last_seen: Time
    last_act: Time | None
    risk: Risk | None
    band: Band | None
    next_crossing: NextCrossing | None
    risk_as_of: Time | None
    segment: Label | None
    stage: Stage | None
    days_active: DaysActive
    windows: Windows
    orders: Net
    revenue_minor: Net
    currency: Currency
    average_order_minor: Net | None
    participation: Participation
    cart: Annotated[tuple[Id, ...], Meta(max_length=64)]
    pending_action: PendingAction | None
    last_actions: Annotated[dict[Label, Time], Meta(max_length=64)]
    consents: Annotated[tuple[Consent, ...], Meta(max_length=64)] = ()
    preferences: StatedPreferences = StatedPreferences()
    contacts: Annotated[tuple[Contact, ...], Meta(max_length=32, description="The newest first.")] = ()
    waiting: Annotated[tuple[WaitingContact, ...], Meta(max_length=32)] = ()
    limits: Annotated[tuple[ContactLimit, ...], Meta(max_length=256)] = ()
    moments: Annotated[tuple[OpenMoment, ...], Meta(max_length=64)] = ()
    response_clock: ResponseClock | None = None
    arms: Annotated[dict[Label, Label], Meta(max_length=64, description="By experiment; the holdout is one.")] = {}
    last_decisions: Annotated[tuple[LastDecision, ...], Meta(max_length=16, description="The newest first.")] = ()
