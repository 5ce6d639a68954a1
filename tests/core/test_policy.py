"""The policy: whatever happens, in whatever order, no decision breaks what was promised of contacts."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schemas import Event
from streams.core import gates
from streams.core.budget import Ledger
from streams.core.catalogue import Catalogue, parse
from streams.core.record import load
from streams.core.rules import Rules
from streams.core.step import Advance, Step
from tests.core.policy_oracle import Oracle
from tests.core.stories import DAY, HOUR, NOON, event, second, source_of

CATALOGUE = """
[policy]
contacts = [{{ most = {day}, days = 1 }}, {{ most = {week}, days = 7 }}]
at_once = {at_once}
complaint_days = 4
quiet_hours = {{ from = "21:00", until = "08:00", zone = "Europe/London" }}
holdout = {{ share = 0.4, salt = "2048" }}
[channels.email]
needs_consent = ["relation", "marketing"]
quiet = true
contacts = [{{ most = {email}, days = 3 }}]
[channels.push]
needs_consent = ["marketing"]
quiet = true
[channels.web]
counts = false
anonymous = true
contacts = [{{ most = {web}, days = 1 }}]
[channels.staff]
counts = false
[moments.return_made]
window_s = 86400
[moments.complaint]
window_s = 86400
[moments.promoter]
window_s = 172800
[moments.visit_without_purchase]
window_s = 43200
[moments.cart_abandoned]
delay_s = 3600
window_s = 86400
[experiments.gift]
salt = "2026"
arms = {{ control = 0.5, gift = 0.5 }}
[[action]]
name = "thanks"
moments = ["return_made", "complaint", "promoter"]
channel = "email"
purpose = "relation"
value_minor = 1000
prior = [90, 10]
cooldown_s = 86400
expires_after_s = 172800
budget_per_day = {budget}
template = {{ en = "Thank you." }}
[[action]]
name = "voucher"
moments = ["return_made", "complaint", "visit_without_purchase", "cart_abandoned"]
channel = "push"
purpose = "marketing"
discount = true
value_minor = 1200
prior = [80, 20]
cooldown_s = 21600
expires_after_s = 86400
budget_per_day = {budget}
valid_from = 2026-03-02T14:00:00Z
valid_until = 2026-03-06T00:00:00Z
template = {{ en = "A voucher." }}
[[action]]
name = "banner"
moments = ["visit_without_purchase", "cart_abandoned", "complaint"]
channel = "web"
purpose = "service"
value_minor = 800
prior = [80, 20]
cooldown_s = 60
expires_after_s = 14400
budget_per_day = {budget}
template = {{ en = "Still there." }}
[[action]]
name = "call"
moments = ["complaint"]
channel = "staff"
purpose = "service"
duty = true
value_minor = 1
cost_minor = 300
prior = [10, 90]
cooldown_s = 0
expires_after_s = 43200
template = {{ en = "Call them." }}
[[action]]
name = "gift"
moments = ["return_made", "promoter"]
channel = "push"
purpose = "relation"
value_minor = 1000
prior = [90, 10]
cooldown_s = 86400
expires_after_s = 43200
experiment = "gift"
arm = "gift"
template = {{ en = "A gift." }}
[[action]]
name = "card"
moments = ["return_made", "promoter"]
channel = "push"
purpose = "relation"
value_minor = 1000
prior = [90, 10]
cooldown_s = 86400
expires_after_s = 43200
experiment = "gift"
arm = "control"
template = {{ en = "A card." }}
"""

HOMES = {"c1": 0, "c2": 1, "c3": 0, "c4": 1, "c5": 0, "~v1": 1}
"""The customers, and the partition where each is at home."""

MOST = st.sampled_from([1, 2, 3, 9, 9])
LIMITS = st.fixed_dictionaries(
    {"day": MOST, "week": MOST, "email": MOST, "web": MOST, "at_once": st.sampled_from([1, 2, 9])}
)
BUDGET = st.integers(1, 3)
WORDS = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["email", "push", "web"]),
        "purpose": st.sampled_from(["service", "relation", "marketing"]),
    }
)
QUIET = st.sampled_from([None, None, ("10:00", "16:00"), ("22:00", "06:00"), ("00:00", "00:00")])
ZONES = st.sampled_from([None, "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"])
LIKES = st.builds(
    lambda zone, quiet: {"time_zone": zone, "quiet_from": quiet and quiet[0], "quiet_until": quiet and quiet[1]},
    ZONES,
    QUIET,
)
NOTHING_SAID = st.just({})
FIELDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "order_returned": NOTHING_SAID,
    "store_entered": NOTHING_SAID,
    "cart_item_added": NOTHING_SAID,
    "order_placed": NOTHING_SAID,
    "complaint_made": NOTHING_SAID,
    "survey_answered": st.fixed_dictionaries({"survey": st.just("nps"), "score": st.sampled_from([3, 9, 10])}),
    "consent_given": WORDS,
    "consent_withdrawn": WORDS,
    "unsubscribed": st.fixed_dictionaries({"channel": st.sampled_from(["email", "push"])}),
    "preferences_set": LIKES,
    "action_delivered": NOTHING_SAID,
    "action_dismissed": NOTHING_SAID,
}
OFTEN = [
    *FIELDS,
    *["order_returned"] * 5,
    "survey_answered",
    "complaint_made",
    "preferences_set",
    *["action_delivered"] * 4,
]
AHEAD = st.one_of(st.integers(0, 900), st.integers(0, 8 * 3600), st.integers(-36 * 3600, 0))
HAPPENING = st.sampled_from(OFTEN).flatmap(
    lambda tag: st.tuples(st.integers(0, 2), st.just(tag), AHEAD, FIELDS[tag], st.integers(0, 3))
)


USUAL = settings(stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


class Policy(RuleBasedStateMachine):
    """A shop of two partitions: things happen, time passes, workers crash, marketing changes its mind."""

    def __init__(self) -> None:
        super().__init__()
        self.oracle, self.now, self.used = Oracle(), NOON, set[int]()
        self.bodies: dict[str, bytes] = {}
        self.wakes: dict[str, int] = {}
        self.ledgers = [Ledger(2, number) for number in range(2)]
        self.count = 0
        self.log: list[tuple[str, Event]] = []

    @initialize(limits=LIMITS, budget=BUDGET)
    def open(self, limits: dict[str, int], budget: int) -> None:
        """Everybody lets us write to them, until they think better of it; two live elsewhere, one rests at noon."""
        self.serve(limits | {"budget": budget})
        noon = {"quiet_from": "12:00", "quiet_until": "18:00"}
        for key, likes in [
            ("c2", {"time_zone": "America/New_York"}),
            ("c3", {"time_zone": "Asia/Kolkata"}),
            ("c4", noon),
        ]:
            self.happen(HOMES[key], [self.told(key, "preferences_set", 1, likes)])
        for key in HOMES:
            for channel, purpose in [("email", "relation"), ("push", "relation"), ("push", "marketing")]:
                self.happen(HOMES[key], [self.told(key, "consent_given", 1, {"channel": channel, "purpose": purpose})])

    @rule(limits=LIMITS)
    def change_limits(self, limits: dict[str, int]) -> None:
        """Other limits hold from now on."""
        self.serve(self.limits | limits)

    @precondition(lambda self: self.now.hour < 2)
    @rule(budget=BUDGET)
    def change_budget(self, budget: int) -> None:
        """Another budget holds from now on."""
        self.serve(self.limits | {"budget": budget})

    @rule(home=st.sampled_from([0, 1]), happenings=st.lists(HAPPENING, min_size=1, max_size=6), crashes=st.booleans())
    def come(self, home: int, happenings: list[Any], crashes: bool) -> None:
        """Some events come in one slice, which may have to be repeated."""
        living = [key for key in HOMES if HOMES[key] == home]
        told = [self.about(living[who], *rest) for who, *rest in happenings]
        self.happen(home, [one for one in told if one is not None], crashes=crashes)

    @rule(which=st.integers(0, 20))
    def come_again(self, which: int) -> None:
        """An event that was told is told once more, and says nothing new."""
        key, one = self.log[-1 - which % len(self.log)]
        steps, outcomes, _ = self.advance(HOMES[key], [(key, one)], None)
        assert "advanced" != outcomes[0]
        assert {} == steps

    @rule(hours=st.integers(1, 36))
    def pass_by(self, hours: int) -> None:
        """Time passes, and whoever wished to be looked at is, in turn."""
        self.now += hours * HOUR
        for _ in range(40):
            key = min(self.wakes, key=lambda key: self.wakes[key], default="")
            if not key or self.wakes[key] > second(self.now):
                break
            self.happen(HOMES[key], [(key, self.wakes[key])])

    @rule(hours=st.integers(1, 12))
    def oversleep(self, hours: int) -> None:
        """Time passes while nobody looks."""
        self.now += hours * HOUR

    @rule(key=st.sampled_from(sorted(HOMES)), days=st.integers(0, 3))
    def read_late(self, key: str, days: int) -> None:
        """An event was read some days after it had happened."""
        one = self.told(key, "order_returned", 60, {})
        self.happen(HOMES[key], [one], clock=self.now + days * DAY)

    @rule()
    def restart(self) -> None:
        """Other workers take over: they count again what their records say was spent."""
        self.ledgers = [Ledger(2, number) for number in range(2)]
        for key, body in self.bodies.items():
            stance = load(body).stance
            assert stance is not None
            self.ledgers[HOMES[key]].put_down(stance.funded)

    @invariant()
    def keeps_its_promises(self) -> None:
        """Nothing was broken yet."""
        assert [] == self.oracle.breaches

    def serve(self, limits: dict[str, int]) -> None:
        """Let another catalogue serve."""
        self.limits, self.text = limits, CATALOGUE.format(**limits)
        self.rules = Rules(catalogue=parse(self.text))

    def told(self, key: str, tag: str, ahead_s: int, fields: dict[str, Any]) -> tuple[str, Event]:
        """Tell an event at a second of its own; what happens later than now makes it now."""
        at = self.now + timedelta(seconds=ahead_s)
        while second(at) in self.used:
            at += timedelta(seconds=1)
        self.used.add(second(at))
        self.now = max(self.now, at)
        self.count += 1
        who = {"customer_id": None, "anonymous_id": key[1:]} if key.startswith("~") else {"customer_id": key}
        self.log.append((key, event(tag, at, event_id=f"e{self.count}", **who, **fields)))
        return self.log[-1]

    def about(self, key: str, tag: str, ahead_s: int, fields: dict[str, Any], which: int) -> tuple[str, Event] | None:
        """Tell an event, of one of the latest decisions if it is about one."""
        if not tag.startswith("action_"):
            return self.told(key, tag, ahead_s, fields)
        done = [one for one in self.oracle.spoken[key] if one["action"] != "nothing"]
        if not done:
            return None
        one = done[-1 - which % len(done)]
        named = {"decision_id": one["signal_id"], "action": one["action"], "channel": one["channel"]}
        late_s = max(ahead_s, int((one["as_of"] - self.now).total_seconds()) + 1)
        return self.told(key, tag, late_s, named)

    def happen(
        self, home: int, told: list[tuple[str, Event | int]], *, crashes: bool = False, clock: datetime | None = None
    ) -> None:
        """Advance one partition by a slice; one that crashes is repeated, and says the same again."""
        steps, outcomes, funded = self.advance(home, told, clock)
        if crashes:
            assert (steps, outcomes, funded) == self.advance(home, told, clock)
        for key, step in steps.items():
            self.bodies[key] = step.body
            self.wakes.pop(key, None)
            if step.wake_at is not None:
                self.wakes[key] = step.wake_at
        self.ledgers[home].put_down(funded)
        for (key, one), outcome in zip(told, outcomes, strict=True):
            if isinstance(one, int) or outcome == "advanced":
                if not isinstance(one, int):
                    self.oracle.told[key].append(one)
                if key in steps:
                    self.listen(key, one, steps[key], clock)

    def advance(self, home: int, told: list[tuple[str, Event | int]], clock: datetime | None) -> Any:
        advance = Advance(self.rules, None if clock is None else second(clock), self.ledgers[home])
        outcomes = [
            advance.recheck(key, self.bodies[key], one)
            if isinstance(one, int)
            else advance.observe(key, self.bodies.get(key), source_of(one), one)
            for key, one in told
        ]
        return advance.finish(), outcomes, list(advance.funded)

    def listen(self, key: str, one: Event | int, step: Step, clock: datetime | None) -> None:
        """Let the oracle hear what was decided because of one event or recheck."""
        for signal in step.signals:
            if signal.kind != "next-best-actions":
                continue
            said = msgspec.json.decode(signal.body)
            cause = said["cause"]
            at = datetime.fromisoformat(cause["at"])
            if (second(at) == one) if isinstance(one, int) else (cause["event_id"] == one.event_id):
                self.oracle.hear(key, signal.body, self.text, clock)


def test_no_decision_breaks_what_was_promised() -> None:
    """Consent, quiet hours, limits, budgets, expiries, arms, rest and one body for an id hold in any history."""
    run_state_machine_as_test(Policy, settings=settings(USUAL, max_examples=60))


@pytest.mark.parametrize(
    ("missing", "breach"),
    [
        ("validity", "out of season"),
        ("consent", "contacted"),
        ("contact_policy", "limit"),
        ("quiet_hours", "in quiet hours"),
        ("eligibility", "for the other arm"),
        ("budget", "a budget was exceeded"),
        ("suitability", "instead of an answer"),
        ("cool_down", "before it had rested"),
    ],
)
def test_a_gate_that_is_missing_shows(missing: str, breach: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The histories drawn here come to every gate: without any one of them, a promise is broken."""
    asked_of = gates._asked_of

    def others(catalogue: Catalogue) -> dict[str, Any]:
        asked = asked_of(catalogue).items()
        return {name: [gate for gate in those if gate.__name__ != f"_{missing}"] for name, those in asked}

    monkeypatch.setattr(gates, "_asked_of", others)

    with pytest.raises(AssertionError, match=breach):
        run_state_machine_as_test(
            Policy, settings=settings(USUAL, max_examples=300, derandomize=True, phases=[Phase.generate])
        )
