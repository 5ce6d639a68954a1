"""
Where we stand towards a customer: what was assessed, said and decided.

Law: this is the only part of a record that may depend on the order of arrival. It is read, never
recomputed. What was *formed* is what would have been said; what was *heard* left the house.
"""

from typing import Final, NamedTuple

import msgspec

from schemas import Stage

NONE = -1
"""No band yet, or no instant."""

MAX_RECENT: Final = 4
"""How many of the latest decisions a record names."""

MAX_RESERVATIONS: Final = 32
"""How many reservations a record holds; the oldest go first."""


_NAMES: Final = 20
"""Where the names begin in an entry of a decision that is recalled."""


class Reservation(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """
    A contact that was decided: it holds its slot until it is delivered, dismissed, or expires at `until_s`.

    `decision` is the first 8 bytes of the decision's id, `channel` the index in `schemas.CONTACT_CHANNELS`.
    A `shadow` is that of a decision that the holdout kept back: it counts as a delivery from `since_s` on.
    """

    decision: bytes
    action: str
    channel: int
    since_s: int
    until_s: int
    shadow: bool = False


class Recent(NamedTuple):
    """A decision that was published: the 16 bytes of its id, the moment, the action or "nothing", and when."""

    decision: bytes
    moment: str
    action: str
    since_s: int


class Stance(msgspec.Struct, array_like=True, gc=False):
    """
    The order-dependent part of a record; bands are numbers (0 low to 3 critical), instants seconds since 1970.

    `assessed_s` is the instant of the latest assessment; a recheck is always later.
    `formed_band`, `formed_risk`, `formed_segment` and `formed_stage` are the latest word, muted or not;
    `heard_band`, `heard_s` the latest published. `segment_end_s` is when time alone may end the segment.
    `muted` says that the latest word was not published; `unmute_s`, always later than the
    assessment, when it may be made good.
    `rose_s` is when the band last rose to high or critical.
    `answers` holds for each moment the key last answered, `chosen` for each action when it was last chosen.
    `reservations` are the contacts decided and not yet over, the oldest first.
    `held_until_s` is when quiet hours end that hold a decision back; -1: none is held.
    `enrolled` is the arm of the holdout and of each experiment, kept from the first decision that it mattered to.
    `recent` are the latest published decisions, the newest first, as `recalled` reads them. `funded` are the
    actions that a day's budget paid for, each with that day since 1970.
    """

    assessed_s: int = 0
    risk: float = 0.0
    band: int = NONE
    formed_band: int = NONE
    formed_risk: float = 0.0
    heard_band: int = NONE
    heard_s: int = NONE
    muted: bool = False
    unmute_s: int = NONE
    crossing_s: int = NONE
    rose_s: int = NONE
    formed_segment: str = ""
    formed_stage: Stage | None = None
    segment_end_s: int = NONE
    answers: dict[str, int] = {}
    chosen: dict[str, int] = {}
    reservations: list[Reservation] = []
    held_until_s: int = NONE
    enrolled: dict[str, str] = {}
    recent: list[bytes] = []
    funded: list[tuple[str, int]] = []


def recall(latest: list[bytes], decision: bytes, moment: str, action: str, since_s: int) -> list[bytes]:
    """
    Put a decision (the 16 bytes of its id) before the latest ones; of these the newest few are kept.

    An entry is its 16 bytes, the second in 4, and the two names with a blank between, which is in none.

    >>> recalled(recall([], b"0123456789abcdef", "return_made", "nothing", 5))
    [Recent(decision=b'0123456789abcdef', moment='return_made', action='nothing', since_s=5)]
    """
    entry = decision + since_s.to_bytes(4, "big") + f"{moment} {action}".encode()
    return [entry, *latest[: MAX_RECENT - 1]]


def recalled(latest: list[bytes]) -> list[Recent]:
    """Read the latest decisions, the newest first."""
    found = []
    for entry in latest:
        moment, action = entry[_NAMES:].decode().split(" ")
        found.append(Recent(entry[:16], moment, action, int.from_bytes(entry[16:_NAMES], "big")))
    return found
