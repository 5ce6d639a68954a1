"""What commands show besides their results: one moving line on stderr, where stderr is a terminal."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console

SHOWN_EVERY_S = 0.1
T = TypeVar("T")


def quiet_clients() -> None:
    """Keep the Kafka client's own log out of a command's output; what matters is raised as an error."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


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
