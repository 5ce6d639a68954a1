"""A referral that bought: told once at the home of whoever invited, whatever breaks on the way."""

import json
from collections import Counter
from datetime import timedelta

import pytest

from schemas import EVENT_TYPES, ReferralConverted
from streams.core.record import load
from streams.engine.config import REROUTED
from streams.engine.envelope import DERIVED, Word, decode_envelope, fence_number, is_marker
from streams.engine.home import java_home
from streams.replay import replay
from tests.chaos.entry import CRASHED
from tests.chaos.load import Planned
from tests.chaos.stage import Stage
from tests.chaos.worker import ENTRY
from tests.engine.recording import Fetched
from tests.verify.readers import read
from tests.worker.conftest import Raise
from tests.worker.scenes import NOW, publish
from tests.worker.test_pipeline import DAY, HERE, ORDERS, SETTINGS, STRANGERS, Shop, at, event, from_afar

TOLD = EVENT_TYPES.index(ReferralConverted)
AFAR = STRANGERS[0]


def bought(order_id: str, inviter: str = AFAR, who: str = "ada", **fields: object) -> bytes:
    """An order whose buyer was invited."""
    line = {"product_id": "sku-1", "quantity": 1, "unit_price_minor": 900}
    order = {"order_id": order_id, "lines": [line], "currency": "GBP", "channel": "web", "referred_by": inviter}
    return event(f"e-{order_id}", who, event_type="order_placed", product_id=None, **order | fields)


def told(shop: Shop, key: str = "ada") -> list[Word]:
    """What a customer's record says to others."""
    return [word for word in shop.owned.entries[key].outbox if word.to]


def arrived(offset: int, word: Word) -> Fetched:
    """The word as it is fetched at the home of the other."""
    return at(offset, word.value, key=word.to.encode(), **{DERIVED: word.word_id.encode()})


def counted(body: bytes) -> int:
    """How many referrals that bought a record holds."""
    return sum(load(body).engagement.totals[TOLD : TOLD + 1])


def at_home(word: Word) -> Shop:
    """The shop where the other is at home."""
    shop = Shop()
    shop.owned.number = java_home(SETTINGS.partitions)(word.to)
    return shop


def test_an_order_tells_whoever_invited_its_buyer_and_nothing_of_the_buyer() -> None:
    """The word goes to the other key, with the order's instant and a hash of its id."""
    shop = Shop()
    shop.take(at(5, bought("o1")), source=ORDERS)

    (word,) = told(shop)
    said = json.loads(word.value)
    assert (REROUTED, AFAR, word.word_id) == (word.topic, word.to, said["event_id"])
    assert {"event_type", "event_id", "schema_version", "occurred_at", "customer_id", "order_hash"} == set(said)
    assert (AFAR, "2026-03-01T12:00:00Z") == (said["customer_id"], said["occurred_at"])
    assert b"ada" not in word.value
    assert b"o1" not in word.value


@pytest.mark.parametrize(
    "order",
    [bought("o1", inviter="ada"), bought("#1", inviter="ada", guest=True), bought("o1", referred_by=None)],
    ids=["oneself", "oneself as a guest", "nobody"],
)
def test_nobody_invites_themselves(order: bytes) -> None:
    """Nor does an order without a referrer tell anybody."""
    shop = Shop()
    shop.owned.number = java_home(SETTINGS.partitions)("##1") if b'"guest": true' in order else HERE
    shop.take(at(5, order), source=ORDERS)

    (entry,) = shop.owned.entries.values()
    assert [] == [word for word in entry.outbox if word.to]


def test_a_guest_may_have_been_invited() -> None:
    """The order has a record of its own, and that speaks."""
    shop = Shop()
    shop.owned.number = java_home(SETTINGS.partitions)("#o1")
    shop.take(at(5, bought("o1", guest=True)), source=ORDERS)

    assert [AFAR] == [word.to for word in told(shop, "#o1")]


def test_the_same_order_says_the_same_to_the_last_byte() -> None:
    """Whoever takes it, from wherever: the referrer tells copies by the id."""
    one, other = Shop(), Shop()
    one.take(at(5, bought("o1")), source=ORDERS)
    other.take(at(1, event("e0")))
    other.take(from_afar(9, bought("o1"), topic="p-orders"), source=REROUTED)

    assert told(one) == told(other)
    assert 32 == len(told(one)[0].word_id)


def test_an_order_told_again_says_nothing_again() -> None:
    """A copy of the order is a duplicate, in one slice and in two."""
    shop = Shop()
    shop.take(at(5, bought("o1")), at(6, bought("o1")), source=ORDERS)
    shop.take(at(7, bought("o1")), source=ORDERS)

    assert 1 == len(told(shop))


def test_what_is_told_about_the_past_is_folded_all_the_same() -> None:
    """Before a partition speaks its words are muted; what others must know is none of them."""
    shop = Shop()
    shop.owned.facts = {"speak_from": int((DAY + timedelta(days=1)).timestamp())}
    shop.take(at(5, bought("o1")), source=ORDERS)

    assert [AFAR] == [word.to for word in shop.owned.entries["ada"].outbox]


