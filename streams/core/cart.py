"""
The cart: what was put in and taken out since the last order, as far as the newest changes tell.

Law: the cart is what the remembered changes add up to, read oldest first; no product is in it less than no times.
"""

from itertools import takewhile

from streams.core.engagement import CART_HEAD, Engagement
from streams.core.newest import entries, newest_second


def cart_of(engagement: Engagement) -> dict[str, int]:
    """Say which products are in the cart, each with the second at which it was last put there, oldest first."""
    return {product: second for product, (second, _) in priced_cart_of(engagement).items()}


def priced_cart_of(engagement: Engagement) -> dict[str, tuple[int, int]]:
    """Say which products are in the cart: when each was last put there, and at which price in minor units (0: none)."""
    ordered_s = engagement.last_order_s
    if newest_second(engagement.cart) <= ordered_s:
        return {}
    changes = list(takewhile(lambda change: change.second > ordered_s, entries(engagement.cart)))
    quantity: dict[str, int] = {}
    added: dict[str, tuple[int, int]] = {}
    for second, _, payload in reversed(changes):
        product = payload[CART_HEAD:].decode()
        moved = int.from_bytes(payload[:4], "big", signed=True)
        quantity[product] = max(0, quantity.get(product, 0) + moved)
        if moved > 0:
            added.pop(product, None)
            added[product] = second, int.from_bytes(payload[4:CART_HEAD], "big")
    return {product: last for product, last in added.items() if quantity[product] > 0}
