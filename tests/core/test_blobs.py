"""Tiles, rings and the newest few against plain dicts and sorted lists."""

from hypothesis import given
from hypothesis import strategies as st

from streams.core import newest, ring, tiles
from streams.core.tiles import COUNT, KINDS, MONEY

KEYS = st.integers(0, 60 * KINDS + 2)
CHANGES = st.lists(st.tuples(KEYS, st.integers(-(2**31), 2**31 - 1)), max_size=60)
MARKS = st.binary(min_size=12, max_size=12) | st.sampled_from([bytes(12), b"\xff" * 12, bytes(6) + b"\1" * 6])


@given(CHANGES)
def test_tiles_are_a_sorted_dict_of_sums(changes: list[tuple[int, int]]) -> None:
    """Whatever is added in whatever order, a blob holds each key once, sorted, with its sum."""
    expected: dict[int, int] = {}
    blob = b""
    for key, value in changes:
        expected[key] = expected.get(key, 0) + value
        blob = tiles.add(blob, MONEY, key, value)

    assert sorted(expected.items()) == list(MONEY.iter_unpack(blob))


@given(st.lists(KEYS, max_size=60))
def test_a_bump_adds_one(keys: list[int]) -> None:
    """Bumping is adding one, however the keys come."""
    bumped = added = b""
    for key in keys:
        bumped, added = tiles.bump(bumped, key), tiles.add(added, COUNT, key, 1)

    assert added == bumped


@given(CHANGES, st.integers(-3, 65), st.integers(-3, 65))
def test_trimming_and_summing_go_by_units(changes: list[tuple[int, int]], first: int, last: int) -> None:
    """Trimming forgets all units before the first; a sum covers both ends of its range."""
    blob = b""
    for key, value in changes:
        blob = tiles.add(blob, MONEY, key, value)
    everything = list(tiles.entries(blob, MONEY))

    assert [entry for entry in everything if entry[0] >= first] == list(
        tiles.entries(tiles.trim(blob, MONEY, first), MONEY)
    )
    assert (
        sum(value for unit, kind, value in everything if first <= unit <= last and kind == 1)
        == (tiles.sums(blob, MONEY, first, last)[1])
    )


@given(CHANGES, st.lists(st.integers(-3, 65), min_size=1, max_size=4), st.integers(-3, 65))
def test_sums_of_ranges_with_one_end_are_the_sums_of_each(
    changes: list[tuple[int, int]], firsts: list[int], last: int
) -> None:
    """Looking at each tile once gives what looking at each range gives."""
    blob = b""
    for key, value in changes:
        blob = tiles.add(blob, MONEY, key, value)
    firsts.sort(reverse=True)

    assert [tiles.sums(blob, MONEY, first, last) for first in firsts] == tiles.sums_since(blob, MONEY, firsts, last)


@given(CHANGES, st.integers(-3, 65), st.integers(0, 9))
def test_sums_from_two_units_on_are_the_sums_of_each(changes: list[tuple[int, int]], first: int, more: int) -> None:
    """A range and the shorter one within it, to the end of the tiles."""
    blob = b""
    for key, value in changes:
        blob = tiles.add(blob, MONEY, key, value)
    (web, store, _), (later_web, later_store, _) = [tiles.sums(blob, MONEY, unit, 99) for unit in (first, first + more)]

    assert (web, store, later_web, later_store) == tiles.sums_from(blob, MONEY, first, first + more)


def test_counts_wrap_at_32_bits() -> None:
    """A sum beyond the width comes back modulo the width: two halves are nothing."""
    blob = tiles.add(tiles.add(b"", COUNT, 3, -(2**31)), COUNT, 3, -(2**31))

    assert [(3, 0)] == list(COUNT.iter_unpack(blob))


@given(st.lists(MARKS, max_size=40), st.integers(1, 12))
def test_a_ring_is_the_sorted_greatest(marks: list[bytes], size: int) -> None:
    """A ring holds the greatest marks; what it holds is known, what lies below a full ring is late."""
    held = b""
    known: list[bytes] = []
    for mark in marks:
        assert (mark in known) == ring.holds(held, mark)
        assert (len(known) >= size and mark < known[0]) == ring.is_late(held, mark, size)
        if mark not in known:
            known = sorted([*known, mark])[-size:]
            held = ring.insert(held, mark, size)

    assert b"".join(known) == held


@given(
    st.lists(st.tuples(MARKS, st.binary(max_size=70)), max_size=30, unique_by=lambda one: one[0]), st.integers(1, 12)
)
def test_the_newest_few_are_the_greatest_by_mark(facts: list[tuple[bytes, bytes]], limit: int) -> None:
    """However facts come, the blob holds the newest, newest first."""
    blob = b""
    for mark, payload in facts:
        blob = newest.push(blob, mark, payload, limit)

    assert sorted(facts, reverse=True)[:limit] == [(one.mark, one.payload) for one in newest.entries(blob)]
    assert (max(facts)[0][:4] if facts else b"\xff" * 4) == newest.newest_second(blob).to_bytes(
        4, "big", signed=not facts
    )


@given(st.lists(st.tuples(MARKS, st.binary(max_size=9)), max_size=20, unique_by=lambda one: one[0]), st.integers(0, 20))
def test_a_union_of_newest_is_the_newest_of_the_union(facts: list[tuple[bytes, bytes]], cut: int) -> None:
    """Two blobs united are the blob of all facts."""
    parts = newest.build(facts[:cut], 5), newest.build(facts[cut:], 5)

    assert newest.build(facts, 5) == newest.union(*parts, 5)


def test_a_mark_across_two_entries_is_not_held() -> None:
    """Bytes that look like a mark but begin inside another entry are no entry."""
    one, two = b"\0" * 6 + b"\1" * 6, b"\1" * 6 + b"\2" * 6
    held = ring.insert(ring.insert(b"", one, 8), two, 8)

    assert (True, False) == (ring.holds(held, two), ring.holds(held, b"\1" * 12))
