"""A record is canonical bytes, and what it imports stays pure."""

import ast
from pathlib import Path

import msgspec
import pytest

from streams.core.engagement import Engagement
from streams.core.profile import consent
from streams.core.record import FORMAT, dump, engagement_bytes, load
from tests.core.stories import HOUR, NOON, Story

CORE = Path(__file__).parents[2] / "streams" / "core"
IMPURE = {"time", "random", "logging", "asyncio", "io", "os", "pathlib", "secrets", "socket", "faust", "aiokafka"}


def test_a_record_reads_back_byte_for_byte() -> None:
    """Decoding and encoding changes no byte."""
    body = Story().happens("order_placed").happens("cart_item_added").body
    assert body is not None

    assert body == dump(load(body))


def test_the_engagement_part_can_be_cut_out() -> None:
    """The order-free part is the encoded engagement."""
    story = Story().happens("store_entered", NOON)

    assert msgspec.msgpack.encode(story.record.engagement) == engagement_bytes(story.body or b"")


def test_another_format_is_refused() -> None:
    """A record of a later version is not guessed at."""
    record = Story().happens("page_viewed").record
    record.format = FORMAT + 1

    with pytest.raises(ValueError, match=f"format {FORMAT + 1}"):
        load(dump(record))


def test_an_engagement_from_before_responses_goes_on() -> None:
    """Bytes that end before the newer fields, with a ring for each of three sources, are read and folded on."""
    story = Story().happens("order_placed", NOON)
    record = msgspec.msgpack.decode(story.body or b"")
    record[1] = record[1][: Engagement.__struct_fields__.index("registers")]
    del record[1][Engagement.__struct_fields__.index("rings")][3:]
    story.body = msgspec.msgpack.encode(record)
    engagement = story.happens("consent_given", NOON + HOUR, channel="sms", purpose="service").record.engagement

    assert ("given", -1, 1) == (consent(engagement, "sms", "service"), engagement.last_return_s, engagement.orders)
    assert [b"", b"", b""] == [engagement.rings[0], engagement.rings[1], engagement.rings[3]]


@pytest.mark.parametrize("module", sorted(CORE.glob("*.py")), ids=lambda path: path.stem)
def test_the_core_imports_nothing_impure(module: Path) -> None:
    """No clock, no randomness, no logging, no input or output in any module of the core."""
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])

    assert set() == imported & IMPURE
