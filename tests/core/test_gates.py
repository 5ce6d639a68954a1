"""Gates: eight of them, in one order, each with its reason and its end."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from schemas import CONTACT_CHANNELS
from streams.core.arms import experiment_arm
from streams.core.budget import Ledger
from streams.core.catalogue import Action, Catalogue, parse
from streams.core.engagement import DAY_S, Engagement, fold
from streams.core.gates import GATES, Context, Refusal, gate
from streams.core.moments import Moment
from streams.core.ring import mark_of
from streams.core.stance import Reservation, Stance
from tests.core.stories import DAY, HOUR, MINUTE, NOON, event, second

TOML = """
[policy]
contacts = [{ most = 1, days = 1 }]
complaint_days = 14
quiet_hours = { from = "21:00", until = "08:00", zone = "Europe/London" }
[channels.email]
needs_consent = ["relation", "marketing"]
quiet = true
[channels.web]
counts = false
anonymous = true
contacts = [{ most = 2, days = 1 }]
[moments.cart_abandoned]
delay_s = 3600
window_s = 86400
[experiments.free_gift]
salt = "2026"
arms = { control = 0.5, gift = 0.5 }
from = 2026-03-01T00:00:00Z
until = 2026-03-09T00:00:00Z
[[action]]
name = "voucher"
moments = ["cart_abandoned"]
channel = "email"
purpose = "marketing"
when = "orders >= 1"
discount = true
value_minor = 900
prior = [3, 97]
cooldown_s = 864000
expires_after_s = 86400
budget_per_day = 1
valid_from = 2026-03-01T00:00:00Z
valid_until = 2026-03-09T00:00:00Z
experiment = "free_gift"
arm = "gift"
template = { en = "A voucher for you." }
[[action]]
name = "banner"
moments = ["cart_abandoned"]
channel = "web"
purpose = "service"
value_minor = 100
prior = [3, 97]
cooldown_s = 0
expires_after_s = 86400
template = { en = "Still there." }
"""
CATALOGUE = parse(TOML)
VOUCHER, BANNER = CATALOGUE.by_name["voucher"], CATALOGUE.by_name["banner"]
NIGHT = NOON.replace(hour=23)
GIVEN = ("consent_given", -3 * DAY, {"channel": "email", "purpose": "marketing"})
ORDERED = ("order_placed", -2 * DAY, {})
IN_GIFT = next(key for key in map(str, range(99)) if "gift" == experiment_arm(CATALOGUE, "free_gift", key, {}))
IN_CONTROL = next(key for key in map(str, range(99)) if "control" == experiment_arm(CATALOGUE, "free_gift", key, {}))

Told = tuple[str, timedelta, dict[str, Any]]


def known(*told: Told, now: datetime = NOON) -> Engagement:
    """Remember what was told, each so long ago."""
    engagement = Engagement(0, second(now - 400 * DAY), second(now - 400 * DAY))
    for number, (tag, ago, fields) in enumerate(told):
        at_s = second(now + ago)
        fold(engagement, event(tag, now + ago, **fields), at_s, mark_of(at_s, f"m{number}"), "GBP")
    return engagement


def context(
    *told: Told, now: datetime = NOON, key: str = IN_GIFT, stance: Stance | None = None, spent: int = 0,
    catalogue: Catalogue = CATALOGUE,
) -> Context:  # fmt: skip
    """Gather what gates look at; nothing stands in the way of the voucher unless it is said."""
    ledger = Ledger()
    ledger.put_down([("voucher", second(now) // DAY_S)] * spent)
    engagement = known(*(told or (GIVEN, ORDERED)), now=now)
    return Context(catalogue, engagement, stance or Stance(), key, second(now), ledger.overlay())


def ask(here: Context, action: Action = VOUCHER, opens: timedelta = -HOUR, closes: timedelta = DAY) -> Refusal | None:
    """Ask all gates about an action for a moment that is open now."""
    now_s = here.now_s
    moment = Moment(
        "cart_abandoned", now_s - 7200, now_s + int(opens.total_seconds()), now_s + int(closes.total_seconds()), 50
    )
    return gate(here, moment, action)


def slot(action: Action, *, hours: int = 5) -> Reservation:
    """A decision that waits to be delivered."""
    return Reservation(bytes(8), action.name, CONTACT_CHANNELS.index(action.channel), 0, second(NOON + hours * HOUR))


def test_whoever_may_be_reached_is() -> None:
    """Where nothing stands in the way, no gate refuses."""
    assert ask(context()) is None
    assert ask(context(), BANNER) is None


def test_the_gates_are_asked_in_their_order() -> None:
    """Everything is wrong at once; as one thing after another is mended, the next gate speaks."""
    wrong: dict[str, Any] = {
        "told": (("complaint_made", -DAY, {}),),
        "now": NIGHT + 30 * DAY,
        "stance": Stance(chosen={"voucher": second(NIGHT + 29 * DAY)}, reservations=[slot(VOUCHER, hours=99 * 24)]),
        "spent": 1,
    }
    given = ("consent_given", -3 * DAY, {"channel": "email", "purpose": "marketing"})
    mended: list[dict[str, Any]] = [
        {
            "now": NIGHT,
            "stance": Stance(chosen={"voucher": second(NIGHT - DAY)}, reservations=[slot(VOUCHER, hours=48)]),
        },
        {"told": (given, *wrong["told"])},
        {"stance": Stance(chosen={"voucher": second(NOON - DAY)})},
        {"now": NOON},
        {"told": (given, ORDERED, *wrong["told"])},
        {"spent": 0},
        {"told": (given, ORDERED)},
    ]
    named = []
    for mending in [{}, *mended]:
        wrong |= mending
        refusal = ask(context(*wrong["told"], now=wrong["now"], stance=wrong["stance"], spent=wrong["spent"]))
        named.append(refusal and refusal.gate)

    assert list(GATES) == named


@pytest.mark.parametrize(
    ("now", "opens", "closes", "expected"),
    [
        (
            NOON - 2 * DAY,
            -HOUR,
            DAY,
            Refusal("validity", second(NOON.replace(month=3, day=1, hour=0)), "season not begun"),
        ),
        (NOON + 7 * DAY, -HOUR, DAY, Refusal("validity", None, "season over")),
        (NOON, HOUR, DAY, Refusal("validity", second(NOON + HOUR), "moment not begun")),
        (NOON, -HOUR, 0 * HOUR, Refusal("validity", None, "moment over")),
    ],
)
def test_everything_has_its_time(now: datetime, opens: timedelta, closes: timedelta, expected: Refusal) -> None:
    """An action is refused outside its season and its moment; what begins later is named with its instant."""
    assert expected == ask(context(now=now), opens=opens, closes=closes)


def test_an_experiment_ends_with_its_actions() -> None:
    """What belongs to an experiment is valid only while that runs."""
    longer = replace(VOUCHER, valid_from_s=0, valid_until_s=1 << 62)

    assert Refusal("validity", None, "experiment over") == ask(context(now=NOON + 7 * DAY), longer)


@pytest.mark.parametrize(
    ("told", "action", "detail"),
    [
        ([ORDERED], VOUCHER, "unknown"),
        ([ORDERED, GIVEN, ("consent_withdrawn", -DAY, GIVEN[2])], VOUCHER, "withdrawn"),
        ([ORDERED, GIVEN, ("unsubscribed", -DAY, {"channel": "email"})], VOUCHER, "withdrawn"),
        ([ORDERED, ("unsubscribed", -4 * DAY, {"channel": "email"}), GIVEN], VOUCHER, None),
        ([ORDERED, GIVEN, ("unsubscribed", -DAY, {"channel": "sms"})], VOUCHER, None),
        ([ORDERED], BANNER, None),
        ([ORDERED, ("consent_withdrawn", -DAY, {"channel": "web", "purpose": "service"})], BANNER, "withdrawn"),
    ],
)
def test_nobody_is_reached_who_does_not_want_it(told: list[Told], action: Action, detail: str | None) -> None:
    """Consent is asked for where the channel says so, a withdrawal holds everywhere, and the latest word counts."""
    assert detail == ((refusal := ask(context(*told), action)) and refusal.detail)


def test_a_visitor_has_no_address() -> None:
    """Whoever is not known by name can be shown something, but is sent nothing."""
    assert Refusal("consent", None, "anonymous") == ask(context(key="~v1"))
    assert ask(context(key="~v1"), BANNER) is None


def test_limits_hold_for_the_channel_and_over_all() -> None:
    """A delivery and a waiting decision each use up the one contact a day; what does not count is free."""
    delivered = ("action_delivered", -HOUR, {"channel": "email"})
    shown = ("action_delivered", -2 * HOUR, {"channel": "web"})

    assert Refusal("contact_policy", second(NOON + 23 * HOUR), "1 in 1 day") == ask(context(GIVEN, ORDERED, delivered))
    assert Refusal("contact_policy", second(NOON + 5 * HOUR), "1 at once") == ask(
        context(stance=Stance(reservations=[slot(VOUCHER)]))
    )
    assert ask(context(GIVEN, ORDERED, delivered), BANNER) is None
    assert ask(context(GIVEN, ORDERED, shown)) is None
    assert Refusal("contact_policy", second(NOON + 22 * HOUR), "web: 2 in 1 day") == ask(
        context(GIVEN, ORDERED, shown, shown), BANNER
    )


@pytest.mark.parametrize(
    ("liked", "now", "until"),
    [
        ({}, NIGHT, NIGHT + 9 * HOUR),
        ({}, NOON, None),
        ({"time_zone": "America/New_York"}, NIGHT, None),
        ({"time_zone": "America/New_York"}, NOON, NOON + HOUR),
        ({"time_zone": "Mars/Olympus"}, NIGHT, NIGHT + 9 * HOUR),
        ({"quiet_from": "11:30", "quiet_until": "12:30"}, NOON, NOON + 30 * MINUTE),
        ({"quiet_from": "11:30", "quiet_until": "12:30"}, NIGHT, None),
        ({"quiet_from": "00:00", "quiet_until": "00:00"}, NIGHT, None),
    ],
)
def test_quiet_hours_are_the_customers(liked: dict[str, str], now: datetime, until: datetime | None) -> None:
    """What a customer prefers goes before the policy; of an unknown zone the policy's is taken."""
    here = context(GIVEN, ORDERED, ("preferences_set", -DAY, liked), now=now)

    assert (until and Refusal("quiet_hours", second(until), "")) == ask(here)
    assert ask(here, BANNER) is None


