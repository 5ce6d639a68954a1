"""A decision told whole, in plain words: the moment, who was refused and why, what was weighed, and the other arm."""

from typing import Final

from schemas import Candidate, NextBestAction, RefusedAction
from streams.core.arms import HOLDOUT
from streams.core.catalogue import NOTHING
from streams.core.telling import amount
from streams.wording import moment, percent

GATES: Final = {
    "validity": "not offered at this time",
    "consent": "no consent",
    "contact_policy": "one contact too many",
    "quiet_hours": "quiet hours",
    "eligibility": "not meant for this customer",
    "budget": "the day's budget is spent",
    "suitability": "not after a complaint",
    "cool_down": "chosen not long ago",
}
"""What each gate says when it refuses."""

ARM: Final = "arm"
"""The detail of a refusal because the customer belongs to another arm of an experiment."""


def explanation(decision: NextBestAction, currency: str) -> str:
    """Tell the whole record of a decision; money is in minor units of `currency`."""
    blocks = [
        [f"Decision {decision.signal_id}", f"Of {_who(decision)}, as of {moment(decision.as_of)} UTC"],
        _moment(decision),
        _decided(decision),
        _refused(decision.refused),
        _weighed(decision, currency),
        _why(decision),
        _other_arms(decision),
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def _who(decision: NextBestAction) -> str:
    return decision.customer_id or f"~{decision.anonymous_id}"


def _moment(decision: NextBestAction) -> list[str]:
    cause = decision.cause
    seen = f"event {cause.event_id} of {cause.topic}, {moment(cause.at)}"
    if cause.event_id is None:
        seen = f"nothing that happened: it was looked at on {moment(cause.at)}"
    return [
        f"Moment   {decision.moment} ({decision.moment_id}), strength {decision.strength:.2f}, "
        f"open until {moment(decision.moment_expires_at)}",
        f"         {decision.reason}",
        f"Cause    {seen}",
        f"By       catalogue {decision.catalogue}",
    ]


def _decided(decision: NextBestAction) -> list[str]:
    if decision.channel is None:
        return ["Decided  nothing is done"]
    said = [
        f"Decided  {decision.action} by {decision.channel}, for {decision.purpose}; worth doing until "
        f"{moment(decision.expires_at)}"
    ]
    if decision.respond_by is not None:
        said.append(f"         to be answered by {moment(decision.respond_by)}")
    if decision.message is not None:
        filled = ", ".join(f"{name} = {word}" for name, word in decision.variables.items())
        said.append(f"Message  {decision.template}{f' with {filled}' if filled else ''}:")
        said += [f"         {line}".rstrip() for line in decision.message.splitlines()]
    return said


def _refused(refused: tuple[RefusedAction, ...]) -> list[str]:
    if not refused:
        return ["Refused  nothing; every action for this passed all gates"]
    width = max(len(one.action) for one in refused)
    return ["Refused", *(f"  {one.action:<{width}}  {one.gate}: {_refusal(one)}" for one in refused)]


def _refusal(one: RefusedAction) -> str:
    detail = f" ({one.detail})" if one.detail else ""
    until = f", until {moment(one.until)}" if one.until is not None else ""
    return f"{GATES.get(one.gate, one.gate)}{detail}{until}"


def _weighed(decision: NextBestAction, currency: str) -> list[str]:
    if len(decision.candidates) == 1:
        return ["Weighed  nothing, for no action passed all gates"]
    rows = [_row(one, currency) for one in decision.candidates]
    heads = ("", "works", "weight", "value", "lever", "cost", "expected", "drawn")
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    lines = [
        "  ".join(f"{word:{'<' if place == 0 else '>'}{widths[place]}}" for place, word in enumerate(row)).rstrip()
        for row in (heads, *rows)
    ]
    return ["Weighed, expected = works x weight x value x lever - cost", *(f"  {line}" for line in lines)]


def _row(one: Candidate, currency: str) -> tuple[str, ...]:
    drawn = percent(one.probability)
    if one.moment is None:
        return one.action, "", "", "", "", "", amount(0, currency), drawn
    return (
        f"{one.action} ({one.moment})",
        percent(one.propensity),
        f"{one.context_weight:.2f}",
        amount(one.value_minor, currency),
        f"{one.lever:g}",
        amount(one.cost_minor, currency),
        amount(round(one.score), currency),
        drawn,
    )


def _why(decision: NextBestAction) -> list[str]:
    if len(decision.candidates) == 1:
        return ["Why      Nothing else was left to choose from."]
    drawn = decision.would_have or decision.action
    best = max(decision.candidates, key=lambda one: one.score)
    said = f"Why      {drawn} was drawn with a probability of {percent(decision.probability)}"
    if drawn == best.action:
        return [f"{said}; it is expected to bring the most."]
    return [f"{said}. {best.action} is expected to bring more, but not surely: others are tried, too."]


def _other_arms(decision: NextBestAction) -> list[str]:
    drawn = decision.would_have or decision.action
    if all(one.action != NOTHING for one in decision.candidates):
        held = [f"{drawn} is owed to whoever is due it, so it is done in the holdout, too."]
    elif decision.arm == HOLDOUT:
        held = [f"This customer is in the holdout. Outside of it, {drawn} would have been done."]
        if drawn == NOTHING:
            held = ["This customer is in the holdout. Outside of it nothing would have been done, either."]
    elif drawn == NOTHING:
        held = ["This customer is treated. In the holdout nothing would have been done, either."]
    else:
        held = ["This customer is treated. In the holdout nothing would have been done."]
    held += [
        f"Of the experiment {name} this customer is in the arm {arm}." for name, arm in decision.experiments.items()
    ]
    others = [one.action for one in decision.refused if one.detail == ARM]
    if others:
        held.append(f"In another arm there would also have been: {', '.join(others)}.")
    return [f"{'Arms' if number == 0 else '':<9}{line}" for number, line in enumerate(held)]
