"""One line per record, and nobody's data in it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaConnectionError

from streams import logs
from streams.errors import LatidoError

CANARY = "ana.lopez@example.com"


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    for name in logs.LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)


def lines(form: str, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, form, stream)  # type: ignore[arg-type]
    return stream


def fail_with(error: Exception) -> None:
    try:
        raise error
    except Exception:
        logging.getLogger("streams.x").exception("It failed: %r", error)


def test_text_is_one_line() -> None:
    """Time in UTC, level, logger, message and where it was."""
    stream = lines("text")

    logging.getLogger("streams.x").warning("two\nlines", extra={"topic": "orders", "partition": 3, "offset": 9})

    time, _, rest = stream.getvalue().partition(" ")
    assert time.endswith("Z")
    assert "warning streams.x: two lines topic=orders partition=3 offset=9\n" == rest


def test_json_is_one_object_per_line() -> None:
    """The same, for programs."""
    stream = lines("json")

    logging.getLogger("streams.x").info("two\nlines", extra={"topic": "orders"})
    logging.getLogger("streams.x").info("%d of %d", 3, 4)

    first, second = map(json.loads, stream.getvalue().splitlines())
    assert {"at", "level", "logger", "message", "topic"} == set(first)
    assert ("two\nlines", "3 of 4") == (first["message"], second["message"])


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_is_its_type_and_its_place(form: str) -> None:
    """The words of an unknown exception may quote a customer's event, so they are not shown."""
    stream = lines(form)

    fail_with(ValueError(f"bad event of {CANARY}"))

    line = stream.getvalue()
    assert 1 == line.count("\n")
    assert CANARY not in line
    assert "It failed: 'ValueError'" in line
    assert "ground/test_logs.py:" in line
    assert "fail_with" in line


@pytest.mark.parametrize(
    "error", [LatidoError("Set it."), ConnectionRefusedError(111, "refused"), KafkaConnectionError("gone")]
)
def test_an_exception_that_cannot_quote_a_customer_speaks(error: Exception) -> None:
    """Ours, the system's and the Kafka client's are what operators need to read."""
    stream = lines("text")

    fail_with(error)

    assert str(error) in stream.getvalue()


def test_libraries_are_heard_from_warnings_on() -> None:
    """Their good hours are of no use; at debug they may speak, but never print records."""
    stream = lines("text")
    logging.getLogger("faust.agents").info("starting")
    logging.getLogger("aiokafka").warning("broker away")
    assert ["broker away"] == [line.partition("aiokafka: ")[2] for line in stream.getvalue().splitlines()]

    lines("text", "debug")

    assert logging.INFO == logging.getLogger("aiokafka.consumer.fetcher").getEffectiveLevel()


def test_a_quiet_level_quietens_libraries_too() -> None:
    """At `error` no warning of anybody is shown."""
    stream = lines("text", "error")
    logging.getLogger("aiokafka").warning("broker away")

    assert "" == stream.getvalue()


def test_earlier_handlers_are_gone() -> None:
    """Whoever configured logging before us would write every record a second time, in another form."""
    logging.getLogger().addHandler(logging.StreamHandler())

    lines("text")

    assert 1 == len(logging.getLogger().handlers)
