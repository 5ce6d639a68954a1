"""
The cart: what was put in and taken out since the last order, as far as the newest changes tell.

Law: the cart is what the remembered changes add up to, read oldest first; no product is in it less than no times.
"""

from streams.core.engagement import CART_HEAD, Engagement
from streams.core.newest import entries


def cart_of(engagement: Engagement) -> dict[str, int]:
    """Say which products are in the cart, each with the second at which it was last put there, oldest first."""
    quantity: dict[str, int] = {}
    added: dict[str, int] = {}
    for change in reversed(list(entries(engagement.cart))):
        if change.second <= engagement.last_order_s:
            continue
        product = change.payload[CART_HEAD:].decode()
        moved = int.from_bytes(change.payload[:4], "big", signed=True)
        quantity[product] = max(0, quantity.get(product, 0) + moved)
        if moved > 0:
            added.pop(product, None)
            added[product] = change.second
    return {product: second for product, second in added.items() if quantity[product] > 0}
