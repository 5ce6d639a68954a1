"""
Once: what is made ready for a whole catalogue, not for each decision.

Law: a catalogue never changes, so what follows from it alone is found at its first use and kept. Catalogues are known
by their identity, which lasts as long as their place here; of these there are few.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from streams.core.catalogue import Catalogue

MOST: Final = 16
"""So many catalogues are remembered at a time."""

Found = TypeVar("Found")


def once(find: Callable[[Catalogue], Found]) -> Callable[[Catalogue], Found]:
    """
    Find something of a catalogue only once.

    >>> from streams.core.catalogue import EMPTY
    >>> names = once(lambda catalogue: list(catalogue.by_name))
    >>> names(EMPTY) is names(EMPTY)
    True
    """
    known: dict[int, tuple[Catalogue, Found]] = {}

    def found(catalogue: Catalogue) -> Found:
        place = known.get(id(catalogue))
        if place is None:
            if len(known) >= MOST:
                known.clear()
            place = known[id(catalogue)] = catalogue, find(catalogue)
        return place[1]

    return found
