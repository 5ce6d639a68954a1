"""
Proofreading: what one table of a catalogue says must fit what the others say.

Law: whoever is named is there; a message can be filled, fits its channel and speaks with the brand's voice;
no two experiments ask for the same moment at the same time; what can never happen is not written down.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from typing import Final

from schemas.catalogue import (
    MOST_CHARACTERS,
    SEGMENTS,
    ActionTable,
    CatalogueFile,
    ExperimentTable,
    MomentName,
    MomentRule,
)
from streams.core.expressions import compile_expression
from streams.core.places import Path
from streams.core.quiet import zone_of
from streams.core.reading import Slip, listed, shown
from streams.core.templates import COMMON_WORDS, WORDS, has_odd_brace, joined, longest, names_of
from streams.core.tokens import ExpressionError

NOTHING: Final = "nothing"
"""The name of the decision to do nothing."""

GUESTS: Final = "guest"
UNPLACED: Final = "none"
"""What the retail figures show instead of a segment: for guests, and for customers who are in none (yet)."""

HOLDOUT: Final = "holdout"
"""The name under which the holdout stands among a customer's experiments."""

_ONLY: Final[dict[str, tuple[MomentName, ...]]] = {
    "minimum": ("browsed_and_left", "refill_due"),
    "least_days": ("refill_due",),
    "orders": ("milestone",),
    "spend_minor": ("milestone",),
    "anniversaries": ("milestone",),
    "respond_within_s": ("complaint", "detractor"),
}
"""Fields of a moment that say something for some moments only."""

_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def slips_of(written: CatalogueFile) -> Iterator[Slip]:
    """Find everything that does not fit in a catalogue whose tables could be read."""
    yield from _policy(written)
    yield from _moments(written)
    yield from _experiments(written)
    yield from _footers(written)
    yield from _segments(written)
    names = Counter[str]()
    for number, action in enumerate(written.action):
        path: Path = ("action", number)
        names[action.name] += 1
        if names[action.name] > 1:
            yield Slip((*path, "name"), "the name occurs more than once")
        if action.name == NOTHING:
            yield Slip((*path, "name"), "the name is taken by the decision to do nothing")
        yield from _references(written, action, path)
        yield from _times(written, action, path)
        yield from _condition(written, action, path)
        yield from _wording(written, action, path)


def _policy(written: CatalogueFile) -> Iterator[Slip]:
    policy = written.policy
    if len(set(policy.languages)) < len(policy.languages):
        yield Slip(("policy", "languages"), "a language occurs more than once")
    if (quiet := policy.quiet_hours) is not None:
        if quiet.from_ == quiet.until:
            yield Slip(("policy", "quiet_hours"), "from and until are the same; leave the field out for no quiet hours")
        if zone_of(quiet.zone) is None:
            yield Slip(("policy", "quiet_hours", "zone"), f"there is no time zone {shown(quiet.zone)}")


def _moments(written: CatalogueFile) -> Iterator[Slip]:
    for name, rule in written.moments.items():
        for field, moments in _ONLY.items():
            if getattr(rule, field) != getattr(_PLAIN, field) and name not in moments:
                yield Slip(("moments", name, field), f"it belongs to {listed(moments)} only")
        if name == "milestone" and not (rule.orders or rule.spend_minor or rule.anniversaries):
            yield Slip(("moments", name), "it names no milestone: orders, spend_minor or anniversaries")


_PLAIN: Final = MomentRule(window_s=60)


def _experiments(written: CatalogueFile) -> Iterator[Slip]:
    asked: dict[str, set[MomentName]] = {name: set() for name in written.experiments}
    for action in written.action:
        if action.experiment in asked:
            asked[action.experiment] |= set(action.moments)
    for name, experiment in written.experiments.items():
        path: Path = ("experiments", name)
        total = sum(experiment.arms.values())
        if abs(total - 1.0) > 1e-9:
            yield Slip((*path, "arms"), f"the shares of the arms add up to {total:.6g} and not to 1")
        if not _begins(experiment) < _ends(experiment):
            yield Slip((*path, "until"), "it must be later than from")
        if name == HOLDOUT:
            yield Slip(path, "the name is taken by the holdout of the policy")
    for (first, one), (second, other) in combinations(written.experiments.items(), 2):
        both = asked[first] & asked[second]
        if both and _begins(one) < _ends(other) and _begins(other) < _ends(one):
            yield Slip(
                ("experiments", second),
                f"it overlaps with {first!r}: both run at the same time and have actions for {min(both)}",
            )


def _begins(experiment: ExperimentTable) -> datetime:
    return experiment.from_ or _FIRST


def _ends(experiment: ExperimentTable) -> datetime:
    return experiment.until or _LAST


def _footers(written: CatalogueFile) -> Iterator[Slip]:
    for channel, footers in written.brand.footer.items():
        for language, footer in footers.items():
            path: Path = ("brand", "footer", channel, language)
            if language not in written.policy.languages:
                yield Slip(path, f"the policy's languages are {', '.join(written.policy.languages)}")
            if "{" in footer or "}" in footer:
                yield Slip(path, "a footer is the same for everybody and has no braces")
            yield from _banned(written, footer, path)


