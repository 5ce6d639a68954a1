"""Our door and an independent validator agree on everything near the valid form, and nothing makes the door raise."""

import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas import MAX_AMOUNT, MAX_MONEY, MAX_VALUE_BYTES, SOURCES, Event
from streams.core.decode import Door, Refused, identity_of, second_of
from tests.contract.independent import EXAMPLES, read_json, validator

DOORS = [Door(number, accept_from_s=631_152_000) for number in range(len(SOURCES))]
VALIDATORS = [validator(topic) for topic in SOURCES]
RECEIVED_MS = 1_780_315_200_000
GOLDEN = [
    (number, read_json(path.read_bytes()))
    for number, topic in enumerate(SOURCES)
    for path in sorted((EXAMPLES / topic).iterdir())
]

ADDED = ["guest", "customer_id", "currency", "channel", "lines", "note"]
ADDED += ["referred_by", "purpose", "sentiment", "score", "quiet_from", "quiet_until", "time_zone", "language"]

received = st.none() | st.integers(-1, 2**63 - 1)
sources = st.sampled_from(range(len(SOURCES)))
bounds = [0, 1, 5, 7, 10, 500, 1_000_000, 31_622_400, MAX_MONEY, MAX_AMOUNT, 2**31, 2**53, 2**63, 2**64]
numbers = st.sampled_from([sign * bound + step for bound in bounds for step in (-1, 0, 1) for sign in (1, -1)])
lengths = st.sampled_from([0, 1, 2, 3, 4, 48, 49, 63, 64, 65, 512, 513, 2048, 2049])
odd_characters = st.sampled_from(" ~#!\"'\\/\x00\x1f\x7f\x80é\u2028\U0001f600\nAZaz0")
texts = st.one_of(
    st.text(max_size=8),
    st.builds(lambda character, length: character * length, odd_characters, lengths),
    st.sampled_from(["nps", "csat", "ces", "email", "pigeon", "marketing", "en", "en\n", "21:30", "24:00", "x" * 32]),
    st.sampled_from(["Europe/London", "Europe/London\n", "a" * 32, "a" * 31 + "\n", "A" * 32, "~c", "0" * 32 + "\n"]),
    st.sampled_from(["GBP", "gbp", "EURO", "web", "store", "beacon", "till", "c-1", "~v", "#o", "1", "page_viewed"]),
    st.sampled_from(
        ["2026-02-29T00:00:00Z", "2026-03-01 00:00:00z", "2026-03-01T00:00:00+0100", "2026-03-01T00:00:00"]
    ),
    st.sampled_from(
        ["2026-03-01T24:00:00Z", "2026-03-01T00:00:60Z", "1989-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z"]
    ),
)
plain = st.one_of(st.none(), st.booleans(), numbers, st.floats(allow_nan=False, allow_infinity=False), texts)
anything = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


