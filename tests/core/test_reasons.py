"""Reasons: what drives a risk, in words and figures."""

from streams.core.reasons import reasons
from tests.core.stories import DAY, NOON, Story, second


def codes(story: Story, days: int) -> list[str]:
    """The codes of the reasons some days after the story began."""
    return [reason.code for reason in reasons(story.record.engagement, second(NOON + days * DAY))]


def weekly(days: int, tag: str = "page_viewed", story: Story | None = None) -> Story:
    """Somebody who comes every seven days."""
    story = story or Story()
    for number in range(0, days, 7):
        story.happens(tag, NOON + number * DAY)
    return story


def test_silence_is_measured_by_the_customers_own_rhythm() -> None:
    """Nineteen days are long for somebody who comes weekly, and said so."""
    (reason, *_) = reasons(weekly(28).record.engagement, second(NOON + (21 + 19) * DAY))

    assert ("silent", "No visit for 19 days; usually every 7 days.") == (reason.code, reason.text)
    assert {"silent_days": 19, "usual_days": 7.0} == reason.figures


def test_within_the_rhythm_there_is_no_alarm() -> None:
    """Five days are nothing for somebody who comes weekly."""
    assert ["in_rhythm"] == codes(weekly(28), 26)


def test_one_day_is_no_rhythm() -> None:
    """Who was seen on one day only is new."""
    assert ["new"] == codes(weekly(1), 3)


def test_a_decline_is_told_by_figures() -> None:
    """Fewer active days in the last 30 than before is a decline."""
    assert "declining" in codes(weekly(60), 80)


def test_a_rise_is_told_too() -> None:
    """More active days than before is growth."""
    story = weekly(60)
    for number in range(60, 90):
        story.happens("page_viewed", NOON + number * DAY)

    assert "growing" in codes(story, 89)


def test_who_is_known_for_a_month_has_no_trend() -> None:
    """Without a time before there is nothing to compare."""
    assert ["silent"] == codes(weekly(28), 31)


def test_a_channel_that_fell_silent_is_named() -> None:
    """Still on the web, but no longer in the shops."""
    story = weekly(30, "store_entered")
    weekly(100, "page_viewed", story)

    assert "store_silent" in codes(story, 98)
    assert "web_silent" not in codes(story, 98)


def test_at_most_five_are_given() -> None:
    """Somebody who left altogether has every reason, and five are enough."""
    story = weekly(50, "store_entered")
    weekly(50, "page_viewed", story)
    weekly(50, "order_placed", story)

    assert ["silent", "declining", "store_silent", "web_silent", "order_silent"] == codes(story, 81)
