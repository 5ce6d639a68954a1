"""What passes all gates is weighed, what waits is held, and the holdout comes last of all."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.arbitration import Stake, vector
from streams.core.catalogue import Catalogue
from streams.core.choose import Decision, Hold, choose
from streams.core.moments import Moment
from streams.core.posterior import Posterior
from tests.core.decided import action, catalogue, context, moment
from tests.core.stories import HOUR, NOON, second

ID = "0" * 32
NIGHT = NOON + 10 * HOUR
MORNING = second(NOON + 20 * HOUR)


def decided(served: Catalogue, *moments: Moment, decision_id: str = ID, key: str = "c1") -> Decision:
    """Decide, and expect that something is decided."""
    found = choose(context(served, key=key), moments, decision_id)
    assert isinstance(found, Decision)
    return found


def test_without_a_moment_nothing_is_decided() -> None:
    """No open moment, no decision."""
    assert choose(context(catalogue(action("thanks"))), [], ID) is None


def test_an_action_competes_once_for_the_strongest_moment() -> None:
    """Two moments that one action answers make one candidate; both moments are answered."""
    served = catalogue(action("thanks", "first_purchase second_purchase"))
    weak, strong = moment("first_purchase", 20), moment("second_purchase", 80)

    decision = decided(served, weak, strong)

    assert [("thanks", strong)] == [(one.action.name, one.moment) for one in decision.weighed]
    assert (strong, weak) == decision.answered


def test_the_probabilities_are_those_of_the_arbitration() -> None:
    """Weight is (0.5 + strength) x value x lever, and the belief is the prior; "nothing" comes last."""
    served = catalogue(
        action("a", value_minor=900, cost_minor=5, lever=2.0, prior=[3, 97]),
        action("b", "second_purchase", value_minor=400, prior=[10, 90], channel="web"),
    )
    decision = decided(served, moment("first_purchase", 50), moment("second_purchase", 75))
    stakes = {"a": Stake(Posterior(3, 97), 1.0 * 900 * 2.0, 5), "b": Stake(Posterior(10, 90), 1.25 * 400, 0)}

    names = [one.action.name for one in decision.weighed]
    expected = vector([stakes[name] for name in names])

    assert expected == (*[one.probability for one in decision.weighed], decision.nothing)


def test_the_choice_is_a_function_of_the_id() -> None:
    """Over many ids each candidate is chosen as often as its probability says, and always the same by the same id."""
    served = catalogue(action("a", prior=[40, 60]), action("b", prior=[41, 59], channel="web"))
    seen, ids = context(served), [f"{number:032x}" for number in range(2000)]

    decisions = [choose(seen, [moment()], one) for one in ids]

    assert decisions[:50] == [choose(seen, [moment()], one) for one in ids[:50]]
    first = decisions[0]
    assert isinstance(first, Decision)
    often = sum(isinstance(one, Decision) and one.chosen == first.weighed[0] for one in decisions) / len(ids)
    assert first.weighed[0].probability == pytest.approx(often, abs=0.04)


def test_who_was_refused_is_named_with_the_gate() -> None:
    """If no action passes, "nothing" is sure, and each action stands there with its gate."""
    served = catalogue(action("spring", valid_until="2026-01-01T00:00:00Z"), action("offer", purpose="marketing"))

    decision = decided(served, moment())

    assert (None, 1.0, ()) == (decision.chosen, decision.probability, decision.weighed)
    assert [("offer", "consent"), ("spring", "validity")] == sorted(
        (one.action.name, one.refusal.gate) for one in decision.refused
    )


def test_a_moment_without_any_action_is_answered_by_nothing() -> None:
    """Somebody complained and the catalogue has no answer: that is said, once."""
    complaint = moment("complaint")
    decision = decided(catalogue(), complaint)

    assert (None, complaint, (complaint,), 1.0) == (
        decision.chosen, decision.moment, decision.answered, decision.nothing
    )  # fmt: skip


def test_quiet_hours_hold() -> None:
    """At night an e-mail is not refused but waits for the morning, and its moment stays unanswered."""
    served = catalogue(action("thanks"))

    assert Hold(MORNING) == choose(context(served, NIGHT), [moment(at=NIGHT)], ID)


def test_what_is_held_does_not_hold_others() -> None:
    """A word on the page is decided at night; the e-mail for another moment goes on waiting."""
    served = catalogue(action("thanks"), action("hint", "second_purchase", channel="web"))
    mailed, shown = moment("first_purchase", 90, at=NIGHT), moment("second_purchase", at=NIGHT)

    decision = choose(context(served, NIGHT), [mailed, shown], ID)

    assert isinstance(decision, Decision)
    assert ((shown,), MORNING, ["hint"], ()) == (
        decision.answered, decision.held_until_s, [one.action.name for one in decision.weighed], decision.refused
    )  # fmt: skip


def test_what_waits_does_not_lose_to_what_disturbs_nobody() -> None:
    """A word on the page could be said at night, but by day the e-mail competes with it: so both wait."""
    served = catalogue(action("thanks"), action("hint", channel="web"))

    assert Hold(MORNING) == choose(context(served, NIGHT), [moment(at=NIGHT)], ID)


def test_nobody_waits_for_what_would_be_refused_by_day() -> None:
    """An e-mail that is meant for others holds nothing up at night."""
    served = catalogue(action("thanks", when="orders >= 5"), action("hint", channel="web"))
    decision = choose(context(served, NIGHT), [moment(at=NIGHT)], ID)

    assert isinstance(decision, Decision)
    assert ([("thanks", "quiet_hours")], None) == (
        [(one.action.name, one.refusal.gate) for one in decision.refused], decision.held_until_s
    )  # fmt: skip


def test_a_duty_waits_for_nothing() -> None:
    """Who complains at night is answered as soon as the answer passes, whatever else waits for the morning."""
    served = catalogue(action("thanks", "complaint"), action("call", "complaint", channel="web", duty=True))
    decision = choose(context(served, NIGHT), [moment("complaint", at=NIGHT)], ID)

    assert isinstance(decision, Decision)
    assert (["call"], None) == ([one.action.name for one in decision.weighed], decision.held_until_s)


def test_an_action_competes_for_a_moment_that_is_weighed() -> None:
    """Its strongest moment waits for somebody else's e-mail; it answers the other one, and the first stays open."""
    served = catalogue(action("thanks"), action("hint", "first_purchase second_purchase", channel="web"))
    waiting, weighed = moment("first_purchase", 90, at=NIGHT), moment("second_purchase", 20, at=NIGHT)
    decision = choose(context(served, NIGHT), [waiting, weighed], ID)

    assert isinstance(decision, Decision)
    assert ((weighed,), [("hint", weighed)], MORNING) == (
        decision.answered, [(one.action.name, one.moment) for one in decision.weighed], decision.held_until_s
    )  # fmt: skip


