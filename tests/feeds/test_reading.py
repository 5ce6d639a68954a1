"""Events out of files: what is told apart, what is handed on as it stands, and what is refused in one sentence."""

import gzip
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from schemas import SOURCES, OrderPlaced
from streams.core.decode import Door
from streams.feeds.reading import FeedError, Line, read
from streams.feeds.writing import writer

VIEW = b'{"event_id":"e1","event_type":"page_viewed"}'
VISIT = b'{"event_id":"e2","event_type":"store_entered"}'
ORDER = b'{"event_type":"order_placed","event_id":"e3"}'
ANSWER = b'{"event_type":"survey_answered","event_id":"e4"}'
CONSENT = b'{"event_type":"consent_given","event_id":"e5"}'


def written(folder: Path, content: bytes, name: str = "events.jsonl") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def refusal(path: str) -> str:
    with pytest.raises(FeedError) as raised:
        list(read(path))
    return str(raised.value)


def test_the_event_type_says_the_topic(tmp_path: Path) -> None:
    """One file may hold events of all topics; each line is told its own."""
    path = written(tmp_path, b"\n".join([VIEW, VISIT, ORDER, ANSWER, CONSENT]))

    sources = [SOURCES[line.source] for line in read(path) if line.source is not None]

    assert ["clickstream", "store-visits", "orders", "responses", "profiles"] == sources


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[1]",
        b'{"event_type":"moon_landed"}',
        b'{"event_type":"referral_converted"}',
        b'{"event_type":7}',
        b"\xff",
        b"[" * 99_999,
    ],
)
def test_a_line_that_is_no_event_is_handed_on(tmp_path: Path, raw: bytes) -> None:
    """Whether a line is an event is for the Door to say; the reader hands on its bytes."""
    path = written(tmp_path, VIEW + b"\n" + raw + b"\n")

    assert Line(path, 2, None, raw) == list(read(path))[1]


def test_empty_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    """A line number is the one an editor shows; line ends of other systems are no part of an event."""
    path = written(tmp_path, b"\n" + VIEW + b"\r\n  \r\n" + VISIT)

    assert [(2, VIEW), (4, VISIT)] == [(line.number, line.raw) for line in read(path)]


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    """A packed file is read whatever its name."""
    path = written(tmp_path, gzip.compress(VIEW + b"\n" + ORDER), "events.data")

    assert [VIEW, ORDER] == [line.raw for line in read(path)]


