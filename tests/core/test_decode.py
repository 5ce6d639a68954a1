"""The door keeps its law against every known attack on a JSON reader."""

import inspect
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas import EVENT_TYPES, MAX_AMOUNT, MAX_VALUE_BYTES, Event, OrderLine, OrderPlaced, PageViewed, source_number
from streams.core.decode import MAX_DEPTH, Door, Refused, identity_of, second_of

ACCEPT_FROM_S = 631_152_000  # 1990-01-01T00:00:00Z
NOON_MS = 1_780_315_200_000  # 2026-06-01T12:00:00Z
CLICKS, VISITS, ORDERS = (Door(number, accept_from_s=ACCEPT_FROM_S) for number in range(3))


def compact(value: Any) -> bytes:
    """Write JSON without blanks, as most publishers do; it takes the door's short way."""
    return json.dumps(value, separators=(",", ":")).encode()


def click(**fields: Any) -> bytes:
    """Write a product view; a field given as ... is left out."""
    event = {
        "event_id": "e-1",
        "event_type": "product_viewed",
        "schema_version": 1,
        "occurred_at": "2026-06-01T11:59:00Z",
        "customer_id": "c-1",
        "product_id": "sku-1",
    } | fields
    return compact({name: value for name, value in event.items() if value is not ...})


def order(**fields: Any) -> bytes:
    """Write an order of one line; a field given as ... is left out."""
    line = {"product_id": "sku-1", "quantity": 2, "unit_price_minor": 250}
    parts = {"order_id": "o-1", "lines": [line], "currency": "GBP", "channel": "web", "product_id": ...}
    return click(event_type="order_placed", **(parts | fields))


def with_unknown_field(value: bytes) -> bytes:
    return click()[:-1] + b',"note":' + value + b"}"


def fate(raw: bytes | None, received_ms: int | None = NOON_MS, door: Door = CLICKS) -> str:
    """Say what became of a value: "accepted" or a code."""
    answer = door.read(raw, received_ms)
    return answer.code if isinstance(answer, Refused) else "accepted"


