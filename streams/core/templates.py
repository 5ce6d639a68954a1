"""
Templates: texts with {names} in them, which names each moment can fill, and how long they may become.

Law: a name is filled once; what it is filled with is never read as a template again.
"""

import re
from collections.abc import Mapping
from typing import Final

from schemas.catalogue import MomentName

COMMON_WORDS: Final = frozenset({"orders"})
"""The names that every moment can fill: the orders so far, net of cancellations."""

WORDS: Final[dict[MomentName, frozenset[str]]] = {
    "cart_abandoned": frozenset({"product_id", "products"}),
    "checkout_abandoned": frozenset({"product_id", "products"}),
    "browsed_and_left": frozenset({"product_id", "views"}),
    "visit_without_purchase": frozenset({"store_id"}),
    "helped_and_left": frozenset({"store_id"}),
    "first_purchase": frozenset(),
    "second_purchase": frozenset(),
    "milestone": frozenset(),
    "return_made": frozenset(),
    "complaint": frozenset(),
    "detractor": frozenset({"survey", "score"}),
    "response_overdue": frozenset({"hours"}),
    "promoter": frozenset({"survey", "score"}),
    "referral_bought": frozenset(),
    "risk_rose": frozenset({"days", "band"}),
    "win_back": frozenset({"days"}),
    "refill_due": frozenset({"days"}),
    "survey_due": frozenset(),
    "came_to_shop": frozenset({"store_id"}),
    "came_to_web": frozenset({"store_id"}),
}
"""The names that a message may use besides, for each moment."""

LONGEST: Final = {
    "orders": 7,
    "product_id": 64,
    "products": 1,
    "views": 2,
    "store_id": 64,
    "survey": 4,
    "score": 2,
    "hours": 5,
    "days": 4,
    "band": 8,
}
"""The most characters that each name may be filled with."""

_NAME: Final = re.compile(r"{([^{}]*)}")


def names_of(template: str) -> frozenset[str]:
    """
    Say which names a template uses.

    >>> sorted(names_of("{products} in your basket, {product_id} among them"))
    ['product_id', 'products']
    """
    return frozenset(_NAME.findall(template))


def has_odd_brace(template: str) -> bool:
    """Say whether a brace is without its partner."""
    return re.search(r"[{}]", _NAME.sub("", template)) is not None


def fill(template: str, words: Mapping[str, str]) -> str:
    """
    Put words in the place of their names; a name without a word stays as it is.

    >>> fill("{product_id} and {views}", {"product_id": "{views}", "views": "3"})
    '{views} and 3'
    """
    return _NAME.sub(lambda found: words.get(found[1], found[0]), template) if "{" in template else template


def longest(template: str) -> int:
    """Say the most characters that a template may become."""
    return len(_NAME.sub("", template)) + sum(LONGEST.get(name, 0) for name in _NAME.findall(template))


def joined(text: str, footer: str | None) -> str:
    """
    Put a footer below a text, if there is one.

    >>> joined("Hello.", "Goodbye.")
    'Hello.\\n\\nGoodbye.'
    """
    return text if footer is None else f"{text}\n\n{footer}"