def test_what_cannot_wait_for_the_morning_is_not_held() -> None:
    """When the moment or the season is over by the end of the night, there is no date to wait for."""
    ends = replace(VOUCHER, valid_until_s=second(NIGHT + 9 * HOUR))

    assert Refusal("quiet_hours", None, "") == ask(context(now=NIGHT), closes=9 * HOUR)
    assert Refusal("quiet_hours", second(NIGHT + 9 * HOUR), "") == ask(context(now=NIGHT), closes=9 * HOUR + MINUTE)
    assert Refusal("quiet_hours", None, "") == ask(context(now=NIGHT), ends)


def test_an_action_is_for_those_it_is_meant_for() -> None:
    """Its condition is met, and the customer is in its arm; the condition is asked first."""
    assert Refusal("eligibility", None, "when") == ask(context(GIVEN, key=IN_CONTROL))
    assert Refusal("eligibility", None, "arm") == ask(context(key=IN_CONTROL))
    assert ask(context(key=IN_CONTROL, stance=Stance(enrolled={"free_gift": "gift"}))) is None


def test_a_budget_is_for_one_day() -> None:
    """When it is used up, the next day brings another; without a ledger nobody counts."""
    assert Refusal("budget", second(NOON + 12 * HOUR), "") == ask(context(spent=1))
    uncounted = context(spent=1)
    uncounted.ledger = None
    assert ask(uncounted) is None


@pytest.mark.parametrize(
    ("said", "days"),
    [
        (("complaint_made", -DAY, {}), 13),
        (("complaint_made", -14 * DAY, {}), None),
        (("survey_answered", -2 * DAY, {"survey": "nps", "score": 6}), 12),
        (("survey_answered", -2 * DAY, {"survey": "nps", "score": 7}), None),
    ],
)
def test_nobody_who_complained_is_offered_money(said: Told, days: int | None) -> None:
    """After a complaint or a detractor's answer no discount is offered for two weeks; anything else may be."""
    here = context(GIVEN, ORDERED, said)

    assert (days and Refusal("suitability", second(NOON + days * DAY), "complaint")) == ask(here)
    assert ask(here, replace(VOUCHER, discount=False)) is None


def test_an_action_rests() -> None:
    """It is not chosen again before its time, and another one may be."""
    chosen_s = second(NOON - 9 * DAY)

    assert Refusal("cool_down", second(NOON + DAY), "") == ask(context(stance=Stance(chosen={"voucher": chosen_s})))
    assert ask(context(stance=Stance(chosen={"voucher": chosen_s - DAY_S, "banner": chosen_s}))) is None
