"""The verdict on a run: what stands on the broker afterwards, put to the checks, the oracle and the replay."""

import json
import random
from collections.abc import Iterator, Sequence
from itertools import product

from schemas import CONTACT_CHANNELS, PURPOSES
from streams.core.engagement import base_of
from streams.core.profile import consent
from streams.core.record import engagement_bytes, load
from streams.core.rules import Rules
from streams.engine.envelope import CLAIM, decode_envelope, is_marker
from streams.replay import replay
from streams.topics import OUTPUTS
from tests.chaos.stage import SOURCES, Stage
from tests.verify import checks
from tests.verify.checks import Claim, Image
from tests.verify.oracle import DAY_S, Known, Published, second_of
from tests.verify.readers import Record, read

Violations = dict[str, list[str]]
"""By the name of the check."""


def known(key: str, body: bytes) -> Known:
    """Read from a stored record what the oracle knows too."""
    engagement = load(body).engagement
    web, store, order = (
        frozenset(base_of(engagement) + bit for bit in range(8 * len(days)) if days[bit >> 3] >> (bit & 7) & 1)
        for days in (engagement.web, engagement.store, engagement.order)
    )
    said = {place: consent(engagement, *place) for place in product(CONTACT_CHANNELS, PURPOSES)}
    consents = frozenset((place, state == "given") for place, state in said.items() if state != "unknown")
    return Known(sum(engagement.totals), web, store, order, engagement.orders, engagement.revenue_minor, consents)


def changelog_of(stage: Stage) -> list[Image | Claim]:
    """Read every image and every claim that was ever written, partition by partition."""
    return [entry for record in read(stage.brokers, stage.changelog) if (entry := _entry(stage, record)) is not None]


def _entry(stage: Stage, record: Record) -> Image | Claim | None:
    if is_marker(record.key):
        return Claim(record.partition, record.offset) if record.key == CLAIM else None
    assert record.key is not None
    assert record.value is not None
    envelope = decode_envelope(record.value)
    outbox = [(stage.prefix + OUTPUTS[word.topic], word.word_id) for word in envelope.outbox if not word.to]
    return Image(
        record.partition,
        record.offset,
        record.key.decode(),
        envelope.term,
        envelope.counter,
        envelope.fences,
        outbox,
        envelope.body,
    )


def signals_of(stage: Stage) -> Iterator[Record]:
    """Read everything that was spoken, documents apart."""
    for topic in stage.outputs[:2]:
        yield from read(stage.brokers, topic)


def id_of(signal: Record) -> str:
    """Return the id that readers see in a signal."""
    assert signal.value is not None
    return json.loads(signal.value)["signal_id"]


def version_of(document: Record) -> str:
    """Return whose document it is and of which version: that names its bytes."""
    assert document.key is not None
    assert document.value is not None
    return f"{document.key.decode()} {json.loads(document.value)['version']}"


def replayed(stage: Stage, published: Sequence[Published], rules: Rules, seed: int) -> dict[str, bytes]:
    """Return each key's engagement as the offline replay makes it, from the good records in an order of its own.

    The order is that of time, disturbed by up to five days where the duplicate rings reach that far, as the law asks.
    """
    rng, reach_s = random.Random(seed), 5 * DAY_S if min(rules.ring_sizes) >= 32 else 0
    numbers = {stage.prefix + name: number for number, name in enumerate(SOURCES)}
    good = [(numbers[record.topic], record.value) for record in published if record.code is None and record.value]
    good.sort(key=lambda event: second_of(json.loads(event[1])) + rng.uniform(0, reach_s))
    return {key: engagement_bytes(body) for key, body in replay(good, rules).bodies.items()}


def verdict(stage: Stage, published: Sequence[Published], rules: Rules | None = None, seed: int = 0) -> Violations:
    """Put a settled run to every check; the answer holds only the checks that were violated."""
    changelog = changelog_of(stage)
    final = checks.last_images(changelog)
    signals = list(signals_of(stage))
    letters = list(read(stage.brokers, stage.dead_letters))
    source_ends = stage.offsets.ends(stage.sources)
    committed = {tp: at for tp, at in stage.committed().items() if tp in source_ends}
    engagements = {image.key: engagement_bytes(image.body) for image in final}
    found = {
        "ledger": checks.ledger_balance(published, source_ends, committed),
        "one home": checks.at_home_once(final),
        "one writer": checks.one_writer(changelog),
        "oracle": checks.engagement(published, final, known),
        "replay": checks.same(replayed(stage, published, rules or Rules(), seed), engagements, "engagement part"),
        "remembered = spoken": checks.remembered_is_spoken(changelog, signals, id_of),
        "one body": checks.one_body(signals, id_of)
        + checks.one_body(read(stage.brokers, stage.prefix + "customers"), version_of),
        "dead letters": checks.dead_letters(published, letters),
    }
    return {name: violations for name, violations in found.items() if violations}
