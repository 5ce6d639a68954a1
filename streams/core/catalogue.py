"""
The catalogue: which actions there are, for which moments, and what holds for all of them - made ready.

Law: a catalogue that was parsed is whole - everything that is named in it is there, durations make sense, every
message can be filled and keeps the brand's rules, every customer is in exactly one segment. What a decision looks at
is computed here, once. The order of actions, moments and channels in the file says nothing; that of segments does.
"""

import re
import tomllib
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from schemas import CONTACT_CHANNELS, ContactChannel, Purpose
from schemas.catalogue import (
    LEAST_REPEATS,
    MAX_ACTIONS,
    MAX_SEGMENTS,
    MOMENTS,
    SEGMENTS,
    ActionTable,
    Brand,
    CatalogueFile,
    ChannelRule,
    ExperimentTable,
    Holdout,
    Limit,
    MomentName,
    MomentRule,
    Policy,
    QuietHours,
    Segment,
)
from streams.core.expressions import Expression, compile_expression
from streams.core.places import Path, Places
from streams.core.posterior import Posterior
from streams.core.proofreading import GUESTS, NOTHING, UNPLACED, slips_of
from streams.core.reading import Slip, read, shown
from streams.core.segments import SegmentRule, prepared
from streams.core.templates import WORDS

__all__ = [
    "EMPTY",
    "FOREVER_S",
    "GUESTS",
    "LEAST_REPEATS",
    "MAX_ACTIONS",
    "MAX_SEGMENTS",
    "MOMENTS",
    "NOTHING",
    "SEGMENTS",
    "UNPLACED",
    "WORDS",
    "Action",
    "Brand",
    "Catalogue",
    "CatalogueError",
    "ChannelRule",
    "Experiment",
    "Fault",
    "Holdout",
    "Limit",
    "MomentName",
    "MomentRule",
    "Policy",
    "QuietHours",
    "Segment",
    "parse",
]

MAX_TEXT: Final = 262_144
"""The longest catalogue that is read, in characters."""

_OF_NAMED: Final = ("channels", "moments", "experiments", "segments")
"""The tables of tables that have names."""

FOREVER_S: Final = 1 << 62
"""The end of what has none, in seconds since 1970."""


class Fault(NamedTuple):
    """One thing that is wrong with a catalogue: in which file, on which line, in which table and field, and why."""

    source: str
    line: int
    table: str
    field: str
    reason: str

    def __str__(self) -> str:
        """Say it in one sentence."""
        where = f"{self.table} {self.field}" if self.field else self.table
        return f"{self.source}:{self.line}: {where}: {self.reason}."


class CatalogueError(Exception):
    """A catalogue that cannot be used, with all its faults in the order of their lines; its text is the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Say the first fault."""
        super().__init__(str(faults[0]))
        self.faults = faults


class Action(Struct, frozen=True, kw_only=True):
    """
    One thing that may be done, made ready; instants are seconds since 1970, money in minor units.

    `channel_number` is the index in CONTACT_CHANNELS. `template` is by language. Without a beginning `valid_from_s` is
    0, without an end `valid_until_s` is FOREVER_S; outside an experiment `experiment` and `arm` are None.
    """

    name: str
    moments: tuple[MomentName, ...]
    channel: ContactChannel
    channel_number: int
    purpose: Purpose
    when: Expression | None
    discount: bool
    duty: bool
    value_minor: int
    cost_minor: int
    lever: float
    prior: Posterior
    cooldown_s: int
    expires_after_s: int
    budget_per_day: int | None
    respond_within_s: int | None
    valid_from_s: int
    valid_until_s: int
    experiment: str | None
    arm: str | None
    variables: tuple[str, ...]
    template: dict[str, str]


class Experiment(Struct, frozen=True, kw_only=True):
    """A comparison, made ready; instants are seconds since 1970, 0 and FOREVER_S where none is stated."""

    name: str
    salt: str
    arms: dict[str, float]
    from_s: int
    until_s: int


class Catalogue(Struct, frozen=True, kw_only=True):
    """
    All actions by name, and by the moments they answer, with all rules and a version that names them.

    `quiet` are the policy's quiet hours as minutes of the day, from and until, in the time zone `zone`.
    """

    version: str
    actions: tuple[Action, ...] = ()
    by_moment: dict[str, tuple[Action, ...]] = {}
    by_name: dict[str, Action] = {}
    moments: dict[MomentName, MomentRule] = {}
    channels: dict[ContactChannel, ChannelRule] = {}
    policy: Policy = Policy()
    quiet: tuple[int, int] | None = None
    zone: str = "UTC"
    experiments: dict[str, Experiment] = {}
    brand: Brand = Brand()
    segments: tuple[Segment, ...] = SEGMENTS
    segment_rules: tuple[SegmentRule, ...] = prepared(SEGMENTS)


def parse(text: str, source: str = "catalogue.toml") -> Catalogue:
    """Read a catalogue in TOML; raise CatalogueError with one sentence that begins with `source` and the line."""
    tables = _tables(text, source)
    written, slips = read(tables)
    slips = slips or list(slips_of(written))
    if slips:
        raise CatalogueError(_faults(slips, tables, text, source))
    return _ready(written)


