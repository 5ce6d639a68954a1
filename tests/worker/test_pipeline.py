"""The joining of core and engine: what becomes of a record, without a broker."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from prometheus_client import CollectorRegistry

from streams import agents
from streams.agents import LEAST_INTERNAL, Pipeline
from streams.app import engine_config
from streams.core.step import Advance
from streams.engine.config import REROUTED
from streams.engine.ends import BROKEN
from streams.engine.envelope import fence_number
from streams.engine.home import java_home
from streams.engine.partition import OwnedPartition
from streams.engine.runtime import Portion
from streams.metrics import Metrics
from streams.rules import rules_of
from streams.settings import Settings
from streams.topics import LETTER_BYTES
from tests.engine.recording import TERM, Fetched, Recorder

SETTINGS = Settings(topic_prefix="p-", speak_from="beginning", clock="stream")
HOME = java_home(SETTINGS.partitions)
DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLICKS, VISITS, ORDERS = range(3)
STAMP = int((DAY + timedelta(days=400)).timestamp() * 1000)
HERE = HOME("ada")
AWAY = [number for number in range(SETTINGS.partitions) if number != HERE]
NEIGHBOURS = [f"c{n}" for n in range(200) if HOME(f"c{n}") == HERE]
STRANGERS = [f"c{n}" for n in range(200) if HOME(f"c{n}") != HERE]


class EndedError(Exception):
    """The process would have ended; exit code and line are its arguments."""


@pytest.fixture(autouse=True)
def _ending(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int, sentence: str) -> NoReturn:
        raise EndedError(code, sentence)

    monkeypatch.setattr(agents, "end", end)


class Shop:
    """A pipeline, the partition that is Ada's home, and the broker that takes what is said."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        """Open everything for business."""
        rules = rules_of(settings)
        self.metrics = Metrics(registry := CollectorRegistry(), [a.name for a in rules.catalogue.actions], "p-")
        self.registry = registry
        self.pipeline = Pipeline(settings, rules, self.metrics, "1.2.3")
        self.broker = Recorder()
        self.config = engine_config(settings, 0)
        self.owned = OwnedPartition(HERE, TERM, self.config, self.broker, self.broker)
        self.owned.facts = {"speak_from": 0}

    def take(self, *records: Fetched, source: int = CLICKS) -> int:
        """Advance one slice."""
        [latest] = self.pipeline.advance([Portion(self.owned, source, records)])
        return latest

    def outcomes(self) -> dict[str, float]:
        """Records by topic and what became of them."""
        return {
            f"{sample.labels['topic']} {sample.labels['outcome']}": sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == "latido_events_total" and sample.value
        }

    def letters(self) -> list[tuple[str, int, Any, Any, dict[str, str]]]:
        """What waits to be sent beside the records: topic, partition, key, value, headers."""
        return [
            (topic, partition, key, value, {name: text.decode() for name, text in headers})
            for (topic, partition), records in self.owned._letters.items()
            for key, value, headers in records
        ]


def event(event_id: str, customer: str = "ada", day: int = 0, **fields: object) -> bytes:
    """A customer looks at a product."""
    happened = {
        "event_id": event_id,
        "event_type": "product_viewed",
        "schema_version": 1,
        "occurred_at": (DAY + timedelta(days=day)).isoformat(),
        "customer_id": customer,
        "product_id": "sku-1",
    }
    return json.dumps(happened | fields).encode()


def at(offset: int, value: bytes | None, key: bytes | None = b"ada", **headers: bytes) -> Fetched:
    """A record as it was fetched."""

    return Fetched(offset, value, key, timestamp=STAMP, headers=tuple(headers.items()))


def from_afar(
    offset: int, value: bytes, partition: int = AWAY[0], origin: int = 70, topic: str = "p-clickstream"
) -> Fetched:
    """A stranger's record in the topic by which it comes home."""
    said = {"origin.topic": topic, "origin.partition": partition, "origin.offset": origin, "origin.timestamp": STAMP}
    return at(offset, value, **{name: str(word).encode() for name, word in said.items()})


# ---- good records


def test_an_event_advances_its_customer_and_says_something() -> None:
    """Body, fence, words and wake-up are put down; the largest event time comes back."""
    shop = Shop()
    latest = shop.take(at(4, event("e0", day=-9)), at(5, event("e1")))

    entry = shop.owned.entries["ada"]
    assert int(DAY.timestamp()) == latest
    assert {fence_number(CLICKS, HERE): 5} == entry.fences
    assert len(entry.outbox) >= 1
    assert entry.wake_at > latest
    assert {"clickstream advanced": 2} == shop.outcomes()


