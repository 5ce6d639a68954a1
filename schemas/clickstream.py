"""What happens in the web shop: looking, searching, filling a cart, and speaking for us."""

from typing import ClassVar

from schemas.common import Channel, Currency, Event, Id, Label, Money, Quantity, Rating, Text, Url


class ClickEvent(Event, frozen=True, kw_only=True):
    """An act in the web shop."""

    act_channel: ClassVar[Channel | None] = "web"
    weight: ClassVar[int] = 1
    source_topic: ClassVar[str] = "clickstream"


class PageViewed(ClickEvent, frozen=True, kw_only=True):
    """A page was shown."""

    url: Url | None = None


class ProductViewed(ClickEvent, frozen=True, kw_only=True):
    """A product's page was shown."""

    product_id: Id
    price_minor: Money | None = None
    currency: Currency | None = None


class SearchPerformed(ClickEvent, frozen=True, kw_only=True):
    """The shop was searched."""

    query: Text


class CartItemAdded(ClickEvent, frozen=True, kw_only=True):
    """A product was put into the cart."""

    weight: ClassVar[int] = 3

    product_id: Id
    quantity: Quantity = 1
    price_minor: Money | None = None
    currency: Currency | None = None


class CartItemRemoved(ClickEvent, frozen=True, kw_only=True):
    """A product was taken out of the cart."""

    product_id: Id
    quantity: Quantity = 1


class CheckoutStarted(ClickEvent, frozen=True, kw_only=True):
    """The way to the till was begun."""

    weight: ClassVar[int] = 4

    cart_value_minor: Money | None = None
    currency: Currency | None = None


class SignedIn(ClickEvent, frozen=True, kw_only=True):
    """A customer signed in."""


class ReviewWritten(ClickEvent, frozen=True, kw_only=True):
    """A customer reviewed a product."""

    weight: ClassVar[int] = 5

    product_id: Id
    rating: Rating | None = None


class ContentShared(ClickEvent, frozen=True, kw_only=True):
    """A customer shared something of ours with others."""

    weight: ClassVar[int] = 4

    network: Label | None = None
    product_id: Id | None = None


class ReferralSent(ClickEvent, frozen=True, kw_only=True):
    """A customer invited somebody."""

    weight: ClassVar[int] = 6

    referral_code: Label | None = None
