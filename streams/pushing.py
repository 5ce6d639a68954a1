"""
Pushing catalogues: the log of them as people see it, and one more at its end.

Law: nothing is pushed that cannot be used, and nothing is ever taken away: going back is pushing an old text again.
"""

import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.catalogues import Pushed, read, record_of
from streams.core.catalogue import CatalogueError, parse
from streams.errors import BrokerUnreachableError, LatidoError
from streams.listening import listening
from streams.settings import Settings
from streams.topics import CATALOGUES, full_name

LEAD_S = 60
"""How long after it was pushed a catalogue serves unless said otherwise: by then every worker has read it."""


async def pushed(settings: Settings) -> list[Pushed]:
    """Read all catalogues that were pushed, by number; records that are none are left out."""
    found, number = [], 0
    async with listening(settings) as listener:
        async for batch in listener.follow([CATALOGUES], from_beginning=True, once=True):
            for heard in batch:
                number += 1
                try:
                    found.append(read(heard.value, heard.headers, number))
                except ValueError:
                    continue
    return found


def serving(catalogues: Sequence[Pushed], second: int) -> Pushed | None:
    """Say which of them serves an instant, of those that can be used; None before the first."""
    usable = [one for one in catalogues if one.effective_s <= second and is_usable(one)]
    return max(usable, key=lambda one: (one.effective_s, one.number), default=None)


def is_usable(one: Pushed) -> bool:
    """Say whether workers take it in."""
    try:
        one.parsed()
    except CatalogueError:
        return False
    return True


def numbered(catalogues: Sequence[Pushed], number: int) -> Pushed:
    """Find one by its number; raise `LatidoError` if there is none."""
    for one in catalogues:
        if one.number == number:
            return one
    raise LatidoError(f"There is no catalogue {number}; `latido catalogue list` shows all {len(catalogues)}.")


async def push(settings: Settings, text: str, source: str, effective_s: int) -> Pushed:
    """Put a catalogue at the end of the log and say its number; raise `CatalogueError` if it cannot be used."""
    version = parse(text, source).version
    before = await pushed(settings)
    if settings.clock == "wall" and effective_s < int(time.time()):
        raise LatidoError("A catalogue cannot serve from an instant that has passed: what was decided then is decided.")
    key, value, headers = record_of(text, version, effective_s, source)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.brokers, client_id="latido-catalogue", acks="all", enable_idempotence=True
    )
    try:
        await producer.start()
        await producer.send_and_wait(
            full_name(settings, CATALOGUES), value=value, key=key, headers=headers, partition=0
        )
    except KafkaError as error:
        raise BrokerUnreachableError(
            f"The broker at {settings.brokers} did not take the catalogue ({type(error).__name__}); nothing is changed."
        ) from None
    finally:
        await producer.stop()
    after = await pushed(settings)
    return next(one for one in after[len(before) :] if (one.effective_s, one.text) == (effective_s, text))
