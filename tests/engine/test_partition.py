"""The writer of a partition: what it writes, in which order, and what may follow only then."""

import asyncio
import time
from typing import NoReturn

import pytest

from streams.engine import envelope, partition
from streams.engine.config import REROUTED
from streams.engine.ends import BROKEN
from streams.engine.envelope import FACTS, NEVER, SPOKEN, Envelope, Spoken, Word
from streams.engine.home import java_home
from streams.engine.partition import RENDERING, OwnedPartition
from tests.engine.recording import TERM, Recorder, batch, config, images, opened, owned, until

CHANGELOG, SAID, DOCUMENTS = config().changelog, *config().outputs
LETTERS = "run-letters"
AFAR = config().rerouted
HOME = java_home(config().partitions)


class EndedError(Exception):
    """The process would have ended; the exit code is its argument."""


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise where the process would end."""

    def end(code: int, sentence: str) -> NoReturn:
        raise EndedError(code)

    monkeypatch.setattr(partition, "end", end)


def word(text: str = "hello") -> Word:
    """A thing to say, whose id is its text."""
    return Word(0, text, text.encode())


def put(owned: OwnedPartition, key: str, *words: str, body: bytes = b"1", offset: int = 0, **rest: object) -> None:
    """Change a key by the record at an offset of the first source."""
    owned.put(key, body, fences={0: offset}, words=[word(text) for text in words], **rest)


def stored(key_counter: int, *words: str, term: int = 50, shown: bool = True) -> Envelope:
    """A record as an earlier owner left it."""
    return Envelope(term, key_counter, shown, NEVER, {}, [word(text) for text in words], b"1")


def markers(broker: Recorder) -> list[Spoken]:
    """Every spoken marker in the log."""
    return [envelope.decode_spoken(value) for value in broker.values(CHANGELOG, SPOKEN)]


# ---- the order of writes


async def test_state_is_remembered_before_words_are_said_and_words_are_said_before_offsets_count() -> None:
    """Record acknowledged, then outbox sent and acknowledged, then the batch is committable."""
    held = await opened(broker := Recorder())
    put(held, "ada", "hello")
    held.advanced(batch(held, 0))

    await held.flush()

    assert [
        ("remember", CHANGELOG, ("marker", "ada")),
        ("acknowledged", CHANGELOG),
        ("say", SAID, ("ada",)),
        ("acknowledged", SAID),
        ("committable", 1),
    ] == broker.effects


async def test_nothing_is_said_before_it_is_remembered() -> None:
    """While the changelog does not answer, no word leaves and no offset counts."""
    held = await opened(broker := Recorder())
    broker.hold(CHANGELOG)
    put(held, "ada", "hello")
    held.advanced(batch(held, 0))

    flushing = asyncio.create_task(held.flush())
    await until(lambda: broker.effects)
    await asyncio.sleep(0.01)

    assert [("remember", CHANGELOG, ("marker", "ada"))] == broker.effects
    broker.let_go(CHANGELOG)
    await flushing
    assert ("committable", 1) == broker.effects[-1]


async def test_no_offset_counts_before_all_is_said() -> None:
    """While an output does not answer, the batch is not committable and durable stays where it was."""
    held = await opened(broker := Recorder())
    broker.hold(SAID)
    put(held, "ada", "hello")
    held.advanced(batch(held, 0))

    flushing = asyncio.create_task(held.flush())
    await until(lambda: any(effect[0] == "say" for effect in broker.effects))
    await asyncio.sleep(0.01)

    assert {} == held.durable
    assert 1 == held.uncommitted
    broker.let_go(SAID)
    await flushing
    assert {0: 1} == held.durable


async def test_no_offset_counts_before_letters_are_acknowledged() -> None:
    """Dead letters and strangers on their way home hold up the batch they came from."""
    held = await opened(broker := Recorder())
    broker.hold(LETTERS)
    held.post(LETTERS, 3, b"ada", b"?", [("code", b"schema")])
    held.advanced(batch(held, 0))

    flushing = asyncio.create_task(held.flush())
    await until(lambda: broker.effects)
    await asyncio.sleep(0.01)

    assert [("say", LETTERS, ("ada",))] == broker.effects
    broker.let_go(LETTERS)
    await flushing
    assert [("acknowledged", LETTERS), ("committable", 1)] == broker.effects[1:3]


async def test_letters_go_where_they_are_addressed_in_order_and_untouched() -> None:
    """One send per address; keys, values and headers are what was posted."""
    held = await opened(broker := Recorder())
    held.post(LETTERS, 3, b"ada", b"1", [("code", b"schema")])
    held.post(LETTERS, 1, None, None, [])
    held.post(LETTERS, 3, b"bob", b"2", [])

    await held.flush()

    assert [
        (LETTERS, 3, (b"ada", b"1", [("code", b"schema")])),
        (LETTERS, 3, (b"bob", b"2", [])),
        (LETTERS, 1, (None, None, [])),
    ] == [sent for sent in broker.log if sent[0] == LETTERS]


async def test_a_batch_counts_although_it_changed_nothing() -> None:
    """A batch of duplicates is committable at the next flush."""
    held = await opened(broker := Recorder())
    held.advanced(batch(held, 0, 5))

    await held.flush()

    assert {0: 5} == held.durable
    assert ("committable", 5) == broker.effects[0]


async def test_offsets_advance_over_contiguous_batches_of_each_source() -> None:
    """Sources advance each by itself, batch by batch."""
    held = await opened(Recorder())
    held.advanced(batch(held, 7, 3))
    held.advanced(batch(held, 2, 1, source=1))
    held.advanced(batch(held, 10, 2))

    await held.flush()

    assert {0: 12, 1: 3} == held.durable


async def test_a_hole_between_batches_ends_the_worker(ending: None) -> None:
    """A commit must never jump over a record that nobody has advanced."""
    held = await opened(Recorder())
    held.advanced(batch(held, 0, 5))
    held.advanced(batch(held, 6, 1))

    with pytest.raises(EndedError, match=str(BROKEN)):
        await held.flush()

    assert {0: 5} == held.durable


# ---- two lanes, one image


async def test_who_has_something_to_say_does_not_wait_for_the_tick() -> None:
    """The urgent lane is written at once; the slow one waits."""
    held = await opened(broker := Recorder(), config(tick_s=60.0))
    held.start()
    put(held, "quiet")
    await asyncio.sleep(0.01)
    put(held, "ada", "hello")

    await until(lambda: broker.values(SAID))
    await asyncio.sleep(0.02)

    assert {"ada"} == set(images(broker))
    await held.stop(5)
    assert {"ada", "quiet"} == set(images(broker))


async def test_the_slow_lane_is_written_at_the_tick() -> None:
    """What has nothing to say is written without being asked."""
    held = await opened(broker := Recorder(), config(tick_s=0.05))
    held.start()
    put(held, "quiet")

    async with asyncio.timeout(10):
        while not images(broker):
            await asyncio.sleep(0.01)

    assert {"quiet"} == set(images(broker))
    await held.stop(5)


async def test_the_urgent_overtakes_between_two_slices() -> None:
    """A long tick is written in slices, and whoever has something to say goes between them."""
    held = await opened(broker := Recorder(), config(slice_records=2))
    for key in ("a", "b", "c", "d"):
        put(held, key)
    broker.hold(CHANGELOG)

    flushing = asyncio.create_task(held.flush())
    await until(lambda: broker.effects)
    put(held, "urgent", "hello")
    broker.let_go(CHANGELOG)
    await flushing

    assert ["a", "b", "urgent", "c", "d"] == list(images(broker))


async def test_an_answer_to_an_event_overtakes_what_silence_says() -> None:
    """However many fell silent at once; a quarter of each write is left to them, so that none waits for ever."""
    held = await opened(broker := Recorder(), config(slice_records=4 * RENDERING))
    held.quiet = False
    for number in range(4):
        put(held, f"silent{number}", "hello")
    for number in range(5):
        put(held, f"active{number}", "hello", arrived_ms=1)
    held.start()

    await until(lambda: len(broker.values(SAID)) == 9)
    await held.stop(5)

    assert [
        "active0", "active1", "active2", "silent0",
        "active3", "active4", "silent1", "silent2",
        "silent3",
    ] == list(images(broker))  # fmt: skip


async def test_however_often_a_record_changed_it_is_written_once() -> None:
    """Changes of one tick are merged into one image, which holds the last body and every fence and word."""
    held = await opened(broker := Recorder())
    for number in range(100):
        held.put("ada", b"%d" % number, fences={number % 3: number}, words=[word(str(number))] if number > 97 else [])

    await held.flush()

    (image,) = images(broker)["ada"]
    assert (b"99", {0: 99, 1: 97, 2: 98}, ["98", "99"]) == (
        image.body,
        image.fences,
        [each.word_id for each in image.outbox],
    )
    assert [b"98", b"99"] == broker.values(SAID)


async def test_a_change_while_its_record_is_being_written_gets_an_image_of_its_own() -> None:
    """The first image says the first word, the second the second; neither is lost, neither said twice."""
    held = await opened(broker := Recorder())
    put(held, "ada", "one", body=b"1", offset=1)
    broker.hold(CHANGELOG)
    flushing = asyncio.create_task(held.flush())
    await until(lambda: broker.effects)

    put(held, "ada", "two", body=b"2", offset=2)
    held.advanced(batch(held, 0, 3))
    broker.let_go(CHANGELOG)
    await flushing
    await held.flush()

    assert [(b"1", ["one"]), (b"2", ["two"])] == [
        (image.body, [each.word_id for each in image.outbox]) for image in images(broker)["ada"]
    ]
    assert [b"one", b"two"] == broker.values(SAID)
    assert [("acknowledged", SAID), ("committable", 3)] == [
        effect for effect in broker.effects if effect[0] == "committable" or effect == ("acknowledged", SAID)
    ][-2:]


async def test_a_batch_does_not_count_with_an_image_that_lacks_it() -> None:
    """A batch that comes while a flush is under way waits for the next one."""
    held = await opened(broker := Recorder())
    put(held, "ada", offset=0)
    broker.hold(CHANGELOG)
    flushing = asyncio.create_task(held.flush())
    await until(lambda: broker.effects)

    put(held, "ada", body=b"2", offset=1)
    held.advanced(batch(held, 0, 2))
    broker.let_go(CHANGELOG)
    await flushing
    assert {} == held.durable

    await held.flush()
    assert {0: 2} == held.durable


async def test_images_of_a_key_rise_in_counter_and_carry_the_term() -> None:
    """Whatever the lanes, a later image of any key has a greater counter."""
    held = await opened(broker := Recorder())
    for number in range(3):
        put(held, "ada", offset=number)
        put(held, "bob", "hello", offset=number)
        await held.flush()

    versions = [(image.term, image.counter) for key in ("ada", "bob") for image in images(broker)[key]]
    assert sorted(versions[:3]) == versions[:3]
    assert {TERM} == {term for term, _ in versions}
    assert 6 == len(set(versions))


async def test_a_word_carries_its_id_in_a_header() -> None:
    """Readers who know a word's id can pass over a repetition."""
    held = await opened(broker := Recorder())
    put(held, "ada", "hello")

    await held.flush()

    assert (SAID, 0, (b"ada", b"hello", [("id", b"hello")])) in broker.log