ATTACKS: dict[str, tuple[str, bytes | None]] = {
    "nested 100 000 deep in objects, cut to size": ("malformed", b'{"a":' * 50_000),
    "nested 200 000 deep in arrays": ("malformed", b"[" * 200_000),
    "nested too deep in a known field": ("malformed", click()[:-1] + b',"product_id":' + b"[" * 100_000),
    "nested too deep in an unknown field": ("malformed", with_unknown_field(b"[" * 100_000 + b"]" * 100_000)),
    "nested a level too deep": ("malformed", with_unknown_field(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)),
    "nested as deep as allowed": ("accepted", with_unknown_field(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1))),
    "brackets within a string": ("accepted", with_unknown_field(b'"' + b"[{" * 1000 + b'\\"[[\\\\"')),
    "many brackets side by side": ("accepted", with_unknown_field(b"[" + b"[]," * 1000 + b"[]]")),
    "quotes that never end": ("malformed", b"[" * 300 + b'"' + b'\\"' * 100_000),
    "NaN": ("malformed", click(price_minor=float("nan"))),
    "NaN in an unknown field": ("malformed", with_unknown_field(b"NaN")),
    "Infinity": ("malformed", click(price_minor=float("inf"))),
    "1e400": ("schema", click(price_minor=7).replace(b"7", b"1e400")),
    "1e400 in an unknown field": ("accepted", with_unknown_field(b"1e400")),
    "2 to the 64": ("schema", click(price_minor=2**64)),
    "5000 digits": ("schema", click(price_minor=7).replace(b"7", b"7" * 5000)),
    "5000 digits in an unknown field": ("accepted", with_unknown_field(b"7" * 5000)),
    "a key twice, the last wins": ("accepted", b'{"product_id": "sku-0",' + click()[1:]),
    "a key twice, the first does not fit": ("schema", b'{"product_id": 0,' + click()[1:]),
    "two different event types": ("schema", b'{"event_type": "page_viewed",' + click()[1:]),
    "invalid UTF-8": ("malformed", click().replace(b"sku", b"\xff")),
    "invalid UTF-8 in an unknown field": ("malformed", with_unknown_field(b'"\xc3("')),
    "invalid UTF-8 in a field's name": ("malformed", click()[:-1] + b', "\xff": 1}'),
    "overlong UTF-8": ("malformed", click().replace(b"sku", b"\xc0\xaf")),
    "UTF-8 of a surrogate": ("malformed", with_unknown_field(b'"\xed\xa0\x80"')),
    "UTF-16": ("malformed", click().decode().encode("utf-16")),
    "UTF-16 without its mark": ("malformed", click().decode().encode("utf-16-le")),
    "a byte order mark": ("malformed", b"\xef\xbb\xbf" + click()),
    "a lone surrogate": ("malformed", click().replace(b"sku", b"\\ud800")),
    "a lone surrogate in an unknown field": ("malformed", with_unknown_field(b'"\\udc00"')),
    "an escaped NUL in an id": ("schema", click(customer_id="c\0")),
    "a bare NUL in an id": ("malformed", click().replace(b"sku", b"\0")),
    "a blank in an id": ("schema", click(customer_id="c 1")),
    "an accent in an id": ("schema", click().replace(b"sku", "größe".encode())),
    "an escaped blank in an id": ("schema", click().replace(b"sku-1", b"sku\\u0020")),
    "an escaped letter in an id": ("accepted", click().replace(b"sku-1", b"s\\u006bu-1")),
    "a DEL in an id": ("schema", click().replace(b"sku-1", b"sku\x7f")),
    "an id of 64 characters": ("accepted", click(product_id="p" * 64)),
    "an id of 65 characters": ("schema", click(product_id="p" * 65)),
    "a string of 200 kB": ("schema", click(source="s" * 200_000)),
    "a string of 1 MB": ("too_large", click(source="s" * 1_000_000)),
    "1 MB of anything": ("too_large", b"\xff" * 1_000_000),
    "__proto__ and the like": ("accepted", click(__proto__={"x": 1}, constructor=1, __class__="x")),
    "trailing bytes": ("malformed", click() + b" x"),
    "two events in one value": ("malformed", click() + b"\n" + click()),
    "a trailing comma": ("malformed", click()[:-1] + b",}"),
    "a comment": ("malformed", b"/* a */" + click()),
    "single quotes": ("malformed", click().replace(b'"', b"'")),
    "blanks around": ("accepted", b" \r\n\t" + click() + b"\n"),
    "nothing": ("malformed", b""),
    "a tombstone": ("malformed", None),
    "blanks alone": ("malformed", b"  "),
    "null": ("schema", b"null"),
    "an array": ("schema", b"[1]"),
    "a string": ("schema", b'"x"'),
    "an event type that is unknown, then no JSON": ("malformed", b'{"event_type": "x", "event_id":'),
    "a string for a number": ("schema", click(price_minor="12")),
    "1.0 for an integer": ("schema", click(price_minor=1.0)),
    "true for an integer": ("schema", click(price_minor=True)),
    "a time without a zone": ("schema", click(occurred_at="2026-06-01T11:59:00")),
    "30 February": ("schema", click(occurred_at="2026-02-30T11:59:00Z")),
    "second 60": ("schema", click(occurred_at="2026-05-31T23:59:60Z")),
    "a time as a number": ("schema", click(occurred_at=1_780_315_000)),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_meets_its_fate(attack: str) -> None:
    """Each known way to hurt a JSON reader ends as the contract says."""
    expected, raw = ATTACKS[attack]

    assert expected == fate(raw)


def test_last_of_equal_keys_wins() -> None:
    """Of a key that occurs twice the last value counts."""
    event = CLICKS.read(b'{"customer_id": "c-0",' + click()[1:], NOON_MS)

    assert isinstance(event, Event)
    assert "c-1" == event.customer_id


def test_size_is_judged_before_anything_else() -> None:
    """256 KiB are read, a byte more is not, whatever it holds."""
    padded = click() + b" " * (MAX_VALUE_BYTES - len(click()))

    assert "accepted" == fate(padded)
    assert "too_large" == fate(padded + b" ")


def test_answer_does_not_depend_on_the_depth_of_the_caller() -> None:
    """The deepest value that is allowed is also read by a caller who has used up half of the interpreter's stack."""
    deepest = with_unknown_field(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1))

    def read_from(depth: int) -> str:
        return read_from(depth - 1) if depth else fate(deepest)

    assert "accepted" == read_from(500)


