"""
Reading: the tables of a catalogue become records, or slips that say what is wrong and where.

Law: one slip for each table that cannot be read, never an exception, whatever the tables hold.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from schemas import BANDS, CONTACT_CHANNELS, PURPOSES, ContactChannel
from schemas.catalogue import (
    MAX_ACTIONS,
    MAX_SEGMENTS,
    MOMENTS,
    ActionTable,
    Brand,
    CatalogueFile,
    ChannelRule,
    ExperimentTable,
    Language,
    Length,
    MomentRule,
    Name,
    Policy,
    SegmentName,
    SegmentTable,
    Share,
    Wording,
)
from streams.core.places import Path

Kind = TypeVar("Kind")
Slips = list["Slip"]

MOST_EXPERIMENTS: Final = 32


class Slip(NamedTuple):
    """What is wrong at a place, in half a sentence."""

    path: Path
    reason: str


_CHOICES: Final[dict[str | int, tuple[str, ...]]] = {
    "channel": CONTACT_CHANNELS,
    "channels": CONTACT_CHANNELS,
    "max_length": CONTACT_CHANNELS,
    "footer": CONTACT_CHANNELS,
    "needs_footer": CONTACT_CHANNELS,
    "purpose": PURPOSES,
    "needs_consent": PURPOSES,
    "moments": MOMENTS,
    "bands": BANDS,
}
"""What may be said where only some words are allowed."""

_ENTRIES: Final[dict[str | int, tuple[Any, Any]]] = {
    "arms": (Name, Share),
    "max_length": (ContactChannel, Length),
    "footer": (ContactChannel, dict[Language, Wording]),
    "template": (Language, Wording),
}
"""Of which types key and value are in tables that the marketer names the fields of."""

_IN_WORDS: Final = {
    "^[a-z][a-z0-9_]{0,47}$": "a name: a small letter, then small letters, digits and _, at most 48",
    "^[a-z][a-z0-9_-]{0,47}$": "a name: a small letter, then small letters, digits, _ and -, at most 48",
    "^[a-z]{2,3}$": 'a language such as "en"',
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": 'a time of day such as "21:00"',
}


_TYPES: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "datetime": "an instant",
    "date": "a day",
    "time": "a time of day",
}
"""What msgspec calls by the names of programs."""


def read(tables: Mapping[str, Any]) -> tuple[CatalogueFile, Slips]:
    """Read all tables; where there are slips, the file lacks what they are about."""
    slips: Slips = []
    known = CatalogueFile.__struct_fields__
    slips += [Slip((name,), _strange("table", name, known)) for name in tables if name not in known]
    policy = _one(tables.get("policy", {}), Policy, ("policy",), slips)
    brand = _one(tables.get("brand", {}), Brand, ("brand",), slips)
    segments = None
    if "segments" in tables:
        segments = _named(tables, "segments", SegmentTable, slips, name_type=SegmentName)
        if not tables["segments"]:
            slips.append(Slip(("segments",), "there is none; leave the table out for those that come with Latido"))
        if len(segments) > MAX_SEGMENTS:
            slips.append(
                Slip(
                    ("segments", list(segments)[MAX_SEGMENTS]),
                    f"this is one of {len(segments)}; at most {MAX_SEGMENTS} are allowed, "
                    "for more than these nobody keeps apart",
                )
            )
    written = CatalogueFile(
        policy=policy or Policy(),
        channels=_named(tables, "channels", ChannelRule, slips, names=CONTACT_CHANNELS),
        moments=_named(tables, "moments", MomentRule, slips, names=MOMENTS),
        experiments=_named(tables, "experiments", ExperimentTable, slips, name_type=Name),
        brand=brand or Brand(),
        action=tuple(_actions(tables.get("action", []), slips)),
        segments=segments,
    )
    if len(written.experiments) > MOST_EXPERIMENTS:
        slips.append(Slip(("experiments",), f"there are {len(written.experiments)}; at most {MOST_EXPERIMENTS} may be"))
    return written, slips


def _actions(rows: object, slips: Slips) -> list[ActionTable]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        slips.append(Slip(("action",), "write every action as a table of its own, [[action]]"))
        return []
    if len(rows) > MAX_ACTIONS:
        slips.append(Slip(("action", MAX_ACTIONS), f"this is one of {len(rows)}; at most {MAX_ACTIONS} are allowed"))
        return []
    read_ = [_one(row, ActionTable, ("action", number), slips) for number, row in enumerate(rows)]
    return [] if None in read_ else [action for action in read_ if action is not None]


def _named(
    tables: Mapping[str, Any],
    title: str,
    kind: type[Kind],
    slips: Slips,
    *,
    names: tuple[str, ...] = (),
    name_type: Any = None,
) -> dict[Any, Kind]:
    """Read a table of tables, each with its name; the name is one of `names`, or of the type."""
    rows = tables.get(title, {})
    if not isinstance(rows, dict):
        slips.append(Slip((title,), f"write it as tables, each with its name: [{title}.…]"))
        return {}
    found = {}
    for name, row in rows.items():
        path = (title, name)
        if names and name not in names:
            slips.append(Slip(path, _strange(title.rstrip("s"), name, names)))
        elif name_type is not None and (fault := _fault(name, name_type)) is not None:
            slips.append(Slip(path, _reason(fault)))
        elif (one := _one(row, kind, path, slips)) is not None:
            found[name] = one
    return found


def _one(row: object, kind: type[Kind], path: Path, slips: Slips) -> Kind | None:
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        slips.append(_slip(row, kind, path, str(error)))
        return None


def _fault(value: object, kind: Any) -> str | None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _slip(row: Any, kind: Any, path: Path, fault: str) -> Slip:
    """Find the place of what msgspec says, and put it into our words."""
    fault, _, place = fault.partition(" - at ")
    found = re.fullmatch("Object (missing required|contains unknown) field `(.*)`", fault, re.DOTALL)
    within = _within(place)
    if found is None and within and within[-1] in _ENTRIES:
        return _entry(row, path, within)
    if found is None:
        return Slip(path + within, _reason(fault, within))
    if found[1] == "missing required":
        return Slip((*path, *within, found[2]), "the field is missing")
    fields = [field.encode_name for field in msgspec.structs.fields(kind)] if not within else []
    return Slip((*path, *within, found[2]), _strange("field", found[2], fields))


def _within(place: str) -> Path:
    """
    Say which field msgspec means; the name that was chosen for a field it leaves out.

    >>> _within("`$.contacts[0].most`"), _within("`key` in `$.arms`"), _within("`$.footer[...][...]`")
    (('contacts', 0, 'most'), ('arms',), ('footer',))
    """
    parts = re.findall(r"\.(\w+)|\[(\d+)\]", place)
    return tuple(name if name else int(number) for name, number in parts)


def _entry(row: Any, path: Path, within: Path) -> Slip:
    """Find the entry of a table that is wrong, and how."""
    entries: Any = row
    for name in within:
        entries = entries[name]
    whole = (*path, *within)
    if not isinstance(entries, dict):
        return Slip(whole, "expected a table")
    key_kind, value_kind = _ENTRIES[within[-1]]
    for key, value in entries.items():
        if (fault := _fault(key, key_kind)) is not None:
            return Slip((*whole, key), _reason(fault, within[-1:]))
        if (fault := _fault(value, value_kind)) is not None:
            fault, _, place = fault.partition(" - at ")
            inner = [
                name
                for name, one in (value.items() if place and isinstance(value, dict) else ())
                if _fault(name, Language) is not None or _fault(one, Wording) is not None
            ]
            return Slip((*whole, key, *inner[:1]), _reason(fault))
    return Slip(whole, f"it has {len(entries)}, which are too few or too many")


def _reason(fault: str, where: Path = ()) -> str:
    """
    Put what msgspec says into our words.

    >>> _reason("Expected `int` >= 0"), _reason("Invalid enum value 'sales'", ("purpose",))
    ('expected a whole number >= 0', "there is no 'sales'; it may be service, relation or marketing")
    """
    fault = fault.partition(" - at ")[0]
    if (wrong := re.fullmatch("Invalid enum value '(.*)'", fault, re.DOTALL)) is not None:
        choices = next((_CHOICES[name] for name in reversed(where) if name in _CHOICES), ())
        return f"there is no {shown(wrong[1])}" + (f"; it may be {listed(choices)}" if choices else "")
    if (form := re.fullmatch("Expected `str` matching regex '(.*)'", fault)) is not None:
        return f"expected {_IN_WORDS.get(form[1], fault)}"
    return re.sub("`([^`]*)`", _type_in_words, fault[0].lower() + fault[1:])


def _type_in_words(found: re.Match[str]) -> str:
    kinds = [kind for kind in found[1].split(" | ") if kind != "null"]
    return " or ".join(_TYPES.get(kind, kind) for kind in kinds)


def _strange(what: str, name: str, known: Any) -> str:
    near = get_close_matches(name, known, n=1)
    may = f"; did you mean {near[0]!r}?" if near else f"; there are {listed(sorted(known), 'and')}" if known else ""
    return f"there is no such {what}" + may.rstrip("?")


def listed(names: Any, word: str = "or") -> str:
    """
    Write names as people do.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b or c')
    """
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else str(last)


def shown(text: str) -> str:
    """Quote a text of the file, cut where it is long."""
    return repr(text if len(text) <= 48 else text[:47] + "…")
