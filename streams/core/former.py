"""
Stances as they were written before: read, and brought to today's form.

Law: nobody is contacted twice because a record was brought up. An action answered its own moment then, today
a moment is answered once; so every moment there was counts as answered up to the latest answer.
"""

from typing import Final

import msgspec

from schemas import Stage
from streams.core.stance import NONE, Reservation, Stance

FORMER: Final = 1
"""The format of records whose stance is read here."""

_MOMENTS: Final = (
    "cart_abandoned",
    "visit_without_purchase",
    "browsed_and_left",
    "first_purchase",
    "milestone",
    "refill_due",
    "risk_rose",
)
"""The moments that could be answered then, by their names of today."""


class Former(msgspec.Struct, array_like=True, gc=False):
    """A stance of format 1: `answers` holds for each action the key it last answered and when it was last chosen."""

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


_SAME: Final = tuple(set(Former.__struct_fields__) & set(Stance.__struct_fields__) - {"answers"})

_decode = msgspec.msgpack.Decoder(Former | None).decode


def stance_before(raw: msgspec.Raw) -> Stance | None:
    """Bring up a stance of format 1; None for a guest order."""
    former: Former | None = _decode(raw)
    if former is None:
        return None
    stance = Stance(**{name: getattr(former, name) for name in _SAME})
    if former.answers:
        answered = max(key for key, _ in former.answers.values())
        stance.answers = dict.fromkeys(_MOMENTS, answered)
    stance.chosen = {action: chosen_s for action, (_, chosen_s) in former.answers.items() if chosen_s}
    if former.pending_action:
        since_s = stance.chosen.get(former.pending_action, 0)
        stance.reservations = [Reservation(b"", former.pending_action, 0, since_s, former.pending_until_s)]
    return stance
