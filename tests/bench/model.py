"""
A model that stands ready before a worker starts, so that every score is a learned one, as in a shop of some weeks.

Law: the topic is made as a worker makes it, and the versions are published as a learner publishes them. Which share
of the churn risks really came from the model is read from what was spoken, not believed.
"""

from collections.abc import Iterable

import msgspec
import orjson
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.core.book import closed_week
from streams.core.hazard import dump_model
from streams.models import OFFSET_HEADER
from streams.settings import load
from streams.topics import MODELS, full_name, roster
from tests.chaos.stage import Stage
from tests.core.habits_drawn import taught
from tests.verify.readers import read


def teach(stage: Stage, instants: Iterable[float]) -> None:
    """
    Publish, for each instant (seconds since 1970), the version that serves from then on; all with the same weights.

    The versions in between are left out: nobody misses them, and no worker sweeps weeks before the latest.
    """
    settings = load(stage.settings)
    name = full_name(settings, MODELS)
    [topic] = [topic for topic in roster(settings) if topic.name == name]
    new = NewTopic(name, topic.partitions, settings.replication, config=topic.config)
    admin = AdminClient({"bootstrap.servers": stage.brokers})
    for future in admin.create_topics([new]).values():
        future.result(30)
    producer, model = Producer({"bootstrap.servers": stage.brokers}), taught()
    for second in sorted(instants):
        version = closed_week(int(second), settings.day_offset_s, settings.label_grace_s)
        value = dump_model(msgspec.structs.replace(model, version=version))
        producer.produce(name, value, b"%d" % version, headers=[(OFFSET_HEADER, b"0")])
    if left := producer.flush(30):
        raise RuntimeError(f"{left} versions of the model were not accepted by the broker.")


def calibrated_share(stage: Stage) -> float:
    """Say which share of all churn risks that were spoken came from the model; 0 where none was spoken."""
    told = [orjson.loads(record.value)["calibrated"] for record in read(stage.brokers, stage.outputs[0])]
    return sum(told) / len(told) if told else 0.0
