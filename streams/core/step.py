"""
The step: events in, records and signals out.

Law: what comes out does not depend on how events were cut into slices. Wherever a score may change
the state stays as it is, a snapshot, and folding goes on in a copy; all snapshots are scored together,
element by element, and then judged one after another in their order, each from its own snapshot and
the stance alone. Of other customers a decision knows only what they spent of a day's budget, in the
order in which they were judged. Now is the greatest of the latest event, the last assessment and the
event's own second; there is no clock. If anything raises, the stored bytes and the ledger are untouched
and the slice may be repeated event by event.
"""

from collections import Counter
from typing import Final

import msgspec

from schemas import (
    SOURCES,
    ActionConverted,
    ActionDelivered,
    ActionDismissed,
    ActionOpened,
    ConsentGiven,
    ConsentWithdrawn,
    Event,
    OrderPlaced,
    PreferencesSet,
    Unsubscribed,
)
from schemas.catalogue import LEAST_REPEATS
from streams.core.assess import Shot, Slice, Verdict, Work, assess, wake_of
from streams.core.budget import Funded, Ledger, Overlay
from streams.core.churn import CHUNK, rhythm
from streams.core.decode import LAST_SECOND, Refused, second_of
from streams.core.engagement import DAY_S, Engagement, begin_run, click, copied, count_clicks, fold, run_until
from streams.core.moments import Moment, look
from streams.core.moments_found import may_be_repeated
from streams.core.record import FORMAT, Record, dump, load_folded, new, stance_of
from streams.core.referrals import converted
from streams.core.ring import DERIVED_RING, WIDTH, holds, insert, is_late, mark_of
from streams.core.rules import Rules, band_of
from streams.core.scoring import Scores, Seen
from streams.core.signals import Happening, Signal
from streams.core.speaking import speak
from streams.core.stance import NONE, Stance

FIRST_SECOND: Final = DAY_S
"""The first second that is folded, so that no day boundary makes a day negative."""

SILENT: Final[frozenset[type[Event]]] = frozenset((
    ActionDelivered, ActionOpened, ActionConverted, ActionDismissed,
    Unsubscribed, ConsentGiven, ConsentWithdrawn, PreferencesSet,
))  # fmt: skip
"""What changes no score and opens no moment; it may only put one off, or stop a clock."""

_CLICKSTREAM: Final = SOURCES.index("clickstream")
_LATE: Final = Refused("late", "So many newer events are known that a copy of this one could not be told any more.")
_PAST: Final = Refused("past", "occurred_at lies before the first day that a record can hold.")
_FUTURE: Final = Refused("future", "occurred_at lies after the last second that a record can hold, in 2106.")


class Step(msgspec.Struct, frozen=True, gc=False):
    """
    What became of one customer: the new record and what is said.

    `muted` counts signals that were formed but are not published. `wake_at` is when to look again, in
    seconds since 1970. `show` asks for the customer's document to be written now.
    """

    body: bytes
    signals: tuple[Signal, ...]
    muted: int
    wake_at: int | None
    show: bool


