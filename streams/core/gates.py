"""
Gates: what must hold before an action may be chosen for a moment.

Law: the gates are asked in one order, and the first that refuses is named, with the instant from which
it would let the action through, as far as time alone decides. A gate looks at the record, the catalogue,
the instant and the day's budget, never at the other actions. The holdout is no gate: who is in it
is refused as everybody else, and only then not reached.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from streams.core.arms import experiment_arm
from streams.core.budget import Overlay
from streams.core.catalogue import Action, Catalogue
from streams.core.contacts import Contacts
from streams.core.engagement import Engagement
from streams.core.facts import Facts
from streams.core.moments import Moment
from streams.core.profile import Preferences
from streams.core.stance import Stance

GATES: Final = (
    "validity", "consent", "contact_policy", "quiet_hours", "eligibility", "budget", "suitability", "cool_down"
)  # fmt: skip
"""The gates, in the order in which they are asked."""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """
    A gate that stopped an action, what about it in a word or two, and when time alone opens it.

    `until_s` is None where time does not, or only after the moment is over.
    """

    gate: str
    until_s: int | None
    detail: str


class Context(msgspec.Struct, frozen=True, gc=False):
    """
    What all gates of one decision look at, gathered once.

    `quiet_until_s` is the end of the quiet hours in which `now_s` lies, else None; `calm_s` is when a discount may
    be offered again after a complaint or a bad answer, or -1; `day` is the day whose budget would pay.
    `ledger` None keeps no budgets.
    """

    catalogue: Catalogue
    engagement: Engagement
    stance: Stance
    key: str
    now_s: int
    ledger: Overlay | None
    preferences: Preferences
    quiet_until_s: int | None
    contacts: Contacts
    calm_s: int
    day: int
    facts: Facts


def context_of(
    catalogue: Catalogue, engagement: Engagement, stance: Stance, key: str, now_s: int, ledger: Overlay | None
) -> Context:
    """Gather what all gates of one decision look at."""
    raise NotImplementedError


def gate(context: Context, moment: Moment, action: Action) -> Refusal | None:
    """Name the first gate that stops an action, or None if it may be chosen."""
    raise NotImplementedError