async def test_what_caused_a_word_is_told_when_it_is_said() -> None:
    """The age of a signal is measured from the arrival of each record that has caused one."""
    held = await opened(broker := Recorder())
    put(held, "ada", "one", arrived_ms=17)
    put(held, "ada", "two", arrived_ms=23)
    put(held, "bob", arrived_ms=29)

    await held.flush()

    assert ("spoken", [17, 23]) == broker.effects[-1]


# ---- fences


async def test_a_skipped_record_raises_the_fence_in_memory_and_is_written_with_the_next_change() -> None:
    """What changed nothing costs no write."""
    held = await opened(broker := Recorder())
    put(held, "ada", offset=4)
    await held.flush()
    held.skip("ada", {0: 9})
    held.skip("nobody", {0: 9})

    assert held.clean
    assert ["ada"] == list(held.entries)
    held.put("ada", b"2", fences={1: 3})
    await held.flush()
    assert [{0: 4}, {0: 9, 1: 3}] == [image.fences for image in images(broker)["ada"]]


# ---- the spoken marker


async def test_the_marker_of_a_write_tells_what_was_said_before_it() -> None:
    """Each changelog write begins with how far everything remembered has been said, and what was durable then."""
    held = await opened(broker := Recorder())
    put(held, "ada", "hello")
    held.advanced(batch(held, 0, 3))
    await held.flush()
    put(held, "bob")
    await held.flush()

    assert [Spoken(TERM, 0, {}), Spoken(TERM, 1, {0: 3})] == markers(broker)


