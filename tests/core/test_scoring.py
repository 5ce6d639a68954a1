"""Scores: by the version that serves the instant, the same bits in any company, and spoken as silence changes them."""

from datetime import datetime

import msgspec
import numpy as np
import pytest

from schemas import ChurnRisk
from streams.core import hazard
from streams.core.book import Book, closed_week
from streams.core.churn import rhythm
from streams.core.habits import cut_of, habits_of
from streams.core.scoring import Scores, Seen
from tests.core.habits_drawn import taught
from tests.core.stories import DAY, HOUR, LEARNED_AT, NOON, RULES, Story, second, taught_rules


def a_customer(*days: int, **story: object) -> Story:
    """A customer who looked around on these days after NOON's."""
    told = Story(taught_rules(), **story)  # type: ignore[arg-type]
    for day in days:
        told.happens("page_viewed", NOON + day * DAY)
    return told


def seen(story: Story, at: datetime) -> Seen:
    """The customer at an instant."""
    engagement = story.record.engagement
    found = rhythm(engagement, second(at))
    assert found is not None
    return Seen(engagement, second(at), found)


def spoken(story: Story) -> list[ChurnRisk]:
    """All churn risks that were said."""
    return [msgspec.json.decode(one.body, type=ChurnRisk) for one in story.said if one.kind == "churn-risk"]


def test_a_score_is_the_models_risk_by_the_habits_of_that_day() -> None:
    """What happened today is seen, and the horizon is that of the rules."""
    story, at = a_customer(0, 7, 14), NOON + 20 * DAY
    scores = Scores([seen(story, at)], story.rules)
    habits = habits_of([story.record.engagement], np.array([cut_of(second(at), 0)]))

    assert scores.models[0] is not None
    assert hazard.risk(scores.models[0], habits, 28).tolist() == scores.risks


def test_scores_and_crossings_have_the_same_bits_alone_and_in_company() -> None:
    """Customers of several versions and of none are scored together as each is alone."""
    early = NOON - 300 * DAY
    stranger = Story(RULES).happens("page_viewed", early)
    company = [
        seen(a_customer(0, 3, 9), NOON + 10 * DAY),
        seen(stranger, early + DAY),
        seen(a_customer(0, 3, 9), LEARNED_AT + 30 * DAY),
        seen(a_customer(0), NOON),
    ]
    together = Scores(company, taught_rules())
    alone = [Scores([one], taught_rules()) for one in company]

    assert [one.risks[0] for one in alone] == together.risks
    assert [one.crossings([1])[0] for one in alone] == together.crossings([1] * 4)
    assert [one.contributions([0])[0] for one in alone] == together.contributions(range(4))
    assert together.models[1] is None
    assert [{}] == together.contributions([1])


def test_a_version_serves_from_its_close_on() -> None:
    """The second before a week closes, the version before it is named."""
    monday = datetime.fromtimestamp(second(LEARNED_AT) - second(LEARNED_AT) % 86400, NOON.tzinfo)
    names = set()
    for hours in range(0, 24 * 8, 12):
        story = Story(taught_rules()).happens("page_viewed", monday - 5 * DAY + hours * HOUR)
        names |= {one.model_version for one in spoken(story)}

    assert 2 == len(names)
    assert all(name.startswith("hazard-") for name in names)


def test_a_model_that_is_not_calibrated_is_not_asked() -> None:
    """Then the word comes from the customer's own rhythm, and says so."""
    book = Book()
    book.add(msgspec.structs.replace(taught(weeks=3), version=closed_week(second(NOON)) - 1))
    [word] = spoken(Story(msgspec.structs.replace(RULES, book=book)).happens("page_viewed"))

    assert (False, "mbg-nbd-1", 0) == (word.calibrated, word.model_version, word.n_labels)


def test_silence_makes_the_band_change_on_the_day_foretold() -> None:
    """Nobody does anything: each crossing that was foretold is spoken on its day, and foretells the next."""
    story = a_customer(*range(0, 40, 2))
    said = len(spoken(story))
    assert story.record.stance is not None
    foretold = [story.record.stance.crossing_s]

    story.until(NOON + 200 * DAY)

    words = spoken(story)[said:]
    foretold += [second(word.next_crossing.at) for word in words if word.next_crossing]
    crossed = [second(word.as_of) for word in words if word.band != word.previous_band]
    assert len(crossed) >= 2
    assert crossed == foretold[: len(crossed)]
    assert {"recheck"} == {word.cause.topic for word in words}


def test_a_visit_or_an_order_today_would_lower_the_risk_of_the_silent() -> None:
    """The counterfactuals are the risks that the acts really bring."""
    story = a_customer(*range(0, 40, 2)).until(NOON + 100 * DAY)
    word = spoken(story)[-1]
    imagined = {one.act: one.risk for one in word.counterfactuals}
    back = a_customer(*range(0, 40, 2)).until(NOON + 100 * DAY).happens("page_viewed", word.as_of)

    assert imagined["visit"] < word.risk
    assert imagined["order"] < word.risk
    assert back.record.stance is not None
    assert imagined["visit"] == pytest.approx(back.record.stance.risk, abs=1e-6)


def test_a_buyer_has_a_value_and_a_part_of_it_is_at_risk() -> None:
    """What is expected follows from own orders and everybody's mean; who never ordered has none."""
    buyer = Story(taught_rules())
    for day in (0, 10, 20):
        buyer.happens("order_placed", NOON + day * DAY)
    word, looker = spoken(buyer)[-1], spoken(a_customer(0))[-1]

    assert 0 < word.value_at_risk < word.expected_value
    assert word.value_at_risk == pytest.approx(word.risk * word.expected_value, abs=1)
    assert (0, 0) == (looker.expected_value, looker.value_at_risk)


def test_the_shops_factor_is_learned_with_the_weeks() -> None:
    """Once calibrated, twice as much as was predicted doubles what is expected."""
    model = taught_rules().book.serving(second(NOON))
    assert model is not None
    values = []
    for actual in (1000.0, 2000.0):
        book = Book()
        book.add(msgspec.structs.replace(model, predicted=1000.0, actual=actual))
        story = Story(msgspec.structs.replace(RULES, book=book)).happens("order_placed")
        values.append(spoken(story)[0].expected_value)

    assert values[1] == pytest.approx(2 * values[0], abs=1)
