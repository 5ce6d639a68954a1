"""
The door: bytes become an event, or a refusal with a code and a sentence.

Law: `Door.read` never raises, its answer depends on nothing but its arguments (not on how deep in
the interpreter it is called), and a refusal never repeats a word of the input.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import reduce
from itertools import accumulate
from operator import attrgetter, or_
from typing import Final

import msgspec
from msgspec import Struct, inspect

from schemas import EVENT_TYPES, MAX_VALUE_BYTES, Code, Event, OrderEvent, source_number

__all__ = ["LAST_SECOND", "MAX_DEPTH", "Code", "Door", "Refused", "characters_of", "identity_of", "second_of"]

MAX_DEPTH: Final = 256
"""How deep a value may be nested; well below what the interpreter's recursion limit leaves to a worker."""

_SHALLOW_BYTES: Final = 2 * MAX_DEPTH

FUTURE_TOLERANCE_MS: Final = 5 * 60 * 1000
"""How far a publisher's clock may run ahead of Kafka's, in milliseconds."""

LAST_SECOND: Final = 2**32 - 1
"""The last second that a record can hold, in February 2106."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CAUGHT: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError)


class Refused(Struct, frozen=True, gc=False):
    """An input that is not accepted, and why, in a sentence free of the input's values."""

    code: Code
    message: str


class _Header(Struct, frozen=True, gc=False):
    event_type: str
    schema_version: int


_syntax: Final = msgspec.json.Decoder(msgspec.Raw)
_header: Final = msgspec.json.Decoder(_Header)

_BLANK, _ESCAPE, _DELETE = 0x20, 0x5C, 0x7F  # as numbers, for which `in` is several times as fast as for bytes
# Possessive and content without a closing quote: linear in time, whatever comes.
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_DEPTH: Final = {byte: 1 if byte in b"[{" else -1 for byte in b"[]{}"}
_PLACE: Final = re.compile(r"\$[A-Za-z_0-9.\[\]]*`")
_FAULT: Final = re.compile(
    r"Expected `[a-z |]+`(, got `[a-z]+`| of length [<>]= \d+| [<>]= \d+| with a timezone component)?"
    r"|Object missing required field `[a-z_]+`|Invalid RFC3339 encoded datetime|(Number|Integer value) out of range"
)


def second_of(event: Event) -> int:
    """
    Say when an event happened: the whole second since 1970 in UTC, rounded down.

    >>> second_of(Event(event_id="e", schema_version=1, occurred_at=datetime(1970, 1, 2, 0, 0, 1, 999, tzinfo=UTC)))
    86401
    """
    since = event.occurred_at - _EPOCH
    return since.days * 86400 + since.seconds


def identity_of(event: Event) -> str | None:
    """
    Say under which key an event is kept: `#order_id` of a guest, the customer, `~anonymous_id`, else None.

    >>> identity_of(Event(event_id="e", schema_version=1, occurred_at=_EPOCH, anonymous_id="a7"))
    '~a7'
    """
    if isinstance(event, OrderEvent) and event.guest:
        return "#" + event.order_id
    if event.customer_id is not None:
        return event.customer_id
    return None if event.anonymous_id is None else "~" + event.anonymous_id


