"""Events into files: JSONL, gzip when the name ends in .gz, parquet (one column `event`) when it ends in .parquet."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from streams.feeds import columns
from streams.feeds.reading import FeedError


class Sink(Protocol):
    """Where events go, one after another."""

    def write(self, event: bytes) -> None:
        """Add one event as JSON without a line break."""


@contextmanager
def writer(path: str) -> Iterator[Sink]:
    """
    A file of events that stands under its name only when it is whole: an error or an interrupt leaves none behind.

    Equal events give equal bytes. Raises `FeedError`.
    """
    final = Path(path)
    partial = final.with_name(final.name + ".part")
    try:
        with ExitStack() as stack:
            stack.callback(partial.unlink, missing_ok=True)
            with _open(partial, final.suffix) as sink:
                yield sink
            partial.replace(final)
    except columns.NoEventsError as error:
        raise FeedError(str(error)) from None
    except OSError as error:
        raise FeedError(f"{path} cannot be written: {error.strerror or error}.") from None


@contextmanager
def _open(path: Path, suffix: str) -> Iterator[Sink]:
    if suffix == ".parquet":
        with _Columns(path) as sink:
            yield sink
        return
    with path.open("wb") as plain:
        if suffix != ".gz":
            yield _Lines(plain)
            return
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=plain, mtime=0) as packed:
            yield _Lines(packed)


class _Lines:
    def __init__(self, stream: Any) -> None:
        self._write = stream.write

    def write(self, event: bytes) -> None:
        self._write(event + b"\n")


class _Columns:
    """Rows are gathered, for parquet is written in batches."""

    def __init__(self, path: Path) -> None:
        self._arrow, parquet = columns.pyarrow(path.name)
        self._schema = self._arrow.schema([("event", self._arrow.string())])
        self._file = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[str] = []

    def __enter__(self) -> "_Columns":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._file.close()

    def write(self, event: bytes) -> None:
        self._rows.append(event.decode())
        if len(self._rows) >= columns.ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._file.write_table(self._arrow.table({"event": self._rows}, schema=self._schema))
            self._rows.clear()
