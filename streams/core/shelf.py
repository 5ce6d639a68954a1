"""
The shelf of catalogues: every version that was pushed, and which of them serves an instant.

Law: a version serves what is assessed from its effective instant on, until another one's; of two with the same instant
the later pushed. Before the first, nothing on the shelf serves, and the worker's own catalogue does.
"""

from bisect import bisect_right

from streams.core.catalogue import Catalogue


class Shelf:
    """All versions that were taken in."""

    def __init__(self) -> None:
        """Begin with an empty shelf."""
        self._effective_s: list[int] = []
        self._catalogues: list[Catalogue] = []

    def __len__(self) -> int:
        """Say how many versions there are."""
        return len(self._catalogues)

    def add(self, effective_s: int, catalogue: Catalogue) -> None:
        """Take in the version pushed next; it serves from a second since 1970 on."""
        at = bisect_right(self._effective_s, effective_s)
        self._effective_s.insert(at, effective_s)
        self._catalogues.insert(at, catalogue)

    def serving(self, as_of_s: int) -> Catalogue | None:
        """Give the version that serves an instant; None before the first."""
        at = bisect_right(self._effective_s, as_of_s)
        return self._catalogues[at - 1] if at else None
