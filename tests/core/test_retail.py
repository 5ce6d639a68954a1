"""The four retail figures by their numerators and denominators."""

from streams.core.retail import Figures, RetailFigures, add
from tests.core.stories import DAY, NOON, Story, second

TODAY = second(NOON) // 86400


def counted(*stories: Story) -> RetailFigures:
    """Count the records of these stories as of today."""
    figures = RetailFigures()
    for story in stories:
        add(figures, story.body or b"", TODAY)
    return figures


def test_figures_over_channels_and_windows() -> None:
    """Buyers are known customers; guests count in orders and revenue; a cancellation counts on its own day."""
    regular = Story().happens("order_placed", NOON - 40 * DAY).happens("order_placed", NOON, channel="store")
    changed_mind = Story(key="c2").happens("order_placed", NOON - DAY).happens("order_cancelled", NOON)
    guest = Story(key="#o1").happens("order_placed", NOON, guest=True)
    cells = counted(regular, changed_mind, guest).cells

    assert Figures(orders=2, guest_orders=1, revenue_minor=1000, buyers=1, repeat_buyers=0) == cells[30, "all"]
    assert Figures(orders=3, guest_orders=1, revenue_minor=1500, buyers=1, repeat_buyers=1) == cells[90, "all"]
    assert Figures(orders=1, guest_orders=0, revenue_minor=500, buyers=1, repeat_buyers=0) == cells[30, "store"]
    assert Figures(orders=2, guest_orders=1, revenue_minor=1000, buyers=1, repeat_buyers=0) == cells[90, "web"]


def test_a_window_ends_today() -> None:
    """Orders of tomorrow (seen from an earlier day) and of 365 days ago are outside the window of a year."""
    story = Story().happens("order_placed", NOON + DAY).happens("order_placed", NOON - 365 * DAY)
    story.happens("order_placed", NOON - 364 * DAY)

    assert 1 == counted(story).cells[365, "all"].orders


def test_who_never_ordered_does_not_count() -> None:
    """A visitor changes no figure."""
    assert Figures() == counted(Story().happens("page_viewed")).cells[365, "all"]
