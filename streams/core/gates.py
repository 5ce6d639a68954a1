"""
Gates: what must hold before an action may be chosen for a moment.

Law: the gates are asked in one order, and the first that refuses is named, with the instant from which
it would let the action through, as far as time alone decides. A gate looks at the record, the catalogue,
the instant and the day's budget, never at the other actions. The holdout is no gate: who is in it
is refused as everybody else, and only then not reached.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from streams.core.arms import experiment_arm
from streams.core.budget import Overlay, day_end_s
from streams.core.catalogue import Action, Catalogue
from streams.core.contacts import Contacts
from streams.core.engagement import DAY_S, Engagement, day_of
from streams.core.facts import Facts
from streams.core.moments import Moment
from streams.core.newest import newest_second
from streams.core.once import once
from streams.core.profile import Preferences, consent, preferences
from streams.core.quiet import quiet_until, zone_of
from streams.core.record import ANONYMOUS_MARK
from streams.core.stance import NONE, Stance
from streams.core.voice import latest_against

GATES: Final = (
    "validity", "consent", "contact_policy", "quiet_hours", "eligibility", "budget", "suitability", "cool_down"
)  # fmt: skip
"""The gates, in the order in which they are asked."""

_UNKNOWN: Final = -2
"""An instant that was not looked for yet."""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """
    A gate that stopped an action, what about it in a word or two, and when time alone opens it.

    `until_s` is None where time does not, or only after the moment is over.
    """

    gate: str
    until_s: int | None
    detail: str


class Context:
    """
    What all gates of one decision look at, each part of it found when it is first asked for.

    `now_s` is in seconds since 1970, `day` the day since 1970 whose budget would pay. `ledger` None keeps no budgets.
    """

    __slots__ = (
        "_calm_s", "_contacts", "_facts", "_preferences", "_quiet_until_s",
        "asked", "catalogue", "engagement", "key", "ledger", "now_s", "stance",
    )  # fmt: skip

    def __init__(
        self, catalogue: Catalogue, engagement: Engagement, stance: Stance, key: str, now_s: int, ledger: Overlay | None
    ) -> None:
        """Take the record as it stands; nothing is found yet."""
        self.catalogue, self.engagement, self.stance = catalogue, engagement, stance
        self.key, self.now_s, self.ledger = key, now_s, ledger
        self.asked = _asked_of(catalogue)
        self._preferences: Preferences | None = None
        self._quiet_until_s: int | None = _UNKNOWN
        self._contacts: Contacts | None = None
        self._calm_s = _UNKNOWN
        self._facts: Facts | None = None

    @property
    def day(self) -> int:
        """The day whose budget would pay, since 1970."""
        return day_of(self.now_s, self.engagement.offset_s)

    @property
    def preferences(self) -> Preferences:
        """How the customer likes to be reached."""
        if self._preferences is None:
            self._preferences = preferences(self.engagement)
        return self._preferences

    @property
    def quiet_until_s(self) -> int | None:
        """The end of the quiet hours in which `now_s` lies; None outside them."""
        if self._quiet_until_s == _UNKNOWN:
            self._quiet_until_s = self._find_quiet_until_s()
        return self._quiet_until_s

    @property
    def contacts(self) -> Contacts:
        """All contacts that count now."""
        if self._contacts is None:
            self._contacts = Contacts(self.catalogue, self.engagement, self.stance, self.now_s)
        return self._contacts

    @property
    def calm_s(self) -> int:
        """Say when a discount may be offered again after a complaint or a bad answer; -1 if nobody complained."""
        if self._calm_s == _UNKNOWN:
            self._calm_s = _calm_s(self.engagement, self.catalogue.policy.complaint_days)
        return self._calm_s

    @property
    def facts(self) -> Facts:
        """What conditions ask for."""
        if self._facts is None:
            self._facts = Facts(self.key, self.engagement, self.stance, self.now_s)
        return self._facts

    def _find_quiet_until_s(self) -> int | None:
        liked = self.preferences
        span = self.catalogue.quiet if liked.quiet is None else liked.quiet
        if span is None:
            return None
        zone = liked.zone if liked.zone is not None and zone_of(liked.zone) is not None else self.catalogue.zone
        return quiet_until(zone, span, self.now_s)


def _calm_s(engagement: Engagement, days: int) -> int:
    """Say until when money would be offered instead of an answer; -1 if nobody complained."""
    against = latest_against(engagement) if engagement.surveys else None
    upset_s = max(newest_second(engagement.complaint), NONE if against is None else against.second)
    return NONE if upset_s < 0 else upset_s + days * DAY_S


def gate(context: Context, moment: Moment, action: Action) -> Refusal | None:
    """Name the first gate that stops an action, or None if it may be chosen."""
    for asked in context.asked[action.name]:
        if (refusal := asked(context, moment, action)) is not None:
            return refusal
    return None


def only_waits(context: Context, moment: Moment, action: Action, end_s: int) -> bool:
    """Say whether nothing but quiet hours, which end at `end_s`, is in the way of an action, as far as is known."""
    for asked in _AFTER_QUIET:
        refusal = asked(context, moment, action)
        if refusal is not None and (refusal.until_s is None or refusal.until_s > end_s):
            return False
    return True


def _validity(context: Context, moment: Moment, action: Action) -> Refusal | None:
    """An action is chosen in its season, for a moment that is open, and while its experiment runs."""
    now_s = context.now_s
    if now_s < moment.opens_s or now_s >= moment.closes_s:
        return _outside("moment", moment.opens_s, now_s)
    if now_s < action.valid_from_s or now_s >= action.valid_until_s:
        return _outside("season", action.valid_from_s, now_s)
    if action.experiment is not None:
        rule = context.catalogue.experiments[action.experiment]
        if now_s < rule.from_s or now_s >= rule.until_s:
            return _outside("experiment", rule.from_s, now_s)
    return None


def _outside(what: str, from_s: int, now_s: int) -> Refusal:
    return (
        Refusal("validity", from_s, f"{what} not begun")
        if now_s < from_s
        else Refusal("validity", None, f"{what} over")
    )


def _consent(context: Context, _moment: Moment, action: Action) -> Refusal | None:
    """Nobody is reached who did not allow it where that is asked for, or who forbade it anywhere."""
    rule = context.catalogue.channels[action.channel]
    if context.key.startswith(ANONYMOUS_MARK) and not rule.anonymous:
        return Refusal("consent", None, "anonymous")
    engagement = context.engagement
    said = consent(engagement, action.channel, action.purpose) if engagement.registers else "unknown"
    if said == "withdrawn" or (said == "unknown" and action.purpose in rule.needs_consent):
        return Refusal("consent", None, said)
    return None


def _contact_policy(context: Context, _moment: Moment, action: Action) -> Refusal | None:
    """A channel has its limits, and all that count have theirs together."""
    over = context.contacts.excess(action.channel)
    return None if over is None else Refusal("contact_policy", over.until_s, over.limit)


def _quiet_hours(context: Context, moment: Moment, action: Action) -> Refusal | None:
    """What would disturb waits; what cannot wait so long is refused without a date."""
    until_s = context.quiet_until_s
    if until_s is None:
        return None
    return Refusal("quiet_hours", until_s if until_s < min(moment.closes_s, action.valid_until_s) else None, "")


def _eligibility(context: Context, _moment: Moment, action: Action) -> Refusal | None:
    """The customer is one whom the action is meant for, and in its arm."""
    if action.when is not None and not action.when.holds(context.facts):
        return Refusal("eligibility", None, "when")
    if action.experiment is not None:
        arm = experiment_arm(context.catalogue, action.experiment, context.key, context.stance.enrolled)
        if arm != action.arm:
            return Refusal("eligibility", None, "arm")
    return None


def _budget(context: Context, _moment: Moment, action: Action) -> Refusal | None:
    """There is something left for today."""
    if action.budget_per_day is None or context.ledger is None:
        return None
    if context.ledger.left(action.name, action.budget_per_day, context.day) > 0:
        return None
    return Refusal("budget", day_end_s(context.day, context.engagement.offset_s), "")


def _suitability(context: Context, _moment: Moment, action: Action) -> Refusal | None:
    """Nobody who has just complained is offered money instead of an answer."""
    if action.discount and context.now_s < context.calm_s:
        return Refusal("suitability", context.calm_s, "complaint")
    return None


def _cool_down(context: Context, _moment: Moment, action: Action) -> Refusal | None:
    """An action rests after it was chosen."""
    chosen_s = context.stance.chosen.get(action.name, NONE)
    if chosen_s >= 0 and context.now_s < chosen_s + action.cooldown_s:
        return Refusal("cool_down", chosen_s + action.cooldown_s, "")
    return None


_Asked = Callable[[Context, Moment, Action], Refusal | None]

_AFTER_QUIET: Final = (_eligibility, _budget, _suitability, _cool_down)


@once
def _asked_of(catalogue: Catalogue) -> dict[str, tuple[_Asked, ...]]:
    """Say which gates may ever stop an action, by its name, in their order."""
    return {action.name: tuple(_that_may_stop(catalogue, action)) for action in catalogue.actions}


def _that_may_stop(catalogue: Catalogue, action: Action) -> Iterator[_Asked]:
    rule = catalogue.channels[action.channel]
    yield from (_validity, _consent)
    if rule.contacts or rule.counts:
        yield _contact_policy
    if rule.quiet:
        yield _quiet_hours
    if action.when is not None or action.experiment is not None:
        yield _eligibility
    if action.budget_per_day is not None:
        yield _budget
    if action.discount:
        yield _suitability
    if action.cooldown_s > 0:
        yield _cool_down
