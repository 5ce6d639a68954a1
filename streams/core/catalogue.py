"""
The catalogue: which actions there are and which segments, as data.

Law: a catalogue that was parsed is whole - every action has a moment that exists, durations that
make sense and a message whose names that moment can fill; every customer is in exactly one segment.
What is wrong is said by action or segment, and field.
"""

import re
import tomllib
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from schemas import Band

MAX_ACTIONS: Final = 32
"""So many actions at most: every one may leave a line in every record."""

MAX_SEGMENTS: Final = 4
"""So many segments at most: more personas than four nobody keeps apart, nor writes messages for."""

NOTHING: Final = "nothing"
"""The name of the decision to do nothing."""

GUESTS: Final = "guest"
UNPLACED: Final = "none"
"""What the retail figures show instead of a segment: for guests, and for customers who are in none (yet)."""

LEAST_REPEATS: Final = 2
"""The smallest `minimum` of looks or orders: once is no repetition."""

YEAR_S: Final = 366 * 86400

MomentName = Literal[
    "cart_abandoned",
    "visit_without_purchase",
    "browsed_and_left",
    "first_purchase",
    "milestone",
    "refill_due",
    "risk_high",
]

WORDS: Final[dict[MomentName, frozenset[str]]] = {
    "cart_abandoned": frozenset({"product_id", "products"}),
    "visit_without_purchase": frozenset({"store_id"}),
    "browsed_and_left": frozenset({"product_id", "views"}),
    "first_purchase": frozenset({"orders"}),
    "milestone": frozenset({"orders"}),
    "refill_due": frozenset({"days"}),
    "risk_high": frozenset({"days", "band"}),
}
"""The names that a message may use, for each moment."""

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
SegmentName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]
Duration = Annotated[int, Meta(ge=0, le=3 * YEAR_S)]
Positive = Annotated[int, Meta(ge=60, le=3 * YEAR_S)]
Instant = Annotated[datetime, Meta(tz=True)]


class CatalogueError(Exception):
    """A catalogue that cannot be used; its text is one sentence with the action and the field."""


