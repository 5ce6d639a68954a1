"""`latido publish` on a real broker: to the right place, in order, whole, and refused lines are told."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streams.broker import Broker
from streams.cli import main
from tests.publish.readers import everything, write

Run = Callable[..., Result]
_prefixes = itertools.count()


@pytest.fixture
def prefix() -> str:
    return f"publish-{next(_prefixes)}."


@pytest.fixture
def run(broker: Broker, prefix: str) -> Run:
    def run(*words: str, **env: str) -> Result:
        return CliRunner().invoke(
            main, words, env={"LATIDO_BROKERS": broker.address, "LATIDO_TOPIC_PREFIX": prefix} | env
        )

    return run


def event(number: int, event_type: str = "page_viewed", at: str = "2026-01-01T00:00:00Z", **fields: Any) -> bytes:
    usual = {
        "event_id": f"e{number}", "event_type": event_type, "schema_version": 1, "occurred_at": at,
        "customer_id": f"c{number % 7}",
    }  # fmt: skip
    return json.dumps({name: value for name, value in (usual | fields).items() if value is not None}).encode()


def file_of(folder: Path, *lines: bytes, name: str = "events.jsonl") -> str:
    path = folder / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    return str(path)


def test_events_go_to_their_topics_in_order(run: Run, broker: Broker, prefix: str, tmp_path: Path) -> None:
    """Every event arrives once with its own bytes under its identity, one customer's in the order of the file."""
    clicks = [event(number) for number in range(200)]
    visits = [event(number, "store_entered", store_id="s1") for number in range(20)]
    guest = event(1, "order_delivered", order_id="o1", guest=True)

    done = run("publish", file_of(tmp_path, *clicks, *visits, guest), "--json")

    assert (0, 221) == (done.exit_code, json.loads(done.stdout)["published"])
    found = everything(broker.address, f"{prefix}clickstream")
    assert sorted(clicks) == sorted(record.value or b"" for record in found)
    for customer in (b"c0", b"c3"):
        own = [record.value for record in found if record.key == customer]
        assert [click for click in clicks if json.loads(click)["customer_id"] == customer.decode()] == own
    assert len(visits) == len(everything(broker.address, f"{prefix}store-visits"))
    assert [b"#o1"] == [record.key for record in everything(broker.address, f"{prefix}orders")]


def test_keys_are_at_home_where_java_clients_put_them(run: Run, broker: Broker, prefix: str, tmp_path: Path) -> None:
    """Another client with murmur2 chooses the same partitions, so nothing has to be sent on."""
    run("publish", file_of(tmp_path, *[event(number, customer_id=f"customer-{number}") for number in range(50)]))
    ours = {(record.key, record.partition) for record in everything(broker.address, f"{prefix}clickstream")}

    write(broker.address, f"{prefix}clickstream", [(key or b"", b"{}") for key, _ in ours])

    assert ours == {(record.key, record.partition) for record in everything(broker.address, f"{prefix}clickstream")}
    assert len({partition for _, partition in ours}) == 4


def test_refused_lines_are_told_and_the_others_published(run: Run, broker: Broker, prefix: str, tmp_path: Path) -> None:
    """One bad line costs itself: it is named with line, code and reason, and the exit code says that there was one."""
    path = file_of(tmp_path, event(1), b"{", event(2, customer_id=None), event(3))

    done = run("publish", path)

    assert 1 == done.exit_code
    assert [f"{path}, line 2: malformed", f"{path}, line 3: unroutable"] == [
        said.rsplit(":", 1)[0] for said in done.stderr.splitlines() if "line" in said
    ]
    assert 2 == len(everything(broker.address, f"{prefix}clickstream"))


def test_refusals_do_not_repeat_what_the_line_says(run: Run, tmp_path: Path) -> None:
    """What a publisher got wrong may be personal; the sentence names the field, not its value."""
    done = run("publish", "--check", file_of(tmp_path, event(1, customer_id="ada@example.org and more")))

    assert "customer_id" in done.stderr
    assert "ada@example" not in done.output


def test_raw_lines_arrive_as_they_are(run: Run, broker: Broker, prefix: str, tmp_path: Path) -> None:
    """To try the dead letters, refused lines can be sent too, untouched and where they belong, or where one says."""
    visit = event(1, "store_entered", store_id=7)

    done = run("publish", "--raw", "--topic", "orders", file_of(tmp_path, b"\xff not JSON", visit))

    assert 1 == done.exit_code
    assert [b"\xff not JSON"] == [record.value for record in everything(broker.address, f"{prefix}orders")]
    assert [visit] == [record.value for record in everything(broker.address, f"{prefix}store-visits")]


def test_check_needs_no_broker(run: Run, tmp_path: Path) -> None:
    """A file can be looked at anywhere, before anything is published."""
    nowhere = {"LATIDO_BROKERS": "127.0.0.1:1"}

    good = run("publish", "--check", file_of(tmp_path, event(1)), **nowhere)
    bad = run("publish", "--check", file_of(tmp_path, event(1), b"[]"), **nowhere)

    assert [0, 1] == [good.exit_code, bad.exit_code]


def test_an_event_from_tomorrow_is_refused(run: Run, tmp_path: Path) -> None:
    """A publisher whose clock runs ahead hears it here already, and not from the dead letters."""
    done = run("publish", "--check", file_of(tmp_path, event(1, at="2099-01-01T00:00:00Z")))

    assert "line 1: future" in done.stderr


def test_several_files_are_merged_by_time(run: Run, broker: Broker, prefix: str, tmp_path: Path) -> None:
    """One file per topic is heard as it happened; with --in-order one file after the other."""
    even = file_of(tmp_path, *[event(7 * n, at=f"2026-01-01T00:00:{n:02}Z") for n in (0, 2, 4)], name="even.jsonl")
    odd = file_of(tmp_path, *[event(7 * n, at=f"2026-01-01T00:00:{n:02}Z") for n in (1, 3, 5)], name="odd.jsonl")

    run("publish", even, odd)
    run("publish", even, odd, "--in-order")

    ids = [json.loads(record.value or b"")["event_id"] for record in everything(broker.address, f"{prefix}clickstream")]
    assert [f"e{7 * n}" for n in (0, 1, 2, 3, 4, 5, 0, 2, 4, 1, 3, 5)] == ids


def test_large_events_fill_more_than_one_batch(run: Run, broker: Broker, prefix: str, tmp_path: Path) -> None:
    """Batches are cut where they are full; nothing is lost there and the order holds."""
    big = [event(7 * number, url="u" * 2_000) for number in range(1_500)]

    run("publish", file_of(tmp_path, *big))

    assert big == [record.value for record in everything(broker.address, f"{prefix}clickstream")]


def test_an_event_that_no_topic_takes_is_told(run: Run, tmp_path: Path) -> None:
    """A record above the broker's own limit is one sentence, not a stack of errors."""
    done = run("publish", "--raw", file_of(tmp_path, b"x" * 3_000_000))

    assert 1 == done.exit_code
    assert "latido: An event is larger than its topic accepts" in done.stderr


def test_an_unreachable_broker_is_told_at_once(run: Run, tmp_path: Path) -> None:
    """One sentence with a way out, and an exit code of its own."""
    done = run("publish", file_of(tmp_path, event(1)), LATIDO_BROKERS="127.0.0.1:1")

    assert 4 == done.exit_code
    assert "latido broker start" in done.stderr
    assert 1 == len(done.stderr.strip().splitlines())
