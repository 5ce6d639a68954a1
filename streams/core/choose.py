"""
The next best action: open moments, gates, arbitration, and last of all the holdout.

Law: a decision is a function of engagement, stance, catalogue, instant and its own id; of other customers it
depends by the day's budget only. Nothing is changed here. Each action competes once, for the strongest moment it
answers. A moment is held, and stays unanswered, while an action only waits for the end of quiet hours and will not
come too late: what competes for it does not depend on the time of day. A duty that passes waits for nothing: only
duties are candidates then, "nothing" is none, and the holdout keeps none back.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from streams.core.arbitration import Stake, sample, vector
from streams.core.arms import HOLDOUT, experiment_arm, holdout_arm
from streams.core.catalogue import Action, Catalogue
from streams.core.gates import GATES, Context, Refusal, gate, only_waits
from streams.core.moments import Moment
from streams.core.posterior import Posterior

_AT_ARM: Final = GATES.index("eligibility")


class Weighed(NamedTuple):
    """An action that passed all gates, for its moment, and how probable it was to be chosen."""

    action: Action
    moment: Moment
    probability: float


class Refused(NamedTuple):
    """An action that a gate stopped, and the moment that it would have answered."""

    action: Action
    moment: Moment
    refusal: Refusal


class Standing(NamedTuple):
    """An action that competes for a moment, and what a gate says against it."""

    action: Action
    moment: Moment
    refusal: Refusal | None


class Hold(NamedTuple):
    """Nothing is decided yet: quiet hours end at `held_until_s`, then all gates are asked again."""

    held_until_s: int


class Decision(msgspec.Struct, frozen=True, gc=False):
    """
    What was decided: `chosen` None is "nothing", and so is a choice that the arm "holdout" keeps back.

    `moment` is the one of the choice, else the strongest that was weighed. `nothing` is how probable "nothing" was.
    `enrolled` are the arms that the decision depended on, `held_until_s` is when what is held is looked at again.
    """

    moment: Moment
    chosen: Weighed | None
    arm: str
    weighed: tuple[Weighed, ...]
    nothing: float
    refused: tuple[Refused, ...]
    answered: tuple[Moment, ...]
    enrolled: dict[str, str]
    held_until_s: int | None
    now_s: int

    @property
    def done(self) -> Weighed | None:
        """What is done about it: the choice, unless the holdout keeps it back."""
        return None if self.arm == HOLDOUT and not self.is_duty else self.chosen

    @property
    def is_duty(self) -> bool:
        """Say whether the choice is owed to the customer."""
        return self.chosen is not None and self.chosen.action.duty

    @property
    def probability(self) -> float:
        """How probable the choice was."""
        return self.nothing if self.chosen is None else self.chosen.probability

    @property
    def expires_s(self) -> int:
        """Until when it is worth carrying out; to do nothing, as long as the moment is open."""
        return self.moment.closes_s if self.done is None else ends_s(self.done.action, self.now_s)


def context_weight(moment: Moment) -> float:
    """Say how much a moment weighs for what answers it: 0.5 and its strength."""
    return 0.5 + moment.strength / 100


def belief(action: Action) -> Posterior:
    """Say what is believed of an action's propensity; until outcomes teach, the catalogue's prior."""
    return action.prior


def ends_s(action: Action, now_s: int) -> int:
    """Say until when an action that is chosen now is worth carrying out."""
    return min(now_s + action.expires_after_s, action.valid_until_s)


def stake(action: Action, moment: Moment) -> Stake:
    """Say what an action promises in a moment."""
    weight = context_weight(moment) * action.value_minor * action.lever
    return Stake(belief(action), weight, action.cost_minor)


def choose(context: Context, moments: Sequence[Moment], decision_id: str) -> Decision | Hold | None:
    """Decide what is best, given the moments that are open and not answered; None if there are none."""
    if len(moments) > 1:
        moments = sorted(moments, key=_rank)
    stands = _stands(context, moments, {})
    answered, held_until_s = [], None
    for moment in moments:
        end_s = _held_until(context, moment, stands)
        if end_s is None:
            answered.append(moment)
        else:
            held_until_s = end_s
    if not answered:
        return None if held_until_s is None else Hold(held_until_s)
    if held_until_s is not None:
        stands = _stands(context, answered, stands)
    return _decide(context, answered, stands, decision_id, held_until_s)


def _stands(context: Context, moments: Sequence[Moment], known: dict[str, Standing]) -> dict[str, Standing]:
    """Ask the gates about each action, for the first of these moments that it answers, unless that is known."""
    by_moment = context.catalogue.by_moment
    stands: dict[str, Standing] = {}
    for moment in moments:
        for action in by_moment.get(moment.name, ()):
            name = action.name
            if name in stands:
                continue
            if name in known and known[name].moment is moment:
                stands[name] = known[name]
            else:
                stands[name] = Standing(action, moment, gate(context, moment, action))
    return stands


def _rank(moment: Moment) -> tuple[int, int, str]:
    """The strongest first, of these the newest."""
    return -moment.strength, -moment.key, moment.name


def _held_until(context: Context, moment: Moment, stands: dict[str, Standing]) -> int | None:
    """Say until when quiet hours hold a moment; None if a duty passes, or no action only waits for that."""
    held_until_s = None
    for action in context.catalogue.by_moment.get(moment.name, ()):
        refusal = stands[action.name].refusal
        if refusal is None:
            if action.duty:
                return None
        elif refusal.gate == "quiet_hours" and held_until_s is None and (end_s := context.quiet_until_s) is not None:
            in_time = end_s < min(moment.closes_s, action.valid_until_s)
            held_until_s = end_s if in_time and only_waits(context, moment, action, end_s) else None
    return held_until_s


def _decide(
    context: Context,
    answered: Sequence[Moment],
    stands: dict[str, Standing],
    decision_id: str,
    held_until_s: int | None,
) -> Decision:
    passing, refused, is_duty = [], [], False
    for action, moment, refusal in stands.values():
        if refusal is None:
            passing.append((action, moment))
            is_duty = is_duty or action.duty
        else:
            refused.append(Refused(action, moment, refusal))
    if is_duty:
        passing = [(action, moment) for action, moment in passing if action.duty]
    probabilities = _probabilities(passing, is_duty)
    weighed = tuple([
        Weighed(action, moment, probability)
        for (action, moment), probability in zip(passing, probabilities, strict=False)
    ])  # fmt: skip
    place = sample(probabilities, decision_id) if passing else 0
    chosen = weighed[place] if place < len(weighed) else None
    arm = holdout_arm(context.catalogue, context.key, context.stance.enrolled)
    return Decision(
        moment=answered[0] if chosen is None else chosen.moment,
        chosen=chosen,
        arm=arm,
        weighed=weighed,
        nothing=probabilities[-1],
        refused=tuple(refused),
        answered=tuple(answered),
        enrolled={} if is_duty else _enrolled(context, stands, arm, is_chosen=chosen is not None),
        held_until_s=held_until_s,
        now_s=context.now_s,
    )


def _probabilities(passing: list[tuple[Action, Moment]], is_duty: bool) -> tuple[float, ...]:
    """Say how probable each choice is, and last "nothing", which a duty leaves no room for."""
    if not passing:
        return (1.0,)
    probabilities = vector([stake(action, moment) for action, moment in passing])
    if not is_duty:
        return probabilities
    together = sum(probabilities[:-1])
    return (*[one / together for one in probabilities[:-1]], 0.0)


def _enrolled(context: Context, stands: dict[str, Standing], arm: str, *, is_chosen: bool) -> dict[str, str]:
    """
    Say whose arms a decision depended on: the holdout's if it would do something, an experiment's if it was asked.

    An experiment is asked where any of its actions comes as far as the arm, whichever arm that action belongs to: so
    who is counted does not depend on the arm.
    """
    arms = {HOLDOUT: arm} if is_chosen else {}
    for action, _, refusal in stands.values():
        if action.experiment is not None and action.experiment not in arms and _came_to_the_arm(refusal):
            arms[action.experiment] = experiment_arm(
                context.catalogue, action.experiment, context.key, context.stance.enrolled
            )
    return arms


def _came_to_the_arm(refusal: Refusal | None) -> bool:
    if refusal is None:
        return True
    place = GATES.index(refusal.gate)
    return place > _AT_ARM or (place == _AT_ARM and refusal.detail == "arm")


def arms_of(catalogue: Catalogue, key: str, enrolled: dict[str, str], now_s: int) -> dict[str, str]:
    """Say a customer's arm in every experiment that runs at an instant."""
    return {
        name: experiment_arm(catalogue, name, key, enrolled)
        for name, experiment in catalogue.experiments.items()
        if experiment.from_s <= now_s < experiment.until_s
    }
