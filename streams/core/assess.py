"""
Assessing: from one snapshot and its score to a band, a word and a decision.

Law: what is said and done follows from the snapshot, the stance and the rules alone - never from
what was folded later; of other customers only what they spent of a day's budget is known. A word or
decision about the past (before `speak_from_s`, or expired by the wall clock) is formed and remembered, but muted.
"""

from collections import Counter
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from schemas import BANDS, NextCrossing, OrderPlaced, Stage
from streams.core.budget import Overlay
from streams.core.catalogue import Catalogue
from streams.core.choose import Decision, Hold, choose
from streams.core.churn import Rhythm, instant_of
from streams.core.decision import answer, remember, told
from streams.core.engagement import DAY_S, Engagement
from streams.core.gates import Context
from streams.core.moments import Moment, look, next_opening
from streams.core.record import Folded
from streams.core.referrals import converted
from streams.core.rules import Rules
from streams.core.segments import SegmentRule, segment_end_s, segment_of, stage_of
from streams.core.signals import NEXT_BEST_ACTIONS, Happening, Signal, at, signal_id
from streams.core.stance import NONE, Stance

_HIGH: Final = BANDS.index("high")


class Work(msgspec.Struct, gc=False):
    """
    One customer in hand during a slice.

    `shot` says that a snapshot holds the very engagement of the `record`: folding goes on in a copy.
    `stance` is read when it is needed; until then, and for guests, it is None. `now_s` and `band` run
    ahead of the stance while snapshots wait. `moments` are those found at the latest snapshot;
    `moved` says that a moment has moved since. `clicks` of the run that lasts until `run_until_s` are
    folded and not yet in the tiles. `ledger` None keeps no budgets.
    """

    key: str
    record: Folded
    ledger: Overlay | None = None
    stance: Stance | None = None
    now_s: int = 0
    band: int = NONE
    signals: list[Signal] = []
    muted: int = 0
    show: bool = False
    moments: list[Moment] | None = None
    moved: bool = False
    changed: bool = False
    run_until_s: int = 0
    clicks: int = 0
    shot: bool = False


class Slice(NamedTuple):
    """
    What all assessments of a slice go by, and what they leave besides: money spent, and counts for metrics.

    `clock_s` is the wall clock; None under the stream clock. `tally` counts pairs:
    ("moment", name) and ("arm", name) of decisions that are published, ("refused", gate) in them, and ("held", "")
    whenever quiet hours put a decision off.
    """

    rules: Rules
    clock_s: int | None
    tally: Counter[tuple[str, str]]


class Shot(msgspec.Struct, frozen=True, gc=False):
    """The state at an instant at which the score may have changed."""

    work: Work
    engagement: Engagement
    stance: Stance
    rhythm: Rhythm
    now_s: int
    happening: Happening


class Verdict(NamedTuple):
    """What was found of a shot: risk, band, and the day since 1970 that reaches the next band (-1: none in sight)."""

    risk: float
    band: int
    crossing_day: int


class Draft(NamedTuple):
    """A churn risk that is to be spoken: the place of its shot, and before which of the customer's signals it comes."""

    place: int
    at: int
    verdict: Verdict
    previous_band: int
    crossing: NextCrossing | None
    segment: str
    stage: Stage


def assess(slice_: Slice, place: int, shot: Shot, verdict: Verdict) -> Draft | None:
    """Take a stance: the band, when it will be crossed, what is done, and whether the risk is to be spoken."""
    work, stance, now_s, band = shot.work, shot.stance, shot.now_s, verdict.band
    event = shot.happening.event
    if event.__class__ is OrderPlaced and (said := converted(work.key, event)) is not None:
        work.signals.append(said)
    if band != stance.band:
        work.show = True
        if band >= _HIGH and band > stance.band >= 0:
            stance.rose_s = now_s
    stance.assessed_s, stance.risk, stance.band = now_s, verdict.risk, band
    stance.crossing_s = NONE
    if verdict.crossing_day >= 0:
        spread_s = crc32(work.key.encode()) % DAY_S
        stance.crossing_s = instant_of(verdict.crossing_day, shot.engagement.offset_s, spread_s)
    catalogue = slice_.rules.catalogue_at(now_s)
    stance.segment_end_s = segment_end_s(shot.engagement, now_s, catalogue.segment_rules)
    draft = _speak(slice_, place, shot, verdict, catalogue.segment_rules)
    work.moments = look(catalogue, shot.engagement, stance)
    stance.held_until_s = NONE
    if work.moments and (open_ := [one for one in work.moments if one.opens_s <= now_s]):
        _act(slice_, catalogue, shot, open_)
    return draft