async def test_when_all_is_said_a_last_marker_tells_it_and_then_there_is_silence() -> None:
    """An idle partition writes its marker once, so that a restart repeats nothing."""
    held = await opened(broker := Recorder())
    put(held, "ada", "hello")
    held.advanced(batch(held, 0, 3))
    for _ in range(5):
        await held.flush()

    assert [Spoken(TERM, 0, {}), Spoken(TERM, 1, {0: 3})] == markers(broker)


async def test_after_a_recovery_only_what_stands_beyond_the_marker_is_said_again() -> None:
    """At or below the marker all was said; beyond it nobody knows, so it is said once more before anything else."""
    held = owned(broker := Recorder())
    held.render = None
    held.facts, held.spoken = {"generation": 0}, (50, 2)
    held.entries = {"said": stored(2, "a"), "older": stored(9, "b", term=49), "unsaid": stored(3, "c", "d")}

    await held.open({})

    assert [
        ("say", SAID, ("unsaid", "unsaid")),
        ("acknowledged", SAID),
        ("said again", 2),
    ] == broker.effects
    assert [b"c", b"d"] == broker.values(SAID)
    assert [[], [], []] == [entry.outbox for entry in held.entries.values()]


async def test_what_was_said_again_is_not_said_a_third_time_with_the_next_change() -> None:
    """The outboxes of a recovery are empty, whatever stood in them."""
    held = owned(broker := Recorder())
    held.facts, held.spoken = {"generation": 0}, (50, 2)
    held.entries = {"said": stored(2, "a"), "unsaid": stored(3, "c")}
    await held.open({})

    for key in ("said", "unsaid"):
        put(held, key, "new")
    await held.flush()

    assert [b"c", b"new", b"new"] == broker.values(SAID)


