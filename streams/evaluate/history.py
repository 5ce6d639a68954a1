"""
A shop's past as columns: who acted when, and each row as the event that a publisher would have sent.

Law: rows stand in the order of time, rows of the same second in the order of the file. Truth and baselines look
at the columns alone; events are made one at a time, when they are asked for, so that memory is that of the columns.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas import EVENT_TYPES, Event, source_number

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

SOURCE_OF: dict[type[Event], int] = {kind: source_number(kind) for kind in EVENT_TYPES}


class History(NamedTuple):
    """
    Rows in order of time; `customer` is an index into `keys`, `at_s` counts seconds since 1970.

    `acts` says whether the customer acted, `orders` whether it was an order placed; `value_minor` is money in minor
    units, negative where it went back. `notes` are sentences about what was left out or put in order.
    """

    keys: list[str]
    customer: Integers
    at_s: Integers
    acts: Bools
    orders: Bools
    value_minor: Integers
    event: Callable[[int], Event]
    notes: list[str]


def rows(history: History) -> Iterator[tuple[str, int, Event]]:
    """Each row as its customer's key, its source number and its event."""
    for row, customer in enumerate(history.customer.tolist()):
        event = history.event(row)
        yield history.keys[customer], SOURCE_OF[event.__class__], event


def in_order(
    keys: list[str],
    customer: Integers,
    at_s: Integers,
    acts: Bools,
    orders: Bools,
    value_minor: Integers,
    event: Callable[[int], Event],
    notes: list[str],
) -> History:
    """Make a history of rows in any order; `event` is asked by the row's place before they were sorted."""
    if not np.any(at_s[1:] < at_s[:-1]):
        return History(keys, customer, at_s, acts, orders, value_minor, event, notes)
    place = np.argsort(at_s, kind="stable")
    told = f"The rows were not in order of time; all {len(at_s):,} were sorted by it."
    return History(
        keys,
        customer[place],
        at_s[place],
        acts[place],
        orders[place],
        value_minor[place],
        lambda row: event(int(place[row])),
        [*notes, told],
    )