def places(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """List the way to every value within a JSON value, itself left out."""
    steps = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    return [way for step in steps for way in ((*path, step), *places(node[step], (*path, step)))]


@st.composite
def near_events(draw: st.DrawFn) -> tuple[int, Any]:
    """Take a golden example and change a few things in it: values, single characters, fields, lines, its topic."""
    number, golden = draw(st.sampled_from(GOLDEN))
    event = json.loads(json.dumps(golden))
    for _ in range(draw(st.integers(0, 3))):
        *way, last = draw(st.sampled_from(places(event)))
        parent = event
        for step in way:
            parent = parent[step]
        change = draw(st.sampled_from(["put", "put", "drop", "spoil", "repeat", "add"]))
        if change == "put":
            parent[last] = draw(anything)
        elif change == "spoil" and isinstance(parent[last], str):
            at = draw(st.integers(0, len(parent[last])))
            parent[last] = parent[last][:at] + draw(odd_characters) + parent[last][at:]
        elif change == "repeat" and isinstance(parent[last], list):
            parent[last] = parent[last] * draw(st.sampled_from([0, 2, 250, 501]))
        elif change == "add":
            event[draw(st.sampled_from(ADDED))] = draw(anything)
        else:
            del parent[last]
        if not places(event):
            break
    return (draw(sources) if draw(st.integers(0, 9)) == 0 else number), event


@settings(max_examples=600, deadline=None)
@given(near_events(), st.booleans(), st.booleans())
def test_door_and_validator_agree(near: tuple[int, Any], ascii_only: bool, blanks: bool) -> None:
    """What is accepted or only untimely is valid by the schema file; what is refused for its form is not."""
    number, event = near
    raw = json.dumps(event, ensure_ascii=ascii_only, separators=None if blanks else (",", ":")).encode()
    assume(len(raw) <= MAX_VALUE_BYTES)

    answer = DOORS[number].read(raw, RECEIVED_MS)

    if isinstance(answer, Event) or answer.code in ("future", "past"):
        assert [] == list(VALIDATORS[number].iter_errors(event))
    else:
        assert answer.code in ("schema", "unroutable", "unknown_version")
        assert not VALIDATORS[number].is_valid(event), answer


def accepted_is_sound(answer: Event | Refused) -> None:
    """Check what the core relies on: an identity without blanks, and a second that a record can hold."""
    assert isinstance(answer, Event | Refused)
    if isinstance(answer, Event):
        identity = identity_of(answer)
        assert identity is not None
        assert 1 <= len(identity) <= 65
        assert all("!" <= character <= "~" for character in identity)
        assert 0 <= second_of(answer) < 2**32


@settings(max_examples=300, deadline=None)
@given(sources, st.binary(max_size=2000), received)
def test_bytes_never_make_it_raise(number: int, raw: bytes, received_ms: int | None) -> None:
    """Whatever the bytes, the door answers."""
    accepted_is_sound(DOORS[number].read(raw, received_ms))


@settings(max_examples=300, deadline=None)
@given(sources, anything, received)
def test_json_never_makes_it_raise(number: int, value: Any, received_ms: int | None) -> None:
    """Whatever the JSON, the door answers, and it never calls it malformed."""
    answer = DOORS[number].read(json.dumps(value).encode(), received_ms)

    accepted_is_sound(answer)
    assert isinstance(answer, Event) or answer.code != "malformed"


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(GOLDEN), st.data(), received)
def test_spoilt_bytes_never_make_it_raise(
    golden: tuple[int, Any], data: st.DataObject, received_ms: int | None
) -> None:
    """Bytes of a golden example spoilt in a few places: the door answers, and accepts only valid events."""
    number, event = golden
    raw = bytearray(json.dumps(event).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(raw)))
        raw[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=3))

    answer = DOORS[number].read(bytes(raw), received_ms)

    accepted_is_sound(answer)
    if isinstance(answer, Event):
        assert [] == list(VALIDATORS[number].iter_errors(read_json(bytes(raw))))


@settings(max_examples=300, deadline=None)
@given(near_events(), st.data())
def test_a_refusal_repeats_nothing_of_the_input(near: tuple[int, Any], data: st.DataObject) -> None:
    """Wherever a canary's address stands in an event, as a value or a name, no refusal says it."""
    number, event = near
    canary = data.draw(
        st.sampled_from(["canary@example.org", "canary' - at `$.canary", "$.canary`", "Expected `canary`", "canary\n"])
    )
    for place in data.draw(st.lists(st.sampled_from([(), *places(event)]), min_size=1, max_size=3)):
        event = with_canary(event, place, canary)

    answer = DOORS[number].read(json.dumps(event).encode(), RECEIVED_MS)

    assert isinstance(answer, Event) or "canary" not in answer.message


def with_canary(node: Any, place: tuple[str | int, ...], canary: str) -> Any:
    """Put a canary in place of a value, and as the name of a field beside it."""
    if not place:
        return canary
    step, *rest = place
    if isinstance(node, dict) and step in node:
        return {**node, step: with_canary(node[step], tuple(rest), canary), canary: canary}
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        return [*node[:step], with_canary(node[step], tuple(rest), canary), *node[step + 1 :]]
    return node