class Advance:
    """
    One slice of work: observe events and rechecks in order, then finish.

    `now_s` is the wall clock by which expiry is judged; None under the stream clock. Of the `ledger` the slice spends
    only on paper: whoever puts the records down calls `put_down`, too. Without one no budget is kept.
    `foreign` counts orders in another currency than the base currency; `latest_s` is the latest second that advanced
    anybody, or -1; `tally` is told at `assess.Slice`.
    """

    def __init__(self, rules: Rules, now_s: int | None = None, ledger: Ledger | None = None) -> None:
        """Begin a slice."""
        self.foreign, self.latest_s = 0, -1
        self.tally: Counter[tuple[str, str]] = Counter()
        self._overlays: dict[Ledger, Overlay] = {}
        self._overlay: Overlay | None = None
        if ledger is not None:
            self.spend_of(ledger)
        self._slice = Slice(rules, now_s, self.tally)
        self._rules, self._base_currency = rules, rules.base_currency
        self._ring_sizes = (*rules.ring_sizes, DERIVED_RING)
        self._works: dict[str, Work] = {}
        self._shots: list[Shot] = []

    def spend_of(self, ledger: Ledger) -> None:
        """Let whoever is touched for the first time from now on spend of this ledger."""
        overlay = self._overlays.get(ledger)
        if overlay is None:
            overlay = self._overlays[ledger] = ledger.overlay()
        self._overlay = overlay

    def observe(self, key: str, body: bytes | None, source: int, event: Event) -> str | Refused:
        """
        Fold one event: "advanced", "duplicate", or Refused with the code late, past or future.

        `body` is the stored record, used at the first touch of a key in this slice; None for a new customer.
        """
        second = second_of(event)
        if not FIRST_SECOND <= second <= LAST_SECOND:
            return _PAST if second < FIRST_SECOND else _FUTURE
        work = self._works.get(key)
        if work is None:
            record = new(key, second, self._rules.day_offset_s) if body is None else load_folded(body)
            work = self._works[key] = Work(key, record, self._overlay)
        elif work.shot:
            work.record.engagement, work.shot = copied(work.record.engagement), False
        engagement = work.record.engagement
        rings = engagement.rings
        while len(rings) <= source:
            rings.append(b"")
        ring = rings[source]
        size = self._ring_sizes[source]
        mark = mark_of(second, event.event_id)
        if mark > ring[-WIDTH:] and len(ring) < size * WIDTH:
            rings[source] = ring + mark
        elif holds(ring, mark):
            return "duplicate"
        elif is_late(ring, mark, size):
            return _LATE
        else:
            rings[source] = insert(ring, mark, size)
        if second > self.latest_s:
            self.latest_s = second
        work.changed = True
        cart, views, checkout_s = engagement.cart, engagement.views, engagement.checkout_s
        if source == _CLICKSTREAM and second >= engagement.last_s:
            fresh = False
            if second >= work.run_until_s:
                _end_run(work)
                fresh = begin_run(engagement, second)
                work.run_until_s = run_until(engagement, second)
            click(engagement, event, second, mark)
            work.clicks += 1
        else:
            _end_run(work)
            foreign = engagement.foreign
            fresh = fold(engagement, event, second, mark, self._base_currency)
            self.foreign += engagement.foreign > foreign
        if fresh or (source != _CLICKSTREAM and event.__class__ not in SILENT):
            if (stance := self._stance(work)) is not None:
                work.show |= fresh
                self._shoot(work, stance, second, Happening(source, event, 0))
            elif event.__class__ is OrderPlaced and (said := converted(key, event)) is not None:
                work.signals.append(said)
        elif not work.moved:
            work.moved = (
                source != _CLICKSTREAM
                or engagement.cart is not cart
                or engagement.checkout_s != checkout_s
                or (engagement.views is not views and _is_browsing(views, engagement.views))
            )
        return "advanced"

    def recheck(self, key: str, body: bytes, due_s: int) -> None:
        """Look at a customer whose silence lasted until `due_s`; one that was assessed since is left alone."""
        work = self._works.get(key)
        if work is None:
            work = self._works[key] = Work(key, load_folded(body), self._overlay)
        stance = self._stance(work)
        if stance is None or due_s <= work.now_s:
            return
        work.changed |= self._shoot(work, stance, due_s, Happening(NONE, None, due_s))

    def finish(self) -> dict[str, Step]:
        """Score, judge and encode; every customer that changed, by key."""
        for start in range(0, len(self._shots), CHUNK):
            self._judge(self._shots[start : start + CHUNK])
        return {key: self._step(work) for key, work in self._works.items() if work.changed}

    @property
    def funded(self) -> list[Funded]:
        """What was spent of the day's budgets, complete once the slice is finished."""
        return [entry for overlay in self._overlays.values() for entry in overlay.funded]

    def put_down(self) -> None:
        """Count what was spent of the day's budgets, when the records of the finished slice are put down."""
        for ledger, overlay in self._overlays.items():
            ledger.put_down(overlay.funded)

    def _stance(self, work: Work) -> Stance | None:
        """Read the stance if that was not done yet; None for a guest order."""
        if work.stance is None and (stance := stance_of(work.record)) is not None:
            work.stance, work.now_s, work.band = stance, stance.assessed_s, stance.band
        return work.stance

    def _shoot(self, work: Work, stance: Stance, second: int, happening: Happening) -> bool:
        _end_run(work)
        engagement = work.record.engagement
        now_s = engagement.last_s if engagement.last_s > work.now_s else work.now_s
        if second > now_s:
            now_s = second
        found = rhythm(engagement, now_s)
        if found is None:
            return False
        work.now_s, work.moved, work.shot = now_s, False, True
        self._shots.append(Shot(work, engagement, stance, found, now_s, happening))
        return True

    def _judge(self, shots: list[Shot]) -> None:
        """Score a chunk of snapshots together, judge them one after another, and speak of those that have news."""
        rules = self._rules
        scores = Scores([Seen(shot.engagement, shot.now_s, shot.rhythm) for shot in shots], rules)
        bands = []
        for shot, risk in zip(shots, scores.risks, strict=True):
            work = shot.work
            work.band = band_of(risk, work.band, rules)
            bands.append(work.band)
        verdicts = map(Verdict, scores.risks, bands, scores.crossings(bands))
        drafts = [
            draft
            for place, (shot, verdict) in enumerate(zip(shots, verdicts, strict=True))
            if (draft := assess(self._slice, place, shot, verdict)) is not None
        ]
        signals = speak(rules, shots, scores, drafts)
        for draft, signal in zip(reversed(drafts), reversed(signals), strict=True):
            shots[draft.place].work.signals.insert(draft.at, signal)

    def _look(self, engagement: Engagement, stance: Stance) -> list[Moment]:
        """Find the moments of somebody who was not scored; who never was can neither be woken nor contacted."""
        if stance.band < 0:
            return []
        return look(self._rules.catalogue_at(stance.assessed_s), engagement, stance)

    def _step(self, work: Work) -> Step:
        _end_run(work)
        record = work.record
        if (stance := self._stance(work) if work.moved else work.stance) is not None:
            if work.moments is None or work.moved:
                work.moments = self._look(record.engagement, stance)
            wake_s = wake_of(work.moments, stance)
            body = dump(Record(FORMAT, record.engagement, stance, wake_s))
        else:
            wake_s, body = record.wake_s, dump(record)
        return Step(body, tuple(work.signals), work.muted, None if wake_s < 0 else wake_s, work.show)


def _end_run(work: Work) -> None:
    """Bring the clicks of a run into the tiles."""
    if work.clicks:
        count_clicks(work.record.engagement, work.run_until_s - 1, work.clicks)
        work.clicks = 0


def _is_browsing(before: bytes, after: bytes) -> bool:
    """Say whether one more look may have opened, moved or closed the moment of browsing."""
    return may_be_repeated(after, LEAST_REPEATS) or may_be_repeated(before, LEAST_REPEATS)


def advance(
    rules: Rules, key: str, body: bytes | None, source: int, event: Event, now_s: int | None = None
) -> Step | Refused | None:
    """Advance one customer by one event; None for a duplicate."""
    slice_ = Advance(rules, now_s)
    outcome = slice_.observe(key, body, source, event)
    if isinstance(outcome, Refused):
        return outcome
    return slice_.finish().get(key)
