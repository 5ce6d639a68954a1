"""The invariants of the pipeline: each check returns its violations as sentences, and none when all is well."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from tests.verify.oracle import Known, Published, expected
from tests.verify.readers import Record

CODE, TOPIC, PARTITION, OFFSET = (f"dlq.error.{name}" for name in ("code", "topic", "partition", "offset"))

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Image(NamedTuple):
    """A customer's record as one write left it: who wrote it, what it fenced, what it had to say."""

    partition: int
    offset: int
    key: str
    term: int
    counter: int
    fences: Mapping[Hashable, int]
    outbox: Sequence[tuple[str, str]]  # (output topic, signal id)
    body: bytes


class Claim(NamedTuple):
    """A claim marker: from here on, writes of an earlier term are a frozen worker's and do not count."""

    partition: int
    offset: int


def same(wanted: Mapping[Key, Value], found: Mapping[Key, Value], what: str) -> list[str]:
    """Check that both sides hold the same keys with the same values, to the byte."""
    missing = [f"{what} of {key} is missing" for key in wanted.keys() - found.keys()]
    extra = [f"{what} of {key} should not exist" for key in found.keys() - wanted.keys()]
    wrong = [
        f"{what} of {key} is {found[key]!r:.300}, not {wanted[key]!r:.300}"
        for key in wanted.keys() & found.keys()
        if wanted[key] != found[key]
    ]
    return missing + extra + wrong


def engagement(
    published: Iterable[Published], final: Iterable[Image], known: Callable[[str, bytes], Known]
) -> list[str]:
    """Check every final record against the oracle; `known` reads a stored body."""
    return same(expected(published), {image.key: known(image.key, image.body) for image in final}, "engagement")


def last_images(changelog: Iterable[Image | Claim]) -> list[Image]:
    """Return each key's final record: the greatest (term, counter), wherever it stands in the log."""
    last: dict[tuple[int, str], Image] = {}
    for entry in changelog:
        if isinstance(entry, Image):
            before = last.get((entry.partition, entry.key))
            if before is None or (before.term, before.counter) <= (entry.term, entry.counter):
                last[entry.partition, entry.key] = entry
    return list(last.values())


def at_home_once(final: Iterable[Image]) -> list[str]:
    """Check that no customer is kept in two partitions."""
    homes: dict[str, set[int]] = defaultdict(set)
    for image in final:
        homes[image.key].add(image.partition)
    return [f"{key} is kept in partitions {sorted(where)}" for key, where in homes.items() if len(where) > 1]


def one_writer(changelog: Iterable[Image | Claim]) -> list[str]:
    """Check that per customer and term images stand in the log in the order of their counters, fences never falling."""
    last: dict[tuple[int, str, int], Image] = {}
    violations = []
    for entry in changelog:
        if not isinstance(entry, Image):
            continue
        before = last.get((entry.partition, entry.key, entry.term))
        where = f"{entry.key} at offset {entry.offset} of changelog partition {entry.partition}"
        if before is not None and entry.counter <= before.counter:
            violations.append(f"{where}: counter {entry.counter} after {before.counter} in term {entry.term}")
        elif before is not None and any(entry.fences.get(tp, -1) < at for tp, at in before.fences.items()):
            violations.append(f"{where}: a fence fell in term {entry.term}")
        last[entry.partition, entry.key, entry.term] = entry
    return violations


def stale(changelog: Iterable[Image | Claim]) -> list[Image]:
    """Return the images that a frozen worker wrote after another's claim: they never counted."""
    claimed: dict[int, int] = {}
    late = []
    for entry in changelog:
        if isinstance(entry, Claim):
            claimed[entry.partition] = max(entry.offset, claimed.get(entry.partition, -1))
        elif entry.term < claimed.get(entry.partition, -1):
            late.append(entry)
    return late


def remembered_is_spoken(
    changelog: Sequence[Image | Claim], outputs: Iterable[Record], id_of: Callable[[Record], str]
) -> list[str]:
    """Check that what ever stood in the outbox of a record that counted was spoken, and nothing else was."""
    ignored = {(image.partition, image.offset) for image in stale(changelog)}
    images = [entry for entry in changelog if isinstance(entry, Image)]
    remembered = {said for image in images if (image.partition, image.offset) not in ignored for said in image.outbox}
    possible = remembered | {said for image in images for said in image.outbox}
    spoken = {(record.topic, id_of(record)) for record in outputs}
    unspoken = [f"{topic} {signal} stood in an outbox and was never spoken" for topic, signal in remembered - spoken]
    unknown = [f"{topic} {signal} was spoken and stood in no outbox" for topic, signal in spoken - possible]
    return unspoken + unknown


def one_body(outputs: Iterable[Record], id_of: Callable[[Record], str]) -> list[str]:
    """Check that no id occurs with two bodies in an output topic; repeats of the same bytes are allowed."""
    bodies: dict[tuple[str, str], set[bytes | None]] = defaultdict(set)
    for record in outputs:
        bodies[record.topic, id_of(record)].add(record.value)
    return [f"{topic} {signal} has {len(found)} bodies" for (topic, signal), found in bodies.items() if len(found) > 1]


def dead_letters(published: Iterable[Published], letters: Iterable[Record]) -> list[str]:
    """Check that each refused record lies in the dead letters with its own bytes and code, and no other does."""
    by_origin = {record[:3]: record for record in published}
    unseen = {origin for origin, record in by_origin.items() if record.code}
    violations = []
    for letter in letters:
        header = {name: letter.headers.get(name, b"").decode() for name in (CODE, TOPIC, PARTITION, OFFSET)}
        origin = (header[TOPIC], int(header[PARTITION] or -1), int(header[OFFSET] or -1))
        source = by_origin.get(origin)
        unseen.discard(origin)
        if source is None or source.code is None:
            violations.append(f"a good record is a dead letter: {origin} as {header[CODE]}")
        elif header[CODE] != source.code:
            violations.append(f"{origin} is a dead letter as {header[CODE]}, not as {source.code}")
        elif (letter.key, letter.value) != (source.key, source.value):
            violations.append(f"the dead letter of {origin} has other bytes than its record")
    return violations + [f"{origin} ({by_origin[origin].code}) is not in the dead letters" for origin in unseen]


def ledger_balance(
    published: Sequence[Published], ends: Mapping[tuple[str, int], int], committed: Mapping[tuple[str, int], int]
) -> list[str]:
    """Check that every acknowledged record is in its log, nothing else is, and all of it was committed."""
    acked: dict[tuple[str, int], set[int]] = {tp: set() for tp in ends}
    for record in published:
        acked.setdefault(record[:2], set()).add(record.offset)
    violations = same(
        {tp: list(range(ends.get(tp, 0))) for tp in acked}, {tp: sorted(at) for tp, at in acked.items()}, "ledger"
    )
    read = {tp: offset for tp, offset in committed.items() if offset}  # a worker may say of an empty log: read up to 0
    return violations + same({tp: end for tp, end in ends.items() if end}, read, "committed offset")
