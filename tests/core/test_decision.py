"""What a decision leaves behind, and what it tells."""

import math
from datetime import timedelta

import msgspec
import pytest

from schemas import CONTACT_CHANNELS, NextBestAction
from streams.core.budget import Ledger
from streams.core.catalogue import NOTHING
from streams.core.decision import MAX_CHOSEN, remember
from streams.core.moments import moment_id
from streams.core.rules import Rules
from streams.core.shelf import Shelf
from streams.core.stance import MAX_RECENT, MAX_RESERVATIONS, Reservation, Stance, recalled
from streams.core.step import Advance
from tests.core.decided import action, catalogue, context, moment, rules
from tests.core.stories import DAY, HOUR, MINUTE, NOON, Story, event, second
from tests.core.test_choose import decided

THANKS = action("thanks", prior=[999_000, 1000])
NIGHT = NOON + 10 * HOUR
MORNING = NOON + 20 * HOUR


def buyer(served: Rules, key: str = "c1", ledger: Ledger | None = None) -> Story:
    """Tell of a first order; the reaction to it is in the story."""
    return Story(served, key=key, ledger=ledger).happens("order_placed", customer_id=key, event_id=f"{key}-1")


def first_in(arm: str, served: Rules) -> Story:
    """Find a buyer of an arm for whom something was chosen."""
    stories = (buyer(served, f"c{number}") for number in range(200))
    return next(one for one in stories if one.decisions[0].arm == arm and one.decisions[0].probability > 0.5)


def test_a_decision_is_remembered() -> None:
    """The moment is answered, the action was chosen, a slot is reserved until it expires, and its id is known."""
    story = first_in("treated", rules(THANKS))
    (told,), stance, now_s = story.decisions, story.stance, second(NOON)
    identity = bytes.fromhex(told.signal_id)

    assert ({"first_purchase": now_s}, {"thanks": now_s}) == (stance.answers, stance.chosen)
    assert [Reservation(identity[:8], "thanks", 0, now_s, now_s + 7200)] == stance.reservations
    assert [(identity, "first_purchase", "thanks", now_s)] == [
        (one.decision, one.moment, one.action, one.since_s) for one in recalled(stance.recent)
    ]
    assert {"holdout": "treated"} == stance.enrolled


def test_a_decision_is_told_as_it_was_weighed() -> None:
    """Scores follow from their four factors, probabilities add up to 1, and the words are the customer's."""
    told = first_in("treated", rules(THANKS)).decisions[0]
    factors = [(one.propensity * one.context_weight * one.value_minor * one.lever - one.cost_minor, one.score)
               for one in told.candidates]  # fmt: skip

    assert ["thanks", NOTHING] == [one.action for one in told.candidates]
    assert all(math.isclose(expected, score, abs_tol=1e-5) for expected, score in factors)
    assert sum(one.probability for one in told.candidates) == pytest.approx(1.0, abs=1e-12)
    assert ("thanks/en", "en", "Thank you.", "email", "service") == (
        told.template, told.language, told.message, told.channel, told.purpose
    )  # fmt: skip
    assert told.probability == told.candidates[0].probability
    assert NOON + 2 * HOUR == told.expires_at


def test_the_words_are_in_the_language_that_was_asked_for() -> None:
    """Whoever reads German gets the German template."""
    story = Story(rules(THANKS)).happens("preferences_set", language="de").happens("order_placed", event_id="o")

    assert ("thanks/de", "Danke.") == (story.decisions[0].template, story.decisions[0].message)


