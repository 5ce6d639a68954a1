"""
The catalogues as they are pushed: on the shelf as soon as they are read.

Law: a record is the text of a catalogue and the instant from which it serves; its place in the log is its number, from
1, and no other's. One that cannot be used is named in the log and counted, and the one before serves on.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from streams.core.catalogue import Catalogue, CatalogueError, Fault, parse
from streams.core.decode import LAST_SECOND
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

_DIGITS: Final = len(str(LAST_SECOND))


class Pushed(NamedTuple):
    """
    A catalogue as it was pushed: its number, from when it serves (seconds since 1970), its file's name, its text.

    `effective_s` is None if the record does not say it; then latido did not push it.
    """

    number: int
    effective_s: int | None
    source: str
    text: str

    def parsed(self) -> Catalogue:
        """Read it; raise CatalogueError when it cannot be used."""
        if self.effective_s is None:
            reason = "it does not say from when it serves, so it was not pushed by latido"
            raise CatalogueError((Fault(self.source, 1, "the catalogue", "", reason),))
        return parse(self.text, self.source)


class Catalogues:
    """The shelf of all versions, filled from `log`."""

    def __init__(self, settings: Settings, metrics: Metrics, shelf: Shelf) -> None:
        """Fill a shelf that is empty yet."""
        self.shelf = shelf
        self.log = Followed(settings, CATALOGUES, self._take)
        self._metrics = metrics

    def _take(self, record: Any) -> None:
        headers = {name: value.decode(errors="replace") for name, value in record.headers}
        pushed = read(record.value, headers, record.offset)
        try:
            catalogue = pushed.parsed()
        except CatalogueError as error:
            logger.error("Catalogue %d cannot be used, the one before serves on: %s", pushed.number, str(error))
            self._metrics.catalogues_refused.inc()
            return
        assert pushed.effective_s is not None, "what is parsed serves from some instant on"
        self.shelf.add(pushed.effective_s, catalogue)
        self._metrics.know(catalogue)
        logger.info("Catalogue %d (%s) serves from %d.", pushed.number, catalogue.version, pushed.effective_s)


def read(value: bytes | None, headers: Mapping[str, str], offset: int) -> Pushed:
    """
    Read a record of the log, whoever wrote it.

    >>> read(b"", {"effective.from": "1767225600", "source": "mine.toml"}, 4)
    Pushed(number=5, effective_s=1767225600, source='mine.toml', text='')
    >>> read(b"", {"effective.from": "soon"}, 4).effective_s
    """
    said = headers.get(EFFECTIVE_HEADER, "")
    second = int(said) if said.isascii() and said.isdecimal() and len(said) <= _DIGITS else None
    is_instant = second is not None and second <= LAST_SECOND and value is not None
    source = headers.get(SOURCE_HEADER, "catalogue.toml")
    return Pushed(offset + 1, second if is_instant else None, source, (value or b"").decode(errors="replace"))


def record_of(text: str, version: str, effective_s: int, source: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Make the record of a catalogue: key, value and headers; the key is no other push's."""
    key = f"{time.time_ns() // 1_000_000}-{version}".encode()
    return key, text.encode(), [(EFFECTIVE_HEADER, b"%d" % effective_s), (SOURCE_HEADER, source.encode())]