def test_who_invited_is_fenced_on_the_place_of_the_word_itself() -> None:
    """Fetched again it is stale, said again it is a duplicate; the order's own place plays no part."""
    buyer = Shop()
    next_day = (DAY + timedelta(days=1)).isoformat()
    buyer.take(at(900, bought("o1")), at(901, bought("o2", occurred_at=next_day)), source=ORDERS)
    first, second = told(buyer)
    shop = at_home(first)
    shop.take(arrived(3, first), arrived(3, first), source=REROUTED)
    shop.take(arrived(3, first), arrived(4, first), arrived(5, second), source=REROUTED)

    entry = shop.owned.entries[AFAR]
    assert 2 == counted(entry.body)
    assert {fence_number(REROUTED, shop.owned.number): 5} == entry.fences
    assert {"rerouted advanced": 2, "rerouted stale": 2, "rerouted duplicate": 1} == shop.outcomes()
    assert DAY.timestamp() + 86_400 == load(entry.body).engagement.last_referral_s


def test_words_of_others_and_strangers_coming_home_do_not_hold_each_other_up() -> None:
    """They share a topic, not a fence and not a ring."""
    buyer = Shop()
    buyer.take(at(5, bought("o1")), source=ORDERS)
    (word,) = told(buyer)
    shop = at_home(word)
    shop.take(
        from_afar(7, event("e1", AFAR), origin=70),
        arrived(8, word),
        from_afar(9, event("e2", AFAR), origin=71),
        source=REROUTED,
    )

    assert {"rerouted advanced": 3} == shop.outcomes()
    assert 2 == len(shop.owned.entries[AFAR].fences)


def test_a_word_that_cannot_be_read_is_buried_where_it_stands() -> None:
    """A derived event comes through a door like any other."""
    shop = Shop()
    shop.take(arrived(8, Word(REROUTED, "1", event("e1"), "ada")), source=REROUTED)

    ((topic, _, _, value, said),) = shop.letters()
    assert ("p-dead-letters", event("e1")) == (topic, value)
    assert ("schema", "p-rerouted", "8") == tuple(said[f"dlq.error.{name}"] for name in ("code", "topic", "offset"))


def test_the_replay_tells_them_too() -> None:
    """Each once, also of two orders in one window, and the referrer's record is the worker's."""
    orders = [bought("o1"), bought("o1"), bought("o2", who=AFAR, inviter="ada"), bought("o3")]
    replayed = replay([(ORDERS, raw) for raw in orders], Shop().pipeline._rules)

    assert {AFAR: 2, "ada": 1} == {key: counted(body) for key, body in replayed.bodies.items()}
    assert [] == replayed.dead_letters
    assert {"churn-risk", "next-best-actions"} >= {signal.kind for signal in replayed.signals}


CUSTOMERS = [f"k{n}" for n in range(40)]


def orders() -> list[Planned]:
    """Every customer buys, invited by another; one order in five is published twice."""
    made = []
    for n, who in enumerate(CUSTOMERS):
        order = bought(f"o{n}", CUSTOMERS[n * 7 % 11], who, occurred_at=NOW.isoformat())
        made += [Planned("orders", None, who.encode(), order, None)] * (2 if n % 5 == 0 else 1)
    return made


def referrals(stage: Stage) -> dict[str, int]:
    """How many referrals that bought stand in each customer's latest record, those without left out."""
    latest = {
        record.key.decode(): counted(decode_envelope(record.value).body)
        for record in read(stage.brokers, stage.changelog)
        if not is_marker(record.key)
    }
    return {key: count for key, count in latest.items() if count}


@pytest.mark.broker
@pytest.mark.parametrize("point", ["derived-remembered:2", "derived-said:2"])
def test_a_referral_counts_once_through_a_crash(stage: Raise, point: str) -> None:
    """Crashed before the word was acknowledged, or after: the next owner says it again, and it is folded once."""
    scene = stage("referrals")
    crashing = scene.worker("w", [*ENTRY, "--crash-at", point], instance_id="w").start()
    crashing.wait_ready()
    publish(scene, orders(), a_second=100)
    assert CRASHED == crashing.wait(60), f"see {crashing.log}"

    scene.worker("w", instance_id="w").start().wait_ready()
    scene.settle(quiet_s=1.0)
    assert [0] == scene.end()

    invited = [CUSTOMERS[n * 7 % 11] for n, who in enumerate(CUSTOMERS) if CUSTOMERS[n * 7 % 11] != who]
    assert Counter(invited) == referrals(scene)
    sent = Counter(record.headers[DERIVED] for record in read(scene.brokers, scene.rerouted))
    assert len(invited) == len(sent)
    if point.startswith("derived-said"):
        assert max(sent.values()) > 1
