"""Before a worker starts: wait for a broker, make the topics that are missing, refuse those that do not fit."""

import asyncio
import logging
from collections.abc import Callable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError, for_code  # type: ignore[import-untyped]

from streams.errors import LatidoError
from streams.settings import Settings
from streams.topics import BIG_RECORD, DEAD_LETTERS, LOGS, Topic, full_name, roster

logger = logging.getLogger(__name__)

TOPIC_EXISTS = 36
TOPIC_UNKNOWN = 3


class TopicsError(LatidoError):
    """A topic does not fit; the sentence names it and the way out."""

    exit_code = 2


async def prepare(settings: Settings, waiting: Callable[[str], None]) -> None:
    """Wait for the broker as long as it takes, telling `waiting` why; then make and check all topics."""
    admin = await _connect(settings, waiting)
    try:
        topics = roster(settings)
        await _create(admin, settings, topics)
        refuse_misfits(settings, await _partition_counts(admin, topics))
        await _refuse_small_letters(admin, full_name(settings, DEAD_LETTERS))
    finally:
        await admin.close()


def refuse_misfits(settings: Settings, counts: dict[str, int]) -> None:
    """Raise `TopicsError` unless every topic has the number of partitions that it needs."""
    logs = {full_name(settings, name) for name in LOGS}
    for topic in roster(settings):
        count = counts.get(topic.name)
        if count == topic.partitions:
            continue
        found = f"Topic {topic.name} has {count or 'no'} partitions"
        if topic.name in logs:
            raise TopicsError(f"{found}, but it is one log: create it anew with 1.")
        raise TopicsError(
            f"{found}, but all topics need the same number, {settings.partitions}: "
            f"create it anew with {settings.partitions}, or set LATIDO_PARTITIONS."
        )


async def _connect(settings: Settings, waiting: Callable[[str], None]) -> AIOKafkaAdminClient:
    pause_s = 0.2
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers, request_timeout_ms=5000)
        try:
            await admin.start()
        except (KafkaError, OSError) as error:
            await admin.close()
            reason = f"No broker answers at {settings.brokers} ({type(error).__name__}); waiting for it."
            waiting(reason)
            await asyncio.sleep(pause_s)
            pause_s = min(2.0, pause_s * 1.5)
        else:
            return admin


async def _create(admin: AIOKafkaAdminClient, settings: Settings, topics: list[Topic]) -> None:
    present = set(await admin.list_topics())
    missing = [topic for topic in topics if topic.name not in present]
    if not missing:
        return
    new = [
        NewTopic(topic.name, topic.partitions, settings.replication, topic_configs=topic.config) for topic in missing
    ]
    response = await admin.create_topics(new)
    for name, code, *_ in response.topic_errors:
        if code not in (0, TOPIC_EXISTS):
            raise TopicsError(
                f"Topic {name} could not be created: {for_code(code).__name__}; create it by hand or allow it."
            )
    logger.info("Created topics %s.", ", ".join(topic.name for topic in missing))


async def _refuse_small_letters(admin: AIOKafkaAdminClient, name: str) -> None:
    """Refuse a dead-letter topic that could not take the largest letter: one such letter would stop every worker."""
    asked = ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": ""})
    [response] = await admin.describe_configs([asked])
    for *_, entries in response.resources:
        for setting, value, *_ in entries:
            if setting == "max.message.bytes" and int(value) < BIG_RECORD:
                raise TopicsError(f"Topic {name} takes records of {value} bytes; set its {setting} to {BIG_RECORD}.")


async def _partition_counts(admin: AIOKafkaAdminClient, topics: list[Topic]) -> dict[str, int]:
    """Count partitions; a topic that was just made may take a moment to be known."""
    names = [topic.name for topic in topics]
    for _ in range(50):
        described = await admin.describe_topics(names)
        known = {topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}
        if len(known) == len(names):
            return known
        await asyncio.sleep(0.1)
    return known
