"""Publishers with transactions: what they abort never happened, and their markers hold up nothing."""

import pytest
from confluent_kafka import Producer

from tests.verify.readers import read
from tests.worker.conftest import Raise
from tests.worker.scenes import documents, until, view


@pytest.mark.broker
def test_aborted_events_do_not_count_and_markers_are_no_lag(stage: Raise) -> None:
    """The event of the committed transaction is folded, the aborted one is not, and the worker has caught up."""
    scene = stage("transactions", document_interval_s=1)
    producer = Producer({"bootstrap.servers": scene.brokers, "transactional.id": scene.name})
    producer.init_transactions(30)
    for name, commit in (("kept", True), ("dropped", False), ("also-kept", True)):
        producer.begin_transaction()
        record = view(f"e-{name}", f"c-{name}")
        producer.produce(scene.prefix + record.topic, key=record.key, value=record.value, partition=0)
        producer.flush(30)
        (producer.commit_transaction if commit else producer.abort_transaction)(30)
    worker = scene.worker("w", partitioner="murmur2").start()
    worker.wait_ready()

    until(lambda: len({who for who, _ in documents(scene)}) == 2, "documents are written: it has caught up")
    until(lambda: worker.metrics()["latido_catching_up"] == 0, "it says so")
    lags = [value for name, value in worker.metrics().items() if name.startswith("latido_lag_records")]

    assert {"c-kept", "c-also-kept"} == {who for who, _ in documents(scene)}
    assert 0 == sum(lags)
    assert [] == list(read(scene.brokers, scene.dead_letters))
    assert 0 == worker.terminate()
