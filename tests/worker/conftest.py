"""A stage of its own for every test: topics under their own prefix on the session's broker, and workers for them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.broker import Broker
from tests.chaos.exact import QUICK
from tests.chaos.stage import Stage

Raise = Callable[..., Stage]


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Raise]:
    """Raise stages with settings of their own; all their workers are gone at the end."""
    raised: list[Stage] = []

    def build(name: str, *, partitions: int = 4, topics: bool = True, **settings: object) -> Stage:
        unique = f"{name}-{time.time_ns() // 1_000_000:x}"
        raised.append(Stage(broker.address, unique, tmp_path / name, partitions, **(QUICK | settings)))
        if topics:
            raised[-1].create_topics(compaction=False)
        return raised[-1]

    yield build
    for each in raised:
        each.close()