# ---- words to other keys


def derived(to: str, word_id: str = "d1") -> Word:
    """A thing to say to another key."""
    return Word(REROUTED, word_id, b"derived", to)


def homes(broker: Recorder) -> list[tuple[int, bytes | None, dict[str, bytes]]]:
    """What was sent to other keys: partition, key, headers."""
    return [(partition, key, dict(said)) for topic, partition, (key, _, said) in broker.log if topic == AFAR]


async def test_a_word_to_another_key_goes_to_the_home_of_that_key() -> None:
    """Through the topic of re-routed records, under its name, with its id in a header of its own."""
    held = await opened(broker := Recorder())
    held.put("ada", b"1", fences={0: 0}, words=[word(), *[derived(f"c{n}", f"d{n}") for n in range(9)]])

    await held.flush()

    assert {"hello"} == {name.decode() for name in broker.values(SAID) if name}
    assert sorted((HOME(f"c{n}"), b"c%d" % n, b"d%d" % n) for n in range(9)) == sorted(
        (partition, key, said["derived"]) for partition, key, said in homes(broker)
    )
    assert len({partition for partition, _, _ in homes(broker)}) > 1


async def test_no_offset_counts_before_a_word_to_another_key_is_acknowledged() -> None:
    """It is remembered first and committed last, like every word."""
    held = await opened(broker := Recorder())
    broker.hold(AFAR)
    held.put("ada", b"1", fences={0: 0}, words=[derived("bob")])
    held.advanced(batch(held, 0))

    flushing = asyncio.create_task(held.flush())
    await until(lambda: ("say", AFAR, ("bob",)) in broker.effects)
    await asyncio.sleep(0.01)

    assert ("acknowledged", CHANGELOG) == broker.effects[1]
    assert ("committable", 1) not in broker.effects
    broker.let_go(AFAR)
    await flushing
    assert ("committable", 1) == broker.effects[-1]


async def test_a_word_to_another_key_is_said_again_after_a_recovery() -> None:
    """To the same home, under the same id."""
    held = owned(broker := Recorder())
    held.facts, held.spoken = {"generation": 0}, (50, 2)
    held.entries = {"unsaid": Envelope(50, 3, True, NEVER, {}, [derived("bob")], b"1")}
    await held.open({})

    assert [(HOME("bob"), b"bob", {"id": b"d1", "derived": b"d1"})] == homes(broker)
    assert ("said again", 1) == broker.effects[-1]


