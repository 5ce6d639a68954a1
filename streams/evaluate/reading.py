"""
A file of any accepted form as a history: our own events, a table, or one of the published sets.

What a file is, is told by its first bytes and the names of its columns. JSONL and CSV may be packed by gzip; parquet
needs an extra.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import timezone
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from streams.evaluate import own, published
from streams.evaluate.history import History
from streams.evaluate.tables import NEEDED, OPTIONAL, ROWS_AT_ONCE, SECONDS, Chunk, check_columns, history
from streams.feeds import columns
from streams.feeds.reading import PARQUET, FeedError, Line, read

DAYS_OF_ARROW = ("date32[day]", "date64[ms]")


def read_history(path: str, *, zone: timezone | None, accept_from_s: int, currency: str) -> History:
    """
    Read a file's whole past; raises `FeedError`, one sentence.

    `zone` is that of a table's times where they name none; `currency` the one whose money counts.
    """
    if _is_parquet(path):
        try:
            return _parquet(path, zone, accept_from_s, currency)
        except columns.NoEventsError as error:
            raise FeedError(str(error)) from None
    lines = read(path)
    first = next(lines, None)
    if first is None:
        raise FeedError(f"{path} is empty; give a file with events, or a table with a line of column names.")
    both = chain([first], lines)
    if not first.raw.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
        return history(path, _csv(path, both), zone, currency)
    if b'"event_type"' in first.raw:
        return own.events(path, both, accept_from_s, currency)
    return history(path, _jsonl(path, both), zone, currency)


def _is_parquet(path: str) -> bool:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(4) == PARQUET
    except OSError:
        return False  # `read` says what is wrong with it, and knows standard input


def _parquet(path: str, zone: timezone | None, accept_from_s: int, currency: str) -> History:
    arrow, parquet = columns.pyarrow(path)
    try:
        table = parquet.ParquetFile(path)
        names = table.schema_arrow.names
        if known := published.recognised(path, names):
            return published.history(known, path, currency)
        if set(names) >= columns.NEEDED or ("event" in names and not set(names) >= set(NEEDED)):
            return own.events(path, read(path), accept_from_s, currency)
        check_columns(path, names)
        return history(path, _batches(path, table, arrow, zone), zone, currency)
    except arrow.ArrowException as error:
        raise FeedError(f"{path} cannot be read as parquet: {str(error).splitlines()[0].rstrip('.')}.") from None


def _batches(path: str, table: Any, arrow: Any, zone: timezone | None) -> Iterator[Chunk]:
    """A parquet table in chunks; instants are turned into seconds by arrow, which is quick and knows nanoseconds."""
    wanted = [name for name in (*NEEDED, *OPTIONAL) if name in table.schema_arrow.names]
    kind = table.schema_arrow.field("occurred_at").type
    stamped = arrow.types.is_timestamp(kind)
    if ((stamped and kind.tz is None) or str(kind) in DAYS_OF_ARROW) and zone is None:
        raise FeedError(
            f"{path} has times without a zone in `occurred_at`; write them with a zone, or name it by --zone +00:00."
        )
    ahead_s = zone.utcoffset(None).total_seconds() if zone and stamped and kind.tz is None else 0
    for batch in table.iter_batches(ROWS_AT_ONCE, columns=wanted):
        chunk = {name: batch.column(name).to_pylist() for name in wanted if name != "occurred_at" or not stamped}
        if stamped:
            seconds = batch.column("occurred_at").cast(arrow.timestamp("s", kind.tz), safe=False).cast(arrow.int64())
            chunk[SECONDS] = [None if at is None else at - int(ahead_s) for at in seconds.to_pylist()]
        yield chunk


def _csv(path: str, lines: Iterable[Line]) -> Iterator[Chunk]:
    """A CSV file in chunks; its first line names the columns."""
    try:
        rows = csv.reader((line.raw.decode("utf-8-sig") for line in lines), strict=True)
        names = [name.strip() for name in next(rows)]
        check_columns(path, names)
        places = {name: names.index(name) for name in (*NEEDED, *OPTIONAL) if name in names}
        while some := list(islice(rows, ROWS_AT_ONCE)):
            if any(len(row) != len(names) for row in some):
                raise FeedError(f"{path} has rows that are longer or shorter than its first; quote what holds a comma.")
            yield {name: [row[place] for row in some] for name, place in places.items()}
    except (UnicodeDecodeError, csv.Error):
        raise FeedError(f"{path} is neither JSONL nor CSV in UTF-8; write one of them, or parquet.") from None


def _jsonl(path: str, lines: Iterable[Line]) -> Iterator[Chunk]:
    """A table as one JSON object a line, in chunks."""
    rows = iter(lines)
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    checked = False
    while some := list(islice(rows, ROWS_AT_ONCE)):
        read = []
        for line in some:
            try:
                read.append(decode(line.raw))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                raise FeedError(f"{path}, line {line.number}, is no JSON object; write one row per line.") from None
        if not checked:
            check_columns(path, dict.fromkeys(chain.from_iterable(read)))
            checked = True
        yield {name: [row.get(name) for row in read] for name in (*NEEDED, *OPTIONAL)}
