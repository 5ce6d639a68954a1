"""
Rows of a table as a history: `customer_id`, `occurred_at`, `value_minor`, and where they are there `items` and `kind`.

Law: nothing is guessed. A column that is missing, a time without zone, a kind that nobody knows is one sentence with a
way out; rows without a customer are left out, counted and said.
"""

from array import array
from collections.abc import Iterable, Iterator
from datetime import timezone
from typing import Any, Final, NamedTuple

import numpy as np

from schemas import Event
from streams.evaluate import cells
from streams.evaluate.history import History, in_order
from streams.evaluate.kinds import KINDS, usual
from streams.feeds.reading import FeedError

NEEDED: Final = ("customer_id", "occurred_at", "value_minor")
OPTIONAL: Final = ("items", "kind")
ROWS_AT_ONCE: Final = 65_536

SECONDS: Final = "seconds"
"""Stands in a chunk for `occurred_at` where the file itself says the instants; they are seconds since 1970."""

Chunk = dict[str, list[Any]]
"""Some rows as columns of equal length."""


class Columns(NamedTuple):
    """What is kept of a table, as compact arrays."""

    codes: dict[str, int]
    row: "array[int]"
    customer: "array[int]"
    at_s: "array[int]"
    value_minor: "array[int]"
    items: "array[int]"
    kind: "array[int]"


def check_columns(path: str, found: Iterable[str]) -> None:
    """Raise `FeedError` where a column is missing, naming it and those that were found."""
    names = list(found)
    if missing := [f"`{name}`" for name in NEEDED if name not in names]:
        there = ", ".join(f"`{name}`" for name in names) or "none"
        raise FeedError(
            f"{path} has no column {' and no '.join(missing)}; the columns found are {there}, so rename or add them."
        )


def history(path: str, chunks: Iterable[Chunk], zone: timezone | None, currency: str) -> History:
    """Make a history of a table's rows; `currency` is the one of all its money. Raises `FeedError`."""
    columns = Columns({}, array("q"), array("i"), array("q"), array("q"), array("i"), array("b"))
    read = 0
    for chunk in chunks:
        _gather(columns, path, chunk, zone, read)
        read += len(chunk["customer_id"])
    if not columns.row:
        raise FeedError(f"{path} has no row with a customer; there is nothing to evaluate.")
    return _whole(columns, _notes(columns, read), currency)


def _gather(columns: Columns, path: str, chunk: Chunk, zone: timezone | None, before: int) -> None:
    """Add a chunk's rows; `before` rows were read before it."""
    codes, told = columns.codes, SECONDS not in chunk
    number = before
    try:
        for number, (customer, at, value, items, kind) in enumerate(_rows(chunk), before + 1):
            name = cells.name(customer)
            if name is None:
                continue
            at_s = cells.second(at, zone) if told else cells.reached(at)
            value_minor = cells.whole(value, "value_minor", 0)
            item_count = cells.whole(items, "items", 1)
            columns.kind.append(cells.kind(kind))
            columns.row.append(number)
            columns.customer.append(codes.setdefault(name, len(codes)))
            columns.at_s.append(at_s)
            columns.value_minor.append(value_minor)
            columns.items.append(max(0, min(item_count, 2**31 - 1)))
    except cells.CellError as error:
        raise FeedError(f"{path}, row {number}: {error}.") from None


def _rows(chunk: Chunk) -> Iterator[tuple[Any, ...]]:
    """The rows of a chunk in the order of `NEEDED` and `OPTIONAL`; what is not there is None."""
    nothing = [None] * len(chunk["customer_id"])
    customer, at, *others = (*NEEDED, *OPTIONAL)
    instants = chunk[SECONDS] if SECONDS in chunk else chunk[at]
    return zip(chunk[customer], instants, *(chunk.get(name, nothing) for name in others), strict=True)


def _notes(columns: Columns, read: int) -> list[str]:
    notes = []
    if left_out := read - len(columns.row):
        notes.append(f"Rows that name no customer were left out: {left_out:,} of {read:,}.")
    values, kinds = np.frombuffer(columns.value_minor, np.int64), np.frombuffer(columns.kind, np.int8)
    pays = np.array([kind.money > 0 for kind in KINDS])
    if below := int(np.count_nonzero((values < 0) & pays[kinds])):
        notes.append(f"Orders with a value below zero count without money: {below:,}.")
    return notes


def _whole(columns: Columns, notes: list[str], currency: str) -> History:
    """Join the columns with what their kinds mean."""
    kinds = np.frombuffer(columns.kind, np.int8)
    money = np.array([kind.money for kind in KINDS], dtype=np.int64)[kinds]
    values = np.frombuffer(columns.value_minor, np.int64)
    keys = list(columns.codes)

    def event(place: int) -> Event:
        fields = usual(columns.row[place], columns.at_s[place], keys[columns.customer[place]])
        build = KINDS[columns.kind[place]].build
        return build(fields, columns.value_minor[place], columns.items[place], currency)

    return in_order(
        keys,
        np.frombuffer(columns.customer, np.int32).astype(np.int64),
        np.frombuffer(columns.at_s, np.int64),
        np.array([kind.act for kind in KINDS])[kinds],
        np.array([kind.order for kind in KINDS])[kinds],
        np.where(money > 0, np.maximum(values, 0), money * np.abs(values)),
        event,
        notes,
    )
