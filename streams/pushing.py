"""
Pushing catalogues: the log of them as people see it, and one more at its end.

Law: nothing is pushed that cannot be used, and nothing is ever taken away: going back is pushing an old text again.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.catalogues import Pushed, read, record_of
from streams.core.catalogue import CatalogueError, parse
from streams.errors import BrokerUnreachableError, LatidoError
from streams.listening import listening
from streams.rules import SHIPPED, text_of
from streams.settings import Settings
from streams.topics import CATALOGUES, full_name

LEAD_S = 60
"""How long after it was pushed a catalogue serves unless said otherwise: by then every worker has read it."""

_NOW_S = 5
"""Whoever says now means it, however long the way to here was."""


async def pushed(settings: Settings) -> list[Pushed]:
    """Read all that stands in the log, by number; what cannot be used is among it."""
    found: list[Pushed] = []
    async with listening(settings) as listener:
        async for batch in listener.follow([CATALOGUES], from_beginning=True, once=True):
            found += [read(heard.value, heard.headers, heard.offset) for heard in batch]
    return found


def serving(catalogues: Iterable[Pushed], second: int) -> Pushed | None:
    """Say which of them serves an instant, of those that can be used; None before the first."""
    return last(one for one in catalogues if (one.effective_s or 0) <= second)


def last(catalogues: Iterable[Pushed]) -> Pushed | None:
    """Say which of them comes to serve last, of those that can be used."""
    return max(filter(is_usable, catalogues), key=_place, default=None)


def before(catalogues: Sequence[Pushed], one: Pushed) -> Pushed | None:
    """Say which other text served last before one of them does; None if there is none."""
    return last(other for other in catalogues if _place(other) < _place(one) and other.text != one.text)


def _place(one: Pushed) -> tuple[int, int]:
    return one.effective_s or 0, one.number


def is_usable(one: Pushed) -> bool:
    """Say whether workers take it in."""
    try:
        one.parsed()
    except CatalogueError:
        return False
    return True


def numbered(catalogues: Iterable[Pushed], number: int) -> Pushed:
    """Find one by its number; raise `LatidoError` if there is none."""
    for one in catalogues:
        if one.number == number:
            return one
    raise LatidoError(f"There is no catalogue {number}; `latido catalogue list` shows those that there are.")


def of_settings(settings: Settings) -> Pushed:
    """Give the catalogue of the settings as if it had been pushed before all others, under the number 0."""
    return from_file(settings.catalogue)


def from_file(path: str) -> Pushed:
    """Give a file, or the shipped one when the path is empty, as if it had been pushed; `LatidoError` if unreadable."""
    return Pushed(0, 0, path or SHIPPED, text_of(path))


def named(settings: Settings, name: str | None) -> Pushed:
    """
    Find what a person names: a file, a pushed number, or without a name what serves now.

    Raise `LatidoError` if it is not there, `CatalogueError` if it cannot be used.
    """
    if name is not None and not name.isdecimal():
        one = from_file(name)
    else:
        found = asyncio.run(pushed(settings))
        now = serving(found, int(time.time())) if name is None else numbered(found, int(name))
        one = now or of_settings(settings)
    one.parsed()
    return one


async def push(settings: Settings, text: str, source: str, effective_s: int) -> Pushed:
    """Put a catalogue at the end of the log; raise `CatalogueError` if it cannot be used, else say its number."""
    version = parse(text, source).version
    if settings.clock == "wall" and effective_s < int(time.time()) - _NOW_S:
        raise LatidoError("A catalogue cannot serve from an instant that has passed: what was decided then is decided.")
    await pushed(settings)  # a log that is not there would be made, with settings that are not ours
    key, value, headers = record_of(text, version, effective_s, source)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.brokers, client_id="latido-catalogue", acks="all", enable_idempotence=True
    )
    try:
        await producer.start()
        stands = await producer.send_and_wait(
            full_name(settings, CATALOGUES), value=value, key=key, headers=headers, partition=0
        )
    except KafkaError as error:
        raise BrokerUnreachableError(
            f"The broker at {settings.brokers} did not take the catalogue ({type(error).__name__}); nothing is changed."
        ) from None
    finally:
        await producer.stop()
    return Pushed(stands.offset + 1, effective_s, source, text)
