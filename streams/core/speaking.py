"""
Speaking: churn risks that are to be spoken become signals, many at once.

Law: a signal follows from its shot, its verdict and the version alone. What a visit or an order today would
change is found by the same fold and the same score as if it had happened.
"""

from collections.abc import Sequence

import numpy as np

from schemas import Counterfactual, Reason
from streams.core.assess import Draft, Shot
from streams.core.churn import Rhythm, Silence
from streams.core.hazard import Model
from streams.core.prospects import Prospects, counterfactuals_of
from streams.core.reasons import reasons
from streams.core.rules import Rules
from streams.core.scoring import Scores
from streams.core.signals import Signal, churn_risk
from streams.core.telling import reasons_of


def speak(rules: Rules, shots: Sequence[Shot], scores: Scores, drafts: Sequence[Draft]) -> list[Signal]:
    """Make the signals of drafts, in their order."""
    if not drafts:
        return []
    contributions = scores.contributions()
    spoken = [shots[draft.place] for draft in drafts]
    models = [scores.models[draft.place] for draft in drafts]
    return [
        churn_risk(
            shot.work.key, shot.happening, now_s=shot.now_s, rules=rules, risk=draft.verdict.risk,
            band=draft.verdict.band, previous_band=draft.previous_band, model=model,
            reasons=_reasons(rules, shot, draft, model, contributions[draft.place]),
            counterfactuals=tuple([Counterfactual(act=act, risk=round(risk, 6)) for act, risk in imagined]),
            crossing=draft.crossing, segment=draft.segment, stage=draft.stage,
        )
        for draft, shot, model, imagined in zip(drafts, spoken, models, _imagined(rules, spoken, models), strict=True)
    ]  # fmt: skip


def _reasons(
    rules: Rules, shot: Shot, draft: Draft, model: Model | None, contributions: dict[str, float]
) -> tuple[Reason, ...]:
    if model is None:
        return reasons(shot.engagement, shot.now_s)
    band, currency = draft.verdict.band, rules.base_currency
    return reasons_of(contributions, shot.engagement, shot.now_s, band=band, currency=currency)


def _imagined(rules: Rules, shots: Sequence[Shot], models: Sequence[Model | None]) -> list[Prospects]:
    """Say each one's risks after a visit and after an order at its instant."""
    found: list[Prospects] = [()] * len(shots)
    groups: dict[int, list[int]] = {}
    for place, model in enumerate(models):
        groups.setdefault(-1 if model is None else model.version, []).append(place)
    for places in groups.values():
        some, model = [shots[place] for place in places], models[places[0]]
        seen = [(shot.engagement, shot.now_s) for shot in some]
        prospects = _of_rhythm(rules, some) if model is None else counterfactuals_of(model, seen, rules.horizon_days)
        for place, prospect in zip(places, prospects, strict=True):
            found[place] = prospect
    return found


def _of_rhythm(rules: Rules, shots: Sequence[Shot]) -> list[Prospects]:
    """To a rhythm a visit and an order are the same: an active day."""
    silence = Silence([_after_today(shot.rhythm) for shot in shots], rules.population, rules.horizon_days)
    return [(("visit", risk), ("order", risk)) for risk in np.asarray(silence.risk(silence.age)).tolist()]


def _after_today(rhythm: Rhythm) -> Rhythm:
    repeats, last, age, first = rhythm
    return repeats + (last < age), age, age, first