class Action(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that may be done, when a moment calls for it; durations in seconds."""

    name: Name
    moment: MomentName
    channel: Name
    purpose: Name
    priority: Annotated[float, Meta(ge=0, le=1_000_000)]
    cooldown_s: Duration
    expires_after_s: Positive
    window_s: Positive
    message: Annotated[str, Meta(min_length=1, max_length=500)]
    delay_s: Duration = 0
    minimum: Annotated[int, Meta(ge=LEAST_REPEATS, le=12)] = 3
    milestones: Annotated[tuple[Annotated[int, Meta(ge=2)], ...], Meta(max_length=32)] = ()
    valid_from: Instant | None = None
    valid_until: Instant | None = None


class Segment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A group of customers by rule: who meets every condition that is stated is in it.

    `first_days` after the first act, an instant and not a midnight, the customer is past it; `orders` are the
    least that were placed, net of cancellations; `bands` are the bands of risk.
    """

    name: SegmentName
    first_days: Annotated[int, Meta(ge=1, le=366)] | None = None
    orders: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    bands: Annotated[tuple[Band, ...], Meta(min_length=1, max_length=4)] | None = None

    @property
    def takes_everybody(self) -> bool:
        """Say whether it states no condition."""
        return self.first_days is None and self.orders is None and self.bands is None


SEGMENTS: Final = (
    Segment(name="new", first_days=30),
    Segment(name="at-risk", bands=("high", "critical")),
    Segment(name="loyal", orders=3),
    Segment(name="occasional"),
)
"""The segments of a catalogue that states none."""


class Catalogue(Struct, frozen=True, kw_only=True):
    """All actions, the most urgent first, all segments, the first match first, and a version that names them."""

    actions: tuple[Action, ...]
    version: str
    segments: tuple[Segment, ...] = SEGMENTS


def parse(text: str) -> Catalogue:
    """Read a catalogue in TOML; raise CatalogueError with one sentence that names action and field."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"The catalogue is not TOML: {error}.") from None
    unknown = sorted(set(tables) - {"action", "segments"})
    if unknown:
        raise CatalogueError(
            f"The catalogue has a table {unknown[0]!r}; it may only have [[action]] tables and [segments]."
        )
    rows = tables.get("action", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CatalogueError("The catalogue's actions must be written as [[action]] tables.")
    if len(rows) > MAX_ACTIONS:
        raise CatalogueError(f"The catalogue has {len(rows)} actions; at most {MAX_ACTIONS} are allowed.")
    actions = [_action(number, row) for number, row in enumerate(rows, start=1)]
    for action in actions:
        if sum(action.name == other.name for other in actions) > 1:
            raise CatalogueError(f"Action {action.name!r}: the name occurs more than once.")
    return _assemble(actions, _segments(tables["segments"]) if "segments" in tables else SEGMENTS)


def _assemble(actions: list[Action], segments: tuple[Segment, ...]) -> Catalogue:
    ranked = tuple(sorted(actions, key=lambda action: (-action.priority, action.name)))
    version = blake2b(msgspec.json.encode((ranked, segments)), digest_size=6).hexdigest()
    return Catalogue(actions=ranked, version=version, segments=segments)


def _segments(rows: object) -> tuple[Segment, ...]:
    if not isinstance(rows, dict) or not rows or not all(isinstance(row, dict) for row in rows.values()):
        raise CatalogueError(
            "The catalogue's segments must be one table [segments] with a table of rules for each name."
        )
    if len(rows) > MAX_SEGMENTS:
        raise CatalogueError(
            f"The catalogue has {len(rows)} segments; at most {MAX_SEGMENTS} are allowed, "
            "for more than these nobody keeps apart."
        )
    segments = tuple(_segment(name, row) for name, row in rows.items())
    for at, segment in enumerate(segments, start=1):
        if segment.name in (GUESTS, UNPLACED):
            raise CatalogueError(f"Segment {segment.name!r}: the name is taken by those who are in no segment.")
        if segment.takes_everybody and at < len(segments):
            raise CatalogueError(f"Segment {segment.name!r} states no rule, so those after it would stay empty.")
        if not segment.takes_everybody and at == len(segments):
            raise CatalogueError(
                f"Segment {segment.name!r}, the last, must state no rule, so that nobody is left over."
            )
    return segments


def _segment(name: str, row: dict[str, object]) -> Segment:
    try:
        return msgspec.convert({**row, "name": name}, Segment)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"Segment {name!r}: {_sentence(str(error))}.") from None


def _action(number: int, row: dict[str, object]) -> Action:
    title = f"Action {row.get('name', number)!r}"
    try:
        action = msgspec.convert(row, Action)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{title}: {_sentence(str(error))}.") from None
    unknown = set(re.findall(r"{([^{}]*)}", action.message)) - WORDS[action.moment]
    if unknown:
        known = ", ".join(sorted(WORDS[action.moment]))
        raise CatalogueError(f"{title}: field 'message' uses {{{min(unknown)}}}; {action.moment} knows {known}.")
    if re.search(r"[{}]", re.sub(r"{[^{}]*}", "", action.message)):
        raise CatalogueError(f"{title}: field 'message' has a brace without its partner.")
    if action.name == NOTHING:
        raise CatalogueError(f"{title}: field 'name' is taken by the decision to do nothing.")
    if (action.moment == "milestone") != bool(action.milestones):
        raise CatalogueError(f"{title}: field 'milestones' belongs to the moment milestone, and only there.")
    if action.valid_from and action.valid_until and action.valid_from >= action.valid_until:
        raise CatalogueError(f"{title}: field 'valid_until' must be later than valid_from.")
    return action


def _sentence(message: str) -> str:
    """
    Turn msgspec's message into ours.

    >>> _sentence("Expected `int` >= 0 - at `$.cooldown_s`")
    "field 'cooldown_s': expected `int` >= 0"
    """
    fault, _, place = message.partition(" - at `$.")
    fault = fault[0].lower() + fault[1:]
    return f"field {place.rstrip('`')!r}: {fault}" if place else fault


EMPTY: Final = _assemble([], SEGMENTS)
"""A catalogue without actions: nothing is ever decided."""