def test_nobody_waits_for_a_morning_that_is_too_late() -> None:
    """A moment that closes before quiet hours end, or an action that ends before, is not held but refused."""
    short = choose(context(catalogue(action("thanks")), NIGHT), [moment(at=NIGHT, lasts=2 * HOUR)], ID)
    ending = catalogue(action("thanks", valid_until="2026-03-03T00:00:00Z"))
    late = choose(context(ending, NIGHT), [moment(at=NIGHT)], ID)

    for decision in (short, late):
        assert isinstance(decision, Decision)
        assert [("quiet_hours", None)] == [(one.refusal.gate, one.refusal.until_s) for one in decision.refused]


def test_a_longer_moment_of_the_same_action_waits() -> None:
    """The stronger moment closes in the night and is answered by nothing; the weaker one waits for the same action."""
    served = catalogue(action("thanks", "first_purchase second_purchase"))
    short = moment("second_purchase", 90, at=NIGHT, lasts=2 * HOUR)
    decision = choose(context(served, NIGHT), [short, moment("first_purchase", 20, at=NIGHT)], ID)

    assert isinstance(decision, Decision)
    assert ((short,), MORNING) == (decision.answered, decision.held_until_s)


def test_the_holdout_decides_as_everybody_else() -> None:
    """The same choice with the same probabilities, only nothing is done."""
    treated = decided(catalogue(action("thanks")), moment())
    everybody = catalogue(action("thanks"), share=0.5)
    arms = {key: decided(everybody, moment(), key=key) for key in (f"c{number}" for number in range(40))}

    held = [one for one in arms.values() if one.arm == "holdout"]

    assert 10 < len(held) < 30
    for decision in held:
        assert (treated.weighed, treated.chosen, None) == (decision.weighed, decision.chosen, decision.done)


