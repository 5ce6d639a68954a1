"""What must never hurt: each kind of bad record, the topic that it is sent to, and the code that it is refused with."""

import json
from typing import NamedTuple

GOOD = {
    "event_type": "page_viewed",
    "event_id": "poison",
    "schema_version": 1,
    "occurred_at": "2025-03-02T10:00:00Z",
    "customer_id": "c000001",
    "url": "/",
}


class Poison(NamedTuple):
    """One bad record; a key of None means that it is sent without one."""

    name: str
    topic: str
    key: bytes | None
    value: bytes | None
    code: str


def event(**changes: object) -> bytes:
    """Return a good page view as bytes with some fields changed; a field set to `...` is left out."""
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not ...}).encode()


def order(**changes: object) -> bytes:
    """Return a good order as bytes with some fields changed."""
    line = {"product_id": "p1", "quantity": 1, "unit_price_minor": 100}
    bought = {"event_type": "order_placed", "url": ..., "order_id": "o1", "lines": [line], "currency": "GBP"}
    return event(**(bought | {"channel": "web"} | changes))


def bad(
    name: str, value: bytes | None, code: str, topic: str = "clickstream", key: bytes | None = b"c000001"
) -> Poison:
    """Name one bad record; most come as clicks of the first customer."""
    return Poison(name, topic, key, value, code)


def priced(price: str) -> bytes:
    """Return an order whose price is the given raw JSON."""
    return order().replace(b'"unit_price_minor": 100', b'"unit_price_minor": ' + price.encode())


def with_unknown(raw: str) -> bytes:
    """Return a good event with an unknown field that holds the given raw JSON."""
    return event()[:-1] + b', "extra": ' + raw.encode() + b"}"


KINDS = (
    bad("empty value", b"", "malformed"),
    bad("no value", None, "malformed"),
    bad("not JSON", b"hello", "malformed"),
    bad("no key, not JSON", b"hello", "malformed", key=None),
    bad("random bytes", bytes(range(256)), "malformed"),
    bad("record of a megabyte", event(url="x" * 999_000), "too_large"),
    bad("deep nesting in an unknown field", with_unknown('{"a":' * 20_000 + "1" + "}" * 20_000), "malformed"),
    bad("unterminated nesting in an unknown field", with_unknown("[" * 100_000)[:-1], "malformed"),
    bad("NaN in an unknown field", with_unknown("NaN"), "malformed"),
    bad("Infinity as a price", priced("Infinity"), "malformed", "orders"),
    bad("price of 2^64", priced("18446744073709551616"), "schema", "orders"),
    bad("price as text", priced('"12"'), "schema", "orders"),
    bad("price as a boolean", priced("true"), "schema", "orders"),
    bad("negative price", priced("-1"), "schema", "orders"),
    bad("no lines", order(lines=[]), "schema", "orders"),
    bad("unknown channel", order(channel="fax"), "schema", "orders"),
    bad("invalid UTF-8", event(url="?").replace(b"?", b"\xff"), "malformed"),
    bad("overlong UTF-8", event(url="?").replace(b"?", b"\xc0\xaf"), "malformed"),
    bad("UTF-16", event().decode().encode("utf-16"), "malformed"),
    bad("byte order mark", b"\xef\xbb\xbf" + event(), "malformed"),
    bad("lone surrogate", event(url="?").replace(b"?", rb"\ud800"), "malformed"),
    bad("zero byte in an id", event(event_id="a\0b"), "schema"),
    bad("blank in an id", event(event_id="a b"), "schema"),
    bad("id of 65 characters", event(event_id="x" * 65), "schema"),
    bad("trailing bytes", event() + b"x", "malformed"),
    bad("trailing comma", event()[:-1] + b",}", "malformed"),
    bad("comment", event() + b"// c", "malformed"),
    bad("single quotes", event().replace(b'"', b"'"), "malformed"),
    bad("cut off", event()[:-20], "malformed"),
    bad("null at the top", b"null", "schema"),
    bad("list at the top", b"[1]", "schema"),
    bad("text at the top", b'"x"', "schema"),
    bad("click among the responses", event(), "schema", "responses"),
    bad(
        "survey without such a score",
        event(event_type="survey_answered", survey="csat", score=9),
        "schema",
        "responses",
    ),
    bad("consent without a purpose", event(event_type="consent_given", channel="email"), "schema", "profiles"),
    bad("quiet hours with one end", event(event_type="preferences_set", quiet_from="21:00"), "schema", "profiles"),
    bad("what only we may say", event(event_type="referral_converted", order_hash="0" * 16), "schema"),
    bad("unknown event type", event(event_type="telepathy"), "schema"),
    bad("order among the clicks", order(), "schema"),
    bad("no event type", event(event_type=...), "schema"),
    bad("no time", event(occurred_at=...), "schema"),
    bad("time without a zone", event(occurred_at="2025-03-02T10:00:00"), "schema"),
    bad("30 February", event(occurred_at="2025-02-30T10:00:00Z"), "schema"),
    bad("version 2", event(schema_version=2), "unknown_version"),
    bad("version as text", event(schema_version="1"), "schema"),
    bad("from the future", event(occurred_at="2999-01-01T00:00:00Z"), "future"),
    bad("from 1989", event(occurred_at="1989-12-31T23:59:59Z"), "past"),
    bad("nobody", event(customer_id=...), "unroutable"),
)
