"""
Speaking: churn risks that are to be spoken become signals, many at once.

Law: a signal follows from its shot, its verdict and the version alone. What a visit or an order today would
change is found by the same fold and the same score as if it had happened.
"""

from collections.abc import Sequence

from schemas import Counterfactual
from streams.core.assess import Draft, Shot
from streams.core.churn import Rhythm
from streams.core.counterfactual import ordered, visited
from streams.core.engagement import Engagement
from streams.core.hazard import Model
from streams.core.reasons import reasons
from streams.core.rules import Rules
from streams.core.scoring import Scores, Seen
from streams.core.signals import Signal, churn_risk


def speak(rules: Rules, shots: Sequence[Shot], scores: Scores, drafts: Sequence[Draft]) -> list[Signal]:
    """Make the signals of drafts, in their order."""
    if not drafts:
        return []
    places = [draft.place for draft in drafts]
    imagined = _imagined(rules, [shots[place] for place in places], [scores.models[place] for place in places])
    signals = []
    for draft, (visit, order) in zip(drafts, imagined, strict=True):
        shot, model = shots[draft.place], scores.models[draft.place]
        signals.append(
            churn_risk(
                shot.work.key, shot.happening, now_s=shot.now_s, rules=rules, risk=draft.verdict.risk,
                band=draft.verdict.band, previous_band=draft.previous_band, model=model,
                reasons=reasons(shot.engagement, shot.now_s),
                counterfactuals=(
                    Counterfactual(act="visit", risk=round(visit, 6)), Counterfactual(act="order", risk=round(order, 6))
                ),
                crossing=draft.crossing,
                segment=draft.segment,
                stage=draft.stage,
            )
        )  # fmt: skip
    return signals


def _imagined(rules: Rules, shots: Sequence[Shot], models: Sequence[Model | None]) -> list[tuple[float, float]]:
    """Say each one's risk after a visit and after an order at its instant; to a rhythm they are the same."""
    seen = []
    for shot, model in zip(shots, models, strict=True):
        if model is None:
            acted = Seen(shot.engagement, shot.now_s, _after_today(shot.rhythm))
            seen += [acted, acted]
        else:
            engagement, now_s = shot.engagement, shot.now_s
            order = ordered(engagement, now_s, amount_minor=_usual_minor(engagement), items=1,
                            base_currency=rules.base_currency)  # fmt: skip
            seen += [Seen(visited(engagement, now_s), now_s, shot.rhythm), Seen(order, now_s, shot.rhythm)]
    risks = Scores(seen, rules).risks
    return list(zip(risks[::2], risks[1::2], strict=True))


def _after_today(rhythm: Rhythm) -> Rhythm:
    repeats, last, age, first = rhythm
    return repeats + (last < age), age, age, first


def _usual_minor(engagement: Engagement) -> int:
    """Say the customer's own mean order in minor units."""
    sold = engagement.orders - engagement.foreign
    return engagement.revenue_minor // sold if sold > 0 else 0