def _is_muted(rules: Rules, clock_s: int | None, as_of_s: int, expires_s: int) -> bool:
    return as_of_s < rules.speak_from_s or (clock_s is not None and expires_s < clock_s)


def _speak(slice_: Slice, place: int, shot: Shot, verdict: Verdict, segments: tuple[SegmentRule, ...]) -> Draft | None:
    """Speak the first time, when band, segment or stage change, on a real move, and to make good a muted word."""
    rules, clock_s = slice_.rules, slice_.clock_s
    work, stance, now_s = shot.work, shot.stance, shot.now_s
    segment = segment_of(shot.engagement, stance.band, now_s, segments)
    stage = stage_of(shot.engagement, now_s)
    news = (
        stance.band != stance.formed_band
        or abs(stance.risk - stance.formed_risk) >= rules.spoken_step
        or segment != stance.formed_segment
        or stage != stance.formed_stage
    )
    if not news and not stance.muted:
        return None
    if news:
        stance.formed_band, stance.formed_risk = stance.band, stance.risk
        stance.formed_segment, stance.formed_stage = segment, stage
    if _is_muted(rules, clock_s, now_s, now_s + rules.churn_risk_expires_s):
        work.muted += news
        stance.muted, stance.unmute_s = True, max(rules.speak_from_s, clock_s or 0)
        return None
    draft = Draft(place, len(work.signals), verdict, stance.heard_band, next_crossing(stance), segment, stage)
    stance.formed_band, stance.formed_risk = stance.band, stance.risk
    stance.heard_band, stance.heard_s = stance.band, now_s
    stance.muted, stance.unmute_s = False, NONE
    work.show = True
    return draft


def _act(slice_: Slice, catalogue: Catalogue, shot: Shot, moments: list[Moment]) -> None:
    """Decide about moments that are open; publish the decision, or only remember that they were answered."""
    rules, work, stance, now_s = slice_.rules, shot.work, shot.stance, shot.now_s
    if now_s < rules.speak_from_s:  # nobody is contacted about the past, so no gate need be asked
        answer(stance, moments)
        work.muted += 1
        return
    decision_id = signal_id(work.key, NEXT_BEST_ACTIONS, shot.happening)
    context = Context(catalogue, shot.engagement, stance, work.key, now_s, work.ledger)
    decision = choose(context, moments, decision_id)
    if decision is None:
        return
    if decision.held_until_s is not None:
        stance.held_until_s = decision.held_until_s
        slice_.tally["held", ""] += 1
    if isinstance(decision, Hold):
        return
    if _is_muted(rules, slice_.clock_s, now_s, decision.expires_s):
        answer(stance, decision.answered)
        work.muted += 1
        return
    remember(context, decision, decision_id)
    work.signals.append(told(context, decision, decision_id, shot.happening))
    work.show = True
    _count(slice_.tally, decision)


def _count(tally: Counter[tuple[str, str]], decision: Decision) -> None:
    tally["moment", decision.moment.name] += 1
    tally["arm", decision.arm] += 1
    for refused in decision.refused:
        tally["refused", refused.refusal.gate] += 1


def wake_of(moments: list[Moment], stance: Stance) -> int:
    """
    Say when to look again, always later than the latest assessment; -1: never.

    That is at a crossing, a segment's end, when a moment opens or the quiet hours end that hold it, and when a word is
    to be made good.
    """
    wake_s = next_opening(moments, stance) if moments else NONE
    for second in (stance.crossing_s, stance.segment_end_s):
        if second > stance.assessed_s and (wake_s < 0 or second < wake_s):
            wake_s = second
    if stance.muted and (wake_s < 0 or stance.unmute_s < wake_s):
        wake_s = stance.unmute_s
    return wake_s


def next_crossing(stance: Stance) -> NextCrossing | None:
    """Say which band is reached next, and when, if nothing happens."""
    if stance.crossing_s < 0 or stance.band + 1 >= len(BANDS):
        return None
    return NextCrossing(band=BANDS[stance.band + 1], at=at(stance.crossing_s))
