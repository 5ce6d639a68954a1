"""A day's budget is one for all partitions, through failures and restarts."""

from datetime import datetime, timedelta

import msgspec
import pytest

from streams import agents
from streams.core.budget import Ledger, share
from streams.core.catalogue import MOMENTS, parse
from streams.core.gates import GATES
from streams.core.record import load
from streams.core.step import Advance
from streams.engine.partition import OwnedPartition
from streams.metrics import OTHER
from tests.engine.recording import TERM, Recorder
from tests.worker.test_pipeline import DAY, HERE, HOME, SETTINGS, Shop, at, event

BUDGET = 18
GIFT = parse(f"""
[policy]
at_once = 1
holdout = {{ share = 0.0, salt = "1" }}
[channels.web]
[moments.helped_and_left]
delay_s = 60
window_s = 86400
[[action]]
name = "gift"
moments = ["helped_and_left"]
channel = "web"
purpose = "service"
value_minor = 100000
cost_minor = 0
prior = [999, 1]
cooldown_s = 60
expires_after_s = 3600
budget_per_day = {BUDGET}
template = {{ en = "A gift waits for you." }}
""")
TODAY = int(DAY.timestamp()) // 86400
GUESTS = [f"g{n}" for n in range(2000)]
MINE = [name for name in GUESTS if HOME(name) == HERE][:60]


class GiftShop(Shop):
    """A shop whose only action is a gift, of which there are few a day."""

    def __init__(self) -> None:
        """Offer nothing else."""
        super().__init__()
        rules = msgspec.structs.replace(self.pipeline._rules, catalogue=GIFT)
        self.pipeline._rules = rules
        self.metrics.know(GIFT)

    def visited(self, names: list[str], begin: int = 0, when: datetime = DAY) -> None:
        """Let customers be helped in a shop, and look at them when they have left."""
        helped = {"occurred_at": when.isoformat(), "event_type": "associate_helped", "store_id": "s1"}
        visits = [at(begin + n, event(f"v{begin + n}", who, **helped)) for n, who in enumerate(names)]
        self.take(*visits, source=1)
        self.pipeline.recheck(self.owned, [(who, self.owned.entries[who].wake_at) for who in names])

    def gifts(self) -> int:
        """How many were decided, by the records."""
        funded = [one for entry in self.owned.entries.values() for one in load(entry.body).stance.funded]
        return funded.count(("gift", TODAY))


def test_a_partition_spends_its_part_and_no_more() -> None:
    """Also over many slices; the ledger is put down with the records."""
    shop = GiftShop()
    for begin in range(0, 60, 7):
        shop.visited(MINE[begin : begin + 7], begin)

    mine = share(BUDGET, SETTINGS.partitions, HERE, TODAY)
    assert mine == shop.gifts()
    assert 0 == shop.pipeline.ledger_of(shop.owned).left("gift", BUDGET, TODAY)
    assert {"budget"} == {
        refused["gate"]
        for who in MINE[20:]
        for word in shop.owned.entries[who].outbox
        if word.topic == 1
        for refused in msgspec.json.decode(word.value)["refused"]
    }


def test_what_was_decided_is_counted_for_operators() -> None:
    """One moment and one arm of each decision, one refusal of each action that a gate stopped; a breach by itself."""
    shop = GiftShop()
    shop.visited(MINE[:20])
    gone = 20 - shop.gifts()

    def counted(name: str, **labels: str) -> float | None:
        return shop.registry.get_sample_value(f"latido_{name}_total", labels)

    assert (20, 20) == (counted("moments", moment="helped_and_left"), counted("decisions", arm="treated"))
    assert (gone, 0) == (counted("refusals", gate="budget"), counted("refusals", gate="consent"))
    assert (0, 0) == (counted("breaches"), counted("holds"))
    shop.pipeline._count({("held", ""): 2, ("moment", "response_overdue"): 3})
    assert (3, 2) == (counted("breaches"), counted("holds"))


def test_whatever_is_decided_has_a_label_value() -> None:
    """Moments, arms and gates are all written down."""
    shop = Shop()
    names = {"moment": MOMENTS, "refused": GATES, "arm": ("treated", "holdout")}
    shop.pipeline._count({(what, name): 1 for what, values in names.items() for name in values})

    assert not any(OTHER in sample.labels.values() for metric in shop.registry.collect() for sample in metric.samples)


def test_the_next_day_has_a_budget_of_its_own() -> None:
    """What was not spent yesterday is gone, and what was is forgiven."""
    shop = GiftShop()
    shop.visited(MINE[:20])
    shop.visited(MINE[20:40], 20, DAY + timedelta(days=1))

    ledger = shop.pipeline.ledger_of(shop.owned)
    assert [0, 0] == [ledger.left("gift", BUDGET, TODAY + day) for day in (0, 1)]
    assert share(BUDGET, SETTINGS.partitions, HERE, TODAY) == ledger.spent("gift", TODAY)
    assert share(BUDGET, SETTINGS.partitions, HERE, TODAY + 1) == ledger.spent("gift", TODAY + 1)


def test_a_new_owner_counts_again_what_was_spent() -> None:
    """The records name it, so a restart in the middle of the day spends nothing twice."""
    shop = GiftShop()
    shop.visited(MINE[:3])
    spent = shop.gifts()
    taken_over = OwnedPartition(HERE, TERM + 1, shop.config, Recorder(), Recorder())
    taken_over.entries, taken_over.facts = shop.owned.entries, shop.owned.facts
    shop.owned = taken_over
    shop.pipeline.opened(taken_over)

    assert spent > 0
    assert spent == shop.pipeline.ledger_of(taken_over).spent("gift", TODAY)
    shop.visited(MINE[3:60], 3)
    assert share(BUDGET, SETTINGS.partitions, HERE, TODAY) == shop.gifts()


def test_a_slice_that_fails_has_spent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done again record by record, and each pays once."""
    shop, finish, failed = GiftShop(), Advance.finish, []

    def failing(advance: Advance) -> object:
        steps = finish(advance)
        if advance.funded and len(steps) > 1:
            failed.append(len(advance.funded))
            raise KeyError("after all was decided")
        return steps

    monkeypatch.setattr(agents.Advance, "finish", failing)
    shop.visited(MINE[:30])

    assert failed
    assert share(BUDGET, SETTINGS.partitions, HERE, TODAY) == shop.gifts()
    assert shop.gifts() == shop.pipeline.ledger_of(shop.owned).spent("gift", TODAY)


def test_the_parts_of_all_partitions_are_the_budget() -> None:
    """By largest remainder; whoever has one more today need not tomorrow."""
    for day in range(TODAY, TODAY + 12):
        ledgers = [Ledger(SETTINGS.partitions, number) for number in range(SETTINGS.partitions)]
        assert BUDGET == sum(ledger.left("gift", BUDGET, day) for ledger in ledgers)
