"""The checks themselves: each is content with a good story, and each sees what it is there for."""

import json
from pathlib import Path

import pytest

from tests.verify import checks, oracle, readers
from tests.verify.checks import CODE, OFFSET, PARTITION, TOPIC, Claim, Image
from tests.verify.oracle import Known, Published, expected
from tests.verify.readers import Record


def event(event_id: str = "e1", kind: str = "page_viewed", **fields: object) -> dict:
    """Tell of something that happened."""
    return {"event_id": event_id, "event_type": kind, "occurred_at": "1970-01-03T12:00:00.9Z"} | fields


def published(offset: int = 0, topic: str = "clickstream", code: str | None = None, **fields: object) -> Published:
    """Publish something that happened to Ada, or must be refused."""
    return Published(topic, 0, offset, b"ada", json.dumps(event(**({"customer_id": "ada"} | fields))).encode(), code)


def order(offset: int, kind: str = "order_placed", **fields: object) -> Published:
    """Publish an order of Ada's of two at 5.00, or what became of it."""
    lines = [{"quantity": 2, "unit_price_minor": 500}]
    bought = {"order_id": "o1", "lines": lines, "currency": "GBP", "channel": "web"}
    return published(offset, "orders", event_id=f"o{offset}", kind=kind, **(bought | fields))


def image(offset: int, counter: int, term: int = 0, fence: int = 0, said: tuple[str, ...] = ()) -> Image:
    """Write Ada's record."""
    return Image(0, offset, "ada", term, counter, {0: fence}, [("churn-risk", word) for word in said], b"%d" % counter)


def signal(signal_id: str, value: bytes = b"body") -> Record:
    """Speak a signal, whose id stands in a header here."""
    return Record("churn-risk", 0, 0, b"ada", value, {"id": signal_id.encode()}, 0)


def id_of(record: Record) -> str:
    """Return a signal's id."""
    return record.headers["id"].decode()


def letter(source: Published, code: str, value: bytes | None = None) -> Record:
    """Write a dead letter of a published record."""
    headers = {CODE: code, TOPIC: source.topic, PARTITION: str(source.partition), OFFSET: str(source.offset)}
    raw = {name: text.encode() for name, text in headers.items()}
    return Record("dead-letters", 0, 0, source.key, source.value if value is None else value, raw, 0)


def test_the_oracle_counts_an_event_once() -> None:
    """The same topic, id and second is the same event; another topic or second is another."""
    again = published(2, occurred_at="1970-01-03T12:00:00.1Z")
    later = published(3, occurred_at="1970-01-03T12:00:01Z")

    found = expected([published(0), published(1), again, later, published(4, "store-visits", kind="store_left")])

    assert {"ada": Known(3, frozenset({2}), frozenset({2}), frozenset(), 0, 0)} == found


def test_the_oracle_counts_orders_and_money() -> None:
    """A cancellation takes an order and its money back, a return only money; another currency has no money."""
    story = [
        order(0),
        order(1, channel="store", total_minor=900),
        order(2, currency="EUR"),
        order(3, "order_cancelled", amount_minor=300),
        order(4, "order_returned", amount_minor=50, channel="store"),
        order(5, "order_delivered"),
    ]

    found = expected(story)["ada"]

    assert (6, 2, 1000 + 900 - 300 - 50) == (found.events, found.orders, found.money)
    assert (frozenset(), frozenset({2}), frozenset({2})) == (found.web, found.store, found.order)


def test_the_oracle_keeps_guests_and_visitors_apart() -> None:
    """A guest order is kept under its order, an event without a customer under the visitor."""
    found = expected([order(0, guest=True), published(1, customer_id=None, anonymous_id="a7")])

    assert {"#o1", "~a7"} == set(found)


def test_the_oracle_knows_the_last_word_on_a_consent() -> None:
    """The later saying counts wherever it stands, and in one second the withdrawal; unsubscribing leaves service."""
    story = [
        published(0, "profiles", kind="consent_withdrawn", event_id="a", channel="sms", purpose="marketing"),
        published(1, "profiles", kind="consent_given", event_id="b", channel="sms", purpose="marketing"),
        published(
            2, "responses", kind="unsubscribed", event_id="c", channel="email", occurred_at="1970-01-03T13:00:00Z"
        ),
        published(3, "profiles", kind="consent_given", event_id="d", channel="email", purpose="relation"),
        published(4, "profiles", kind="consent_given", event_id="e", channel="email", purpose="service"),
    ]

    found = expected(story)["ada"]

    assert {("sms", "marketing"), ("email", "relation"), ("email", "marketing")} == {
        place for place, is_given in found.consents if not is_given
    }
    assert {("email", "service")} == {place for place, is_given in found.consents if is_given}
    assert (5, frozenset()) == (found.events, found.web)


