"""The census: arms and late answers, counted over records."""

from streams.core.catalogue import parse
from streams.core.census import FORGIVEN_S, Census, shares_of
from streams.core.ratio import sample_ratio
from streams.core.record import Record, load
from tests.core.stories import CATALOGUE, DAY, HOUR, NOON, Story, second

COMPARED = parse("""
[policy]
holdout = { share = 0.2, salt = "1" }
[experiments.gifts]
salt = "1"
arms = { small = 0.5, large = 0.3, none = 0.2 }
""")


def enrolled(**arms: str) -> Record:
    """A customer who is in some arms."""
    record = Story().happens("product_viewed").record
    assert record.stance is not None
    record.stance.enrolled = arms
    return record


def census(*records: Record, catalogue=COMPARED, at=NOON) -> Census:
    """Count records."""
    counted = Census(catalogue, second(at))
    for record in records:
        counted.count(record)
    return counted


def test_every_customer_is_counted_in_the_arms_they_are_enrolled_in() -> None:
    """An arm that holds nobody is shown as empty; experiments that the catalogue lacks are not."""
    found = census(
        enrolled(holdout="treated", gifts="small"),
        enrolled(holdout="holdout", gifts="small", former="a"),
        enrolled(holdout="treated"),
        enrolled(),
    )

    assert {
        ("holdout", "treated"): 2,
        ("holdout", "holdout"): 1,
        ("gifts", "small"): 2,
        ("gifts", "large"): 0,
        ("gifts", "none"): 0,
    } == found.arms
    assert found.arms.keys() == shares_of(COMPARED).keys()


def test_a_guest_order_is_nobody() -> None:
    """It has no stance."""
    guest = Story(key="#o1").happens("order_placed", guest=True).record

    assert 0 == census(guest).arms.total()


def test_the_shares_of_each_experiment_add_up_and_can_be_tested() -> None:
    """What is counted goes into the sample-ratio check as it is."""
    found = census(*[enrolled(holdout="holdout")] * 60, *[enrolled(holdout="treated")] * 40)
    shares = {arm: share for (name, arm), share in shares_of(COMPARED).items() if name == "holdout"}

    assert {"treated": 0.8, "holdout": 0.2} == shares
    assert sample_ratio({arm: found.arms["holdout", arm] for arm in shares}, shares) < 0.001


def test_who_waits_for_too_long_is_counted_until_somebody_answers() -> None:
    """A complaint is overdue from its deadline on, until staff called, and not for ever."""
    story = Story().happens("product_viewed").happens("complaint_made", NOON)
    within_s = CATALOGUE.moments["complaint"].respond_within_s
    assert within_s is not None
    waiting = story.record
    answered = load(story.body or b"")
    story.happens("action_delivered", NOON + HOUR, channel="phone", action="call")
    due = NOON + within_s * (HOUR / 3600)

    overdue = [
        census(waiting, answered, catalogue=CATALOGUE, at=at).overdue
        for at in (due - HOUR, due, due + FORGIVEN_S * (HOUR / 3600) - HOUR, due + FORGIVEN_S * (HOUR / 3600))
    ]
    assert [0, 2, 2, 0] == overdue
    assert 0 == census(story.record, catalogue=CATALOGUE, at=due + DAY).overdue
