"""
Cells of a table as the integers we keep; what a cell cannot mean raises `CellError` with a sentence.

Tables made with pandas turn whole numbers with gaps into floats and text into whatever it was, so a whole float is an
integer and NaN is an empty cell. No sentence repeats what stands in the cell.
"""

from datetime import UTC, date, datetime, time, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas import MAX_AMOUNT
from streams.core.decode import LAST_SECOND
from streams.evaluate.kinds import ORDER, known_words, number_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CellError(Exception):
    """A cell that cannot be used; the text is the sentence's end."""


def name(cell: Any) -> str | None:
    """Say a customer's id as text, None where there is none."""
    if cell is None or cell != cell:
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip()
    return text if text and text.lower() not in ("nan", "null", "none") else None


def whole(cell: Any, column: str, absent: int) -> int:
    """Say a whole number; an empty cell is `absent`."""
    if isinstance(cell, str):
        cell = cell.strip()
        try:
            cell = Decimal(cell) if cell else None
        except InvalidOperation:
            raise CellError(_not_whole(column)) from None
    if cell is None or cell != cell:
        return absent
    if isinstance(cell, int | float | Decimal) and -MAX_AMOUNT <= cell <= MAX_AMOUNT and int(cell) == cell:
        return int(cell)
    raise CellError(_not_whole(column))


def _not_whole(column: str) -> str:
    if column == "value_minor":
        return "`value_minor` is no whole number; write money in minor units, 1250 for 12.50"
    return f"`{column}` is no whole number; write one, or leave it empty"


def second(cell: Any, zone: timezone | None) -> int:
    """Say an instant in seconds since 1970; a time without zone is one of `zone`, and without that an error."""
    if isinstance(cell, str):
        cell = _read(cell)
    if not isinstance(cell, datetime):
        if not isinstance(cell, date):
            raise CellError("`occurred_at` is no time; write it like 2026-01-31T10:00:00Z")
        cell = datetime.combine(cell, time())
    if cell.tzinfo is None:
        if zone is None:
            raise CellError("`occurred_at` has no zone; write 2026-01-31T10:00:00Z, or name the zone by --zone +00:00")
        cell = cell.replace(tzinfo=zone)
    since = cell - _EPOCH
    return reached(since.days * 86400 + since.seconds)


def reached(at_s: int | None) -> int:
    """Say an instant that a record can hold."""
    if at_s is None:
        raise CellError("`occurred_at` is no time; write it like 2026-01-31T10:00:00Z")
    if not 0 <= at_s <= LAST_SECOND:
        raise CellError("`occurred_at` lies before 1970 or after 2106, where no record reaches; correct it")
    return at_s


def _read(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise CellError("`occurred_at` is no time; write it like 2026-01-31T10:00:00Z") from None


def kind(cell: Any) -> int:
    """Say the number of a kind; an empty cell is an order."""
    if cell is None or cell != cell or not str(cell).strip():
        return ORDER
    number = number_of(str(cell))
    if number is None:
        raise CellError(f"`kind` is a word that is not known here; write one of {known_words()}")
    return number
