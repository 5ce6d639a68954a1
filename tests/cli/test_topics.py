"""`latido customer` and `latido tail` on a real broker, with another client as the writer."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest
from click.testing import CliRunner, Result

from streams.broker import Broker
from streams.cli import main
from streams.preflight import prepare
from streams.settings import load
from tests.cli.test_wording import document
from tests.publish.readers import write

Run = Callable[..., Result]
_prefixes = itertools.count()


@pytest.fixture
def prefix(broker: Broker) -> str:
    prefix = f"reading-{next(_prefixes)}."
    env = {"LATIDO_BROKERS": broker.address, "LATIDO_TOPIC_PREFIX": prefix}
    asyncio.run(prepare(load(env), lambda reason: None))
    return prefix


@pytest.fixture
def run(broker: Broker, prefix: str) -> Run:
    def run(*words: str, **env: str) -> Result:
        return CliRunner().invoke(
            main, words, env={"LATIDO_BROKERS": broker.address, "LATIDO_TOPIC_PREFIX": prefix} | env
        )

    return run


def documents(*versions: tuple[int, int, int], customer: str = "c1") -> list[tuple[bytes, bytes | None]]:
    return [
        (customer.encode(), msgspec.json.encode(document(version=version, customer_id=customer, orders=version[2])))
        for version in versions
    ]


def test_the_highest_version_is_shown(run: Run, broker: Broker, prefix: str) -> None:
    """A thawed worker may have written an older document after a newer one; a reader keeps the highest version."""
    others = documents((0, 9, 99), customer="c2")
    write(broker.address, f"{prefix}customers", [*documents((0, 5, 1), (0, 6, 7), (0, 5, 2)), *others])

    done = run("customer", "c1")

    assert 0 == done.exit_code
    assert "Customer c1" in done.stdout
    assert "Orders   7 " in done.stdout


def test_the_document_is_printed_for_programs(run: Run, broker: Broker, prefix: str) -> None:
    """`--json` prints the document with nothing left out."""
    ((key, value),) = documents((0, 5, 1))
    write(broker.address, f"{prefix}customers", [(key, value)])

    assert json.loads(value or b"") == json.loads(run("customer", "c1", "--json").stdout)


def test_the_reasons_are_shown_on_demand(run: Run, broker: Broker, prefix: str) -> None:
    """`--why` adds what was last said of this customer, and to programs all three documents."""
    risk = b'{"as_of":"2026-03-01T07:05:00Z","customer_id":"c1","risk":0.5,"band":"high",'
    risk += b'"previous_band":"medium","reasons":[{"text":"First."},{"text":"Second."}]}'
    write(broker.address, f"{prefix}customers", documents((0, 5, 1)))
    write(broker.address, f"{prefix}churn-risk", [(b"c2", b"{}"), (b"c1", risk)])

    words, program = run("customer", "c1", "--why"), run("customer", "c1", "--why", "--json")

    assert "medium → high 50%  First.\n    Second." in words.stdout
    assert ["customer", "churn-risk"] == list(json.loads(program.stdout))


@pytest.mark.parametrize("forgotten", [False, True])
def test_somebody_unknown_is_one_sentence(run: Run, broker: Broker, prefix: str, forgotten: bool) -> None:
    """Neither an id that was never seen nor one whose document was removed is shown, and the id is not repeated."""
    write(
        broker.address,
        f"{prefix}customers",
        [*documents((0, 5, 1)), *([(b"ada", b"{}"), (b"ada", None)] if forgotten else [])],
    )

    done = run("customer", "ada")

    assert 1 == done.exit_code
    assert (
        "latido: Nobody of this id is known here; a visitor who is not signed in begins with ~." == done.stderr.strip()
    )


def test_a_topic_is_read_to_its_end(run: Run, broker: Broker, prefix: str) -> None:
    """`--from-beginning --once` prints what is there, one record a line, and ends."""
    write(broker.address, f"{prefix}orders", [(b"c%d" % number, b'{"event_type":"x"}') for number in range(30)])

    done = run("tail", "orders", "--from-beginning", "--once", "--json")

    records = [json.loads(said) for said in done.stdout.splitlines()]
    assert {f"c{number}" for number in range(30)} == {record["key"] for record in records}
    assert {"event_type": "x"} == records[0]["value"]


def test_a_number_of_records_ends_it(run: Run, broker: Broker, prefix: str) -> None:
    """`-n` ends after so many, exactly."""
    write(broker.address, f"{prefix}orders", [(b"c1", b"not JSON") for _ in range(30)])

    done = run("tail", "orders", "--from-beginning", "-n", "7", "--json")

    assert ["not JSON"] * 7 == [json.loads(said)["value"] for said in done.stdout.splitlines()]


def test_an_empty_topic_has_an_end(run: Run) -> None:
    """Nothing there is nothing printed, not waiting for ever."""
    done = run("tail", "dead-letters", "--from-beginning", "--once")

    assert (0, "") == (done.exit_code, done.stdout)


def test_following_shows_what_comes_and_ends_quietly(broker: Broker, prefix: str) -> None:
    """Without `--once` it waits for more; Ctrl-C is the usual end and no error."""
    env = os.environ | {"LATIDO_BROKERS": broker.address, "LATIDO_TOPIC_PREFIX": prefix}
    program = "from streams.cli import main; main()"
    command = [sys.executable, "-c", program, "tail", "orders", "--from-beginning", "--json"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        for key in (b"first", b"second"):
            write(broker.address, f"{prefix}orders", [(key, b"{}")])
            assert key.decode() == json.loads(following.stdout.readline())["key"]
        following.send_signal(signal.SIGINT)
        _, stderr = following.communicate(timeout=30)

    assert (0, "") == (following.returncode, stderr)


def test_a_topic_that_is_not_there_is_told(run: Run) -> None:
    """Looking before any worker ran is one sentence."""
    done = run("tail", "churn-risk", LATIDO_TOPIC_PREFIX="nowhere.")

    assert 1 == done.exit_code
    assert "There is no topic nowhere.churn-risk" in done.stderr


@pytest.mark.parametrize("words", [("customer", "c1"), ("tail", "churn-risk")])
def test_an_unreachable_broker_is_told_at_once(run: Run, words: tuple[str, ...]) -> None:
    """One sentence with a way out, and an exit code of its own."""
    done = run(*words, LATIDO_BROKERS="127.0.0.1:1")

    assert 4 == done.exit_code
    assert 1 == len(done.stderr.strip().splitlines())
