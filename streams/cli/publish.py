"""`latido publish`: files of events onto the topics; what is refused is said by line, and never silently dropped."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import click
import msgspec

from schemas import SOURCES
from streams.cli import current_settings
from streams.cli.terminal import quiet_clients, ticker
from streams.core.decode import Refused, identity_of, second_of
from streams.errors import FAILED
from streams.feeds.decoding import Reading, read_files
from streams.pace import Pace
from streams.publishing import Outgoing, Publisher
from streams.publishing import publish as publish_all
from streams.settings import Settings

MOST_LISTED = 20


class Tally:
    """What became of the lines: passed by topic, refused by code; the first refusals are told as they come."""

    def __init__(self, raw_to: int | None) -> None:
        """With `raw_to`, refused lines are sent all the same, those of no known topic to that source number."""
        self.passed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._raw_to = raw_to

    def outgoing(self, readings: Iterable[Reading]) -> Iterator[Outgoing]:
        """What is to be published of what was read."""
        latest_ms = 0
        for line, event in readings:
            if not isinstance(event, Refused):
                source = SOURCES.index(event.source_topic)
                self.passed[event.source_topic] += 1
                latest_ms = second_of(event) * 1000 + event.occurred_at.microsecond // 1000
                yield Outgoing(source, identity_of(event), line.raw, latest_ms)
                continue
            self.refused[event.code] += 1
            if sum(self.refused.values()) <= MOST_LISTED:
                click.echo(f"{line.path}, line {line.number}: {event.code}: {event.message}", err=True)
            if self._raw_to is not None:
                source = self._raw_to if line.source is None else line.source
                yield Outgoing(source, None, line.raw, latest_ms)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--rate", type=click.FloatRange(min=0), default=0.0, help="Events per second; 0: as fast as possible.")
@click.option("--speed", type=click.FloatRange(min=0), default=0.0, help="Seconds of event time per second; 0: none.")
@click.option("--in-order", is_flag=True, help="One file after another; else several files are merged by time.")
@click.option("--check", is_flag=True, help="Only look whether every line is a good event; needs no broker.")
@click.option("--raw", is_flag=True, help="Publish refused lines too, as they are; they will be dead letters.")
@click.option(
    "--topic", type=click.Choice(SOURCES), default=SOURCES[0], show_default=True,
    help="With --raw: where lines go that do not say their topic.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.pass_context
def publish(
    ctx: click.Context, files: tuple[str, ...], rate: float, speed: float, in_order: bool, check: bool, raw: bool,
    topic: str, as_json: bool,
) -> None:  # fmt: skip
    """
    Send files of events (JSONL plain or gzip, parquet; `-` is standard input) to the right topics.

    Good lines are published, refused ones are listed with their line and reason; then the exit code is 1.
    """
    settings = current_settings()
    tally = Tally(SOURCES.index(topic) if raw else None)
    readings = read_files(files, settings.accept_from_s, lambda: time.time_ns() // 1_000_000, by_time=not in_order)
    with ticker("Checking" if check else "Publishing", "events") as ticks:
        outgoing = ticks.over(tally.outgoing(readings))
        if check:
            published = 0
            for _ in outgoing:
                pass
        else:
            published = asyncio.run(_publish(settings, outgoing, Pace(rate, speed, time.monotonic)))
        seconds = ticks.seconds
    _tell(tally, published, seconds, check=check, as_json=as_json)
    if tally.refused:
        ctx.exit(FAILED)


async def _publish(settings: Settings, outgoing: Iterable[Outgoing], pace: Pace) -> int:
    quiet_clients()
    async with Publisher(settings) as publisher:
        await publish_all(outgoing, publisher, pace)
        return publisher.acknowledged


def _tell(tally: Tally, published: int, seconds: float, *, check: bool, as_json: bool) -> None:
    refused = sum(tally.refused.values())
    if as_json:
        summary = {
            "published": published,
            "good": dict(sorted(tally.passed.items())),
            "refused": dict(sorted(tally.refused.items())),
            "seconds": round(seconds, 3),
            "events_per_s": round(published / seconds) if seconds else 0,
        }
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
        return
    if refused > MOST_LISTED:
        click.echo(f"… and {refused - MOST_LISTED:,} more refused lines.", err=True)
    by_topic = ", ".join(f"{topic} {count:,}" for topic, count in sorted(tally.passed.items())) or "none"
    by_code = ", ".join(f"{code} {count:,}" for code, count in sorted(tally.refused.items())) or "none"
    what = "Checked" if check else f"Published {published:,} events in {seconds:.1f} s ({published / seconds:,.0f}/s)"
    click.echo(f"{what}. Good: {by_topic}. Refused: {by_code}.")