def test_where_a_duty_passes_nothing_else_is_a_choice() -> None:
    """Neither "nothing" nor a better bargain competes with an answer that is owed."""
    bargain = action("offer", "second_purchase", value_minor=100_000, channel="web")
    owed = action("call", "complaint", value_minor=1, cost_minor=5000, channel="web", duty=True)
    moments = [moment("second_purchase", 90), moment("complaint", 20)]

    decision = decided(catalogue(bargain, owed), *moments)

    assert ([("call", 1.0)], 0.0) == (
        [(one.action.name, one.probability) for one in decision.weighed], decision.nothing
    )  # fmt: skip
    assert decision.done == decision.weighed[0]


def test_two_duties_share_the_choice() -> None:
    """Of two answers that are owed one is chosen, each as often as it is the better one; together they are sure."""
    owed = [action(name, "complaint", channel="web", duty=True, prior=prior)
            for name, prior in [("call", [60, 40]), ("write", [55, 45])]]  # fmt: skip
    decision = decided(catalogue(*owed), moment("complaint"))

    call, write = decision.weighed
    assert 0.5 < call.probability < 0.9
    assert pytest.approx(1.0) == call.probability + write.probability


def test_a_duty_that_is_refused_leaves_the_others_their_choice() -> None:
    """Where consent for the answer was not given, everything else competes as ever."""
    owed = action("call", "complaint", purpose="marketing", duty=True)
    decision = decided(catalogue(owed, action("hint", "complaint", channel="web")), moment("complaint"))

    assert (["hint"], ["call"]) == (
        [one.action.name for one in decision.weighed], [one.action.name for one in decision.refused]
    )  # fmt: skip
    assert decision.nothing > 0.0


def test_the_holdout_keeps_no_duty_back() -> None:
    """Who complains is answered in either arm, and nobody is enrolled by that."""
    served = catalogue(action("call", "complaint", channel="web", duty=True), share=0.5)
    found = [decided(served, moment("complaint"), key=f"c{number}") for number in range(40)]

    assert {"treated", "holdout"} == {one.arm for one in found}
    assert {("call", 0)} == {(one.done.action.name, len(one.enrolled)) for one in found if one.done is not None}
    assert all(one.done is not None for one in found)


EXPERIMENT = '[experiments.gift]\nsalt = "1"\narms = { control = 0.5, gift = 0.5 }\n'


def test_who_is_counted_in_an_experiment_does_not_depend_on_the_arm() -> None:
    """Whoever an action of the experiment was looked at for is enrolled, chosen or not, in either arm."""
    served = catalogue(action("gift", experiment="gift", arm="gift"), head=EXPERIMENT)
    found = [decided(served, moment(), key=f"c{number}") for number in range(60)]

    arms = [decision.enrolled.get("gift") for decision in found]

    assert {"control", "gift"} == set(arms)
    assert {("gift", True), ("control", False)} == {
        (decision.enrolled["gift"], bool(decision.weighed)) for decision in found
    }


def test_who_a_gate_before_the_arm_stopped_is_not_counted() -> None:
    """Without consent the experiment says nothing of a customer."""
    served = catalogue(action("gift", experiment="gift", arm="gift", purpose="marketing"), head=EXPERIMENT)

    assert {} == decided(served, moment()).enrolled


@given(st.lists(st.tuples(st.sampled_from([20, 50, 90]), st.integers(0, 3)), min_size=3, max_size=3))
def test_the_order_of_moments_does_not_matter(drawn: list[tuple[int, int]]) -> None:
    """Whatever order moments are found in, the decision is the same."""
    served = catalogue(
        action("a", "first_purchase second_purchase"),
        action("b", "second_purchase complaint", channel="web"),
        action("c", "complaint", cost_minor=3),
    )
    names = ("first_purchase", "second_purchase", "complaint")
    moments = [
        moment(name, strength, at=NOON - timedelta(minutes=minutes))
        for name, (strength, minutes) in zip(names, drawn, strict=True)
    ]

    assert 1 == len({repr(decided(served, *ordered)) for ordered in permutations(moments)})
