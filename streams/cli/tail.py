"""`latido tail`: what passes by on a topic, one line each."""

import asyncio
import sys

import click
import msgspec
import orjson

from schemas import SOURCES
from streams.cli import current_settings
from streams.cli.terminal import quiet_clients
from streams.listening import Heard, listening
from streams.settings import Settings
from streams.topics import DEAD_LETTERS, OUTPUTS
from streams.wording import line


@click.command()
@click.argument("topic", type=click.Choice([*SOURCES, *OUTPUTS, DEAD_LETTERS]), metavar="TOPIC")
@click.option("--from-beginning", is_flag=True, help="All that the topic holds, then what comes; else only what comes.")
@click.option("--once", is_flag=True, help="End where the topic ends now.")
@click.option("-n", "limit", type=click.IntRange(1), help="End after so many records.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One object per line: topic, partition, offset, timestamp, key, headers, value.",
)
def tail(topic: str, from_beginning: bool, once: bool, limit: int | None, as_json: bool) -> None:
    """
    Follow one topic: churn-risk, next-best-actions, customers, dead-letters, or a source topic.

    Ctrl-C ends it.
    """
    settings = current_settings()
    quiet_clients()
    try:
        asyncio.run(_tail(settings, topic, from_beginning=from_beginning, once=once, limit=limit, as_json=as_json))
    except KeyboardInterrupt:
        pass  # the usual way to end it
    except BrokenPipeError:
        sys.stderr.close()  # the reader, a `head` say, has had enough


async def _tail(
    settings: Settings, topic: str, *, from_beginning: bool, once: bool, limit: int | None, as_json: bool
) -> None:
    shown = 0
    async with listening(settings) as listener:
        async for batch in listener.follow([topic], from_beginning=from_beginning, once=once):
            for heard in batch[: None if limit is None else limit - shown]:
                sys.stdout.write((_record(heard) if as_json else line(heard)) + "\n")
            sys.stdout.flush()
            shown += len(batch)
            if limit is not None and shown >= limit:
                return


def _record(heard: Heard) -> str:
    record = {
        "topic": heard.topic,
        "partition": heard.partition,
        "offset": heard.offset,
        "timestamp_ms": heard.timestamp_ms,
        "key": heard.key,
        "headers": heard.headers,
        "value": _value(heard.value),
    }
    return msgspec.json.encode(record).decode()


def _value(value: bytes | None) -> object:
    """JSON as it stands, anything else as text."""
    if value is None:
        return None
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.decode(errors="replace")
    return msgspec.Raw(value)
