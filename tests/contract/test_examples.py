"""The examples in schemas/ mean what they say: to our door, and to a validator that is not ours."""

import json
from pathlib import Path

import msgspec
import pytest

from schemas import CODES, DERIVED_TOPIC, EVENT_TYPES, SOURCES, ChurnRisk, CustomerDocument, Event, NextBestAction
from streams.core.decode import Door, Refused
from tests.contract.independent import EXAMPLES, read_json, validator

RECEIVED_MS = 1_780_315_200_000  # 2026-06-01T12:00:00Z
ACCEPT_FROM_S = 631_152_000  # 1990-01-01T00:00:00Z

DOORS = {topic: Door(number, accept_from_s=ACCEPT_FROM_S) for number, topic in enumerate(SOURCES)}
OUTPUTS = {"churn-risk": ChurnRisk, "next-best-actions": NextBestAction, "customers": CustomerDocument}
VALIDATORS = {topic: validator(topic) for topic in (*SOURCES, *OUTPUTS)}

GOLDEN = [path for topic in SOURCES for path in sorted((EXAMPLES / topic).iterdir())]
SPOKEN = [path for topic in OUTPUTS for path in sorted((EXAMPLES / topic).iterdir())]
REFUSED = sorted((EXAMPLES / "refused").glob("*/*.json"))


def name(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


def without_blanks(path: Path) -> bytes:
    return json.dumps(read_json(path.read_bytes()), separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("path", GOLDEN, ids=name)
def test_golden_example_is_read(path: Path) -> None:
    """A golden example is read as the event that its name says."""
    event = DOORS[path.parent.name].read(path.read_bytes(), RECEIVED_MS)

    assert isinstance(event, Event), event
    assert path.name.split(".")[0] == event.__struct_config__.tag


@pytest.mark.parametrize("path", GOLDEN, ids=name)
def test_layout_does_not_matter(path: Path) -> None:
    """The same event in one line without blanks is the same event."""
    door = DOORS[path.parent.name]

    assert door.read(path.read_bytes(), None) == door.read(without_blanks(path), None)


@pytest.mark.parametrize("path", GOLDEN, ids=name)
def test_what_we_write_we_read(path: Path) -> None:
    """An event that is encoded again is read as the same event and is valid by the schema."""
    topic = path.parent.name
    event = DOORS[topic].read(path.read_bytes(), None)
    written = msgspec.json.encode(event)

    assert event == DOORS[topic].read(written, None)
    assert [] == list(VALIDATORS[topic].iter_errors(read_json(written)))


@pytest.mark.parametrize("path", [*GOLDEN, *SPOKEN], ids=name)
def test_example_is_valid_by_the_schema_file(path: Path) -> None:
    """A validator that knows only the file finds no fault with the example."""
    assert [] == list(VALIDATORS[path.parent.name].iter_errors(read_json(path.read_bytes())))


def test_every_event_type_has_a_golden_example() -> None:
    """No event type that others send is without an example, in the folder of its topic."""
    wanted = {(kind.source_topic, kind.__struct_config__.tag) for kind in EVENT_TYPES}
    wanted = {(topic, tag) for topic, tag in wanted if topic != DERIVED_TOPIC}

    assert wanted == {(path.parent.name, path.name.split(".")[0]) for path in GOLDEN}


@pytest.mark.parametrize("path", SPOKEN, ids=name)
def test_output_example_keeps_its_words(path: Path) -> None:
    """An output read into its record and written again says the same."""
    raw = path.read_bytes()
    spoken = msgspec.json.decode(raw, type=OUTPUTS[path.parent.name])

    assert read_json(raw) == read_json(msgspec.json.encode(spoken))


@pytest.mark.parametrize("path", SPOKEN, ids=name)
def test_outputs_are_closed(path: Path) -> None:
    """An output with a field that the schema does not know is refused by the schema and by the record."""
    more = {**read_json(path.read_bytes()), "surprise": 1}

    assert not VALIDATORS[path.parent.name].is_valid(more)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(more), type=OUTPUTS[path.parent.name])


@pytest.mark.parametrize("path", SPOKEN, ids=name)
def test_output_has_one_identity(path: Path) -> None:
    """An output of two identities, or of none, is refused by the schema."""
    spoken = read_json(path.read_bytes())

    assert not VALIDATORS[path.parent.name].is_valid({**spoken, "customer_id": "c-1", "anonymous_id": "v-1"})
    assert not VALIDATORS[path.parent.name].is_valid({**spoken, "customer_id": None, "anonymous_id": None})


@pytest.mark.parametrize("path", REFUSED, ids=name)
def test_refused_example_gets_its_code(path: Path) -> None:
    """A refused example is refused with the code of its folder."""
    refused = DOORS[path.name.split(".")[0]].read(path.read_bytes(), RECEIVED_MS)

    assert isinstance(refused, Refused), refused
    assert path.parent.name == refused.code


@pytest.mark.parametrize(
    "path", [path for path in REFUSED if path.parent.name in ("schema", "unroutable", "unknown_version")], ids=name
)
def test_what_is_no_event_is_invalid_by_the_schema_file(path: Path) -> None:
    """What the door refuses for its form, a validator that knows only the file refuses too."""
    assert not VALIDATORS[path.name.split(".")[0]].is_valid(read_json(path.read_bytes()))


@pytest.mark.parametrize("path", [path for path in REFUSED if path.parent.name in ("future", "past")], ids=name)
def test_what_is_untimely_is_a_valid_event(path: Path) -> None:
    """What is refused for its time alone is valid by the schema: a file knows no clock."""
    assert [] == list(VALIDATORS[path.name.split(".")[0]].iter_errors(read_json(path.read_bytes())))


def test_every_code_of_the_door_has_refused_examples() -> None:
    """Each code has its examples, but for the size (built in test_decode) and those the door does not give."""
    elsewhere = {"too_large", "late", "erased", "internal"}

    assert set(CODES) - elsewhere == {path.parent.name for path in REFUSED}