def test_the_oracle_counts_a_referral_that_bought_once() -> None:
    """Who invited the buyer has one event more for each order, copies and invitations of oneself apart."""
    found = expected([order(0, referred_by="bob"), order(0, referred_by="bob"), order(1, referred_by="ada")])

    assert {"ada": 2, "bob": 1} == {customer: known.events for customer, known in found.items()}
    assert (frozenset(), 0) == (found["bob"].order, found["bob"].orders)


def test_the_oracle_can_be_read_in_one_sitting_and_knows_nothing_of_ours() -> None:
    """It is under 100 lines and imports the standard library only."""
    source = Path(oracle.__file__).read_text()
    imported = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}

    assert len(source.splitlines()) < 100
    assert {"json", "collections.abc", "datetime", "typing"} == imported


def test_engagement_differs_from_the_oracle() -> None:
    """A lost event, a lost customer and an invented one are each seen."""
    story, truth = [published(0)], Known(1, frozenset({2}), frozenset(), frozenset(), 0, 0)
    kept = [image(0, 1)]

    assert [] == checks.engagement(story, kept, lambda key, body: truth)
    assert 1 == len(checks.engagement(story, kept, lambda key, body: truth._replace(events=0)))
    assert 1 == len(checks.engagement(story, [], lambda key, body: truth))
    assert 1 == len(checks.engagement([], kept, lambda key, body: truth))


def test_the_greater_term_wins_wherever_it_stands() -> None:
    """A frozen worker's late write does not become a customer's last record."""
    late, true = image(9, counter=50, term=0), image(8, counter=1, term=7)

    assert [true] == checks.last_images([image(1, 1), Claim(0, 7), true, late])
    assert [late] == checks.stale([image(1, 1), Claim(0, 7), true, late])


def test_two_writers_show() -> None:
    """An older image after a newer one, and a fence that falls, are each seen."""
    assert [] == checks.one_writer([image(0, 1, fence=3), image(1, 2, fence=3), image(2, 1, term=9)])
    assert 1 == len(checks.one_writer([image(0, 2), image(1, 1)]))
    assert 1 == len(checks.one_writer([image(0, 1, fence=3), image(1, 2, fence=2)]))


def test_a_customer_in_two_partitions_shows() -> None:
    """One customer has one home."""
    assert [] == checks.at_home_once([image(0, 1)])
    assert 1 == len(checks.at_home_once([image(0, 1), image(0, 1)._replace(partition=1)]))


def test_the_unspoken_and_the_unremembered_show() -> None:
    """What stood in an outbox must be spoken; a stale write's outbox may be, and nothing else."""
    log = [image(1, 1, said=("a",)), Claim(0, 7), image(8, 2, term=0, said=("b",))]

    assert [] == checks.remembered_is_spoken(log, [signal("a"), signal("a")], id_of)
    assert [] == checks.remembered_is_spoken(log, [signal("a"), signal("b")], id_of)
    assert 1 == len(checks.remembered_is_spoken(log, [], id_of))
    assert 1 == len(checks.remembered_is_spoken(log, [signal("a"), signal("c")], id_of))


def test_two_bodies_show() -> None:
    """An id may be repeated, but only with the same bytes."""
    assert [] == checks.one_body([signal("a"), signal("a"), signal("b", b"other")], id_of)
    assert 1 == len(checks.one_body([signal("a"), signal("a", b"other")], id_of))


@pytest.mark.parametrize(
    ("code", "value"),
    [("malformed", None), ("schema", b"other bytes")],
    ids=["another code", "other bytes"],
)
def test_a_wrong_dead_letter_shows(code: str, value: bytes | None) -> None:
    """A dead letter has its record's own bytes and code."""
    poison = published(0, code="schema")

    assert [] == checks.dead_letters([poison], [letter(poison, "schema"), letter(poison, "schema")])
    assert 1 == len(checks.dead_letters([poison], [letter(poison, code, value)]))


def test_a_missing_dead_letter_and_a_good_record_among_them_show() -> None:
    """Poison must be there, and nothing good may."""
    poison, good = published(0, code="schema"), published(1)

    assert 1 == len(checks.dead_letters([poison, good], []))
    assert 1 == len(checks.dead_letters([poison, good], [letter(poison, "schema"), letter(good, "late")]))


def test_the_ledger_balances() -> None:
    """Every acknowledged record is in the log, nothing else is, and all is committed."""
    story, end = [published(0), published(1)], {("clickstream", 0): 2}

    assert [] == checks.ledger_balance(story, end, end)
    assert 1 == len(checks.ledger_balance(story[:1], end, end))
    assert 1 == len(checks.ledger_balance([*story, published(2)], end, end))
    assert 1 == len(checks.ledger_balance(story, end, {("clickstream", 0): 1}))


def test_the_ledger_keeps_every_byte(tmp_path: Path) -> None:
    """Poison comes back from the ledger as it went in."""
    story = [
        Published("orders", 3, 7, None, bytes(range(256)), "malformed"),
        published(1),
        published(2)._replace(value=None),
    ]
    path = tmp_path / "ledger"
    path.write_text("".join(readers.write_ledger_line(record) + "\n" for record in story))

    assert story == readers.read_ledger(path)
