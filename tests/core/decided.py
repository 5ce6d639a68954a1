"""A small catalogue for tests of decisions: three moments that open at once, and actions that each show one thing."""

from typing import Any

from streams.core.budget import Ledger
from streams.core.catalogue import Catalogue, parse
from streams.core.gates import Context
from streams.core.moments import Moment
from streams.core.rules import Rules
from tests.core.stories import DAY, NOON, Story, second

HEAD = """
[policy]
at_once = 1
quiet_hours = { from = "21:00", until = "08:00", zone = "Europe/London" }
holdout = { share = %s, salt = "2026" }
languages = ["en", "de"]
[channels.email]
needs_consent = ["marketing"]
quiet = true
[channels.web]
counts = false
anonymous = true
[moments.first_purchase]
window_s = 86400
[moments.second_purchase]
window_s = 86400
[moments.complaint]
window_s = 172800
respond_within_s = 7200
"""
USUAL = {
    "channel": "email", "purpose": "service", "value_minor": 1000, "prior": [500, 500], "cooldown_s": 3600,
    "expires_after_s": 7200,
}  # fmt: skip


def action(name: str, moments: str = "first_purchase", **fields: Any) -> str:
    """Write an action; what is not said is usual, and what is None is left out."""
    rows = {"name": name, "moments": moments.split(), "template": {"en": "Thank you.", "de": "Danke."}}
    said = {field: value for field, value in (rows | USUAL | fields).items() if value is not None}
    return "[[action]]\n" + "".join(f"{field} = {_toml(value)}\n" for field, value in said.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def catalogue(*actions: str, head: str = "", share: float = 0.0) -> Catalogue:
    """Make a catalogue of these actions; the holdout is empty unless said otherwise."""
    return parse(HEAD % share + head + "".join(actions))


def rules(*actions: str, head: str = "", share: float = 0.0) -> Rules:
    """Make rules with such a catalogue."""
    return Rules(catalogue=catalogue(*actions, head=head, share=share))


def context(served: Catalogue, at: Any = NOON, key: str = "c1", ledger: Ledger | None = None) -> Context:
    """Look at somebody who has just ordered for the first time, of whom nothing was decided yet."""
    record = Story(Rules(), key=key).happens("order_placed", NOON).record
    assert record.stance is not None
    overlay = None if ledger is None else ledger.overlay()
    return Context(served, record.engagement, record.stance, key, second(at), overlay)


def moment(name: Any = "first_purchase", strength: int = 50, at: Any = NOON, lasts: Any = DAY) -> Moment:
    """Make a moment that has just opened."""
    return Moment(name, second(at), second(at), second(at + lasts), strength)