def test_a_caller_at_the_end_of_the_stack_gets_an_answer() -> None:
    """Where the interpreter's stack ends within a value, the door still answers and does not raise."""
    deepest = with_unknown_field(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1))

    def read_from(depth: int) -> str:
        return read_from(depth - 1) if depth else fate(deepest)

    # From Python 3.12 on C code has a stack of its own, so there the value is read.
    assert read_from(sys.getrecursionlimit() - len(inspect.stack()) - 60) in ("malformed", "accepted")


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        ("unknown_version", {"schema_version": 2}),
        ("unknown_version", {"schema_version": -1}),
        ("unknown_version", {"schema_version": 2, "occurred_at": ..., "shape": "another"}),
        ("schema", {"schema_version": 2, "event_type": "product_sniffed"}),
        ("schema", {"schema_version": "2"}),
        ("schema", {"schema_version": 1.0}),
        ("schema", {"schema_version": True}),
        ("schema", {"schema_version": None}),
        ("schema", {"schema_version": ...}),
    ],
)
def test_only_another_integer_is_another_version(expected: str, fields: dict[str, Any]) -> None:
    """A known event type in another whole version is `unknown_version`; anything else there is `schema`."""
    assert expected == fate(click(**fields))


@pytest.mark.parametrize(
    ("expected", "raw"),
    [
        ("c-1", order()),
        ("c-1", order(anonymous_id="v-1")),
        ("~v-1", order(customer_id=..., anonymous_id="v-1")),
        ("#o-1", order(guest=True, customer_id=...)),
        ("#o-1", order(guest=True, anonymous_id="v-1")),
        ("~~v", order(customer_id=None, anonymous_id="~v")),
    ],
)
def test_identity_is_in_the_body(expected: str, raw: bytes) -> None:
    """A guest order is kept under its number whatever else it carries, then comes the customer, then the visitor."""
    event = ORDERS.read(raw, NOON_MS)

    assert isinstance(event, Event), event
    assert expected == identity_of(event)


def test_nobody_is_unroutable() -> None:
    """Without a customer, a visitor or a guest's order nobody knows whose event it is."""
    assert "unroutable" == fate(click(customer_id=...))
    assert "unroutable" == fate(click(customer_id=None, anonymous_id=None))
    assert "unroutable" == fate(click(customer_id=..., guest=True, order_id="o-1"))
    assert "unroutable" == fate(order(customer_id=...), door=ORDERS)


@pytest.mark.parametrize("stolen", ["~v-1", "#o-1"])
def test_no_customer_can_pass_for_a_visitor_or_a_guest(stolen: str) -> None:
    """A customer's id, and a referrer's, never equals the key of a visitor or of a guest order."""
    assert "schema" == fate(click(customer_id=stolen))
    assert "schema" == fate(order(referred_by=stolen), door=ORDERS)


def test_an_event_may_be_five_minutes_ahead() -> None:
    """Five minutes after Kafka's timestamp are accepted, a microsecond more is `future`."""
    assert "accepted" == fate(click(occurred_at="2026-06-01T12:05:00Z"))
    assert "future" == fate(click(occurred_at="2026-06-01T12:05:00.000001Z"))
    assert "accepted" == fate(click(occurred_at="2026-06-01T14:05:00+02:00"))


@pytest.mark.parametrize("received_ms", [None, -1])
def test_without_a_timestamp_the_future_is_unchecked(received_ms: int | None) -> None:
    """A file without a time of receipt is not checked, but no second is let in that a record cannot hold."""
    assert "accepted" == fate(click(occurred_at="2106-02-07T06:28:15.999Z"), received_ms)
    assert "future" == fate(click(occurred_at="2106-02-07T06:28:16Z"), received_ms)
    assert "future" == fate(click(occurred_at="9999-12-31T23:59:59-23:59"), received_ms)


def test_the_past_begins_on_one_fixed_date() -> None:
    """The first accepted second is accepted, a microsecond less is `past`, however late it arrives."""
    assert "accepted" == fate(click(occurred_at="1990-01-01T00:00:00Z"))
    assert "past" == fate(click(occurred_at="1989-12-31T23:59:59.999999Z"))
    assert "past" == fate(click(occurred_at="0001-01-01T00:00:00+23:59"))


