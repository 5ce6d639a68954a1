"""Everything the core is configured with; there is no clock in it."""

import msgspec

from streams.core.book import Book
from streams.core.catalogue import EMPTY, Catalogue
from streams.core.churn import POPULATION, Population
from streams.core.ring import MAX_RING_ENTRIES, RING_SIZES
from streams.core.shelf import Shelf


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the core goes by. Durations are in seconds; edges and steps are probabilities.

    `catalogue` serves before the first one on the `shelf` does.
    `speak_from_s` is the first instant (seconds since 1970) whose signals are published.
    `book` holds the versions of the churn model, all that are known so far.
    `ring_sizes` stands in the order of `schemas.SOURCES`; their sum must not exceed `MAX_RING_ENTRIES`.
    """

    catalogue: Catalogue = EMPTY
    shelf: Shelf = msgspec.field(default_factory=Shelf)
    population: Population = POPULATION
    day_offset_s: int = 0
    base_currency: str = "GBP"
    horizon_days: int = 28
    band_edges: tuple[float, float, float] = (0.25, 0.50, 0.75)
    hysteresis: float = 0.05
    spoken_step: float = 0.10
    ring_sizes: tuple[int, int, int, int, int] = RING_SIZES
    churn_risk_expires_s: int = 86400
    speak_from_s: int = 0
    book: Book = msgspec.field(default_factory=Book)

    def __post_init__(self) -> None:
        """Refuse what would break the bound on a record's size."""
        if sum(self.ring_sizes) > MAX_RING_ENTRIES or min(self.ring_sizes) < 1:
            raise ValueError(f"ring_sizes must each be at least 1 and at most {MAX_RING_ENTRIES} together")

    def catalogue_at(self, second: int) -> Catalogue:
        """Give the catalogue that serves an instant, in seconds since 1970."""
        return self.shelf.serving(second) or self.catalogue


def band_of(risk: float, band: int, rules: Rules) -> int:
    """
    Say the band of a risk, given the band so far (-1: none yet).

    A band is entered at its edge and left downwards only at its edge less the hysteresis.

    >>> from schemas import BANDS
    >>> [BANDS[band_of(risk, 1, Rules())] for risk in (0.19, 0.21, 0.49, 0.50)]
    ['low', 'medium', 'medium', 'high']
    """
    edges = rules.band_edges
    reached = (risk >= edges[0]) + (risk >= edges[1]) + (risk >= edges[2])
    if reached >= band:
        return reached
    while band > reached and risk < edges[band - 1] - rules.hysteresis:
        band -= 1
    return band
