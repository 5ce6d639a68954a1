"""What a row of a table may tell: words of many shops for the events that we know."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Literal, NamedTuple

from schemas import (
    MAX_AMOUNT,
    CartItemAdded,
    CheckoutStarted,
    ContentShared,
    Event,
    OrderCancelled,
    OrderLine,
    OrderPlaced,
    OrderReturned,
    PageViewed,
    ProductViewed,
    ReviewWritten,
    SearchPerformed,
    SignedIn,
    StoreEntered,
)

Usual = dict[str, Any]
"""The fields that every event has."""

Build = Callable[[Usual, int, int, str], Event]
"""Makes an event of its usual fields, money in minor units, items and currency."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOST_ITEMS: Final = 1_000_000
UNKNOWN_PRODUCT: Final = "unknown"


class Kind(NamedTuple):
    """One kind of row: the words for it, how its event is made, and what it counts as."""

    words: tuple[str, ...]
    build: Build
    act: bool = True
    order: bool = False
    money: Literal[-1, 0, 1] = 0


def usual(row: int, at_s: int, key: str) -> Usual:
    """Say the fields that all events share; the row's number is the event's id."""
    return {
        "event_id": f"row-{row}",
        "schema_version": 1,
        "occurred_at": EPOCH + timedelta(seconds=at_s),
        "customer_id": key,
    }


def _click(kind: type[Event], fields: Usual) -> Build:
    return lambda usual, value, items, currency: kind(**usual, **fields)


def _order(channel: Literal["web", "store"], usual: Usual, value: int, items: int, currency: str) -> Event:
    return OrderPlaced(
        **usual,
        order_id=usual["event_id"],
        channel=channel,
        currency=currency,
        total_minor=min(max(value, 0), MAX_AMOUNT),
        lines=(OrderLine(product_id=UNKNOWN_PRODUCT, quantity=min(max(items, 1), MOST_ITEMS), unit_price_minor=0),),
    )


def _undone(
    kind: type[OrderReturned] | type[OrderCancelled], usual: Usual, value: int, items: int, currency: str
) -> Event:
    amount = min(abs(value), MAX_AMOUNT)
    return kind(**usual, order_id=usual["event_id"], channel="web", currency=currency, amount_minor=amount)


_PRODUCT: Final = {"product_id": UNKNOWN_PRODUCT}

KINDS: Final = (
    Kind(
        ("order", "purchase", "transaction", "buy", "order_placed", "sale"),
        partial(_order, "web"),
        order=True,
        money=1,
    ),
    Kind(("store_order", "till", "basket"), partial(_order, "store"), order=True, money=1),
    Kind(("view", "page_view", "page_viewed", "pageview", "click"), _click(PageViewed, {})),
    Kind(
        ("product_view", "product_viewed", "favourite", "favorite", "fav", "wishlist"), _click(ProductViewed, _PRODUCT)
    ),
    Kind(("cart", "add_to_cart", "addtocart", "cart_item_added"), _click(CartItemAdded, _PRODUCT)),
    Kind(("checkout", "checkout_started"), _click(CheckoutStarted, {})),
    Kind(("search", "search_performed"), _click(SearchPerformed, {"query": ""})),
    Kind(("login", "sign_in", "signed_in"), _click(SignedIn, {})),
    Kind(("review", "review_written"), _click(ReviewWritten, _PRODUCT)),
    Kind(("share", "content_shared"), _click(ContentShared, {})),
    Kind(("visit", "store_visit", "store_entered"), _click(StoreEntered, {"store_id": "unknown"})),
    Kind(("return", "refund", "order_returned"), partial(_undone, OrderReturned), money=-1),
    Kind(("cancellation", "cancel", "order_cancelled"), partial(_undone, OrderCancelled), act=False, money=-1),
)
ORDER: Final = 0
"""The number of the kind that a row has when nothing is said."""

NUMBER_OF: Final = {word: number for number, kind in enumerate(KINDS) for word in kind.words}


def number_of(word: str) -> int | None:
    """
    Say the number of a kind by one of its words, whatever its case and blanks; None if nobody here knows it.

    >>> number_of("Page View") == number_of("pageview") == number_of("click")
    True
    """
    return NUMBER_OF.get(word.strip().lower().replace(" ", "_").replace("-", "_"))


def known_words() -> str:
    """List the first word of each kind, for people."""
    return ", ".join(kind.words[0] for kind in KINDS)
