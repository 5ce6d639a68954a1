"""
The same core without Kafka: events in, records and signals out, the same for the same events.

Law: time is the stream's and stands where the latest event stands; before an event is folded, its customer's rechecks
run that are due by then, each at its own instant. Customers do not depend on each other, so a window of many events is
worked off in rounds: in each, every customer goes on to the next recheck that stands between two events, and the core
gets all of them as one slice. What a customer does within a quarter of an hour is folded as one piece; no delay in the
shipped catalogue is as short as that. An order whose buyer was invited is a window of its own, for what
follows from it is folded at another customer, before anything later is. What comes back of a signal is folded where
time stood with it, as far as its customer has not gone on.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from schemas import DERIVED, SOURCES, Code, Event, OrderPlaced, source_number
from streams.core.budget import Ledger
from streams.core.decode import Door, Refused, identity_of, second_of
from streams.core.rules import Rules
from streams.core.signals import Signal
from streams.core.step import Advance

WINDOW_EVENTS = 5_000
PIECE_S = 900


class Origin(NamedTuple):
    """Where an event stands: a file, if it is from one, and its line or number there, from 1."""

    path: str
    number: int


class DeadLetter(msgspec.Struct, frozen=True):
    """An event that was refused: where it stands, its source number, why, and its bytes."""

    origin: Origin
    source: int
    code: Code
    message: str
    raw: bytes


class Replayed(msgspec.Struct):
    """What a replay left behind: each key's record, all signals, all dead letters."""

    bodies: dict[str, bytes]
    signals: list[Signal]
    dead_letters: list[DeadLetter]


class Pending(msgspec.Struct, frozen=True, gc=False):
    """An event taken in and not yet folded; `now_s` is where time stood with it."""

    origin: Origin
    source: int
    event: Event
    raw: bytes
    now_s: int


class Piece(NamedTuple):
    """What one customer goes through in one slice: a recheck, or some events."""

    key: str
    due_s: int | None
    events: list[Pending]


class Spoken(msgspec.Struct, gc=False):
    """The instant of a signal, by which a window's signals are told in order."""

    as_of: str


_spoken = msgspec.json.Decoder(Spoken)
_NOWHERE = Origin("", 0)


