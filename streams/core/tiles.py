"""
Tiles: counts and sums by day or by hour, kind by kind.

Law: a blob of tiles is one canonical `bytes`: entries of a fixed width, sorted by key, each a
big-endian key (unit * 16 + kind) and its value. What is stored is what is worked with, so a record
is read without unpacking it, and a reference to a blob is a snapshot. Values add up modulo their
width, which keeps the order of adding out of the bytes even where a sum would not fit.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

COUNT: Final = Struct(">Ii")
"""A tile of counts, 8 bytes."""

MONEY: Final = Struct(">Iq")
"""A tile of money in minor units, 12 bytes."""

WEB, STORE, ITEMS = 0, 1, 2
"""The kinds of one unit; numbers up to 15 are free."""

KINDS: Final = 16

_key = Struct(">I").pack

_NEWEST: Final = Struct(">II")  # a count modulo its width, so that none is too great to be packed
_pack_newest, _unpack_newest = _NEWEST.pack, _NEWEST.unpack_from


def add(tiles: bytes, form: Struct, key: int, value: int) -> bytes:
    """
    Add a value to the tile with this key.

    >>> tiles = add(add(b"", COUNT, 7 * KINDS + WEB, 2), COUNT, 3 * KINDS + STORE, 5)
    >>> list(entries(add(tiles, COUNT, 7 * KINDS + WEB, -1), COUNT))
    [(3, 1, 5), (7, 0, 1)]
    """
    if not tiles:
        return form.pack(key, value)
    width = form.size
    at = len(tiles) - width
    newest, total = form.unpack_from(tiles, at)  # the newest unit: by far the most frequent
    if key > newest:
        return tiles + form.pack(key, value)
    if key < newest:
        head = _key(key)
        at = tiles.rfind(head)
        while at % width and at > 0:
            at = tiles.rfind(head, 0, at + 3)
        if at < 0 or at % width:
            at = place(tiles, width, head)
            return tiles[:at] + form.pack(key, value) + tiles[at:]
        total = form.unpack_from(tiles, at)[1]
    return tiles[:at] + form.pack(key, wrap(total + value, form)) + tiles[at + width :]


def bump(tiles: bytes, key: int, by: int = 1) -> bytes:
    """
    Add a positive number to a tile of counts: `add(tiles, COUNT, key, by)`, faster for the newest key.

    >>> bump(bump(b"", 5), 5) == bump(b"", 5, 2) == add(b"", COUNT, 5, 2)
    True
    """
    newest, count = _unpack_newest(tiles, len(tiles) - 8) if tiles else (-1, 0)
    if key > newest:
        return tiles + _pack_newest(key, by)
    if key == newest:
        return tiles[:-8] + _pack_newest(key, count + by & 0xFFFFFFFF)
    return add(tiles, COUNT, key, by)


def place(tiles: bytes, width: int, head: bytes) -> int:
    """Find the first byte of the first entry whose key is not below `head`."""
    low, high = 0, len(tiles) // width
    while low < high:
        middle = (low + high) >> 1
        if tiles[middle * width : middle * width + 4] < head:
            low = middle + 1
        else:
            high = middle
    return low * width


def trim(tiles: bytes, form: Struct, first_unit: int) -> bytes:
    """Forget every unit before `first_unit`."""
    if not tiles or tiles[:4] >= (head := _key(max(0, first_unit) * KINDS)):
        return tiles
    width = form.size
    if tiles[-width : 4 - width] < head:
        return b""
    at = width  # what is forgotten is little, for it is forgotten often
    while tiles[at : at + 4] < head:
        at += width
    return tiles[at:]


def entries(tiles: bytes, form: Struct) -> Iterator[tuple[int, int, int]]:
    """Read every tile in order: unit, kind, value."""
    return ((key >> 4, key & 15, value) for key, value in form.iter_unpack(tiles))


def sums(tiles: bytes, form: Struct, first_unit: int, last_unit: int) -> tuple[int, int, int]:
    """Sum the kinds WEB, STORE and ITEMS over a range of units, both ends included."""
    totals = [0] * KINDS
    ceiling = (last_unit + 1) * KINDS
    start = place(tiles, form.size, _key(max(0, first_unit) * KINDS))
    for key, value in form.iter_unpack(tiles[start:]):
        if key >= ceiling:
            break
        totals[key & 15] += value
    return totals[WEB], totals[STORE], totals[ITEMS]


def sums_from(tiles: bytes, form: Struct, first_unit: int, later_unit: int) -> tuple[int, int, int, int]:
    """
    Sum WEB and STORE from one unit on, and both again from a later one on, looking at each tile once.

    >>> tiles = add(add(b"", COUNT, 7 * KINDS + WEB, 2), COUNT, 3 * KINDS + STORE, 5)
    >>> sums_from(tiles, COUNT, 1, 5)
    (2, 5, 2, 0)
    """
    if not tiles:
        return 0, 0, 0, 0
    head, later = _key(max(0, first_unit) * KINDS), later_unit * KINDS
    if tiles[:4] < head:
        tiles = tiles[place(tiles, form.size, head) :]
    web = store = later_web = later_store = 0
    for key, value in form.iter_unpack(tiles):
        kind = key & 15
        if kind == WEB:
            web += value
            if key >= later:
                later_web += value
        elif kind == STORE:
            store += value
            if key >= later:
                later_store += value
    return web, store, later_web, later_store


def sums_since(tiles: bytes, form: Struct, first_units: Iterable[int], last_unit: int) -> list[tuple[int, int, int]]:
    """
    Sum as `sums` does over ranges that all end with `last_unit`, the shortest first, looking at each tile once.

    >>> tiles = add(add(b"", COUNT, 7 * KINDS + WEB, 2), COUNT, 3 * KINDS + STORE, 5)
    >>> sums_since(tiles, COUNT, (5, 1), 9)
    [(2, 0, 0), (2, 5, 0)]
    """
    rows = list(form.iter_unpack(tiles))
    totals, found = [0] * KINDS, []
    end = bisect_left(rows, ((last_unit + 1) * KINDS,))
    for first_unit in first_units:
        start = bisect_left(rows, (first_unit * KINDS,), 0, end)
        for key, value in rows[start:end]:
            totals[key & 15] += value
        found.append((totals[WEB], totals[STORE], totals[ITEMS]))
        end = start
    return found


def union(a: bytes, b: bytes, form: Struct) -> bytes:
    """Add two blobs tile by tile."""
    totals = dict(form.iter_unpack(a))
    for key, value in form.iter_unpack(b):
        totals[key] = wrap(totals.get(key, 0) + value, form)
    return b"".join([form.pack(key, totals[key]) for key in sorted(totals)])


def wrap(value: int, form: Struct) -> int:
    """Bring a sum back into what a tile's value can hold, modulo its width."""
    half = 1 << (8 * form.size - 33)
    return value if -half <= value < half else (value + half) % (2 * half) - half
