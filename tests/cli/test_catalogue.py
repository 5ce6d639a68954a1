"""`latido catalogue …`: whether a catalogue holds, what is different in it, what it would change, and pushing it."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streams.broker import Broker
from streams.cli import main
from streams.simulate.shoppers import Crowd, shoppers
from tests.core.decided import HEAD, action
from tests.engine.kafka import create

SHIPPED = Path(__file__).parents[2] / "streams" / "core" / "catalogue.toml"


THANKS = HEAD % 0.0 + action("thanks", channel="web", prior=[999_000, 1000])
HELLO = HEAD % 0.0 + action("hello", "second_purchase", channel="web", prior=[999_000, 1000])
BROKEN = "[policy]\nat_once = 0\n[moments.tea_time]\n"
START_MS = 1_767_225_600_000


def run(*words: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["catalogue", *words], env={"LATIDO_CATALOGUE": ""} | env)


def check(*words: str) -> Result:
    return run("check", *words)


def told(result: Result) -> dict[str, Any]:
    assert 0 == result.exit_code, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Two catalogues, a broken one, and some weeks of a small crowd, as files."""
    for name, text in (("thanks", THANKS), ("hello", HELLO), ("broken", BROKEN)):
        (tmp_path / f"{name}.toml").write_text(text)
    crowd = Crowd(seed=2, customers=40, start_ms=START_MS, days=40)
    (tmp_path / "weeks.jsonl").write_bytes(b"\n".join(said.body for said in shoppers(crowd)))
    return {path.stem: str(path) for path in tmp_path.iterdir()}


def test_the_shipped_catalogue_holds() -> None:
    """One line says what is in it."""
    result = check(str(SHIPPED))

    assert (0, "") == (result.exit_code, result.stderr)
    assert f"{SHIPPED} holds: " in result.stdout
    assert "20 moments" in result.stdout


def test_every_fault_is_a_line_that_names_file_and_line(tmp_path: Path) -> None:
    """All that is wrong is said at once, and the exit code is 1."""
    path = tmp_path / "mine.toml"
    path.write_text("[moments.win_back]\nwindow_s = 60\nminimum = 4\n[segments]\na.orders = 3\n", encoding="utf-8")

    result = check(str(path))

    assert 1 == result.exit_code
    assert [
        f"{path}:3: moments.win_back minimum: it belongs to browsed_and_left or refill_due only.",
        f"{path}:5: segments.a: the last must state no rule, so that nobody is left over.",
    ] == result.stderr.splitlines()


def test_a_program_reads_the_same_as_json(tmp_path: Path) -> None:
    """Faults by file, line, table, field and reason; a catalogue that holds by its version."""
    path = tmp_path / "mine.toml"
    path.write_text("[policy]\nat_once = 0\n", encoding="utf-8")

    bad, good = check(str(path), "--json"), check(str(SHIPPED), "--json")

    fault = {
        "source": str(path),
        "line": 2,
        "table": "policy",
        "field": "at_once",
        "reason": "expected a whole number >= 1",
    }
    assert (1, {"ok": False, "faults": [fault]}) == (bad.exit_code, json.loads(bad.stdout))
    assert (0, True, 4) == (good.exit_code, json.loads(good.stdout)["ok"], json.loads(good.stdout)["segments"])


def test_a_file_that_is_not_there_is_a_wrong_use(tmp_path: Path) -> None:
    """One sentence and the exit code 2."""
    result = check(str(tmp_path / "none.toml"))

    assert 2 == result.exit_code
    assert "none.toml cannot be read as UTF-8 text; name another." in result.stderr


def test_a_difference_is_told_as_its_author_wrote_it(files: dict[str, str], tmp_path: Path) -> None:
    """To people in one line each, to programs whole; whoever has none is told so."""
    changed = tmp_path / "changed.toml"
    changed.write_text(THANKS.replace("at_once = 1", "at_once = 2"))

    both, alike = run("diff", files["hello"], files["thanks"]), run("diff", files["thanks"], files["thanks"])
    (found,) = told(run("diff", str(changed), files["thanks"], "--json"))["differences"]

    assert [
        ["removed", "action", "thanks", "by", "web,", "for", "first_purchase"],
        ["added", "action", "hello", "by", "web,", "for", "second_purchase"],
    ] == [line.split() for line in both.stdout.splitlines()[1:]]
    assert "There is no difference.\n" == alike.stdout
    assert {"kind": "changed", "place": "policy.at_once", "before": 1, "after": 2} == found


def test_a_trial_says_what_would_have_been_done_instead(files: dict[str, str]) -> None:
    """Both catalogues decide the same past; what is different is told by action, gate and moment."""
    trial = ("try", files["hello"], files["weeks"], "--old", files["thanks"])
    people, found = run(*trial), told(run(*trial, "--json"))
    alike = told(run("try", files["thanks"], files["weeks"], "--json", LATIDO_CATALOGUE=files["thanks"]))

    actions = {name: (one["before"]["decisions"], one["after"]["decisions"]) for name, one in found["actions"].items()}
    assert [True, False] == [count > 0 for count in actions["thanks"]]
    assert [False, True] == [count > 0 for count in actions["hello"]]
    assert {("first_purchase", "thanks", None), ("second_purchase", None, "hello")} <= {
        (one["moment"], one["before"], one["after"]) for one in found["changes"]
    }
    assert f"{found['events']:,} events decided twice; nobody was contacted." == people.stdout.splitlines()[0]
    assert f"{len(found['changes'])} moments would be answered otherwise." in people.stdout
    assert not any(one["customer"] in people.stdout for one in found["changes"])
    assert [] == alike["changes"]
    assert all(one["before"] == one["after"] for one in alike["actions"].values())


