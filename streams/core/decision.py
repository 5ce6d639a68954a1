"""
Decisions: remembered in the stance, and told to the world as one record.

Law: what is told is what was weighed, to the last number, so that anybody can find out later why. A decision that
nobody hears of answers its moments and leaves no other trace: it reserves nothing, rests nothing, and nobody pays
for it.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from schemas import Candidate, NextBestAction, RefusedAction
from streams.core.budget import FUNDED_DAYS
from streams.core.catalogue import NOTHING, Action, Catalogue
from streams.core.choose import Decision, arms_of, belief, context_weight, ends_s
from streams.core.contacts import reach_s
from streams.core.gates import Context
from streams.core.messages import message
from streams.core.moments import Moment, moment_id
from streams.core.moments_told import tell
from streams.core.posterior import Posterior
from streams.core.replies import decision_bytes
from streams.core.signals import Happening, Signal, at, cause_of, names_of, next_best_action
from streams.core.stance import MAX_RESERVATIONS, NONE, Reservation, Stance, recall

MAX_CHOSEN: Final = 64
"""So many actions a record remembers; those of the catalogue that serves are never forgotten."""

_WHY: Final = {
    "validity": "is not offered at this time",
    "consent": "lacks a consent",
    "contact_policy": "would be one contact too many",
    "quiet_hours": "would come in quiet hours",
    "eligibility": "is not meant for this customer",
    "budget": "has no budget left today",
    "suitability": "does not suit somebody who has just complained",
    "cool_down": "was chosen not long ago",
}


def answer(stance: Stance, moments: Iterable[Moment]) -> None:
    """Note that moments were answered."""
    answers = stance.answers.copy()
    for name, key, *_ in moments:
        if answers.get(name, NONE) < key:
            answers[name] = key
    stance.answers = answers


def remember(context: Context, decision: Decision, decision_id: str) -> None:
    """Note what was answered, chosen, reserved, enrolled and paid for by a decision that is published."""
    stance, now_s, catalogue = context.stance, context.now_s, context.catalogue
    answer(stance, decision.answered)
    if decision.enrolled and not decision.enrolled.keys() <= stance.enrolled.keys():
        stance.enrolled = decision.enrolled | stance.enrolled
    done = decision.done
    name = NOTHING if done is None else done.action.name
    stance.recent = recall(stance.recent, bytes.fromhex(decision_id), decision.moment.name, name, now_s)
    if stance.reservations:
        stance.reservations = [one for one in stance.reservations if one.shadow or one.until_s > now_s]
    if decision.chosen is None:
        return
    action, is_shadow = decision.chosen.action, done is None
    stance.chosen = _kept(stance.chosen | {action.name: now_s}, catalogue)
    _reserve(stance, catalogue, Reservation(
        decision_bytes(decision_id), action.name, action.channel_number, now_s, ends_s(action, now_s), is_shadow
    ))  # fmt: skip
    if action.budget_per_day is not None and not is_shadow:
        if context.ledger is not None:
            context.ledger.spend(action.name, context.day)
        recent = [one for one in stance.funded if one[1] > context.day - FUNDED_DAYS]
        stance.funded = [*recent, (action.name, context.day)]


def _kept(chosen: dict[str, int], catalogue: Catalogue) -> dict[str, int]:
    """Forget what was chosen longest ago of what the catalogue has no longer."""
    over = len(chosen) - MAX_CHOSEN
    if over <= 0:
        return chosen
    gone = sorted(chosen.keys() - catalogue.by_name.keys(), key=lambda name: (chosen[name], name))
    forgotten = set(gone[:over])
    return {name: second for name, second in chosen.items() if name not in forgotten}


def _reserve(stance: Stance, catalogue: Catalogue, reservation: Reservation) -> None:
    """
    Take a slot. Where there are too many, one goes that was kept back too long ago for any limit.

    Else it is the oldest that counts for no limit over all channels.
    """
    kept = [*stance.reservations, reservation]
    if len(kept) > MAX_RESERVATIONS:
        if kept[0].shadow and kept[0].since_s <= reservation.since_s - reach_s(catalogue):
            stance.reservations = kept[1:]
            return
        free = {action.channel_number for action in catalogue.actions if not catalogue.channels[action.channel].counts}
        kept.remove(next((one for one in kept if one.channel in free), kept[0]))
    stance.reservations = kept


def told(context: Context, decision: Decision, decision_id: str, happening: Happening) -> Signal:
    """Tell a decision, as the contract has it."""
    catalogue, now_s = context.catalogue, context.now_s
    moment, chosen, done = decision.moment, decision.chosen, decision.done
    action = None if done is None else done.action
    moment_expires_at = at(moment.closes_s)
    customer_id, anonymous_id = names_of(context.key)
    telling = tell(moment, context.engagement, context.stance, now_s)
    said = None if action is None else message(catalogue, action, context.preferences.language, telling.words)
    return next_best_action(NextBestAction(
        signal_id=decision_id,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        as_of=at(now_s),
        action=NOTHING if action is None else action.name,
        would_have=None if chosen is None or action is not None else chosen.action.name,
        arm="treated" if decision.arm == "treated" else "holdout",
        experiments=arms_of(catalogue, context.key, context.stance.enrolled, now_s),
        moment=moment.name,
        moment_id=moment_id(context.key, moment),
        strength=moment.strength / 100,
        moment_expires_at=moment_expires_at,
        channel=None if action is None else action.channel,
        purpose=None if action is None else action.purpose,
        reason=telling.reason if action is not None else f"{telling.reason}{_but(decision)}",
        message=None if said is None else said.text,
        template=None if said is None else said.template,
        variables={} if said is None else said.variables,
        language=None if said is None else said.language,
        candidates=_candidates(decision),
        refused=tuple([
            RefusedAction(
                action=stopped.name, moment=meant.name, gate=refusal.gate, until=at(refusal.until_s),
                detail=refusal.detail,
            )
            for stopped, meant, refusal in decision.refused
        ]),
        probability=decision.probability,
        expires_at=moment_expires_at if action is None else at(ends_s(action, now_s)),
        respond_by=at(_respond_by_s(catalogue, moment, action, now_s)),
        catalogue=catalogue.version,
        cause=cause_of(happening),
    ))  # fmt: skip


def _but(decision: Decision) -> str:
    """Say why nothing is done about it."""
    if decision.chosen is not None:
        return " Nothing is done, for this customer is in the holdout."
    if decision.weighed:
        return " To do nothing was weighed best."
    if not decision.refused:
        return " No action answers it."
    action, _, refusal = decision.refused[0]
    return f" But {action.name} {_WHY[refusal.gate]}."


def _candidates(decision: Decision) -> tuple[Candidate, ...]:
    weighed = [
        _candidate(
            action.name, moment.name, belief(action), context_weight(moment),
            action.value_minor, action.lever, action.cost_minor, probability,
        )
        for action, moment, probability in decision.weighed
    ]  # fmt: skip
    return tuple(weighed) if decision.is_duty else (*weighed, _nothing(decision.nothing))


@lru_cache(maxsize=4096)
def _candidate(
    action: str, moment: str, belief: Posterior, context_weight: float,
    value_minor: int, lever: float, cost_minor: int, probability: float,
) -> Candidate:  # fmt: skip
    score = belief.mean * context_weight * value_minor * lever - cost_minor
    assert math.isfinite(score)
    return Candidate(
        action=action, moment=moment, propensity=belief.mean, context_weight=context_weight, value_minor=value_minor,
        lever=lever, cost_minor=cost_minor, score=round(score, 6), probability=probability,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _nothing(probability: float) -> Candidate:
    return Candidate(
        action=NOTHING, moment=None, propensity=0.0, context_weight=0.0, value_minor=0, lever=0.0, cost_minor=0,
        score=0.0, probability=probability,
    )  # fmt: skip


def _respond_by_s(catalogue: Catalogue, moment: Moment, action: Action | None, now_s: int) -> int | None:
    """Say until when somebody has to answer: within the moment's time, or the action's, whichever ends first."""
    due_s = None
    rule = catalogue.moments.get(moment.name)
    if rule is not None and rule.respond_within_s is not None:
        due_s = moment.key + rule.respond_within_s
    if action is not None and action.respond_within_s is not None:
        within_s = now_s + action.respond_within_s
        due_s = within_s if due_s is None else min(due_s, within_s)
    return due_s
