"""What is bought, called off, brought back and handed over; on the web and at the till."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from schemas.common import (
    MAX_AMOUNT,
    Amount,
    Channel,
    Currency,
    CustomerId,
    Event,
    Id,
    Label,
    Money,
    Quantity,
    Text,
    Url,
)

SalesChannel = Literal["web", "store"]


class OrderLine(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One product of an order."""

    product_id: Id
    quantity: Quantity
    unit_price_minor: Money
    category: Label | None = None


OrderLines = Annotated[tuple[OrderLine, ...], Meta(min_length=1, max_length=500)]


class OrderEvent(Event, frozen=True, kw_only=True):
    """A step in the life of an order; a guest's is kept under its order_id, whatever else it carries."""

    source_topic: ClassVar[str] = "orders"

    order_id: Id
    guest: bool = False


class OrderPlaced(OrderEvent, frozen=True, kw_only=True):
    """
    A customer bought; an active day on `order`, and on `store` when bought at the till.

    `referred_by` is the customer who invited the buyer.
    """

    act_channel: ClassVar[Channel | None] = "order"
    weight: ClassVar[int] = 10

    lines: OrderLines
    currency: Currency
    channel: SalesChannel
    store_id: Id | None = None
    referrer: Url | None = None
    coupon: Label | None = None
    total_minor: Amount | None = None
    referred_by: CustomerId | None = None

    @property
    def amount_minor(self) -> int:
        """What was paid, in minor units: the stated total, else the sum of the lines up to MAX_AMOUNT."""
        if self.total_minor is not None:
            return self.total_minor
        return min(MAX_AMOUNT, sum([line.quantity * line.unit_price_minor for line in self.lines]))


class OrderCancelled(OrderEvent, frozen=True, kw_only=True):
    """An order was called off before delivery; the shop may have done it, so it is no act."""

    customer_act: ClassVar[bool] = False

    amount_minor: Amount
    currency: Currency
    channel: SalesChannel
    reason: Text | None = None


class OrderReturned(OrderEvent, frozen=True, kw_only=True):
    """Goods came back; an active day on the channel where they were brought."""

    weight: ClassVar[int] = 1

    amount_minor: Amount
    currency: Currency
    channel: SalesChannel
    reason: Text | None = None
    lines: OrderLines | None = None


class OrderDelivered(OrderEvent, frozen=True, kw_only=True):
    """Goods reached the customer."""

    customer_act: ClassVar[bool] = False