def test_a_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    """A download that broke off is one sentence, not a stack of errors."""
    path = written(tmp_path, gzip.compress(os.urandom(100_000))[:5_000], "events.jsonl.gz")

    assert f"{path} is a damaged gzip file; make or fetch it again." == refusal(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A wrong path is one sentence."""
    path = str(tmp_path / "nowhere.jsonl")

    assert f"{path} cannot be read: No such file or directory." == refusal(path)


def test_a_json_array_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """A whole file as one array is a usual mistake, and not thousands of broken lines."""
    path = written(tmp_path, b"[\n" + VIEW + b",\n" + VIEW + b"]\n")

    assert "`jq -c '.[]'`" in refusal(path)


def test_a_file_without_line_breaks_does_not_fill_the_memory(tmp_path: Path) -> None:
    """A line has a longest length, however large the file."""
    path = written(tmp_path, VIEW + b"\n" + b"x" * (17 * 1024 * 1024))

    assert f"{path}, line 2, is longer than 16 MiB; write one event per line." == refusal(path)


def test_standard_input_is_a_file_too() -> None:
    """A dash reads what another program writes."""
    program = "from streams.feeds.reading import read; print([(line.number, line.raw) for line in read('-')])"

    done = subprocess.run([sys.executable, "-c", program], input=VIEW + b"\n" + VISIT, capture_output=True, check=True)

    assert str([(1, VIEW), (2, VISIT)]) == done.stdout.decode().strip()


def table(folder: Path, **columns: pyarrow.Array) -> str:
    path = folder / "events.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    return str(path)


def test_parquet_with_our_fields_as_columns(tmp_path: Path) -> None:
    """Rows of a table with gaps, nested lines and pandas' floats are the events a publisher would have sent."""
    line = {"product_id": "p1", "quantity": 2.0, "unit_price_minor": 250.0, "category": None}
    path = table(
        tmp_path,
        event_id=pyarrow.array(["e1"]),
        event_type=pyarrow.array(["order_placed"]),
        schema_version=pyarrow.array([1]),
        occurred_at=pyarrow.array([datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)], pyarrow.timestamp("ms", "UTC")),
        customer_id=pyarrow.array(["c1"]),
        anonymous_id=pyarrow.array([None], pyarrow.string()),
        order_id=pyarrow.array(["o1"]),
        currency=pyarrow.array(["GBP"]),
        channel=pyarrow.array(["web"]),
        total_minor=pyarrow.array([float("nan")]),
        lines=pyarrow.array([[line]]),
    )

    (read_line,) = read(path)

    assert read_line.source == SOURCES.index("orders")
    event = Door(read_line.source, accept_from_s=0).read(read_line.raw, None)
    assert isinstance(event, OrderPlaced), event
    assert (500, None, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == (
        event.amount_minor,
        event.anonymous_id,
        event.occurred_at,
    )


def test_parquet_with_one_column_of_json(tmp_path: Path) -> None:
    """A column `event` holds each event as it would stand on the topic."""
    path = table(tmp_path, event=pyarrow.array([VIEW.decode(), ORDER.decode()]))

    assert [(1, 0, VIEW), (2, 2, ORDER)] == [(line.number, line.source, line.raw) for line in read(path)]


def test_parquet_without_our_columns_says_which_are_missing(tmp_path: Path) -> None:
    """A table of something else is refused by the names it lacks."""
    path = table(tmp_path, event_id=pyarrow.array(["e1"]), when=pyarrow.array(["now"]))

    assert "neither a column `event` nor `event_type` and `occurred_at`" in refusal(path)


def test_parquet_with_times_without_zone_is_refused(tmp_path: Path) -> None:
    """A time without a zone is no instant; guessing one would shift every day."""
    names = {name: pyarrow.array(["x"]) for name in ("event_id", "event_type")}
    path = table(tmp_path, **names, occurred_at=pyarrow.array([datetime(2026, 1, 1)], pyarrow.timestamp("us")))

    assert "without a zone in `occurred_at`" in refusal(path)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    """What only begins like parquet is one sentence."""
    assert "cannot be read as parquet" in refusal(written(tmp_path, b"PAR1 and no more"))


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz", "out.parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    """Every kind of file that is written holds the same events in the same order."""
    path = str(tmp_path / name)
    events = [b'{"event_type":"page_viewed","event_id":"%d"}' % number for number in range(10_000)]

    with writer(path) as sink:
        for event in events:
            sink.write(event)

    assert events == [line.raw for line in read(path)]
    assert [name] == [file.name for file in tmp_path.iterdir()]


def test_equal_events_are_equal_bytes(tmp_path: Path) -> None:
    """A packed file holds neither its name nor the time of writing."""
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        with writer(str(tmp_path / name)) as sink:
            sink.write(VIEW)

    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()


def test_an_interrupted_file_does_not_stand_under_its_name(tmp_path: Path) -> None:
    """Half a file looks like a whole one to whoever finds it, so it is not left behind."""

    def interrupted() -> None:
        with writer(str(tmp_path / "out.jsonl")) as sink:
            sink.write(VIEW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert [] == list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder that is not there is one sentence."""
    path = str(tmp_path / "nowhere" / "out.jsonl")

    with pytest.raises(FeedError) as raised, writer(path):
        pass

    assert f"{path} cannot be written: No such file or directory." == str(raised.value)


def test_parquet_without_the_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet is an extra; whoever lacks it is told how to get it, for reading as for writing."""
    path = table(tmp_path, event=pyarrow.array(["{}"]))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    assert "pip install 'latido[parquet]'" in refusal(path)
    with pytest.raises(FeedError, match=r"latido\[parquet\]"), writer(str(tmp_path / "out.parquet")):
        pass