# ---- facts


async def test_the_first_owner_writes_the_facts_before_anything_else() -> None:
    """They stand in the log before the first word."""
    held = owned(broker := Recorder())
    held.entries = {"unsaid": stored(3, "c")}

    await held.open({"partitioner": "murmur2", "generation": 0})

    assert ("remember", CHANGELOG, ("facts",)) == broker.effects[0]
    assert {"partitioner": "murmur2", "generation": 0} == held.facts
    assert [envelope.encode_facts(held.facts)] == broker.values(CHANGELOG, FACTS)


async def test_a_later_owner_takes_the_facts_as_they_are() -> None:
    """Facts are never rewritten."""
    held = owned(broker := Recorder())
    held.facts = {"speak_from": 1}

    await held.open({"speak_from": 2})

    assert {"speak_from": 1} == held.facts
    assert [] == broker.effects


# ---- clean


async def test_clean_means_that_all_is_acknowledged() -> None:
    """A change, a letter or a batch makes a partition unclean, until a whole flush."""
    held = await opened(broker := Recorder())
    was = [held.clean]
    put(held, "ada")
    was.append(held.clean)
    await held.flush()
    was.append(held.clean)
    held.post(LETTERS, 0, b"ada", b"?", [])
    was.append(held.clean)
    await held.flush()
    was.append(held.clean)
    held.advanced(batch(held, 0))
    was.append(held.clean)
    await held.flush()
    was.append(held.clean)
    broker.hold(CHANGELOG)
    put(held, "ada")
    flushing = asyncio.create_task(held.flush())
    await until(lambda: ("remember", CHANGELOG, ("marker", "ada")) == broker.effects[-1])
    was.append(held.clean)
    broker.let_go(CHANGELOG)
    await flushing

    assert [True, False, True, False, True, False, True, False] == was


async def test_what_changes_during_a_flush_is_not_clean_after_it() -> None:
    """It stands in no image yet."""
    held = await opened(broker := Recorder())
    broker.hold(CHANGELOG)
    put(held, "ada")
    flushing = asyncio.create_task(held.flush())
    await until(lambda: broker.effects)
    put(held, "ada", body=b"2")
    broker.let_go(CHANGELOG)
    await flushing

    assert not held.clean


async def test_stopping_writes_what_is_left() -> None:
    """A writer that stops leaves nothing behind when the broker answers in time."""
    held = await opened(broker := Recorder(), config(tick_s=60.0))
    held.start()
    await asyncio.sleep(0)
    put(held, "ada")
    held.advanced(batch(held, 0))

    await held.stop(5)

    assert {"ada"} == set(images(broker))
    assert (True, {0: 1}) == (held.clean, held.durable)


async def test_stopping_tells_in_the_log_that_all_was_said() -> None:
    """The next owner then repeats nothing, and begins where this one has ended."""
    held = await opened(broker := Recorder(), config(tick_s=60.0))
    held.start()
    put(held, "ada", "hello")
    held.advanced(batch(held, 0, 3))

    await held.stop(5)

    assert Spoken(TERM, 1, {0: 3}) == markers(broker)[-1]


async def test_stopping_in_vain_leaves_the_partition_unclean() -> None:
    """Whoever could not write in time must not keep what it holds."""
    held = await opened(broker := Recorder(), config(tick_s=60.0))
    held.start()
    broker.hold(CHANGELOG)
    put(held, "ada", "hello")
    await until(lambda: broker.effects)

    await held.stop(0.05)

    assert not held.clean
    assert {} == held.durable


async def test_a_writer_is_started_once() -> None:
    """Who is told twice to start still is one writer: a partition's records never have two."""
    held = await opened(Recorder(), config(tick_s=0.05))
    before = asyncio.all_tasks()
    held.start()
    held.start()
    await asyncio.sleep(0)

    assert 1 == len(asyncio.all_tasks() - before)
    await held.stop(5)


async def test_a_writer_that_fails_ends_the_worker(ending: None) -> None:
    """A fault in rendering must not leave a partition without a writer."""
    held = await opened(Recorder(), config(tick_s=0.05))
    held.render = lambda *_: 1 / 0
    put(held, "ada", show=True)
    held.start()

    assert held._task is not None
    with pytest.raises(EndedError, match=str(BROKEN)):
        await asyncio.wait_for(held._task, 10)