def test_the_holdout_is_told_what_would_have_been() -> None:
    """Nothing is said to the customer; what would have been counts as a contact and costs no budget."""
    served, ledger = rules(action("thanks", prior=[999_000, 1000], budget_per_day=500), share=0.5), Ledger()
    story = first_in("holdout", served)
    again = buyer(served, story.key, ledger)
    told, stance = again.decisions[0], again.stance

    assert (NOTHING, "thanks", "holdout") == (told.action, told.would_have, told.arm)
    assert (None, None, None, None) == (told.channel, told.message, told.respond_by, told.template)
    assert ([True], {"thanks": second(NOON)}, []) == (
        [one.shadow for one in stance.reservations], stance.chosen, stance.funded
    )  # fmt: skip
    assert ledger.spent("thanks", second(NOON) // 86400) == 0


def test_nothing_enrols_nobody() -> None:
    """Who was refused everywhere is counted in no arm yet."""
    story = buyer(rules(action("offer", purpose="marketing")))

    assert ([NOTHING], {}, [], {}) == (
        story.actions, story.stance.enrolled, story.stance.reservations, story.stance.chosen
    )  # fmt: skip
    assert 1 == len(recalled(story.stance.recent))


def test_a_moment_is_answered_once() -> None:
    """Neither a copy nor a later look asks again."""
    story = buyer(rules(THANKS)).until(NOON + 30 * DAY)
    story.happens("order_delivered", NOON + HOUR, event_id="d").until(NOON + 60 * DAY)

    assert 1 == len(story.decisions)


def test_a_held_decision_is_made_in_the_morning() -> None:
    """Nothing is said at night; when quiet hours end, all gates are asked again, and it is said once."""
    story = Story(rules(THANKS)).happens("order_placed", NIGHT)
    assert ([], second(MORNING)) == (story.actions, story.stance.held_until_s)
    assert {} == story.stance.answers

    story.until(NOON + 5 * DAY)

    assert [(MORNING, "recheck")] == [(one.as_of, one.cause.topic) for one in story.decisions]
    assert -1 == story.stance.held_until_s


def test_who_withdraws_in_the_night_is_not_contacted_in_the_morning() -> None:
    """A decision that is held asks all gates again, consent among them."""
    story = Story(rules(THANKS)).happens("order_placed", NIGHT)
    story.happens("consent_withdrawn", NIGHT + HOUR, channel="email", purpose="service").until(NOON + 5 * DAY)

    assert [(NOTHING, "consent")] == [(one.action, one.refused[0].gate) for one in story.decisions]


def test_a_look_in_the_night_changes_nothing() -> None:
    """Events while a decision is held neither make it nor lose it."""
    story = Story(rules(THANKS)).happens("order_placed", NIGHT).happens("store_entered", NIGHT + HOUR)
    assert [] == story.actions

    story.until(NOON + 5 * DAY)

    assert [MORNING] == [one.as_of for one in story.decisions]


def test_the_past_reserves_nothing_and_is_paid_by_nobody() -> None:
    """A backfill answers moments and leaves no other trace; one that comes too late by the wall clock does the same."""
    ledger, paid = Ledger(), action("thanks", prior=[999_000, 1000], budget_per_day=5)
    before = msgspec.structs.replace(rules(paid), speak_from_s=second(NOON + DAY))
    backfilled = buyer(before, ledger=ledger)
    late = Story(rules(paid), now_s=second(NOON + 2 * DAY), ledger=ledger).happens("order_placed")

    for story in (backfilled, late):
        stance = story.stance
        assert ([], {"first_purchase": second(NOON)}) == (story.actions, stance.answers)
        assert ({}, [], {}, [], []) == (
            stance.chosen, stance.reservations, stance.enrolled, stance.recent, stance.funded
        )  # fmt: skip
        assert 2 == story.muted
    assert 0 == ledger.spent("thanks", second(NOON) // 86400)


def test_a_days_budget_is_never_exceeded() -> None:
    """Of ten buyers of one day three are thanked; the next day it is full again."""
    served, ledger = rules(action("thanks", prior=[999_000, 1000], budget_per_day=3)), Ledger()
    today = [buyer(served, f"c{number}", ledger) for number in range(10)]
    tomorrow = Story(served, "d1", ledger=ledger).happens("order_placed", NOON + DAY, customer_id="d1")

    chosen = [story.actions for story in today]
    refused = [one.gate for story in today for one in story.decisions[0].refused]

    assert 3 == chosen.count(["thanks"])
    assert {"budget"} == set(refused)
    assert [("thanks", second(NOON + DAY) // 86400)] == tomorrow.stance.funded
    assert sum(len(story.stance.funded) for story in today) == ledger.spent("thanks", second(NOON) // 86400) == 3


def test_a_budget_is_spent_within_a_slice_and_only_by_one_that_is_put_down() -> None:
    """Within one slice the budget counts from customer to customer; a slice that fails has spent nothing."""
    served, ledger = rules(action("thanks", prior=[999_000, 1000], budget_per_day=3)), Ledger()
    for _ in range(2):
        advance = Advance(served, None, ledger)
        for number in range(10):
            one = event("order_placed", event_id=f"c{number}-1", customer_id=f"c{number}")
            advance.observe(f"c{number}", None, 2, one)
        steps = advance.finish()

        said = [signal.label for step in steps.values() for signal in step.signals]
        assert (3, 3) == (said.count("thanks"), len(advance.funded))
        assert 0 == ledger.spent("thanks", second(NOON) // 86400)


def test_cuts_do_not_show_in_budgets() -> None:
    """One slice of ten buyers, or ten of one: the same three are thanked."""
    served = rules(action("thanks", prior=[999_000, 1000], budget_per_day=3))
    outcomes = []
    for size in (1, 4, 10):
        ledger, bodies = Ledger(), dict[str, bytes]()
        for start in range(0, 10, size):
            advance = Advance(served, None, ledger)
            for number in range(start, min(10, start + size)):
                one = event("order_placed", event_id=f"c{number}-1", customer_id=f"c{number}")
                advance.observe(f"c{number}", None, 2, one)
            bodies |= {key: step.body for key, step in advance.finish().items()}
            ledger.put_down(advance.funded)
        outcomes.append(bodies)

    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_the_catalogue_of_the_instant_decides() -> None:
    """A catalogue serves what happens from its effective instant on, whenever it is looked at."""
    shelf = Shelf()
    shelf.add(second(NOON + DAY), catalogue(action("praise", prior=[999_000, 1000])))
    served = msgspec.structs.replace(rules(THANKS), shelf=shelf)
    before, after = Story(served), Story(served)
    before.happens("order_placed", NOON + DAY - MINUTE)
    after.happens("order_placed", NOON + DAY)

    assert (["thanks"], ["praise"]) == (before.actions, after.actions)
    assert shelf.serving(second(NOON + DAY)).version == after.decisions[0].catalogue  # type: ignore[union-attr]


def test_who_complains_is_promised_an_answer() -> None:
    """The deadline is the earlier of the moment's and the action's."""
    calls = action("call", "complaint", channel="email", prior=[999_000, 1000], respond_within_s=3600)
    slow = {"expires_after_s": 36_000, "respond_within_s": 36_000}
    writes = action("write", "complaint", prior=[999_000, 1000], **slow)

    for served, hours in ((rules(calls), 1), (rules(writes), 2)):
        told = Story(served).happens("page_viewed").happens("complaint_made", NOON + HOUR).decisions[0]
        assert NOON + HOUR + timedelta(hours=hours) == told.respond_by


def test_a_complaint_that_nobody_answers_is_said() -> None:
    """With no action in the catalogue the decision is nothing, and when the deadline has passed that is said too."""
    story = Story(rules()).happens("complaint_made", NOON).until(NOON + 10 * DAY)

    assert [("complaint", NOON), ("response_overdue", NOON + 2 * HOUR)] == [
        (one.moment, one.as_of) for one in story.decisions
    ]
    assert story.decisions[0].reason.endswith(" No action answers it.")


def test_an_order_of_somebody_unknown_reaches_only_where_that_may_be() -> None:
    """A visitor without a name is decided about like others, by channels that reach visitors."""
    told = buyer(rules(THANKS, action("hint", channel="web", prior=[999_000, 1000])), "~a1").decisions[0]

    assert ("a1", None, "hint", [("thanks", "consent")]) == (
        told.anonymous_id, told.customer_id, told.action, [(one.action, one.gate) for one in told.refused]
    )  # fmt: skip
    assert moment_id("~a1", moment()) == told.moment_id


def test_what_a_decision_counts() -> None:
    """For metrics a slice counts moments and arms of decisions, refusals by gate, and holds."""
    advance = Advance(rules(THANKS, action("offer", purpose="marketing")))
    advance.observe("c1", None, 2, event("order_placed", NOON, event_id="c1-1"))
    advance.observe("c2", None, 2, event("order_placed", NIGHT))
    advance.finish()

    assert {("moment", "first_purchase"): 1, ("arm", "treated"): 1, ("refused", "consent"): 1, ("held", ""): 1} == (
        advance.tally
    )


def test_a_record_stays_small() -> None:
    """However much is decided, the latest few decisions, slots and actions are kept."""
    actions = [action(f"a{number}", channel="web" if number else "email") for number in range(64)]
    served = catalogue(*actions)
    seen = context(served)
    stance = seen.stance = Stance(chosen={f"old{number}": number for number in range(MAX_CHOSEN)})
    first = decided(catalogue(action("a0", prior=[999_000, 1000])), moment())
    remember(seen, first, "f" * 32)
    for number in range(1, 64):
        one = decided(catalogue(action(f"a{number}", channel="web", prior=[999_000, 1000])), moment())
        remember(seen, one, f"{number:032x}")

    assert (MAX_RESERVATIONS, MAX_RECENT, MAX_CHOSEN) == (
        len(stance.reservations), len(recalled(stance.recent)), len(stance.chosen)
    )  # fmt: skip
    assert "a0" == stance.reservations[0].action
    assert all(name.startswith("a") for name in list(stance.chosen)[-30:])


def test_what_was_kept_back_too_long_ago_for_any_limit_goes_first() -> None:
    """So a complaint of the holdout, whose answer counts for no limit, is not taken for one that nobody answered."""
    old_s, now_s = second(NOON - 2 * DAY), second(NOON)
    old = [Reservation(bytes([number] * 8), "old", 0, old_s, old_s + 1, True) for number in range(MAX_RESERVATIONS - 1)]
    fresh = Reservation(b"f" * 8, "on_page", CONTACT_CHANNELS.index("web"), now_s - 60, now_s, True)
    stance = Stance(reservations=[*old, fresh])
    limit = "[channels.post]\ncontacts = [{ most = 1, days = 1 }]\n"
    served = catalogue(
        action("thanks", prior=[999_000, 1000]), action("on_page", "complaint", channel="web"), head=limit
    )

    seen = context(served)
    seen.stance = stance
    remember(seen, decided(served, moment()), "a" * 32)

    assert [*old[1:], fresh] == stance.reservations[:-1]


def test_the_same_event_decides_the_same_bytes() -> None:
    """A decision is a function of the record, the catalogue and the cause."""
    first, again = buyer(rules(THANKS)), buyer(rules(THANKS))

    assert first.said == again.said
    assert isinstance(first.decisions[0], NextBestAction)
