"""
Speaking: churn risks that are to be spoken become signals, many at once.

Law: a signal follows from its shot, its verdict and the version alone, never from what is spoken beside it.
"""

from collections.abc import Sequence

from schemas import Counterfactual, Reason
from streams.core.assess import Draft, Shot
from streams.core.hazard import Model
from streams.core.reasons import reasons
from streams.core.rules import Rules
from streams.core.scoring import Scores, alike
from streams.core.signals import Signal, churn_risk
from streams.core.telling import reasons_of
from streams.core.value import Recalibration, expected_values


def speak(rules: Rules, shots: Sequence[Shot], scores: Scores, drafts: Sequence[Draft]) -> list[Signal]:
    """Make the signals of drafts, in their order."""
    if not drafts:
        return []
    places = [draft.place for draft in drafts]
    spoken, models = [shots[place] for place in places], [scores.models[place] for place in places]
    values = _values(rules, spoken, [scores.serving[place] for place in places])
    return [
        churn_risk(
            shot.work.key, shot.happening, now_s=shot.now_s, rules=rules, risk=draft.verdict.risk,
            band=draft.verdict.band, previous_band=draft.previous_band, model=model,
            reasons=_reasons(rules, shot, draft, model, contributions),
            counterfactuals=tuple([Counterfactual(act=act, risk=round(risk, 6)) for act, risk in imagined]),
            expected_value=value, crossing=draft.crossing, segment=draft.segment, stage=draft.stage,
        )
        for draft, shot, model, contributions, imagined, value in zip(
            drafts, spoken, models, scores.contributions(places), scores.prospects(places), values, strict=True
        )
    ]  # fmt: skip


def _reasons(
    rules: Rules, shot: Shot, draft: Draft, model: Model | None, contributions: dict[str, float]
) -> tuple[Reason, ...]:
    if model is None:
        return reasons(shot.engagement, shot.now_s)
    band, currency = draft.verdict.band, rules.base_currency
    return reasons_of(contributions, shot.engagement, shot.now_s, band=band, currency=currency)


def _values(rules: Rules, shots: Sequence[Shot], models: Sequence[Model | None]) -> list[float]:
    """Say what each is expected to spend within the horizon, in minor units, by the version of its instant."""
    values = [0.0] * len(shots)
    for places in alike(models):
        model, seen = models[places[0]], [(shots[place].engagement, shots[place].now_s) for place in places]
        mean_minor = 0.0 if model is None else model.mean_minor
        factor = Recalibration(model.predicted, model.actual).factor if model and model.calibrated else 1.0
        found = expected_values(
            seen, rules.horizon_days, mean_minor=mean_minor, factor=factor, population=rules.population
        )
        for place, value in zip(places, found.tolist(), strict=True):
            values[place] = value
    return values
