"""
Events in parquet: a column `event` with each event as JSON, or one column per field of our events.

With one column per field an empty cell is an absent field. Tables made with pandas turn whole numbers with gaps into
floats, so a whole float is read as an integer and NaN as absent: where a field is a float, an integer is one too.
"""

from collections.abc import Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import msgspec

ROWS_AT_ONCE = 4096
NEEDED = {"event_id", "event_type", "occurred_at"}


class NoEventsError(Exception):
    """A parquet file holds no events, or nothing here can read it; the text is a sentence for people."""


def events(path: str) -> Iterator[bytes]:
    """Each row of a parquet file as one event in JSON; raises `NoEventsError`."""
    arrow, parquet = pyarrow(path)
    try:
        table = parquet.ParquetFile(path)
        names = table.schema_arrow.names
        if "event" in names:
            yield from _documents(table, path)
        elif missing := NEEDED - set(names):
            raise NoEventsError(
                f"{path} has neither a column `event` nor {_listed(missing)}; name its columns as our fields are named."
            )
        else:
            yield from _rows(table, path, arrow)
    except arrow.ArrowException as error:
        raise NoEventsError(f"{path} cannot be read as parquet: {str(error).splitlines()[0].rstrip('.')}.") from None


def pyarrow(path: str) -> tuple[ModuleType, ModuleType]:
    """The optional modules pyarrow and pyarrow.parquet; raises `NoEventsError` where they are not installed."""
    try:
        import pyarrow.parquet  # type: ignore[import-untyped]  # an extra; ships no types
    except ImportError:
        raise NoEventsError(f"{path} is parquet, which needs an extra: pip install 'latido[parquet]'.") from None
    return pyarrow, pyarrow.parquet


def _documents(table: Any, path: str) -> Iterator[bytes]:
    for batch in table.iter_batches(ROWS_AT_ONCE, columns=["event"]):
        for cell in batch.column(0).to_pylist():
            if isinstance(cell, str):
                yield cell.encode()
            elif isinstance(cell, bytes):
                yield cell
            else:
                raise NoEventsError(f"{path} has a column `event` that is not text; write each event as JSON in it.")


def _rows(table: Any, path: str, arrow: Any) -> Iterator[bytes]:
    when = table.schema_arrow.field("occurred_at").type
    if arrow.types.is_timestamp(when) and when.tz is None:
        raise NoEventsError(f"{path} has times without a zone in `occurred_at`; write them with a zone (UTC).")
    for batch in table.iter_batches(ROWS_AT_ONCE):
        for row in batch.to_pylist():
            yield msgspec.json.encode(_present(row))


def _present(value: Any) -> Any:
    """A cell as JSON can say it: without absent fields, whole floats as integers."""
    if isinstance(value, dict):
        cells = ((name, _present(cell)) for name, cell in value.items())
        return {name: cell for name, cell in cells if cell is not None}
    if isinstance(value, list):
        return [_present(cell) for cell in value]
    if isinstance(value, float):
        if value != value:
            return None
        return int(value) if value.is_integer() else value
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _listed(names: set[str]) -> str:
    return " and ".join(f"`{name}`" for name in sorted(names))
