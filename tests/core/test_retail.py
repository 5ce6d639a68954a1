"""The four retail figures by their numerators and denominators."""

import msgspec

from streams.core.retail import CHANNELS, WINDOWS, Figures, RetailFigures, add
from tests.core.stories import CATALOGUE, DAY, NOON, Story, second

TODAY = second(NOON) // 86400
SEGMENTS = [segment.name for segment in CATALOGUE.segments]


def counted(*stories: Story, segments: list[str] = SEGMENTS) -> RetailFigures:
    """Count the records of these stories as of today."""
    figures = RetailFigures(segments)
    for story in stories:
        add(figures, story.body or b"", TODAY)
    return figures


def over_segments(figures: RetailFigures) -> dict[tuple[int, str], Figures]:
    """The figures of the whole shop, as a recording rule adds them up."""
    return {
        (window, channel): Figures(
            **{
                name: sum(getattr(figures.cells[window, channel, segment], name) for segment in figures.segments)
                for name in Figures.__struct_fields__
            }
        )
        for window in WINDOWS
        for channel in CHANNELS
    }


def by_segment(figures: RetailFigures) -> dict[str, int]:
    """The year's orders on all channels, where there are any."""
    orders = {segment: figures.cells[365, "all", segment].orders for segment in figures.segments}
    return {segment: count for segment, count in orders.items() if count}


def test_figures_over_channels_and_windows() -> None:
    """Buyers are known customers; guests count in orders and revenue; a cancellation counts on its own day."""
    regular = Story().happens("order_placed", NOON - 40 * DAY).happens("order_placed", NOON, channel="store")
    changed_mind = Story(key="c2").happens("order_placed", NOON - DAY).happens("order_cancelled", NOON)
    guest = Story(key="#o1").happens("order_placed", NOON, guest=True)
    cells = over_segments(counted(regular, changed_mind, guest))

    assert Figures(orders=2, guest_orders=1, revenue_minor=1000, buyers=1, repeat_buyers=0) == cells[30, "all"]
    assert Figures(orders=3, guest_orders=1, revenue_minor=1500, buyers=1, repeat_buyers=1) == cells[90, "all"]
    assert Figures(orders=1, guest_orders=0, revenue_minor=500, buyers=1, repeat_buyers=0) == cells[30, "store"]
    assert Figures(orders=2, guest_orders=1, revenue_minor=1000, buyers=1, repeat_buyers=0) == cells[90, "web"]


def test_a_window_ends_today() -> None:
    """Orders of tomorrow (seen from an earlier day) and of 365 days ago are outside the window of a year."""
    story = Story().happens("order_placed", NOON + DAY).happens("order_placed", NOON - 365 * DAY)
    story.happens("order_placed", NOON - 364 * DAY)

    assert 1 == over_segments(counted(story))[365, "all"].orders


def test_who_never_ordered_does_not_count() -> None:
    """A visitor changes no figure."""
    assert Figures() == over_segments(counted(Story().happens("page_viewed")))[365, "all"]


def test_each_order_counts_in_the_segment_that_its_customer_is_in_now() -> None:
    """Whoever is in a segment takes all earlier orders along; guests are a group of their own."""
    loyal = Story(key="loyal")
    for days in (60, 45, 30, 15, 0):
        loyal.happens("order_placed", NOON - days * DAY)
    new = Story(key="new").happens("order_placed")
    guest = Story(key="#o1").happens("order_placed", guest=True)

    assert {"loyal": 5, "new": 1, "guest": 1} == by_segment(counted(loyal, new, guest))


def test_who_is_in_no_segment_counts_too() -> None:
    """A segment that a new catalogue no longer has, or none formed yet: the order is shown under none."""
    new = Story(key="new").happens("order_placed")
    record = msgspec.structs.replace(new.record)
    assert record.stance is not None
    record.stance.formed_segment = ""
    unplaced = Story(key="unplaced")
    unplaced.body = msgspec.msgpack.encode(record)

    assert {"none": 2} == by_segment(counted(new, unplaced, segments=["gone"]))
    assert {"new": 1, "none": 1} == by_segment(counted(new, unplaced))


def test_money_without_an_order_counts() -> None:
    """Within the window only the return of an older order is left: revenue below nothing, and no order."""
    story = Story().happens("order_placed", NOON - 40 * DAY).happens("order_returned", NOON)

    assert Figures(revenue_minor=-500) == over_segments(counted(story))[30, "web"]