def test_what_the_record_holds_already_is_passed_over() -> None:
    """An offset at or below the fence is stale, and moves nothing."""
    shop = Shop()
    shop.take(at(5, event("e1")))
    body = shop.owned.entries["ada"].body
    shop.take(at(4, event("e0")), at(5, event("e1")))

    assert body == shop.owned.entries["ada"].body
    assert {"clickstream advanced": 1, "clickstream stale": 2} == shop.outcomes()


@pytest.mark.parametrize("apart", [False, True], ids=["in one slice", "in two"])
async def test_the_same_event_again_is_a_duplicate(apart: bool) -> None:
    """It changes nothing, costs no write, and raises the fence in memory."""
    shop = Shop()
    first, again = at(5, event("e1")), at(6, event("e1"))
    shop.take(*([first] if apart else [first, again]))
    await shop.owned.flush()
    if apart:
        shop.take(again)
        assert shop.owned.clean

    assert {fence_number(CLICKS, HERE): 6} == shop.owned.entries["ada"].fences
    assert {"clickstream advanced": 1, "clickstream duplicate": 1} == shop.outcomes()


def test_how_records_are_cut_into_slices_does_not_show() -> None:
    """Bodies, fences and words are the same, whether they come one by one or all at once."""
    records = [
        at(n, event(f"e{n}", NEIGHBOURS[n % 5], day=n // 3, event_type=("product_viewed", "signed_in")[n % 2]))
        for n in range(120)
    ]
    found = []
    for size in (1, 7, 120):
        shop = Shop()
        for start in range(0, len(records), size):
            shop.take(*records[start : start + size])
        found.append(shop.owned.entries)

    assert found[0] == found[1] == found[2]
    assert any(entry.outbox for entry in found[0].values())


# ---- several portions in one slice


def neighbour(shop: Shop, number: int = AWAY[0], speak_from: int = 0) -> OwnedPartition:
    """Another partition of the same worker."""
    owned = OwnedPartition(number, TERM, shop.config, shop.broker, shop.broker)
    owned.facts = {"speak_from": speak_from}
    return owned


def test_what_is_advanced_together_does_not_show() -> None:
    """Partitions, topics and who came home: records are the same as portion by portion, and so is what is counted."""
    found = []
    for together in (True, False):
        shop = Shop()
        other = neighbour(shop)
        portions = [
            Portion(shop.owned, CLICKS, [at(0, event("e0")), at(1, event("e1", NEIGHBOURS[0])), at(2, b"not JSON")]),
            Portion(shop.owned, VISITS, [at(0, event("v0", event_type="store_entered", store_id="s", day=1))]),
            Portion(other, CLICKS, [at(0, event("o0", one, day=2)) for one in STRANGERS if HOME(one) == AWAY[0]]),
            Portion(shop.owned, REROUTED, [from_afar(0, event("r0", day=3)), from_afar(1, event("r0", day=3))]),
            Portion(shop.owned, REROUTED, [from_afar(2, event("r1", day=4), HERE, 1)]),
            Portion(shop.owned, CLICKS, [at(1, event("e1")), at(3, event("e1", STRANGERS[0]))]),
        ]
        cuts = [portions] if together else [[portion] for portion in portions]
        latest = [second for cut in cuts for second in shop.pipeline.advance(cut)]
        found.append((latest, shop.owned.entries, other.entries, shop.outcomes(), sorted(shop.letters(), key=str)))

    assert found[1] == found[0]
    assert len(found[0][2]) > 1
    assert 1 == found[0][3]["clickstream stale"]


def test_each_portion_has_its_own_latest_second() -> None:
    """The progress of one partition says nothing of another's; what advanced nobody has none."""
    shop = Shop()
    portions = [
        Portion(shop.owned, CLICKS, [at(0, event("e0", day=5))]),
        Portion(shop.owned, VISITS, [at(0, event("v0", event_type="store_entered", store_id="s"))]),
        Portion(neighbour(shop), CLICKS, [at(0, b"not JSON")]),
    ]

    assert [int((DAY + timedelta(days=5)).timestamp()), int(DAY.timestamp()), -1] == shop.pipeline.advance(portions)


def test_each_partition_speaks_from_its_own_instant_in_one_slice_too() -> None:
    """One that is to be silent for another century says nothing beside one that speaks."""
    shop = Shop()
    later = neighbour(shop, speak_from=2**32 - 1)
    stranger = next(one for one in STRANGERS if HOME(one) == AWAY[0])
    shop.pipeline.advance(
        [Portion(later, CLICKS, [at(0, event("e0", stranger))]), Portion(shop.owned, CLICKS, [at(0, event("e1"))])]
    )

    assert [[], True] == [later.entries[stranger].outbox, bool(shop.owned.entries["ada"].outbox)]


def test_a_key_with_a_record_in_two_partitions_keeps_them_apart() -> None:
    """Whoever sent it astray: neither record takes anything from the other."""
    shop = Shop()
    other = neighbour(shop)
    shop.pipeline.advance([Portion(other, REROUTED, [from_afar(0, event("r0", day=-30))])])
    apart = dict(other.entries)
    shop.pipeline.advance(
        [Portion(shop.owned, CLICKS, [at(0, event("e0"))]), Portion(other, CLICKS, [at(7, b"not JSON")])]
    )
    alone = shop.owned.entries["ada"].body
    again = Shop()
    other = neighbour(again)
    again.pipeline.advance(
        [
            Portion(other, REROUTED, [from_afar(0, event("r0", day=-30))]),
            Portion(again.owned, CLICKS, [at(0, event("e0"))]),
        ]
    )

    assert [apart["ada"].body, alone] == [other.entries["ada"].body, again.owned.entries["ada"].body]


def test_a_guest_order_has_no_document() -> None:
    """It counts and is not scored; nobody reads about it."""
    shop = Shop()
    order = event("o1", order_id="17", event_type="order_delivered", guest=True)
    home = HOME("#17")
    shop.owned.number = home
    shop.take(at(0, order), source=ORDERS)

    assert ["#17"] == list(shop.owned.entries)
    assert [] == shop.owned.entries["#17"].outbox
    assert shop.pipeline.render(shop.owned, "#17", shop.owned.entries["#17"].body, (0, 1, 1)) is None


def test_a_document_carries_the_version_that_it_was_written_with() -> None:
    """Readers keep the highest."""
    shop = Shop()
    shop.take(at(0, event("e1")))
    raw = shop.pipeline.render(shop.owned, "ada", shop.owned.entries["ada"].body, (3, 2, 1))

    assert [3, 2, 1] == json.loads(raw or b"null")["version"]


def test_words_are_muted_before_the_partition_speaks() -> None:
    """The stored fact counts, not the settings of this start."""
    shop = Shop()
    shop.owned.facts = {"speak_from": int((DAY + timedelta(days=1)).timestamp())}
    shop.take(at(0, event("e1")), at(1, event("e2", NEIGHBOURS[0], day=2)))

    assert [] == shop.owned.entries["ada"].outbox
    assert shop.owned.entries[NEIGHBOURS[0]].outbox
    assert shop.registry.get_sample_value("latido_muted_signals_total") >= 1


# ---- strangers


def test_a_stranger_is_sent_home_and_leaves_no_trace_here() -> None:
    """Under its identity, its value untouched, with the place where it came from."""
    shop = Shop()
    value = event("e1", STRANGERS[0])
    shop.take(at(5, value, key=b"wrong"), source=VISITS)
    shop.take(at(6, event("e2", STRANGERS[0], event_type="store_left", store_id="s")), source=VISITS)

    (letter,) = shop.letters()[1:]
    assert {} == shop.owned.entries
    assert (("p-rerouted", HOME(STRANGERS[0]), STRANGERS[0].encode())) == letter[:3]
    assert ("p-store-visits", str(HERE), "6") == tuple(
        letter[4][f"origin.{n}"] for n in ("topic", "partition", "offset")
    )
    assert {"store-visits dead_letter": 1, "store-visits rerouted": 1} == shop.outcomes()


@pytest.mark.parametrize("key", [None, b"", b"somebody-else", b"\xff"])
def test_the_body_decides_whose_event_it_is(key: bytes | None) -> None:
    """The key is a hint, and home alone decides."""
    shop = Shop()
    shop.take(at(0, event("e1"), key=key))

    assert ["ada"] == list(shop.owned.entries)
    assert [] == shop.letters()


def test_who_came_home_is_fenced_where_it_came_from() -> None:
    """Not on its place in the topic of strangers: it may have been sent twice."""
    shop = Shop()
    shop.take(from_afar(0, event("e1"), origin=70), source=REROUTED)
    shop.take(from_afar(1, event("e1"), origin=70), source=REROUTED)
    shop.take(from_afar(2, event("e2"), origin=71), from_afar(3, event("e2"), origin=71), source=REROUTED)

    assert {fence_number(CLICKS, AWAY[0]): 71} == shop.owned.entries["ada"].fences
    assert {"rerouted advanced": 2, "rerouted stale": 2} == shop.outcomes()


def test_fences_of_one_origin_hold_nobody_else_up() -> None:
    """Strangers of several partitions and topics, and one's own events, each have a fence of their own."""
    shop = Shop()
    shop.take(at(90, event("e0")))
    shop.take(
        from_afar(0, event("e1"), partition=AWAY[0], origin=9),
        from_afar(1, event("e2"), partition=AWAY[1], origin=3),
        from_afar(2, event("e3", event_type="store_left", store_id="s"), AWAY[1], 1, "p-store-visits"),
        source=REROUTED,
    )

    assert {"clickstream advanced": 1, "rerouted advanced": 3} == shop.outcomes()


def test_who_came_home_is_not_sent_on() -> None:
    """Whatever home is: nothing is re-routed twice."""
    shop = Shop()
    shop.take(from_afar(0, event("e1", STRANGERS[0])), source=REROUTED)

    assert [STRANGERS[0]] == list(shop.owned.entries)
    assert [] == shop.letters()


@pytest.mark.parametrize(
    "record",
    [
        at(4, event("e1")),
        from_afar(4, event("e1"), topic="p-elsewhere"),
        at(
            4,
            event("e1"),
            **{"origin.topic": b"p-orders", "origin.partition": b"x", "origin.offset": b"1", "origin.timestamp": b"1"},
        ),
        at(4, event("e1"), **{"origin.topic": b"\xff"}),
    ],
    ids=["no headers", "no source of ours", "no number", "no text"],
)
def test_a_stranger_without_an_origin_is_buried(record: Fetched) -> None:
    """Without its place it cannot be fenced."""
    shop = Shop()
    shop.take(record, source=REROUTED)

    ((topic, partition, _, value, said),) = shop.letters()
    assert ("p-dead-letters", HERE, record.value) == (topic, partition, value)
    assert ("malformed", "p-rerouted", "4") == tuple(said[f"dlq.error.{name}"] for name in ("code", "topic", "offset"))


# ---- dead letters


def test_a_dead_letter_is_the_record_itself_with_its_code_and_place() -> None:
    """Key and value untouched; the headers say what, where, when and which version."""
    shop = Shop()
    shop.take(at(7, b"\x00not JSON", key=b"\xff"), source=ORDERS)

    ((topic, partition, key, value, said),) = shop.letters()
    assert ("p-dead-letters", HERE, b"\xff", b"\x00not JSON") == (topic, partition, key, value)
    assert ("malformed", "p-orders", str(HERE), "7", "1.2.3") == tuple(
        said[f"dlq.error.{name}"] for name in ("code", "topic", "partition", "offset", "app.version")
    )
    assert 1 == shop.registry.get_sample_value("latido_dead_letters_total", {"code": "malformed"})


def test_what_the_core_refuses_is_buried_with_the_place_where_it_came_from() -> None:
    """A stranger that is too late for its record's memory: the letter names the source, not the way home."""
    shop = Shop(Settings(topic_prefix="p-", ring_sizes=(4, 4, 4, 4, 4), clock="stream"))
    shop.take(*[at(n, event(f"e{n}", day=10 + n)) for n in range(6)])
    shop.take(from_afar(0, event("late", day=0), partition=AWAY[1], origin=33), source=REROUTED)

    ((_, _, _, _, said),) = shop.letters()
    assert ("late", "p-clickstream", str(AWAY[1]), "33") == tuple(
        said[f"dlq.error.{name}"] for name in ("code", "topic", "partition", "offset")
    )


def test_a_value_that_is_too_large_for_a_letter_is_cut_and_says_so() -> None:
    """It came compressed; a letter that cannot be sent would stop every worker."""
    shop = Shop()
    shop.take(at(7, b"x" * (LETTER_BYTES + 1)))
    shop.take(at(8, b"x" * LETTER_BYTES))

    (_, _, _, cut, said), (_, _, _, whole, unsaid) = shop.letters()
    assert (LETTER_BYTES, LETTER_BYTES) == (len(cut), len(whole))
    assert (str(LETTER_BYTES + 1), None) == (said["dlq.value.cut.from"], unsaid.get("dlq.value.cut.from"))


# ---- faults of ours


@pytest.fixture
def buggy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that fails at some events, and at some customers."""
    observe, recheck = Advance.observe, Advance.recheck

    def failing(advance: Advance, key: str, body: bytes | None, source: int, event: Any) -> Any:
        result = observe(advance, key, body, source, event)
        if event.event_id.startswith("bad"):
            raise KeyError(key)
        return result

    def failing_recheck(advance: Advance, key: str, body: bytes, due_s: int) -> None:
        if key == NEIGHBOURS[0]:
            raise KeyError(key)
        recheck(advance, key, body, due_s)

    monkeypatch.setattr(Advance, "observe", failing)
    monkeypatch.setattr(Advance, "recheck", failing_recheck)


def test_a_fault_of_ours_costs_the_one_event(buggy: None) -> None:
    """The slice is done again record by record: the bad one is buried, the others count once."""
    shop, sound = Shop(), Shop()
    records = [at(n, event(f"e{n}", NEIGHBOURS[n % 3], day=n)) for n in range(9)]
    shop.take(*records[:4], at(100, event("bad"), key=b"k"), *records[4:])
    sound.take(*records)

    ((_, _, key, value, said),) = shop.letters()
    assert sound.owned.entries == shop.owned.entries
    assert (b"k", event("bad"), "internal", "100") == (
        key,
        value,
        said["dlq.error.code"],
        said["dlq.error.offset"],
    )
    assert {"clickstream advanced": 9} == shop.outcomes()
    assert 1 == shop.registry.get_sample_value("latido_internal_errors_total")


def test_a_fault_of_ours_costs_no_other_portion(buggy: None) -> None:
    """The other portions of its slice are advanced as if it had not been there."""
    shop = Shop()
    visit = at(0, event("v1", event_type="store_left", store_id="s"))
    shop.pipeline.advance([Portion(shop.owned, CLICKS, [at(0, event("bad"))]), Portion(shop.owned, VISITS, [visit])])

    assert {fence_number(VISITS, HERE): 0} == shop.owned.entries["ada"].fences
    assert {"store-visits advanced": 1} == shop.outcomes()


def test_too_many_faults_end_the_worker(buggy: None) -> None:
    """A few are needed before their share is judged; then a bad deploy must not drain the topics."""
    shop = Shop()
    for n in range(LEAST_INTERNAL - 1):
        shop.take(at(n, event(f"bad-{n}")))

    with pytest.raises(EndedError, match="go back to the last version") as ended:
        shop.take(at(1000, event("bad")))

    assert BROKEN == ended.value.args[0]


def test_a_few_faults_among_many_events_do_not_end_the_worker(buggy: None) -> None:
    """The share counts: one in a hundred is the limit."""
    shop = Shop()
    for n in range(3 * LEAST_INTERNAL):
        shop.take(*[at(500 * n + k, event(f"e{n}-{k}", NEIGHBOURS[k % 9])) for k in range(150)])
        shop.take(at(500 * n + 400, event(f"bad-{n}")))

    assert 3 * LEAST_INTERNAL == shop.registry.get_sample_value("latido_internal_errors_total")


def test_a_fault_in_a_recheck_leaves_that_record_as_it_is(buggy: None) -> None:
    """The others are looked at all the same."""
    shop = Shop()
    shop.take(*[at(n, event(f"e{n}", NEIGHBOURS[n % 3], day=n)) for n in range(12)])
    before = {key: entry.body for key, entry in shop.owned.entries.items()}
    shop.pipeline.recheck(shop.owned, [(key, entry.wake_at) for key, entry in shop.owned.entries.items()])

    changed = {key for key, entry in shop.owned.entries.items() if entry.body != before[key]}
    assert set(NEIGHBOURS[1:3]) == changed
    assert 1 == shop.registry.get_sample_value("latido_internal_errors_total")


def test_a_fault_in_a_document_costs_that_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is written all the same."""
    shop = Shop()
    shop.take(at(0, event("e1")))
    monkeypatch.setattr(agents, "document", lambda *_: 1 / 0)

    assert shop.pipeline.render(shop.owned, "ada", shop.owned.entries["ada"].body, (0, 1, 1)) is None
    assert 1 == shop.registry.get_sample_value("latido_internal_errors_total")


# ---- all together


async def test_what_was_put_down_is_written_and_said_in_its_order() -> None:
    """Record first, then its words and document, then the letters."""
    shop = Shop()
    await shop.owned.open({})
    shop.owned.quiet = False
    shop.owned.render = shop.pipeline.render
    shop.broker.effects.clear()
    shop.take(at(0, event("e1")), at(1, b"?"), at(2, event("e2", STRANGERS[0])))
    await shop.owned.flush()

    told = [(effect[0], effect[1]) for effect in shop.broker.effects if effect[0] in ("remember", "say")]
    assert [("remember", shop.config.changelog)] == told[:1]
    assert {("say", "p-churn-risk"), ("say", "p-customers")} <= set(told[1:-2])
    assert {("say", "p-rerouted"), ("say", "p-dead-letters")} == set(told[-2:])
