"""One line per record, for people or for programs, and no personal data in either.

What our own code logs holds topics, partitions, offsets and counts. What libraries log may hold anything, so of an
exception only its type and place are shown, and its words only where they cannot hold a customer's data.
"""

import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Literal

import orjson

from streams.errors import LatidoError

LIBRARIES = ("faust", "mode", "aiokafka", "kafka", "aiohttp", "asyncio")
FACTS = ("topic", "partition", "offset", "code")
"""What a record may carry beside its message, given as `extra`."""

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def configure(level: str, form: Literal["text", "json"], stream: IO[str] | None = None) -> None:
    """
    Set up logging for the whole process; `stream` is stderr unless given.

    Call it before Faust starts and start Faust with `override_logging=False`: its own set-up replaces every handler,
    and at level `warn` its spinner leaves the root logger at DEBUG, which costs a tenth of the time.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What libraries say in a good hour is of no use to operators, and at DEBUG they print records.
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.INFO if level == "debug" else logging.WARNING, root.level))
    # Warnings of the interpreter go the same way, else they would be lines of another form.
    logging.captureWarnings(True)


class TextLines(logging.Formatter):
    """`time level logger: message topic=… partition=…`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line of text."""
        facts = "".join(f" {name}={value}" for name, value in _facts(record).items())
        failure = f" [{_failure(record.exc_info)}]" if _failed(record) else ""
        line = f"{_at(record)} {record.levelname.lower()} {record.name}: {_message(record)}{facts}{failure}"
        return " ".join(line.splitlines())


class JsonLines(logging.Formatter):
    """One JSON object per line: `at level logger message`, the facts, and `error` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line of JSON."""
        entry = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        } | _facts(record)
        if _failed(record):
            entry["error"] = _failure(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    """Form the message; an exception among its arguments is held to the same rule as one beside it."""
    if not isinstance(record.args, tuple):
        return record.getMessage()
    args = tuple(type(arg).__name__ if _silent(arg) else arg for arg in record.args)
    return str(record.msg) % args if args else str(record.msg)


def _silent(arg: object) -> bool:
    return isinstance(arg, BaseException) and not _speaks_safely(arg)


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in FACTS if hasattr(record, name)}


def _failed(record: logging.LogRecord) -> bool:
    return bool(record.exc_info and record.exc_info[1])


def _failure(exc_info: ExcInfo | tuple[None, None, None] | None) -> str:
    """Say which exception it was and where it came from, innermost place first."""
    error = exc_info[1] if exc_info else None
    if error is None:
        return ""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    places = " < ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
    words = f": {error}" if _speaks_safely(error) else ""
    return f"{type(error).__name__}{words} at {places}"


def _speaks_safely(error: BaseException) -> bool:
    return isinstance(error, LatidoError | OSError) or type(error).__module__.startswith("aiokafka")


def _short(filename: str) -> str:
    return "/".join(filename.rsplit("/", 2)[-2:])