def _tables(text: str, source: str) -> dict[str, Any]:
    """Read TOML; its reader says the line within its sentence, and of some things nothing."""
    if len(text) > MAX_TEXT:
        reason = f"it has {len(text)} characters; at most {MAX_TEXT} are read"
        raise CatalogueError((Fault(source, 1, "the catalogue", "", reason),))
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = "tables or lists stand too deep in one another" if isinstance(error, RecursionError) else str(error)
        place = re.fullmatch(r"(.*) \(at (?:line (\d+), (column \d+)|end of document)\)", said, re.DOTALL)
        line = int(place[2]) if place and place[2] else text.count("\n") + 1 if place else 1
        column = f"{place[3]}: " if place and place[3] else ""
        reason = f"it is not TOML: {column}{place[1] if place else said}"
        raise CatalogueError((Fault(source, line, "the catalogue", "", reason),)) from None


def _faults(slips: list[Slip], tables: dict[str, Any], text: str, source: str) -> tuple[Fault, ...]:
    places = Places(text)
    faults = (Fault(source, places.line(slip.path), *_title(slip.path, tables), slip.reason) for slip in slips)
    return tuple(sorted(faults, key=lambda fault: fault.line))


def _title(path: Path, tables: dict[str, Any]) -> tuple[str, str]:
    """
    Say the table and the field of a place.

    >>> _title(("brand", "max_length", "push"), {}), _title(("action", 0, "arm"), {"action": [{"name": "bonus"}]})
    (('brand', 'max_length.push'), ("action 'bonus'", 'arm'))
    """
    first, inner = str(path[0]), path[1:]
    title = shown(first)[1:-1]
    if first == "action" and inner:
        number = int(inner[0])
        name = tables["action"][number].get("name")
        title, inner = f"action {shown(name) if isinstance(name, str) else number + 1}", inner[1:]
    elif first in _OF_NAMED and inner:
        title, inner = f"{title}.{shown(str(inner[0]))[1:-1]}", inner[1:]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)[1:-1]}" for part in inner)
    return title, field.removeprefix(".")


def _ready(written: CatalogueFile) -> Catalogue:
    """Make a catalogue ready whose every part was found sound."""
    segments: tuple[Segment, ...] = SEGMENTS
    if written.segments is not None:
        segments = tuple(
            Segment(name=name, first_days=rule.first_days, orders=rule.orders, bands=rule.bands)
            for name, rule in written.segments.items()
        )
    names = tuple(segment.name for segment in segments)
    actions = tuple(_action(row, names) for row in sorted(written.action, key=lambda row: row.name))
    quiet_hours = written.policy.quiet_hours
    return Catalogue(
        version=_version(written, segments),
        actions=actions,
        by_moment={
            moment: tuple(action for action in actions if moment in action.moments)
            for moment in MOMENTS
            if any(moment in action.moments for action in actions)
        },
        by_name={action.name: action for action in actions},
        moments={moment: written.moments[moment] for moment in MOMENTS if moment in written.moments},
        channels={channel: written.channels[channel] for channel in CONTACT_CHANNELS if channel in written.channels},
        policy=written.policy,
        quiet=(_minutes(quiet_hours.from_), _minutes(quiet_hours.until)) if quiet_hours else None,
        zone=quiet_hours.zone if quiet_hours else "UTC",
        experiments={name: _experiment(name, row) for name, row in sorted(written.experiments.items())},
        brand=written.brand,
        segments=segments,
        segment_rules=prepared(segments),
    )


def _action(row: ActionTable, segments: Iterable[str]) -> Action:
    return Action(
        name=row.name,
        moments=row.moments,
        channel=row.channel,
        channel_number=CONTACT_CHANNELS.index(row.channel),
        purpose=row.purpose,
        when=None if row.when is None else compile_expression(row.when, tuple(segments)),
        discount=row.discount,
        duty=row.duty,
        value_minor=row.value_minor,
        cost_minor=row.cost_minor,
        lever=row.lever,
        prior=Posterior(*row.prior),
        cooldown_s=row.cooldown_s,
        expires_after_s=row.expires_after_s,
        budget_per_day=row.budget_per_day,
        respond_within_s=row.respond_within_s,
        valid_from_s=_second(row.valid_from, 0),
        valid_until_s=_second(row.valid_until, FOREVER_S),
        experiment=row.experiment,
        arm=row.arm,
        variables=row.variables,
        template=row.template,
    )


def _experiment(name: str, row: ExperimentTable) -> Experiment:
    return Experiment(
        name=name,
        salt=row.salt,
        arms=row.arms,
        from_s=_second(row.from_, 0),
        until_s=_second(row.until, FOREVER_S),
    )


def _version(written: CatalogueFile, segments: tuple[Segment, ...]) -> str:
    """Name the meaning: neither comments nor the order of tables change it, except that of segments."""
    ranked = msgspec.structs.replace(
        written, action=tuple(sorted(written.action, key=lambda row: row.name)), segments=None
    )
    return blake2b(msgspec.json.encode((ranked, segments), order="sorted"), digest_size=6).hexdigest()


def _second(instant: datetime | None, otherwise: int) -> int:
    return otherwise if instant is None else int(instant.timestamp())


def _minutes(clock: str) -> int:
    """
    Say the minute of the day.

    >>> _minutes("21:30")
    1290
    """
    return int(clock[:2]) * 60 + int(clock[3:])


EMPTY: Final = _ready(CatalogueFile())
"""A catalogue without actions: nothing is ever decided."""