class Replay:
    """
    Takes events one by one and keeps the records; signals and dead letters are handed to the callers window by window.

    `until_s` is the last second that is looked at: later events are left out, and `close` lets silence last until then.
    `echo` says what comes back of a signal from the customer that it is about, such as its delivery.
    """

    def __init__(
        self,
        rules: Rules,
        said: Callable[[Signal], None],
        buried: Callable[[DeadLetter], None],
        *,
        until_s: int | None = None,
        echo: Callable[[Signal], Event | None] | None = None,
    ) -> None:
        """Begin with no records."""
        self.bodies: dict[str, bytes] = {}
        self.events = self.duplicates = self.muted = self.rechecks = self.after_until = 0
        self.now_s = -1
        """The second of the latest event, or `until_s` once closed; -1 before the first."""
        self._rules, self._said, self._buried, self._until_s, self._echo = rules, said, buried, until_s, echo
        self._window: defaultdict[str, list[Pending]] = defaultdict(list)
        self._in_window = 0
        self._wake: dict[str, int] = {}
        self._due: list[tuple[int, str]] = []
        self._signals: list[tuple[str, str, Signal]] = []
        self._letters: list[DeadLetter] = []
        self._derived: list[tuple[str, Pending]] = []
        self._door = Door(DERIVED, accept_from_s=0)
        self._ledger = Ledger()

    def take(self, origin: Origin, source: int, raw: bytes, event: Event | Refused) -> None:
        """Take in what the Door said of an event."""
        if isinstance(event, Refused):
            self._bury(origin, source, event, raw)
            self._count()
            return
        second = second_of(event)
        if self._until_s is not None and second > self._until_s:
            self.after_until += 1
            return
        follows = isinstance(event, OrderPlaced) and event.referred_by is not None
        if follows:
            self._work_off()
        self.now_s = max(self.now_s, second)
        key = identity_of(event)
        assert key is not None, "the Door refuses what has no identity"
        self._window[key].append(Pending(origin, source, event, raw, self.now_s))
        if follows:
            self._work_off()
        else:
            self._count()

    def close(self) -> None:
        """Fold what is left, and let silence last until the latest event, or `until_s`."""
        if self._until_s is not None:
            self.now_s = self._until_s
        self._work_off()

    def _count(self) -> None:
        self._in_window += 1
        if self._in_window >= WINDOW_EVENTS:
            self._work_off()

    def _work_off(self) -> None:
        window, self._window, self._in_window = self._window, defaultdict(list), 0
        for events in window.values():
            events.reverse()  # so that the next one is popped from the end
        while True:
            while window:
                self._run([self._next_piece(key, events) for key, events in window.items()])
                self._hand_over(window)
                for key in [key for key, events in window.items() if not events]:
                    del window[key]
            if not (pieces := self._pop_due()):
                break
            self._run(pieces)
            self._hand_over(window)
        self._tell()

    def _hand_over(self, window: defaultdict[str, list[Pending]]) -> None:
        """Let other customers hear what was said to them, no window holds anything later; echoes find their place."""
        derived, self._derived = self._derived, []
        for key, pending in derived:
            events = window[key]
            at = len(events)
            while at and pending.source != DERIVED and events[at - 1].now_s <= pending.now_s:
                at -= 1
            events.insert(at, pending)

    def _next_piece(self, key: str, events: list[Pending]) -> Piece:
        """A recheck if one is due by the next event, else the events up to the next due instant or pause."""
        due_s, first = self._wake.get(key), events[-1]
        if due_s is not None and due_s <= first.now_s:
            del self._wake[key]
            return Piece(key, due_s, [])
        piece = [events.pop()]
        while events and events[-1].now_s <= first.now_s + PIECE_S and (due_s is None or events[-1].now_s < due_s):
            piece.append(events.pop())
        return Piece(key, None, piece)

    def _pop_due(self) -> list[Piece]:
        due: list[Piece] = []
        while self._due and self._due[0][0] <= self.now_s:
            due_s, key = heappop(self._due)
            if self._wake.get(key) == due_s:
                del self._wake[key]
                due.append(Piece(key, due_s, []))
        return due

    def _run(self, pieces: list[Piece]) -> None:
        """Put pieces of different customers through the core; as in the worker, a fault of ours costs one event."""
        try:
            self._slice(pieces)
        except Exception as error:
            events = pieces[0].events
            if len(pieces) > 1:
                smaller = pieces
            elif len(events) > 1:
                smaller = [Piece(pieces[0].key, None, [one]) for one in events]
            elif events:
                message = f"A fault of ours: {type(error).__name__}."
                self._bury(events[0].origin, events[0].source, Refused("internal", message), events[0].raw)
                return
            else:
                raise  # a recheck has no event that could be put aside
            for piece in smaller:
                self._run([piece])

    def _slice(self, pieces: list[Piece]) -> None:
        """Everything is collected first and kept last, so that a slice that fails leaves no trace."""
        advance = Advance(self._rules, None, self._ledger)
        refused: list[tuple[Pending, Refused]] = []
        events = duplicates = rechecks = 0
        for key, due_s, pending in pieces:
            body = self.bodies.get(key)
            if due_s is not None:
                assert body is not None, "only a record asks to be looked at again"
                advance.recheck(key, body, due_s)
                rechecks += 1
            for one in pending:
                outcome = advance.observe(key, body, one.source, one.event)
                if isinstance(outcome, Refused):
                    refused.append((one, outcome))
                elif outcome == "duplicate":
                    duplicates += 1
                else:
                    events += one.source != DERIVED
        self._keep(advance, {key: pending[-1] for key, _, pending in pieces if pending})
        for one, refusal in refused:
            self._bury(one.origin, one.source, refusal, one.raw)
        self.events += events
        self.duplicates += duplicates
        self.rechecks += rechecks

    def _keep(self, advance: Advance, causes: dict[str, Pending]) -> None:
        for key, step in advance.finish().items():
            self.bodies[key] = step.body
            self.muted += step.muted
            if step.wake_at is None:
                self._wake.pop(key, None)
            elif self._wake.get(key) != step.wake_at:
                self._wake[key] = step.wake_at
                heappush(self._due, (step.wake_at, key))
            for signal in step.signals:
                if signal.to:
                    self._derive(causes[key], signal)
                else:
                    self._signals.append((_spoken.decode(signal.body).as_of, key, signal))
                    if self._echo is not None and (event := self._echo(signal)) is not None:
                        echo = Pending(_NOWHERE, source_number(event.__class__), event, b"", second_of(event))
                        self._derived.append((key, echo))

        advance.put_down()

    def _derive(self, cause: Pending, signal: Signal) -> None:
        event = self._door.read(signal.body, None)
        assert not isinstance(event, Refused), "an event that follows is as good as the one before"
        self._derived.append((signal.to, Pending(cause.origin, DERIVED, event, signal.body, cause.now_s)))

    def _bury(self, origin: Origin, source: int, refused: Refused, raw: bytes) -> None:
        self._letters.append(DeadLetter(origin, source, refused.code, refused.message, raw))

    def _tell(self) -> None:
        """Tell the window's signals in order of their instants, and its dead letters in order of the input."""
        self._signals.sort(key=lambda spoken: spoken[:2])  # stable: one customer's keep their order
        for _, _, signal in self._signals:
            self._said(signal)
        self._letters.sort(key=lambda letter: letter.origin)
        for letter in self._letters:
            self._buried(letter)
        self._signals, self._letters = [], []


def replay(
    events: Iterable[tuple[int, bytes]], rules: Rules, *, accept_from_s: int = 0, until_s: int | None = None
) -> Replayed:
    """Fold events, each with its source number, in the given order; what comes out is a function of them alone."""
    replayed = Replayed({}, [], [])
    doors = [Door(source, accept_from_s=accept_from_s) for source in range(len(SOURCES))]
    run = Replay(rules, replayed.signals.append, replayed.dead_letters.append, until_s=until_s)
    for number, (source, raw) in enumerate(events, 1):
        run.take(Origin("", number), source, raw, doors[source].read(raw, None))
    run.close()
    replayed.bodies = run.bodies
    return replayed