def _segments(written: CatalogueFile) -> Iterator[Slip]:
    segments = list((written.segments or {}).items())
    for at, (name, segment) in enumerate(segments, start=1):
        path: Path = ("segments", name)
        if name in (GUESTS, UNPLACED):
            yield Slip(path, "the name is taken by those who are in no segment")
        if segment.takes_everybody and at < len(segments):
            yield Slip(path, "it states no rule, so those after it would stay empty")
        if not segment.takes_everybody and at == len(segments):
            yield Slip(path, "the last must state no rule, so that nobody is left over")


def _references(written: CatalogueFile, action: ActionTable, path: Path) -> Iterator[Slip]:
    if action.channel not in written.channels:
        yield Slip((*path, "channel"), f"there is no table [channels.{action.channel}]")
    for moment in action.moments:
        if moment not in written.moments:
            yield Slip((*path, "moments"), f"there is no table [moments.{moment}]")
    if len(set(action.moments)) < len(action.moments):
        yield Slip((*path, "moments"), "a moment occurs more than once")
    if (action.experiment is None) != (action.arm is None):
        lacking = "experiment" if action.experiment is None else "arm"
        yield Slip((*path, lacking), "experiment and arm belong together, and one of them is missing")
    elif action.experiment is not None and action.arm is not None:
        if (experiment := written.experiments.get(action.experiment)) is None:
            yield Slip((*path, "experiment"), f"there is no table [experiments.{action.experiment}]")
        elif action.arm not in experiment.arms:
            yield Slip(
                (*path, "arm"), f"{action.experiment!r} has no arm {action.arm!r}, but {listed(experiment.arms)}"
            )
    if action.discount and action.purpose == "service":
        yield Slip((*path, "purpose"), "a discount sells; its purpose is marketing or relation")
    if action.duty:
        for field in ("discount", "experiment", "budget_per_day"):
            if getattr(action, field):
                yield Slip((*path, field), "a duty is owed to everybody: no discount, no experiment, no budget")


def _times(written: CatalogueFile, action: ActionTable, path: Path) -> Iterator[Slip]:
    begins, ends = action.valid_from or _FIRST, action.valid_until or _LAST
    if begins >= ends:
        yield Slip((*path, "valid_until"), "it must be later than valid_from")
    elif (experiment := written.experiments.get(action.experiment or "")) is not None and not (
        begins < _ends(experiment) and _begins(experiment) < ends
    ):
        field = "valid_from" if action.valid_from else "valid_until"
        yield Slip((*path, field), f"the action is never valid while {action.experiment!r} runs")
    if action.respond_within_s is not None and action.respond_within_s > action.expires_after_s:
        yield Slip((*path, "respond_within_s"), "the deadline would come after the decision has expired")


def _condition(written: CatalogueFile, action: ActionTable, path: Path) -> Iterator[Slip]:
    if action.when is None:
        return
    segments = [segment.name for segment in SEGMENTS] if written.segments is None else list(written.segments)
    try:
        compile_expression(action.when, segments)
    except ExpressionError as error:
        yield Slip((*path, "when"), f"column {error.column}: {error.reason.rstrip('.')}")


def _wording(written: CatalogueFile, action: ActionTable, path: Path) -> Iterator[Slip]:
    known = frozenset.intersection(*(WORDS[moment] for moment in action.moments)) | COMMON_WORDS
    declared = frozenset(action.variables)
    cannot = "cannot fill" if len(action.moments) == 1 else "cannot all fill"
    for name in sorted(declared - known):
        reason = f"{listed(action.moments, 'and')} {cannot} {{{name}}}, only {listed(sorted(known), 'and')}"
        yield Slip((*path, "variables"), reason)
    first, brand = written.policy.languages[0], written.brand
    if first not in action.template:
        yield Slip((*path, "template"), f"the text in {first!r} is missing, the first of the policy's languages")
    for language, text in action.template.items():
        place: Path = (*path, "template", language)
        if language not in written.policy.languages:
            yield Slip(place, f"the policy's languages are {', '.join(written.policy.languages)}")
        if has_odd_brace(text):
            yield Slip(place, "a brace is without its partner")
        used = names_of(text)
        for name in sorted(used - declared):
            yield Slip(place, f"{{{shown(name)[1:-1]}}} is not among the action's variables")
        for name in sorted(declared - used):
            yield Slip(place, f"{{{name}}} is declared in variables and missing here")
        footer = brand.footer.get(action.channel, {}).get(language)
        if footer is None and action.channel in (*brand.needs_footer, *brand.footer):
            yield Slip(place, f"[brand.footer.{action.channel}] has no footer in {language!r}")
        size, most = longest(joined(text, footer)), brand.max_length.get(action.channel, MOST_CHARACTERS)
        if size > most:
            yield Slip(place, f"it may become {size} characters long; on {action.channel} at most {most} are allowed")
        yield from _banned(written, text, place)


def _banned(written: CatalogueFile, text: str, path: Path) -> Iterator[Slip]:
    for word in written.brand.banned:
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE):
            yield Slip(path, f"the brand never says {shown(word)}")
