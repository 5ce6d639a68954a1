"""`latido explain`: the whole record of a decision in words."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from schemas import NextBestAction
from streams.broker import Broker
from streams.cli import main
from streams.core.gates import GATES
from streams.errors import FAILED, MISUSED, OK
from streams.explaining import GATES as IN_WORDS
from streams.explaining import explanation
from streams.preflight import prepare
from streams.settings import load

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "next-best-actions"


def decision(name: str = "next_best_action", **changes: Any) -> NextBestAction:
    """A golden example, with something changed."""
    raw = json.loads((EXAMPLES / f"{name}.v1.json").read_text())
    return msgspec.convert(raw | changes, NextBestAction)


def refused(gate: str, detail: str = "", until: str | None = None) -> dict[str, Any]:
    """An action that a gate stopped."""
    return {"action": f"by_{gate}", "moment": "cart_abandoned", "gate": gate, "until": until, "detail": detail}


def told(spoken: NextBestAction) -> str:
    """The decision in words."""
    return explanation(spoken, "GBP")


def test_a_decision_is_told_whole() -> None:
    """The moment, the vector with what each row promises, why this one, the message, and the other arm."""
    text = told(decision())

    assert "Moment   cart_abandoned (8476f655638f1956), strength 0.40, open until 4 March 2026, 14:00" in text
    assert "Decided  cart_reminder by email, for service; worth doing until 3 March 2026, 14:00" in text
    assert "Your basket is waiting: sku-2231 is still in it." in text
    assert "cart_reminder (cart_abandoned)     5%    0.90  15.00 GBP      1  0.01 GBP  0.66 GBP    73%" in text
    assert "Why      cart_reminder was drawn with a probability of 73%; it is expected to bring the most." in text
    assert "This customer is treated. In the holdout nothing would have been done." in text


def test_what_the_holdout_kept_back_is_told() -> None:
    """What was drawn, and that it was not done."""
    text = told(decision("next_best_action.holdout"))

    assert "Decided  nothing is done" in text
    assert "Why      cart_reminder was drawn" in text
    assert "This customer is in the holdout. Outside of it, cart_reminder would have been done." in text


def test_who_was_refused_is_told_with_gate_and_until_when() -> None:
    """Every gate has its words; what only another arm would get is named at the end."""
    every = [refused(gate, until="2026-03-05T13:00:00Z") for gate in GATES] + [refused("eligibility", "arm")]
    text = told(decision("next_best_action.nothing", refused=every, experiments={"gifts": "control"}))

    assert set(GATES) == set(IN_WORDS)
    assert [f"{gate}: {IN_WORDS[gate]}, until 5 March 2026, 13:00" in text for gate in GATES] == [True] * len(GATES)
    assert "Weighed  nothing, for no action passed all gates" in text
    assert "Of the experiment gifts this customer is in the arm control." in text
    assert "In another arm there would also have been: by_eligibility." in text


def test_a_draw_that_was_not_the_best_is_told_as_such() -> None:
    """Others are tried, too."""
    text = told(decision(action="cart_on_page", probability=0.24))

    assert "cart_on_page was drawn with a probability of 24%. cart_reminder is expected to bring more" in text


@pytest.mark.parametrize("given", ["", "c-1000", "0" * 31, "G" * 32])
def test_what_is_no_id_is_refused_before_anything_is_asked(given: str) -> None:
    """One sentence that says where ids stand, and no broker needed."""
    done = CliRunner().invoke(main, ["explain", given])

    assert MISUSED == done.exit_code
    assert "32 hexadecimal digits; `latido customer ID`" in done.stderr


@pytest.mark.broker
def test_a_decision_is_found_on_its_topic(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words and as JSON; one that is not there is one sentence and an exit code."""
    prefix = f"explain-{time.time_ns():x}-"
    monkeypatch.setenv("LATIDO_BROKERS", broker.address)
    monkeypatch.setenv("LATIDO_TOPIC_PREFIX", prefix)
    asyncio.run(prepare(load(dict(os.environ)), lambda reason: None))
    producer = Producer({"bootstrap.servers": broker.address})
    for path in sorted(EXAMPLES.glob("*.json")):
        spoken = json.loads(path.read_text())
        headers = {"id": spoken["signal_id"]}
        producer.produce(f"{prefix}next-best-actions", path.read_bytes(), spoken["customer_id"], headers=headers)
    producer.flush(20)
    wanted = decision("next_best_action.holdout")

    words = CliRunner().invoke(main, ["explain", wanted.signal_id])
    raw = CliRunner().invoke(main, ["explain", wanted.signal_id, "--json"])
    lost = CliRunner().invoke(main, ["explain", "f" * 32])

    assert (OK, told(wanted) + "\n") == (words.exit_code, words.stdout)
    assert wanted == msgspec.json.decode(raw.stdout, type=NextBestAction)
    assert (FAILED, "") == (lost.exit_code, lost.stdout)
    assert "There is no decision of this id" in lost.stderr
