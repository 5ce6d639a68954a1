"""
The catalogues as they are pushed: on the shelf as soon as they are read.

Law: a record is the text of a catalogue and the instant from which it serves; their order in the log is their number,
from 1. One that cannot be used is named in the log and counted, and the one before serves on.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from streams.core.catalogue import Catalogue, CatalogueError, parse
from streams.core.shelf import Shelf
from streams.followed import Followed
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topics import CATALOGUES

logger = logging.getLogger(__name__)

EFFECTIVE_HEADER: Final = "effective.from"
"""From which second since 1970 on a catalogue serves."""

SOURCE_HEADER: Final = "source"
"""What the file was called, for messages."""


class Pushed(NamedTuple):
    """A catalogue as it was pushed: its number, from when it serves (seconds since 1970), its file's name, its text."""

    number: int
    effective_s: int
    source: str
    text: str

    def parsed(self) -> Catalogue:
        """Read it; raise CatalogueError when it cannot be used."""
        return parse(self.text, self.source)


class Catalogues:
    """The shelf of all versions, filled from `log`."""

    def __init__(self, settings: Settings, metrics: Metrics, shelf: Shelf) -> None:
        """Fill a shelf that is empty yet."""
        self.shelf = shelf
        self.log = Followed(settings, CATALOGUES, self._take)
        self._metrics, self._number = metrics, 0

    def _take(self, record: Any) -> None:
        self._number += 1
        try:
            pushed = read(record.value, {name: value.decode() for name, value in record.headers}, self._number)
            catalogue = pushed.parsed()
        except (CatalogueError, ValueError) as error:
            reason = error if isinstance(error, CatalogueError) else "it is not one that latido pushed"
            logger.error("Catalogue %d cannot be used, the one before serves on: %s", self._number, reason)
            self._metrics.catalogues_refused.inc()
            return
        self.shelf.add(pushed.effective_s, catalogue)
        self._metrics.know(catalogue)
        logger.info("Catalogue %d (%s) serves from %d.", pushed.number, catalogue.version, pushed.effective_s)


def read(value: bytes | None, headers: Mapping[str, str], number: int) -> Pushed:
    """Read a record of the log; raise ValueError if it is none of ours."""
    if value is None or EFFECTIVE_HEADER not in headers:
        raise ValueError("no text or no instant")
    source = headers.get(SOURCE_HEADER, "catalogue.toml")
    return Pushed(number, int(headers[EFFECTIVE_HEADER]), source, value.decode())


def record_of(text: str, version: str, effective_s: int, source: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Make the record of a catalogue: key, value and headers; the key is no other push's."""
    key = f"{time.time_ns() // 1_000_000}-{version}".encode()
    return key, text.encode(), [(EFFECTIVE_HEADER, b"%d" % effective_s), (SOURCE_HEADER, source.encode())]
