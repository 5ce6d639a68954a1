"""What commands show besides their results: one moving line on stderr, and what is wrong with a file."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click
import msgspec
from rich.console import Console

from streams.core.catalogue import CatalogueError
from streams.errors import FAILED

SHOWN_EVERY_S = 0.1
PIPED_WIDTH = 200
T = TypeVar("T")


def quiet_clients() -> None:
    """Keep the Kafka client's own log out of a command's output; what matters is raised as an error."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def wide() -> Console:
    """A console on stdout that does not break lines for somebody who reads them with a program."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


@contextmanager
def faults_told(*, as_json: bool) -> Iterator[None]:
    """Tell all faults of a catalogue that cannot be used, each in its line, and end with an exit code."""
    try:
        yield
    except CatalogueError as error:
        if as_json:
            click.echo(msgspec.json.encode({"ok": False, "faults": [fault._asdict() for fault in error.faults]}))
        else:
            for fault in error.faults:
                click.echo(str(fault), err=True)
        raise click.exceptions.Exit(FAILED) from None


class Ticker:
    """Counts, and shows the count at most ten times a second."""

    def __init__(self, show: Callable[[str], None], words: str) -> None:
        """Start the clock; `words` follow the count."""
        self.count = 0
        self.started_s = time.monotonic()
        self._show, self._words, self._next_s = show, words, 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started_s

    @property
    def rate(self) -> float:
        """Counted per second so far."""
        return self.count / self.seconds if self.seconds else 0.0

    def tick(self) -> None:
        """Count one more."""
        self.count += 1
        if self.count % 64 == 0 and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + SHOWN_EVERY_S
            self._show(f"{self.count:,} {self._words}, {self.rate:,.0f}/s")

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Hand on items and count them."""
        for item in items:
            self.tick()
            yield item


@contextmanager
def ticker(title: str, words: str) -> Iterator[Ticker]:
    """A `Ticker` whose line is there while the block runs."""
    console = Console(stderr=True)
    with console.status(title) as status:
        yield Ticker(lambda text: status.update(f"{title}: {text}"), words)
