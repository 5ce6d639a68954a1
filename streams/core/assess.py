"""
Assessing: from one snapshot and its score to a band, a word and a decision.

Law: what is said and done follows from the snapshot, the stance and the rules alone - never from
what was folded later. A word or decision about the past (before `speak_from_s`, or expired by the
wall clock) is formed and remembered, but muted.
"""

from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from schemas import BANDS, NextBestAction, NextCrossing, Stage
from streams.core.choose import Decision, choose, next_opening, remember
from streams.core.churn import Rhythm, instant_of
from streams.core.engagement import DAY_S, Engagement
from streams.core.moments import Opening, look
from streams.core.record import Folded
from streams.core.rules import Rules
from streams.core.segments import segment_end_s, segment_of, stage_of
from streams.core.signals import (
    NEXT_BEST_ACTIONS,
    Happening,
    Signal,
    at,
    cause_of,
    names_of,
    next_best_action,
    signal_id,
)
from streams.core.stance import NONE, Stance

_HIGH: Final = BANDS.index("high")


class Work(msgspec.Struct, gc=False):
    """
    One customer in hand during a slice.

    `stance` is read when it is needed; until then, and for guests, it is None. `now_s` and `band` run
    ahead of the stance while snapshots wait. `openings` are the moments found at the latest snapshot;
    `moved` says that a moment has moved since. `clicks` of the run that lasts until `run_until_s` are
    folded and not yet in the tiles.
    """

    key: str
    record: Folded
    stance: Stance | None = None
    now_s: int = 0
    band: int = NONE
    signals: list[Signal] = []
    muted: int = 0
    show: bool = False
    openings: list[Opening] | None = None
    moved: bool = False
    changed: bool = False
    run_until_s: int = 0
    clicks: int = 0


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


def assess(rules: Rules, clock_s: int | None, place: int, shot: Shot, verdict: Verdict) -> Draft | None:
    """Take a stance: the band, when it will be crossed, what is done, and whether the risk is to be spoken."""
    work, stance, now_s, band = shot.work, shot.stance, shot.now_s, verdict.band
    if band != stance.band:
        work.show = True
        if band >= _HIGH and band > stance.band >= 0:
            stance.rose_s = now_s
    stance.assessed_s, stance.risk, stance.band = now_s, verdict.risk, band
    stance.crossing_s = NONE
    if verdict.crossing_day >= 0:
        spread_s = crc32(work.key.encode()) % DAY_S
        stance.crossing_s = instant_of(verdict.crossing_day, shot.engagement.offset_s, spread_s)
    stance.segment_end_s = segment_end_s(shot.engagement, now_s, rules.segments)
    draft = _speak(rules, clock_s, place, shot, verdict)
    work.openings = look(rules.catalogue, shot.engagement, stance)
    decision = choose(work.openings, shot.engagement, stance, now_s)
    if decision is not None:
        _act(rules, clock_s, shot, decision)
    return draft


def _is_muted(rules: Rules, clock_s: int | None, as_of_s: int, expires_s: int) -> bool:
    return as_of_s < rules.speak_from_s or (clock_s is not None and expires_s < clock_s)


def _speak(rules: Rules, clock_s: int | None, place: int, shot: Shot, verdict: Verdict) -> Draft | None:
    """Speak the first time, when band, segment or stage change, on a real move, and to make good a muted word."""
    work, stance, now_s = shot.work, shot.stance, shot.now_s
    segment = segment_of(shot.engagement, stance.band, now_s, rules.segments)
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


def _act(rules: Rules, clock_s: int | None, shot: Shot, decision: Decision) -> None:
    """Publish a decision, or only remember it when it is about the past."""
    work, stance, now_s, catalogue = shot.work, shot.stance, shot.now_s, rules.catalogue
    muted = _is_muted(rules, clock_s, now_s, decision.expires_s)
    remember(catalogue, stance, decision, now_s, heard=not muted)
    if muted:
        work.muted += 1
        return
    customer_id, anonymous_id = names_of(work.key)
    action = decision.action
    spoken = NextBestAction(
        signal_id=signal_id(work.key, NEXT_BEST_ACTIONS, shot.happening),
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        as_of=at(now_s),
        action=decision.name,
        moment=decision.moment,
        channel=None if action is None else action.channel,
        reason=decision.reason,
        message=decision.message,
        priority=0.0 if action is None else action.priority,
        refused=decision.refused,
        expires_at=at(decision.expires_s),
        catalogue=catalogue.version,
        cause=cause_of(shot.happening),
    )
    work.signals.append(next_best_action(spoken))
    work.show = True


def wake_of(openings: list[Opening], stance: Stance) -> int:
    """Say when to look again: a crossing, a segment's end, a moment that opens, a word to be made good; -1: never."""
    wake_s = next_opening(openings, stance)
    if stance.crossing_s > stance.assessed_s and (wake_s < 0 or stance.crossing_s < wake_s):
        wake_s = stance.crossing_s
    if stance.segment_end_s > stance.assessed_s and (wake_s < 0 or stance.segment_end_s < wake_s):
        wake_s = stance.segment_end_s
    if stance.muted and (wake_s < 0 or stance.unmute_s < wake_s):
        wake_s = stance.unmute_s
    return wake_s


def next_crossing(stance: Stance) -> NextCrossing | None:
    """Say which band is reached next, and when, if nothing happens."""
    if stance.crossing_s < 0 or stance.band + 1 >= len(BANDS):
        return None
    return NextCrossing(band=BANDS[stance.band + 1], at=at(stance.crossing_s))
