"""The current truth about one customer, in JSON that people can read; readers keep the highest version."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from schemas.common import Currency, CustomerId, Id, Label, Time
from schemas.signals import Band, NextCrossing, Risk, Stage

_LARGEST: Final = 2**63 - 1

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


class CustomerDocument(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One customer; `version` is (changelog generation, writer term, counter) and only ever grows."""

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
