"""`latido simulate`: into a file and into Kafka, repeatable by its seed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from schemas import SOURCES
from streams.broker import Broker
from streams.cli import main
from streams.feeds.reading import read
from tests.publish.readers import everything

START = ("--start", "2026-01-01T00:00:00Z")


def run(*words: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *words], env=env)


def test_a_file_is_a_function_of_seed_and_start(tmp_path: Path) -> None:
    """The same words write the same bytes, and the summary says which words those are."""
    for name, seed in (("one", "4"), ("two", "4"), ("three", "5")):
        done = run(
            "--customers", "50", "--days", "5", "--seed", seed, *START, "--out", str(tmp_path / f"{name}.jsonl.gz")
        )
        assert f"--seed {seed} --start 2026-01-01T00:00:00.000Z --days 5" in done.stdout

    one, two, three = ((tmp_path / f"{name}.jsonl.gz").read_bytes() for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_events_reach_their_topics(broker: Broker) -> None:
    """What is counted is what another client finds on each topic."""
    env = {"LATIDO_BROKERS": broker.address, "LATIDO_TOPIC_PREFIX": "simulate-1."}

    summary = json.loads(run("--customers", "60", "--days", "10", *START, "--json", **env).stdout)

    found = {topic: len(everything(broker.address, f"simulate-1.{topic}")) for topic in summary["by_topic"]}
    assert summary["by_topic"] == found
    assert set(SOURCES) == set(found)


def test_money_is_in_the_base_currency(tmp_path: Path) -> None:
    """A shop that counts in euros has shoppers who pay in euros."""
    out = str(tmp_path / "out.jsonl")

    run("--customers", "60", "--days", "10", *START, "--out", out, LATIDO_BASE_CURRENCY="EUR")

    assert {"EUR"} == {json.loads(line.raw)["currency"] for line in read(out) if b"currency" in line.raw}


@pytest.mark.parametrize(
    "words", [("--start", "2026-01-01"), ("--start", "soon"), ("--customers", "0"), ("--days", "0")]
)
def test_wrong_words_are_refused_by_name(words: tuple[str, str]) -> None:
    """Misuse has an exit code of its own and names the option."""
    done = run(*words)

    assert 2 == done.exit_code
    assert words[0] in done.stderr


def test_an_unreachable_broker_is_told_at_once() -> None:
    """One sentence with a way out, and an exit code of its own."""
    done = run("--customers", "5", LATIDO_BROKERS="127.0.0.1:1")

    assert 4 == done.exit_code
    assert "LATIDO_BROKERS" in done.stderr