def test_nothing_before_1970_is_accepted() -> None:
    """A first date before 1970 does not let in seconds that a record cannot hold."""
    door = Door(0, accept_from_s=-(10**12))

    assert "past" == fate(click(occurred_at="1969-12-31T23:59:59Z"), door=door)
    assert "accepted" == fate(click(occurred_at="1970-01-01T00:00:00Z"), door=door)


def test_each_door_knows_its_topic() -> None:
    """An event of another topic is no event here."""
    assert ["schema", "schema", "accepted"] == [fate(order(), door=door) for door in (CLICKS, VISITS, ORDERS)]


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__struct_config__.tag)
def test_characters_are_checked_in_every_field_that_asks_for_it(kind: type[Event]) -> None:
    """Every id and currency of every type, lines included, refuses a blank and a letter with an accent."""
    door = Door(source_number(kind), accept_from_s=0)
    whole: dict[str, Any] = {
        "event_type": kind.__struct_config__.tag,
        "schema_version": 1,
        "occurred_at": "2026-06-01T11:59:00Z",
        "query": "any words",
    } | {name: 1 for name in kind.__struct_fields__ if name.endswith("_minor")}
    spelt = {name: "x1" for name in kind.__struct_fields__ if name.endswith("_id") and name != "decision_id"}
    spelt |= {name: "x1" for name in ("action", "referred_by") if name in kind.__struct_fields__}
    spelt |= {"currency": "GBP"} if "currency" in kind.__struct_fields__ else {}
    line = {"product_id": "p", "quantity": 1, "unit_price_minor": 1}
    others = {"lines": [line]} if kind.source_topic == "orders" else {}
    others |= {"channel": "web", "purpose": "service", "survey": "nps", "score": 9, "network": "x"}
    others |= {"decision_id": "0" * 32, "order_hash": "0" * 16}

    assert "accepted" == fate(compact(whole | spelt | others), door=door)
    for name in spelt:
        for wrong in ("A B", "ÄÖÜ", "A\x7fB"):
            assert "schema" == fate(compact(whole | spelt | others | {name: wrong}), door=door), name
    if "lines" in kind.__struct_fields__:
        wrong_line = line | {"product_id": "p 1"}
        raw = compact(whole | spelt | others | {"lines": [line, wrong_line]})
        assert "schema" == fate(raw, door=door)


@pytest.mark.parametrize("canary", ["canary@example.org", "canary' - at `$.canary`", "' - at `$.canary"])
def test_a_refusal_says_where_but_not_what(canary: str) -> None:
    """The sentence names the field and keeps the value to itself, even one that looks like such a sentence."""
    refused = CLICKS.read(click(event_type=canary), NOON_MS)

    assert Refused("schema", "The value is not one of those allowed - at `$.event_type`") == refused


def test_seconds_are_rounded_down() -> None:
    """A second is the whole one that has begun, before 1970 too."""
    moments = [
        datetime(1970, 1, 1, 0, 0, 1, 999_999, UTC),
        datetime(1970, 1, 1, tzinfo=UTC) - timedelta(microseconds=1),
    ]
    events = [PageViewed(event_id="e", schema_version=1, occurred_at=moment) for moment in moments]

    assert [1, -1] == [second_of(event) for event in events]


def test_an_order_s_amount_is_its_total_or_its_lines_within_bounds() -> None:
    """The stated total counts; without one the lines do, and no order is larger than the greatest amount."""
    read = {total: ORDERS.read(order(total_minor=total), NOON_MS) for total in (None, 0, 480)}
    line = OrderLine(product_id="p", quantity=1_000_000, unit_price_minor=10**12)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    huge = OrderPlaced(
        event_id="e",
        schema_version=1,
        occurred_at=moment,
        order_id="o",
        lines=(line,) * 500,
        currency="GBP",
        channel="web",
    )

    assert {None: 500, 0: 0, 480: 480} == {
        total: event.amount_minor for total, event in read.items() if isinstance(event, OrderPlaced)
    }
    assert MAX_AMOUNT == huge.amount_minor
