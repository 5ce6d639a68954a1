"""
The next best action: moments, gates, arbitration, decision.

Law: a decision is a function of engagement, stance, catalogue and the instant. Each moment is
answered at most once by each action. Gates are asked in one order - validity, cool-down, one at a
time - and the most urgent action that passes wins; the others are named with the gate that stopped
them. When a moment is open and every action is stopped, the answer is "nothing", with the reason.
"""

from datetime import datetime
from typing import Final, NamedTuple

from schemas import RefusedAction
from streams.core.catalogue import NOTHING, Action, Catalogue, MomentName
from streams.core.engagement import Engagement
from streams.core.moments import Opening, tell
from streams.core.signals import at
from streams.core.stance import NONE, Stance

_WHY: Final = {
    "validity": "is out of season",
    "cool_down": "was chosen not long ago",
    "one_at_a_time": "must wait for the action before it",
}


class Decision(NamedTuple):
    """What was decided: the action (None: nothing), for which moment, why, and what it answers."""

    action: Action | None
    moment: MomentName
    reason: str
    message: str | None
    refused: tuple[RefusedAction, ...]
    expires_s: int
    answered: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        """The action's name, or "nothing"."""
        return NOTHING if self.action is None else self.action.name


def choose(openings: list[Opening], engagement: Engagement, stance: Stance, now_s: int) -> Decision | None:
    """Decide what is best now, given the moments not answered yet; None when no moment is open."""
    candidates = [opening for opening in openings if opening[2] <= now_s < opening[3]]
    if not candidates:
        return None
    chosen: Action | None = None
    refused = []
    for action, *_ in candidates:  # the catalogue stands in order of priority
        gate = ("priority", None) if chosen else _gate(action, stance, now_s)
        if gate is None:
            chosen = action
        else:
            refused.append(RefusedAction(action=action.name, gate=gate[0], until=at(gate[1])))
    answered = tuple((action.name, key) for action, key, _, _ in candidates)
    if chosen is None:
        first, _, _, closes_s = candidates[0]
        reason = f"{tell(first.moment, engagement, stance, now_s).reason} But {first.name} {_WHY[refused[0].gate]}."
        return Decision(None, first.moment, reason, None, tuple(refused), closes_s, answered)
    telling = tell(chosen.moment, engagement, stance, now_s)
    message = chosen.message
    for name, word in telling.words.items():
        message = message.replace(f"{{{name}}}", word)
    expires_s = now_s + chosen.expires_after_s
    return Decision(chosen, chosen.moment, telling.reason, message, tuple(refused), expires_s, answered)


def _gate(action: Action, stance: Stance, now_s: int) -> tuple[str, int | None] | None:
    """Name the first gate that stops an action, and until when; None if it may pass."""
    if action.valid_from is not None and now_s < (opens_s := _second(action.valid_from)):
        return "validity", opens_s
    if action.valid_until is not None and now_s >= _second(action.valid_until):
        return "validity", None
    _, chosen_s = stance.answers.get(action.name, (NONE, 0))
    if chosen_s and now_s < chosen_s + action.cooldown_s:
        return "cool_down", chosen_s + action.cooldown_s
    if now_s < stance.pending_until_s:
        return "one_at_a_time", stance.pending_until_s
    return None


def _second(instant: datetime) -> int:
    return int(instant.timestamp())


def remember(catalogue: Catalogue, stance: Stance, decision: Decision, now_s: int, *, heard: bool) -> None:
    """Note what was answered; an action that nobody hears of neither rests nor holds the floor."""
    names = {action.name for action in catalogue.actions}
    answers = {name: answer for name, answer in stance.answers.items() if name in names}
    for name, key in decision.answered:
        answers[name] = (key, answers.get(name, (NONE, 0))[1])
    if heard and decision.action is not None:
        name = decision.action.name
        answers[name] = (answers[name][0], now_s)
        stance.pending_action, stance.pending_until_s = name, decision.expires_s
    stance.answers = answers


def next_opening(openings: list[Opening], stance: Stance) -> int:
    """Say when the next unanswered moment opens, always later than the latest assessment; -1 if none is in sight."""
    soonest = NONE
    assessed_s = stance.assessed_s
    for action, key, opens_s, closes_s in openings:
        if closes_s <= assessed_s or stance.answers.get(action.name, (NONE, 0))[0] >= key:
            continue
        wake_s = opens_s if opens_s > assessed_s else assessed_s + 1
        if soonest < 0 or wake_s < soonest:
            soonest = wake_s
    return soonest
