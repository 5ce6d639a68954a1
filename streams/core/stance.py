"""
Where we stand towards a customer: what was assessed, said and decided.

Law: this is the only part of a record that may depend on the order of arrival. It is read, never
recomputed. What was *formed* is what would have been said; what was *heard* left the house.
"""

import msgspec

from schemas import Stage

NONE = -1
"""No band yet, or no instant."""


class Stance(msgspec.Struct, array_like=True, gc=False):
    """
    The order-dependent part of a record; bands are numbers (0 low to 3 critical), instants seconds since 1970.

    `assessed_s` is the instant of the latest assessment; a recheck is always later.
    `formed_band`, `formed_risk`, `formed_segment` and `formed_stage` are the latest word, muted or not;
    `heard_band`, `heard_s` the latest published. `segment_end_s` is when time alone may end the segment.
    `muted` says that the latest word was not published; `unmute_s`, always later than the
    assessment, when it may be made good.
    `rose_s` is when the band last rose to high or critical.
    `answers` holds for each action the key of the moment it last answered and when it was last chosen (0: never).
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
    answers: dict[str, tuple[int, int]] = {}
    pending_action: str = ""
    pending_until_s: int = 0
    formed_segment: str = ""
    formed_stage: Stage | None = None
    segment_end_s: int = NONE
