"""All that one worker holds of one partition number, and its only writer.

**The order of writes.** A change puts what it has to say into its record's outbox. Record (state, fences, outbox)
acknowledged → outbox sent → acknowledged → the source offsets that caused it may be committed. So nothing is spoken
that is not remembered, and nothing remembered stays unspoken.

**Two lanes.** A record with something to say is written at once, one with an answer to an event before all others; the
rest is merged and written at the tick, in slices, so that the urgent never waits long. However often a record changed
meanwhile, it is encoded once.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from streams.engine import envelope
from streams.engine.batches import Batch
from streams.engine.config import EngineConfig
from streams.engine.ends import BROKEN, end
from streams.engine.envelope import DERIVED, FACTS, NEVER, SPOKEN, Envelope, Spoken, Word
from streams.engine.home import home_of
from streams.engine.observer import Observer
from streams.engine.sending import Headers, Record, Sender, size_of

RENDERING: Final = 10
"""So many records are encoded while one document is rendered."""

Version = tuple[int, int, int]
"""Changelog generation, writer term, counter: readers of documents keep the highest."""

Place = tuple[str, int]
"""A topic and one of its partitions."""

Render = Callable[["OwnedPartition", str, bytes, Version], bytes | None]
"""Makes the readable document of a key from its body; None for a key that has none."""


class Image:
    """One write: changelog records, and what may be said once they are acknowledged."""

    __slots__ = ("arrived_ms", "counter", "records", "said", "settled")

    def __init__(self) -> None:
        """Begin with nothing to write."""
        self.records: list[Record] = []
        self.said: dict[Place, list[Record]] = {}
        self.settled: list[tuple[Envelope, int]] = []
        self.arrived_ms: list[int] = []
        self.counter = 0

    def say(self, place: Place, record: Record) -> None:
        """Add what is said."""
        self.said.setdefault(place, []).append(record)


class OwnedPartition:
    """
    The records of one partition number, its writer term, and its only writer.

    `entries` is read freely; it is changed by `put` and `skip` alone.
    """

    def __init__(self, number: int, term: int, config: EngineConfig, sender: Sender, observer: Observer) -> None:
        """Hold a partition that was claimed with a writer term; it is empty and not ready."""
        self.number, self.term = number, term
        self.entries: dict[str, Envelope] = {}
        self.facts: dict[str, str | int] = {}
        self.spoken = (-1, -1)
        self.durable: dict[int, int] = {}
        """Next offset per source number: everything below is remembered and said."""
        self.ready = False
        self.clean = True
        """Nothing is dirty, and every write that was begun is acknowledged."""
        self.last_offset = term
        """Offset of the last acknowledged write to the changelog."""
        self.claimed = -1
        """Offset of the newest claim read in recovery."""
        self.stale = 0
        self.quiet = True
        """While catching up no documents are written."""
        self.render: Render | None = None
        self.on_committable: Callable[[Sequence[Batch]], None] = lambda batches: None
        self._config, self._sender, self._observer = config, sender, observer
        self._home = home_of(str(config.facts["partitioner"]), config.partitions)
        self._counter = 0
        self._dirty: dict[str, None] = {}
        self._urgent: dict[str, None] = {}
        self._arrived: dict[str, list[int]] = {}
        self._showing: set[str] = set()
        self._unshown: dict[str, float] = {}
        """Since when, in monotonic seconds, a key's document is older than its record; the longest waiting first."""
        self._letters: dict[Place, list[Record]] = {}
        self._batches: list[Batch] = []
        self._flushing = 0
        self._written = (-1, -1)
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    # ---- what a change does to memory; nothing here awaits

    def put(
        self,
        key: str,
        body: bytes,
        *,
        fences: Mapping[int, int],
        words: Sequence[Word] = (),
        wake_at: int = NEVER,
        show: bool | None = False,
        arrived_ms: int = 0,
    ) -> None:
        """Take a key's new body; `fences` are the offsets it contains; `show` None means that a key has no document."""
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = Envelope(self.term, 0, False, NEVER, {}, [], body)
        entry.body, entry.wake_at = body, wake_at
        entry.fences.update(fences)
        if words:
            entry.outbox.extend(words)
            self._urgent[key] = None
            if arrived_ms:
                self._arrived.setdefault(key, []).append(arrived_ms)
            self._wake.set()
        self._dirty[key] = None
        self.clean = False
        if show:
            self._showing.add(key)
        elif show is not None and key not in self._unshown:
            self._unshown[key] = time.monotonic()

    def skip(self, key: str, fences: Mapping[int, int]) -> None:
        """Raise a key's fences in memory for records that changed nothing; written with its next real change."""
        entry = self.entries.get(key)
        if entry is not None:
            entry.fences.update(fences)

    def post(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Send a record that belongs to no key's outbox: a dead letter, or a stranger on its way home."""
        self._letters.setdefault((topic, partition), []).append((key, value, headers))
        self.clean = False

    def advanced(self, batch: Batch) -> None:
        """Take over a batch all of whose records are in memory; it becomes committable at a later flush."""
        self._batches.append(batch)
        self.clean = False

    @property
    def uncommitted(self) -> int:
        """Batches in memory that are not yet committable."""
        return len(self._batches) + self._flushing

    def show(self, before: float = math.inf) -> None:
        """Have documents written for the keys whose latest one has been older than their record since before then."""
        waiting = dict.fromkeys(self._showing) if before == math.inf else {}
        for key, since in self._unshown.items():
            if since > before:
                break
            waiting[key] = None
        if waiting:
            self._showing.update(waiting)
            self._dirty.update(waiting)
            self.clean = False

    # ---- the writer

    def start(self) -> None:
        """Begin to write; the partition must be recovered and opened."""
        if self._task is None:
            self._closing = False
            self._task = asyncio.create_task(self._run())

    def abandon(self) -> None:
        """Stop the writer at once: the partition belongs to somebody else now, or is to be claimed anew."""
        self._closing, self.ready = True, False
        if self._task is not None:
            self._task.cancel()

    async def stop(self, timeout_s: float) -> None:
        """Stop the writer and write what is left; `clean` tells whether all of it was acknowledged in time."""
        self._closing = True
        self._wake.set()
        task, self._task = self._task, None
        try:
            async with asyncio.timeout(timeout_s):
                if task is not None:
                    await task
                    await self.flush()
                    if self._written < self.spoken:
                        await self._write_marker()
        except TimeoutError:
            self.clean = False

    async def _run(self) -> None:
        tick_s, last = self._config.tick_s, time.monotonic()
        while not self._closing:
            if not self._urgent:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.005, tick_s - (time.monotonic() - last))):
                        await self._wake.wait()
            self._wake.clear()
            try:
                if time.monotonic() - last >= tick_s:
                    await self.flush()
                    last = time.monotonic()
                elif self._urgent:
                    await self._write(self._most_urgent())
            except Exception as error:
                end(
                    BROKEN,
                    f"The writer of partition {self.number} failed: {type(error).__name__}; start the worker again.",
                )

    async def flush(self) -> None:
        """Write all that is dirty, send all letters, and make the batches advanced until now committable."""
        batches, self._batches = self._batches, []
        self._flushing = len(batches)
        letters, self._letters = self._letters, {}
        todo = list(self._dirty)
        for keys in self._slices(todo):
            await self._write(keys)
            if self._urgent:
                await self._write(self._most_urgent())
        await self._speak(letters)
        self._make_committable(batches)
        self._flushing = 0
        if not todo and (self._written < self.spoken or batches):
            await self._write_marker()
        self.clean = not (self._dirty or self._letters or self._batches)

    def _slices(self, todo: Sequence[str]) -> Iterator[list[str]]:
        """Cut what is still dirty into slices that take about equally long."""
        keys, cost = list[str](), 0
        for key in todo:
            if key in self._dirty:
                keys.append(key)
                cost += RENDERING if key in self._showing else 1
                if cost >= self._config.slice_records:
                    yield keys
                    keys, cost = [], 0
        if keys:
            yield keys

    def _most_urgent(self) -> list[str]:
        """Take who has something to say: first whom an event has caused to; a quarter is left to the others."""
        most = self._config.slice_records if self.quiet else max(1, self._config.slice_records // RENDERING)
        keys = dict.fromkeys(islice(self._arrived, most - most // 4))
        for key in self._urgent:
            if len(keys) >= most:
                break
            keys[key] = None
        return list(keys)

    async def _write(self, keys: Sequence[str]) -> None:
        """Remember, then speak, then settle: the order that keeps the promises."""
        self.clean = False
        image = self._image(keys)
        await self._sender.follow(self._carry_out(image))
        self._settle(image)

    def _image(self, keys: Sequence[str]) -> Image:
        image, term = Image(), self.term
        image.records.append((SPOKEN, self._marker(), []))
        for key in keys:
            entry = self.entries[key]
            self._counter += 1
            entry.term, entry.counter = term, self._counter
            show = key in self._showing and not self.quiet
            entry.shown = show or not (key in self._showing or key in self._unshown)
            name = key.encode()
            image.records.append((name, envelope.encode(entry), []))
            for word in entry.outbox:
                self._utter(image, name, word)
            if show:
                self._render(image, key, entry)
                self._showing.discard(key)
                self._unshown.pop(key, None)
            image.settled.append((entry, len(entry.outbox)))
            if key in self._arrived:
                image.arrived_ms += self._arrived.pop(key)
            self._dirty.pop(key, None)
            self._urgent.pop(key, None)
        image.counter = self._counter
        return image

    def _utter(self, image: Image, name: bytes, word: Word) -> None:
        """Say a word in its topic, or to the other key for which it is meant."""
        config, said = self._config, word.word_id.encode()
        if word.to:
            record: Record = (word.to.encode(), word.value, [("id", said), (DERIVED, said)])
            image.say((config.rerouted, self._home(word.to)), record)
        else:
            image.say((config.outputs[word.topic], self.number), (name, word.value, [("id", said)]))

    def _render(self, image: Image, key: str, entry: Envelope) -> None:
        version = (int(self.facts.get("generation", 0)), entry.term, entry.counter)
        document = self.render(self, key, entry.body, version) if self.render is not None else None
        if document is not None:
            topic = self._config.outputs[self._config.documents]
            image.say((topic, self.number), (key.encode(), document, []))

    async def _carry_out(self, image: Image) -> None:
        await self._remember(image)
        await self._speak(image.said)

    async def _remember(self, image: Image) -> None:
        self.last_offset = await self._sender.send(self._config.changelog, self.number, image.records)
        self._observer.on_remembered(len(image.records), size_of(image.records))

    async def _speak(self, said: Mapping[Place, Sequence[Record]]) -> None:
        await asyncio.gather(*[self._say(place, records) for place, records in said.items()])

    async def _say(self, place: Place, records: Sequence[Record]) -> None:
        topic, partition = place
        await self._sender.send(topic, partition, records)
        self._observer.on_said(topic, len(records), size_of(records))

    def _settle(self, image: Image) -> None:
        for entry, words in image.settled:
            del entry.outbox[:words]
        self.spoken = (self.term, image.counter)
        if image.arrived_ms:
            self._observer.on_spoken(image.arrived_ms)

    def _make_committable(self, batches: Sequence[Batch]) -> None:
        numbers = self._config.numbers
        for batch in batches:
            source = numbers[batch.topic]
            if self.durable.get(source, batch.begin) != batch.begin:
                end(BROKEN, f"Batches of {batch.topic} {self.number} are not contiguous; start the worker again.")
            self.durable[source] = batch.offset + 1
            self._observer.on_committable(len(batch.records))
        self.on_committable(batches)

    def _marker(self) -> bytes:
        self._written = self.spoken
        return envelope.encode(Spoken(*self.spoken, self.durable))

    async def _write_marker(self) -> None:
        """Say in the log that all has been said, so that a restart repeats nothing."""
        self.last_offset = await self._sender.send(self._config.changelog, self.number, [(SPOKEN, self._marker(), [])])

    # ---- opening after a recovery, before the first event

    async def open(self, first_facts: dict[str, str | int]) -> None:
        """Write the facts if there are none, say again what may not have been said, and begin to write."""
        if not self.facts:
            self.facts = first_facts
            record: Record = (FACTS, envelope.encode_facts(first_facts), [])
            self.last_offset = await self._sender.send(self._config.changelog, self.number, [record])
        await self._say_again()
        self.spoken = (self.term, 0)
        self.ready = True

    async def _say_again(self) -> None:
        image, words = Image(), 0
        for key, entry in self.entries.items():
            if (entry.term, entry.counter) > self.spoken:
                name = key.encode()
                for word in entry.outbox:
                    words += 1
                    self._utter(image, name, word)
                if entry.shown:
                    self._render(image, key, entry)
            entry.outbox = []
            if not entry.shown:
                self._unshown[key] = 0.0
        await self._speak(image.said)
        if words:
            self._observer.on_resent(words)
