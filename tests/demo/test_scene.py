"""What the demo has seen: each signal once, bands as last said, and how long a signal took."""

import json
from typing import Any

from schemas import CODE_HEADER
from streams.demo.scene import Scene
from streams.listening import Heard
from streams.publishing import Outgoing


def risk(signal_id: str, band: str, *, event_id: str | None = None, at_ms: int = 0, key: str = "c1") -> Heard:
    value: dict[str, Any] = {"signal_id": signal_id, "band": band, "cause": {"event_id": event_id}}
    return Heard("churn-risk", 0, 0, at_ms, key, json.dumps(value).encode(), {})


def outgoing(event_id: str) -> Outgoing:
    return Outgoing(0, "c1", json.dumps({"event_id": event_id}).encode(), 5_000)


def test_a_repeated_signal_counts_once() -> None:
    """After a fault a signal may come again with the same id and bytes; readers drop the copy."""
    scene = Scene()
    for signal_id in ("s1", "s2", "s1"):
        scene.hear(risk(signal_id, "low"))

    assert 2 == scene.summary()["churn_risk"]


def test_a_customer_is_in_the_band_last_said() -> None:
    """Bands are counted by customer, not by signal."""
    scene = Scene()
    for number, (key, band) in enumerate([("c1", "low"), ("c2", "low"), ("c1", "high")]):
        scene.hear(risk(f"s{number}", band, key=key))

    assert {"low": 1, "medium": 0, "high": 1, "critical": 0} == scene.by_band


def test_a_signals_time_is_from_the_first_copy_of_its_event() -> None:
    """From Kafka's timestamp of the event to that of the signal; rechecks have no event and do not count."""
    scene = Scene()
    scene.publish(outgoing("e1"), 1_000)
    scene.publish(outgoing("e1"), 1_900)
    scene.hear(risk("s1", "low", event_id="e1", at_ms=1_007))
    scene.hear(risk("s2", "high", at_ms=9_999))

    assert [7] == scene.latencies_ms
    assert (7, 7) == (scene.latency_ms(0.5), scene.latency_ms(0.99))


def test_the_share_of_latencies() -> None:
    """99 of 100 signals took no longer than the figure says."""
    scene = Scene()
    scene.latencies_ms = list(range(1, 1001))

    assert (501, 991) == (scene.latency_ms(0.50), scene.latency_ms(0.99))


def test_visitors_are_no_customers() -> None:
    """Whoever is not signed in has a document, and is counted apart."""
    scene = Scene()
    for key in ("c1", "~a1", "c1"):
        scene.hear(Heard("customers", 0, 0, 0, key, b"{}", {}))

    assert (1, 1) == (scene.summary()["customers"], scene.summary()["visitors"])


def test_dead_letters_count_by_code() -> None:
    """Why something was refused is what matters."""
    scene = Scene()
    for code in ("schema", "past", "schema"):
        scene.hear(Heard("dead-letters", 0, 0, 0, None, b"{", {CODE_HEADER: code}))

    assert {"past": 1, "schema": 2} == scene.summary()["dead_letters_by_code"]