# ---- documents


async def test_a_shown_change_comes_with_its_document_after_its_record() -> None:
    """The document's version is that of the image, and the image knows that it was shown."""
    held = await opened(broker := Recorder())
    put(held, "ada", body=b"7", show=True)

    await held.flush()

    (image,) = images(broker)["ada"]
    assert image.shown
    assert [b"ada 7 %d" % image.counter] == broker.values(DOCUMENTS)
    assert ["remember", "say"] == [effect[0] for effect in broker.effects if effect[0] in ("remember", "say")][:2]


async def test_a_document_holds_up_the_batch_like_a_word() -> None:
    """Documents count like outboxes for commits."""
    held = await opened(broker := Recorder())
    broker.hold(DOCUMENTS)
    put(held, "ada", show=True)
    held.advanced(batch(held, 0))

    flushing = asyncio.create_task(held.flush())
    await until(lambda: any(effect[:2] == ("say", DOCUMENTS) for effect in broker.effects))
    await asyncio.sleep(0.01)
    assert {} == held.durable
    broker.let_go(DOCUMENTS)
    await flushing

    assert {0: 1} == held.durable


async def test_an_unshown_change_waits_for_the_interval() -> None:
    """Its image is not shown; when documents are asked for there is one, with the newest body, and only one."""
    held = await opened(broker := Recorder())
    put(held, "ada", body=b"1")
    put(held, "ada", body=b"2")
    await held.flush()
    assert [] == broker.values(DOCUMENTS)
    assert [False] == [image.shown for image in images(broker)["ada"]]

    held.show()
    await held.flush()
    held.show()
    await held.flush()

    first, second = images(broker)["ada"]
    assert second.shown
    assert [b"ada 2 %d" % second.counter] == broker.values(DOCUMENTS)
    assert first.counter < second.counter


async def test_only_what_has_waited_long_enough_is_shown() -> None:
    """A key waits since the first change that was not shown, however often it changes afterwards."""
    held = await opened(broker := Recorder())
    put(held, "ada")
    between = time.monotonic()
    put(held, "bob")
    put(held, "ada", offset=2, body=b"2")

    held.show(between)
    await held.flush()

    assert [b"ada 2"] == [value.rsplit(b" ", 1)[0] for value in broker.values(DOCUMENTS)]


@pytest.mark.parametrize("show", [True, False])
async def test_while_catching_up_nothing_is_shown_and_afterwards_each_key_once(show: bool) -> None:
    """However loudly a change asked for its document, it waits, and is not forgotten."""
    held = await opened(broker := Recorder())
    held.quiet = True
    for number in range(3):
        put(held, "ada", offset=number, body=b"%d" % number, show=show)
        await held.flush()
    held.show()
    await held.flush()
    assert [] == broker.values(DOCUMENTS)

    held.quiet = False
    held.show()
    await held.flush()
    held.show()
    await held.flush()

    assert [b"ada 2 %d" % images(broker)["ada"][-1].counter] == broker.values(DOCUMENTS)


async def test_what_has_no_document_is_never_shown() -> None:
    """A key without a document is neither rendered nor written again for it."""
    held = await opened(broker := Recorder())
    put(held, "#guest", show=None)
    await held.flush()
    held.show()
    await held.flush()

    assert [True] == [image.shown for image in images(broker)["#guest"]]
    assert [] == broker.values(DOCUMENTS)


async def test_after_a_recovery_documents_beyond_the_marker_are_sent_again_and_the_unshown_are_not_forgotten() -> None:
    """A shown image beyond the marker is rendered once more with its own version; an unshown one waits its turn."""
    held = owned(broker := Recorder())
    held.facts, held.spoken = {"generation": 0}, (50, 2)
    held.entries = {"said": stored(2), "unsaid": stored(3), "unshown": stored(1, shown=False)}

    await held.open({})
    assert [b"unsaid 1 3"] == broker.values(DOCUMENTS)

    held.quiet = False
    held.show()
    await held.flush()
    assert [b"unsaid 1 3", b"unshown 1 1"] == broker.values(DOCUMENTS)
