"""
Referrals that bought: what an order says to whoever invited its buyer.

Law: what follows from an order is a function of the order alone. It has the order's instant and an id that is
the same whenever the order is told again, so the referrer folds it once; and it tells nothing of the buyer but
a hash of the order's id.
"""

from hashlib import blake2b
from typing import Final

from schemas import SOURCES, OrderPlaced, ReferralConverted
from streams.core.signals import REROUTED, Happening, Signal, encode, signal_id

LABEL: Final = str(ReferralConverted.__struct_config__.tag)

_ORDERS: Final = SOURCES.index("orders")


def converted(key: str, order: OrderPlaced) -> Signal | None:
    """Say to the referrer that somebody they invited has bought; None when nobody did, or the buyer themselves."""
    referrer = order.referred_by
    if referrer is None or referrer == order.customer_id:
        return None
    said = signal_id(key, REROUTED, Happening(_ORDERS, order, 0))
    happened = ReferralConverted(
        event_id=said,
        schema_version=1,
        occurred_at=order.occurred_at,
        customer_id=referrer,
        order_hash=blake2b(order.order_id.encode(), digest_size=8).hexdigest(),
    )
    return Signal(REROUTED, said, encode(happened), LABEL, referrer)
