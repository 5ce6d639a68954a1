"""Recovery: of all images of a key the greatest counts, and what does not fit is refused."""

from typing import Any, NoReturn

import pytest

from streams.engine import envelope, table
from streams.engine.ends import REFUSED
from streams.engine.envelope import CLAIM, FACTS, NEVER, SPOKEN, Envelope, Spoken
from streams.engine.partition import OwnedPartition
from streams.engine.runtime import Runtime
from streams.engine.table import restore
from tests.engine.counting import Counting
from tests.engine.recording import TERM, Fetched, Recorder, config, owned


class EndedError(Exception):
    """The process would have ended; exit code and line are its arguments."""


@pytest.fixture(autouse=True)
def _ending(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int, sentence: str) -> NoReturn:
        raise EndedError(code, sentence)

    monkeypatch.setattr(table, "end", end)


def image(key: str, term: int, counter: int, body: bytes = b"") -> tuple[bytes, bytes]:
    """An image of a key, as a writer left it."""
    return key.encode(), envelope.encode(Envelope(term, counter, True, NEVER, {}, [], body))


def restored(*records: tuple[bytes | None, bytes | None], term: int = TERM) -> OwnedPartition:
    """A partition into which these changelog records were read, in this order."""
    partition = owned(Recorder(), term=term)
    restore(partition, [Fetched(offset, value, key) for offset, (key, value) in enumerate(records)])
    return partition


def bodies(partition: OwnedPartition) -> dict[str, bytes]:
    """What is in memory."""
    return {key: entry.body for key, entry in partition.entries.items()}


def test_the_last_image_of_a_key_counts() -> None:
    """One writer's images come in the order of their counters."""
    found = restored(image("ada", 5, 1, b"old"), image("bob", 5, 2, b"bob"), image("ada", 5, 3, b"new"))

    assert {"ada": b"new", "bob": b"bob"} == bodies(found)
    assert 0 == found.stale


def test_what_an_older_writer_wrote_late_is_stale() -> None:
    """The greater term wins, whatever the counters and whatever stands last; the stale are counted."""
    found = restored(
        image("ada", 7, 1, b"owner"), image("ada", 5, 99, b"thawed"), image("ada", 7, 2, b"newest"), image("bob", 5, 98)
    )

    assert {"ada": b"newest", "bob": b""} == bodies(found)
    assert 1 == found.stale


def test_a_smaller_counter_of_the_same_writer_is_stale() -> None:
    """An older image that landed after a newer one does not count."""
    found = restored(image("ada", 7, 2, b"newer"), image("ada", 7, 1, b"older"))

    assert ({"ada": b"newer"}, 1) == (bodies(found), found.stale)


def test_a_tombstone_forgets_a_key() -> None:
    """And the key may come back afterwards."""
    found = restored(image("ada", 7, 1), image("bob", 7, 2), (b"ada", None), (b"nobody", None))
    again = restored(image("ada", 7, 1), (b"ada", None), image("ada", 7, 2, b"again"))

    assert ["bob"] == list(found.entries)
    assert {"ada": b"again"} == bodies(again)


def test_the_furthest_marker_counts_and_durable_offsets_never_go_back() -> None:
    """A marker that a thawed writer wrote late takes nothing away."""
    early, late = Spoken(7, 3, {0: 30, 1: 5}), Spoken(5, 9, {0: 10, 2: 4})

    found = restored((SPOKEN, envelope.encode(early)), (SPOKEN, envelope.encode(late)))

    assert (7, 3) == found.spoken
    assert {0: 30, 1: 5, 2: 4} == found.durable


def test_what_a_stale_writer_calls_durable_is_not_believed() -> None:
    """Behind another's claim it may have committed what the new owner has never seen."""
    rightful, late = Spoken(1, 3, {0: 30}), Spoken(0, 9, {0: 99, 1: 5})

    found = restored(
        (CLAIM, b"claim"), (CLAIM, b"claim"), (SPOKEN, envelope.encode(rightful)), (SPOKEN, envelope.encode(late))
    )

    assert {0: 30} == found.durable
    assert (1, 3) == found.spoken


def test_the_first_facts_count() -> None:
    """Facts are never rewritten, by nobody."""
    first, second = envelope.encode_facts({"partitions": 4}), envelope.encode_facts({"partitions": 8})

    assert {"partitions": 4} == restored((FACTS, first), (FACTS, second)).facts


def test_claims_are_no_records() -> None:
    """Neither one's own nor an earlier one's."""
    assert {} == restored((CLAIM, b"claim"), (CLAIM, b"claim")).entries


@pytest.mark.parametrize("term", [TERM, TERM + 1])
def test_a_term_that_is_not_below_ones_own_claim_is_refused(term: int) -> None:
    """Terms are offsets of claims: nobody can have written with a later one unless the topic is another."""
    with pytest.raises(EndedError, match=r"recreated, mirrored.*LATIDO_APP_ID") as ended:
        restored(image("ada", term, 1))

    assert REFUSED == ended.value.args[0]


def test_the_term_just_below_ones_own_claim_is_taken() -> None:
    """The claim before one's own may stand right before it."""
    assert ["ada"] == list(restored(image("ada", TERM - 1, 1)).entries)


UNREADABLE: dict[str, tuple[bytes | None, Any]] = {
    "not msgpack": (b"ada", b"\xc1"),
    "cut short": (b"ada", image("ada", 7, 1)[1][:-1]),
    "another shape": (b"ada", envelope.encode(Spoken(1, 2, {}))),
    "empty": (b"ada", b""),
    "no key": (None, image("ada", 7, 1)[1]),
    "a key that is no text": (b"\xff", image("ada", 7, 1)[1]),
    "a marker without value": (SPOKEN, None),
    "facts that are none": (FACTS, b"\x90"),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_record_that_cannot_be_read_is_refused(name: str) -> None:
    """Faust would only log what is raised in recovery: then a record would be missing, and nobody would know."""
    runtime = Runtime(config(), Counting(), Recorder())
    runtime.hold(0, TERM)
    key, value = UNREADABLE[name]

    with pytest.raises(EndedError, match=r"cannot read.*LATIDO_APP_ID") as ended:
        runtime.table.apply_changelog_batch([Changed(Fetched(0, value, key))])

    assert REFUSED == ended.value.args[0]


class Changed:
    """Faust's event of a changelog: its message's value is the fetched batch."""

    def __init__(self, *records: Fetched) -> None:
        """Carry records of the first partition."""
        self.partition, self.records = 0, list(records)

    @property
    def message(self) -> "Changed":
        """Be one's own message."""
        return self

    @property
    def value(self) -> "Changed":
        """Be one's own batch."""
        return self
