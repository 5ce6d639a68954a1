"""
Scoring: how likely customers are to leave, each at an instant of its own and by the version that serves it.

Law: a score follows from engagement, instant, rules and version alone, never from who is scored beside it.
While no calibrated version serves, a customer's own rhythm is asked (MBG/NBD), which needs no history of
the shop.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import numpy as np

from streams.core.churn import Rhythm, Silence
from streams.core.engagement import Engagement
from streams.core.habits import Numbers, cut_of, habits_of
from streams.core.hazard import Model, Outlook
from streams.core.prospects import Prospects, counterfactuals_of
from streams.core.rules import Rules

_UNREACHABLE: Final = 2.0
"""The edge above the highest band."""

_SURELY: Final = 1e-7
"""A crossing is foretold where imagined silence exceeds the edge by this, so that real silence, else rounded, does."""

Found = TypeVar("Found")


class Seen(NamedTuple):
    """A customer at an instant, in seconds since 1970; `rhythm` as `churn.rhythm` gives it."""

    engagement: Engagement
    now_s: int
    rhythm: Rhythm


class Scores:
    """
    The scores of many customers, in their order.

    `risks` are P(no act within the horizon); `models` the calibrated versions that gave them, None for the own rhythm;
    `serving` the versions of the instants, calibrated or not.
    """

    def __init__(self, seen: Sequence[Seen], rules: Rules) -> None:
        """Score them."""
        self._rules, self._size = rules, len(seen)
        self.serving = [rules.book.serving(one.now_s) for one in seen]
        self.models = [model if model is not None and model.calibrated else None for model in self.serving]
        self._parts: list[tuple[list[int], _Part]] = []
        for places in alike(self.models):
            model, some = self.models[places[0]], [seen[place] for place in places]
            self._parts.append((places, _ByRhythm(some, rules) if model is None else _ByHabits(some, rules, model)))
        self.risks: list[float] = self._gathered(lambda part, _: part.risks().tolist())

    def crossings(self, bands: Sequence[int]) -> list[int]:
        """Say on which day since 1970 each would reach the band above, if nothing happens; -1 if that is far off."""
        edges = np.array((*self._rules.band_edges, _UNREACHABLE))[list(bands)]
        return self._gathered(lambda part, places: part.crossings(edges[places]).tolist())

    def contributions(self, places: Sequence[int]) -> list[dict[str, float]]:
        """Say of some what each group of features adds to the logit of a step; nothing for the own rhythm."""
        return self._asked(places, lambda part, rows: part.contributions(rows))

    def prospects(self, places: Sequence[int]) -> list[Prospects]:
        """Say of some the risks after a visit and after an order just now."""
        return self._asked(places, lambda part, rows: part.prospects(rows))

    def _gathered(self, ask: Callable[["_Part", list[int]], list[Found]]) -> list[Found]:
        """Ask every part and put the answers into the order of the customers."""
        if len(self._parts) == 1:  # as nearly always
            [(places, part)] = self._parts
            return ask(part, places)
        found = dict[int, Found]()
        for places, part in self._parts:
            found.update(zip(places, ask(part, places), strict=True))
        return [found[place] for place in range(self._size)]

    def _asked(self, places: Sequence[int], ask: Callable[["_Part", list[int]], list[Found]]) -> list[Found]:
        """Ask the parts of some customers only, each for its rows, and put the answers into the order of the places."""
        if len(self._parts) == 1 and places:
            [(_, part)] = self._parts
            return ask(part, list(places))
        found, wanted = dict[int, Found](), set(places)
        for of_part, part in self._parts:
            rows = [row for row, place in enumerate(of_part) if place in wanted]
            if rows:
                found.update(zip([of_part[row] for row in rows], ask(part, rows), strict=True))
        return [found[place] for place in places]


class _Part(Protocol):
    """Customers scored in the same way."""

    def risks(self) -> Numbers: ...
    def crossings(self, edges: Numbers) -> Numbers: ...
    def contributions(self, rows: list[int]) -> list[dict[str, float]]: ...
    def prospects(self, rows: list[int]) -> list[Prospects]: ...


class _ByRhythm:
    """Customers scored by their own rhythm."""

    def __init__(self, seen: Sequence[Seen], rules: Rules) -> None:
        self._seen, self._rules = seen, rules
        self._first_days = np.array([one.rhythm[3] for one in seen])
        self._silence = Silence([one.rhythm for one in seen], rules.population, rules.horizon_days)

    def risks(self) -> Numbers:
        return self._silence.risk(self._silence.age)

    def crossings(self, edges: Numbers) -> Numbers:
        ages = self._silence.crossing(edges)
        return np.where(ages < 0, -1, self._first_days + ages)

    def contributions(self, rows: list[int]) -> list[dict[str, float]]:
        return [{} for _ in rows]

    def prospects(self, rows: list[int]) -> list[Prospects]:
        """To a rhythm a visit and an order are the same: an active day."""
        acted = [_after_today(self._seen[row].rhythm) for row in rows]
        silence = Silence(acted, self._rules.population, self._rules.horizon_days)
        return [(("visit", risk), ("order", risk)) for risk in silence.risk(silence.age).tolist()]


class _ByHabits:
    """Customers scored by a version of the learned model."""

    def __init__(self, seen: Sequence[Seen], rules: Rules, model: Model) -> None:
        self._cuts = np.array([cut_of(one.now_s, one.engagement.offset_s) for one in seen])
        self._seen, self._model, self._horizon_days = seen, model, rules.horizon_days
        self._habits = habits_of([one.engagement for one in seen], self._cuts)
        self._outlook = Outlook(model, self._habits, rules.horizon_days)

    def risks(self) -> Numbers:
        return self._outlook.risks()

    def crossings(self, edges: Numbers) -> Numbers:
        later = self._outlook.crossing(edges + _SURELY)
        return np.where(later < 0, -1, self._cuts - 1 + later.astype(np.int64))

    def contributions(self, rows: list[int]) -> list[dict[str, float]]:
        groups = self._outlook.contributions()
        table = np.array(list(groups.values()))[:, rows].T
        return [dict(zip(groups, row, strict=True)) for row in table.tolist()]

    def prospects(self, rows: list[int]) -> list[Prospects]:
        seen = [(self._seen[row].engagement, self._seen[row].now_s) for row in rows]
        first_minor = round(self._model.mean_minor)
        habits = self._habits.of(np.array(rows))
        return counterfactuals_of(self._model, habits, seen, self._horizon_days, first_minor=first_minor)


def _after_today(rhythm: Rhythm) -> Rhythm:
    repeats, last, age, first = rhythm
    return repeats + (last < age), age, age, first


def alike(models: Sequence[Model | None]) -> list[list[int]]:
    """Gather the places of each version; those of None are a group of their own."""
    places: dict[int, list[int]] = {}
    for place, model in enumerate(models):
        places.setdefault(-1 if model is None else model.version, []).append(place)
    return list(places.values())