def test_what_was_decided_while_trying_counts_for_the_limits(files: dict[str, str], tmp_path: Path) -> None:
    """A channel that allows one contact in sixty days is used once, though nobody tells of any delivery."""
    many, few = tmp_path / "many.toml", tmp_path / "few.toml"
    both = "first_purchase second_purchase"
    text = HEAD % 0.0 + action("card", both, channel="post", cooldown_s=0, expires_after_s=60, prior=[999_000, 1000])
    many.write_text(text + "[channels.post]\n")
    few.write_text(text + "[channels.post]\ncontacts = [{ most = 1, days = 60 }]\n")

    found = told(run("try", str(few), files["weeks"], "--old", str(many), "--json"))

    assert ["card"] == sorted({one["action"] for one in found["refusals"] if one["gate"] == "contact_policy"})
    counts = found["actions"]["card"]
    assert counts["after"]["decisions"] < counts["before"]["decisions"]
    assert counts["after"]["customers"] == counts["after"]["decisions"]


def test_a_broken_catalogue_is_told_alike_by_every_word(files: dict[str, str]) -> None:
    """All faults with their lines, exit code 1, nothing on stdout; and nothing needs a broker for that."""
    expected = check(files["broken"])
    for words in (
        ("diff", files["broken"], files["thanks"]),
        ("diff", files["thanks"], files["broken"]),
        ("try", files["broken"], files["weeks"]),
        ("push", files["broken"]),
    ):
        done = run(*words, LATIDO_BROKERS="127.0.0.1:1")
        assert (1, "", expected.stderr) == (done.exit_code, done.stdout, done.stderr)
    assert 2 == len(expected.stderr.splitlines())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("try", "thanks"), 2, "Name files of events, or --since a span of time."),
        (("try", "thanks", "--since", "soon"), 2, "A span of time is a number and d, h or m"),
        (("try", "nowhere", "weeks"), 2, "nowhere cannot be read"),
        (("diff", "nowhere", "thanks"), 2, "nowhere cannot be read"),
        (("push", "nowhere"), 2, "nowhere cannot be read"),
        (("push", "thanks", "--from", "2026-01-01"), 2, "has no zone"),
        (("push", "thanks", "--from", "2026-01-01T00:00:00Z"), 1, "from an instant that has passed"),
        (("push", "thanks"), 4, "No Kafka broker answers"),
        (("rollback",), 4, "No Kafka broker answers"),
        (("list",), 4, "No Kafka broker answers"),
        (("diff", "thanks"), 4, "No Kafka broker answers"),
    ],
)
def test_what_is_wrong_has_a_sentence_and_an_exit_code(
    files: dict[str, str], words: tuple[str, ...], code: int, said: str
) -> None:
    """Wrong use is 2, what cannot be done 1, and a cluster that is not there 4."""
    done = run(*(files.get(word, word) for word in words), LATIDO_BROKERS="127.0.0.1:1")

    assert code == done.exit_code
    assert said in done.stderr


@pytest.mark.broker
def test_what_was_pushed_can_be_taken_back_before_it_serves(broker: Broker, files: dict[str, str]) -> None:
    """Going back ends at the catalogue of the settings; each push has a number of its own."""
    prefix = f"pushing-{time.time_ns() // 1_000_000:x}-"
    env = {"LATIDO_BROKERS": broker.address, "LATIDO_TOPIC_PREFIX": prefix, "LATIDO_CATALOGUE": files["thanks"]}
    missing = run("push", files["hello"], **env)
    create(broker.address, [prefix + "catalogues"], 1)
    nothing = run("rollback", **env)

    tomorrow = "2100-01-01T00:00:00Z"
    pushed = told(run("push", files["hello"], "--from", tomorrow, "--json", **env))
    difference = told(run("diff", "1", "--json", **env))["differences"]
    people = run("rollback", **env)
    listed = told(run("list", "--json", **env))["catalogues"]
    shown = run("list", **env)

    assert (1, f"There is no topic {prefix}catalogues") == (missing.exit_code, missing.stderr[8:].split(" at ")[0])
    assert (1, True) == (nothing.exit_code, "there is none to go back to" in nothing.stderr)
    assert (1, tomorrow, "scheduled") == (pushed["number"], pushed["serves_from"], pushed["state"])
    assert ["action thanks", "action hello"] == [one["place"] for one in difference]
    assert f"Catalogue 2 ({files['thanks']}, version " in people.stdout
    assert [(1, tomorrow), (2, tomorrow)] == [(one["number"], one["serves_from"]) for one in listed]
    assert listed[1]["version"] == told(check(files["thanks"], "--json"))["version"]
    assert "None of them serves" in shown.stdout


@pytest.mark.broker
def test_the_past_of_the_topics_is_tried_like_that_of_files(broker: Broker, files: dict[str, str]) -> None:
    """What happened before the span is known to both, and only what was decided within it is counted."""
    env = {"LATIDO_BROKERS": broker.address, "LATIDO_TOPIC_PREFIX": f"trying-{time.time_ns() // 1_000_000:x}-"}
    start = datetime.now(UTC) - timedelta(days=30)
    words = ("--customers", "80", "--days", "30", "--seed", "2", "--start", start.isoformat())
    assert 0 == CliRunner().invoke(main, ["simulate", *words], env=env).exit_code

    whole, lately = (
        told(run("try", files["hello"], "--old", files["thanks"], "--since", span, "--json", **env))
        for span in ("31d", "20d")
    )

    counts = [one["actions"]["thanks"]["before"]["decisions"] for one in (whole, lately)]
    assert whole["events"] == lately["events"] > 100
    assert 0 < counts[1] < counts[0]
