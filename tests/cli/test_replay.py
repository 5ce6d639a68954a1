"""`latido replay`: files in, files out, without Kafka."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streams.cli import main


def run(*words: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["replay", *words], env=env)


def event(number: int, day: int = 1, **fields: Any) -> bytes:
    usual = {
        "event_id": f"e{number}", "event_type": "page_viewed", "schema_version": 1,
        "occurred_at": f"2026-01-{day:02}T10:00:00Z", "customer_id": "c1",
    }  # fmt: skip
    return json.dumps(usual | fields).encode()


GUEST = event(9, event_type="order_delivered", order_id="o1", guest=True)
LINES = [event(1), event(2, day=9, customer_id="c2"), b"\xff{", event(1), GUEST]


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(LINES))
    return str(path)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in path.read_bytes().splitlines()]


def test_a_folder_gets_one_file_per_topic(path: str, tmp_path: Path) -> None:
    """Final documents, all signals and all dead letters, as they would stand on the topics; guests have no document."""
    out = tmp_path / "out"

    done = run(path, "--out", str(out), "--json")

    assert 0 == done.exit_code
    assert ["churn-risk", "customers", "dead-letters", "next-best-actions"] == sorted(
        file.stem for file in out.iterdir()
    )
    assert ["c1", "c2"] == [row["customer_id"] for row in rows(out / "customers.jsonl")]
    assert {"c1", "c2"} == {row["customer_id"] for row in rows(out / "churn-risk.jsonl")}
    assert [(3, "malformed", "/3s=")] == [
        (row["line"], row["code"], row["value_base64"]) for row in rows(out / "dead-letters.jsonl")
    ]
    summary = json.loads(done.stdout)
    assert (3, 1, 2, 1) == tuple(summary[name] for name in ("events", "duplicates", "customers", "guest_orders"))


def test_the_engagement_part_is_written_on_demand(path: str, tmp_path: Path) -> None:
    """The bytes that no order changes, of every key, guests included, to be compared with a changelog's."""
    run(path, "--out", str(tmp_path / "out"), "--engagement")

    found = rows(tmp_path / "out" / "engagement.jsonl")

    assert ["#o1", "c1", "c2"] == [row["key"] for row in found]
    assert all(bytes.fromhex(row["engagement"]) for row in found)


def test_stdout_carries_everything_with_its_topic(path: str) -> None:
    """A pipe gets each line with its topic, and the summary goes elsewhere."""
    done = run(path, "--out", "-", "--json")

    topics = [json.loads(row)["topic"] for row in done.stdout.splitlines()]

    assert {"customers", "churn-risk", "dead-letters"} <= set(topics)
    assert 3 == json.loads(done.stderr.splitlines()[-1])["events"]


def test_equal_files_give_equal_bytes(path: str, tmp_path: Path) -> None:
    """Two replays of the same events can be compared with `diff`."""
    for name in ("one", "two"):
        run(path, "--out", str(tmp_path / name))

    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_until_is_an_instant_with_a_zone(path: str) -> None:
    """What is later is left out and counted; a time that could mean anything is refused."""
    done = run(path, "--until", "2026-01-05T00:00:00Z", "--json")

    assert 1 == json.loads(done.stdout)["left_out_after_until"]
    assert 2 == run(path, "--until", "2026-01-05").exit_code


def test_files_per_topic_are_merged_by_time(tmp_path: Path) -> None:
    """Clicks and orders in files of their own give the same as in one file in order of time."""
    views = [event(number, day=number) for number in range(1, 20, 2)]
    order = {"event_type": "order_placed", "channel": "web", "currency": "GBP", "order_id": "o1"}
    line = {"product_id": "p1", "quantity": 1, "unit_price_minor": 500}
    orders = [event(number, day=number, lines=[line], **order) for number in range(2, 20, 6)]
    both = sorted(views + orders, key=lambda raw: json.loads(raw)["occurred_at"])
    for name, lines in (("views", views), ("orders", orders), ("both", both)):
        (tmp_path / name).write_bytes(b"\n".join(lines))

    apart = run(str(tmp_path / "views"), str(tmp_path / "orders"), "--out", "-").stdout
    together = run(str(tmp_path / "both"), "--out", "-").stdout

    assert together == apart
    assert together.count("churn-risk") > 2


def test_what_is_wrong_is_one_sentence(path: str, tmp_path: Path) -> None:
    """A missing file, a folder that cannot be, a catalogue that is none."""
    (tmp_path / "file").touch()
    for words, env, said in [
        ([str(tmp_path / "nowhere")], {}, "cannot be read"),
        ([path, "--out", str(tmp_path / "file")], {}, "cannot be made a folder"),
        ([path], {"LATIDO_CATALOGUE": str(tmp_path / "nowhere")}, "LATIDO_CATALOGUE"),
    ]:
        done = run(*words, **env)
        assert done.exit_code in (1, 2)
        assert said in done.stderr
        assert 1 == len(done.stderr.strip().splitlines())
