"""Events out of files: what a file is, is told by its first bytes, and an event's topic by its `event_type`."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from schemas import DERIVED, EVENT_TYPES, source_number
from streams.errors import LatidoError
from streams.feeds import columns

STDIN = "-"
LONGEST_LINE = 16 * 1024 * 1024
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"


class FeedError(LatidoError):
    """A file of events cannot be read or written; the sentence names the file, and the line where there is one."""


class Line(NamedTuple):
    """One event as it stands in a file, and where it stands."""

    path: str
    number: int
    source: int | None
    """Source number of the topic it belongs to; None when its `event_type` is absent or unknown."""
    raw: bytes


class Kind(msgspec.Struct, gc=False):
    """The one field that says which topic an event belongs to."""

    event_type: str


SOURCE_OF_TYPE = {
    str(kind.__struct_config__.tag): source_number(kind) for kind in EVENT_TYPES if source_number(kind) != DERIVED
}
_kind = msgspec.json.Decoder(Kind)


def source_of(raw: bytes) -> int | None:
    """The source number of the topic that an event belongs to, or None when its bytes do not say."""
    try:
        return SOURCE_OF_TYPE.get(_kind.decode(raw).event_type)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        return None


def read(path: str) -> Iterator[Line]:
    """
    The events of one file in its order; `-` is standard input. Empty lines are skipped, yet counted as lines.

    Memory is bounded by the longest line (16 MiB) or by one parquet batch. Raises `FeedError`.
    """
    for number, raw in _numbered(path):
        yield Line(path, number, source_of(raw), raw)


def _numbered(path: str) -> Iterator[tuple[int, bytes]]:
    try:
        with _open(path) as stream:
            start = stream.peek(4)[:4]
            if start.startswith(PARQUET):
                yield from enumerate(columns.events(path), 1)
            elif start.startswith(GZIP):
                with gzip.open(stream) as unpacked:
                    yield from _lines(path, unpacked)
            else:
                yield from _lines(path, stream)
    except columns.NoEventsError as error:
        raise FeedError(str(error)) from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FeedError(f"{path} is a damaged gzip file; make or fetch it again.") from None
    except OSError as error:
        raise FeedError(f"{path} cannot be read: {error.strerror or error}.") from None


def _open(path: str) -> io.BufferedReader:
    return os.fdopen(0, "rb", closefd=False) if path == STDIN else Path(path).open("rb")


def _lines(path: str, stream: io.BufferedIOBase) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise FeedError(f"{path}, line {number}, is longer than 16 MiB; write one event per line.")
        raw = raw.rstrip(b"\r\n")
        if number == 1 and raw == b"[":
            raise FeedError(f"{path} holds one JSON array; write one event per line, as `jq -c '.[]'` does.")
        if raw and not raw.isspace():
            yield number, raw