class Door:
    """What may come in from one source, DERIVED included; `accept_from_s` is the first second that is accepted."""

    def __init__(self, source: int, *, accept_from_s: int) -> None:
        """Prepare for the source with this number."""
        kinds = [kind for kind in EVENT_TYPES if source_number(kind) == source]
        self._decode: Callable[[bytes], Event] = msgspec.json.Decoder(reduce(or_, kinds)).decode
        self._misspelt = {kind: _speller(kind) for kind in kinds}
        self._event_types = {kind.__struct_config__.tag for kind in kinds}
        self._first_second = max(0, accept_from_s)

    def read(self, raw: bytes | None, received_ms: int | None) -> Event | Refused:
        """
        Read one value, or say why not; never raise.

        `received_ms` is the record's timestamp in Kafka, in milliseconds since 1970; without one
        (None, or negative as Kafka has it) nothing is `future` but what no record could hold.
        """
        if not raw:
            return Refused("malformed", "The value is empty; an event is a JSON object.")
        size, ascii_only = len(raw), raw.isascii()
        if size > MAX_VALUE_BYTES:
            return Refused("too_large", "The value is larger than 256 KiB; split it or leave something out.")
        try:
            if not ascii_only:
                raw.decode()  # msgspec skips unknown fields without looking at their UTF-8
            if size > _SHALLOW_BYTES and _is_too_deep(raw):
                return Refused("malformed", f"The value is nested deeper than {MAX_DEPTH} levels.")
            event = self._decode(raw)
        except _CAUGHT as error:
            return self._why_not(raw, error)

        # JSON forbids bare control characters: without escapes, DEL and blanks no id can hold a wrong character.
        plain = ascii_only and not (_BLANK in raw or _ESCAPE in raw or _DELETE in raw)
        if (field := self._misspelt[event.__class__](event, plain)) is not None:
            return Refused("schema", f"Characters that are not allowed - at `$.{field}`")
        if event.customer_id is None and identity_of(event) is None:
            return Refused("unroutable", "There is neither customer_id nor anonymous_id, and it is no guest order.")
        since = event.occurred_at - _EPOCH
        second = since.days * 86400 + since.seconds
        if self._first_second <= second <= LAST_SECOND and (received_ms is None or second <= received_ms // 1000):
            return event
        return self._untimely(second, since.microseconds, received_ms) or event

    def _untimely(self, second: int, microseconds: int, received_ms: int | None) -> Refused | None:
        """Refuse what happened too early for us, too late for a record, or too far ahead of Kafka's clock."""
        if second < self._first_second:
            return Refused("past", "occurred_at lies before the first date that is accepted.")
        if second > LAST_SECOND:
            return Refused("future", "occurred_at lies after the last second that a record can hold, in 2106.")
        if received_ms is None or received_ms < 0:
            return None
        if second * 1000 + microseconds / 1000 - received_ms > FUTURE_TOLERANCE_MS:
            return Refused("future", "occurred_at lies more than 5 minutes after the event reached Kafka.")
        return None

    def _why_not(self, raw: bytes, error: Exception) -> Refused:
        """Find the code for what the decoder refused; msgspec stops at the first fault, so JSON is checked whole."""
        if not isinstance(error, msgspec.ValidationError) or not _is_json(raw):
            return Refused("malformed", "The value is not JSON in UTF-8.")
        try:
            header = _header.decode(raw)
        except _CAUGHT:
            return Refused("schema", _sentence(str(error)))
        if header.event_type in self._event_types and header.schema_version != 1:
            return Refused("unknown_version", "schema_version is not 1, the only version known here.")
        return Refused("schema", _sentence(str(error)))


def _is_json(raw: bytes) -> bool:
    try:
        _syntax.decode(raw)
    except _CAUGHT:
        return False
    return True


def _is_too_deep(raw: bytes) -> bool:
    """Count the nesting outside of strings, but only where there are brackets enough."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", raw).translate(None, _NO_BRACKETS)
    return any(depth > MAX_DEPTH for depth in accumulate(_DEPTH[byte] for byte in brackets))


def _sentence(message: str) -> str:
    """
    Keep of msgspec's message what cannot stem from the input: what was expected, and where.

    >>> _sentence("Invalid value 'ada@example.org' - at `$.event_type`")
    'The value is not one of those allowed - at `$.event_type`'
    >>> _sentence("Expected `str`, got `int` - at `$.lines[...].product_id`")
    'Expected `str`, got `int` - at `$.lines[...].product_id`'
    """
    fault, _, place = message.rpartition(" - at `")
    if not _PLACE.fullmatch(place):
        fault, place = message, ""
    if not _FAULT.fullmatch(fault):
        fault = "The value is not one of those allowed"
    return f"{fault} - at `{place}" if place else fault


def _speller(kind: type[Event]) -> Callable[[Event, bool], str | None]:
    """
    Build the check of a type's characters: it answers with the first field that fails, or None.

    Its second argument says that no character of the whole value can be wrong for an id.
    """
    names = _fields_of(kind, "id") + _fields_of(kind, "customer_id")
    ids = attrgetter(*names)

    def misspelt(event: Event, plain: bool) -> str | None:
        if not plain and not _is_plain("".join(filter(None, ids(event)))):
            return next(name for name in names if not _is_plain(getattr(event, name) or ""))
        customer_id = event.customer_id
        return "customer_id" if customer_id is not None and customer_id[0] in "~#" else None

    def misspelt_with_inviter(event: Event, plain: bool) -> str | None:
        inviter = event.referred_by  # type: ignore[attr-defined]
        return "referred_by" if inviter is not None and inviter[0] in "~#" else misspelt_with_lines(event, plain)

    def misspelt_with_money(event: Event, plain: bool) -> str | None:
        code = event.currency  # type: ignore[attr-defined]
        if code is not None and not (code.isascii() and code.isalpha() and code.isupper()):
            return "currency"
        return misspelt(event, plain)

    def misspelt_with_lines(event: Event, plain: bool) -> str | None:
        if not plain and not _is_plain("".join([line.product_id for line in event.lines or ()])):  # type: ignore[attr-defined]
            return "lines[...].product_id"
        return misspelt_with_money(event, plain)

    if "referred_by" in kind.__struct_fields__:
        return misspelt_with_inviter
    if "lines" in kind.__struct_fields__:
        return misspelt_with_lines
    return misspelt_with_money if "currency" in kind.__struct_fields__ else misspelt


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _fields_of(kind: type[Event], *characters: str) -> tuple[str, ...]:
    """Name the fields whose type asks for these characters."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return tuple(field.name for field in described.fields if characters_of(field.type) in characters)


def characters_of(described: inspect.Type) -> str | None:
    """Say which characters a described type asks for, None if it asks for none."""
    if isinstance(described, inspect.UnionType):
        return next(filter(None, map(characters_of, described.types)), None)
    if isinstance(described, inspect.Metadata):
        return (described.extra or {}).get("characters")
    return None
