"""The worker with a fault of a given kind: a test-only way in, which patches and then runs `latido worker`.

python -m tests.worker.entry stalled FILE    while the file exists, no write to the changelog is acknowledged
python -m tests.worker.entry faulty PREFIX   the core fails at every event whose id begins so
python -m tests.worker.entry hurried S       who has read everything for S seconds no longer holds up the stream clock
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from streams.cli import main as latido
from streams.core.step import Advance
from streams.engine import progress
from streams.engine.sending import Record, Sender

COMMAND = (sys.executable, "-m", "tests.worker.entry")


def stalled(file: str) -> None:
    """Hold acknowledgements of the changelog back while a file exists."""
    original: Callable[..., Awaitable[int]] = Sender.send
    flag = Path(file)

    async def send(sender: Sender, topic: str, partition: int, records: Sequence[Record]) -> int:
        offset = await original(sender, topic, partition, records)
        while topic.endswith("-changelog") and flag.exists():  # noqa: ASYNC240 - it is local and tiny
            await asyncio.sleep(0.02)
        return offset

    Sender.send = send


def faulty(prefix: str) -> None:
    """Raise in the core, as a bug would, and name in it what no log may hold."""
    original = Advance.observe

    def observe(advance: Advance, key: str, body: bytes | None, source: int, event: Any) -> Any:
        if event.event_id.startswith(prefix):
            raise ArithmeticError(f"a bug that names {key}")
        return original(advance, key, body, source, event)

    Advance.observe = observe


def hurried(seconds: str) -> None:
    """Wait less for partitions in which nothing happens."""
    progress.IDLE_S = float(seconds)


if __name__ == "__main__":
    {"stalled": stalled, "faulty": faulty, "hurried": hurried}[sys.argv[1]](sys.argv[2])
    latido(["worker"])
