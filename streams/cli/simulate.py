"""`latido simulate`: seeded shoppers, into Kafka or a file, at any rate, in real or compressed time."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import click
import msgspec

from schemas import SOURCES
from streams.cli import current_settings
from streams.cli.terminal import quiet_clients, ticker
from streams.feeds.writing import writer
from streams.pace import Pace
from streams.publishing import Outgoing, Publisher, publish
from streams.settings import Settings
from streams.simulate.shoppers import Crowd, shoppers
from streams.simulate.telling import Told, instant

INTERRUPTED = 130


class Instant(click.ParamType):
    """An RFC 3339 time with zone, or `now`."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the time."""
        if isinstance(value, datetime):
            return value
        try:
            read = datetime.now(UTC) if value == "now" else datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-01-31T00:00:00Z or now.", param, ctx)
        if read.tzinfo is None:
            self.fail(f"{value!r} has no zone; write 2026-01-31T00:00:00Z or now.", param, ctx)
        return read


@click.command()
@click.option("--customers", type=click.IntRange(1, 10_000_000), default=1_000, show_default=True)
@click.option(
    "--days",
    type=click.FloatRange(0, 40_000, min_open=True),
    default=30.0,
    show_default=True,
    help="Length of the life that is told.",
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Equal seeds, equal events.")
@click.option(
    "--activity", type=click.FloatRange(0.01, 1000), default=1.0, show_default=True, help="2: all come twice as often."
)
@click.option(
    "--start",
    type=Instant(),
    help="First moment; else so that the days end at the last midnight, or now with --speed 1.",
)
@click.option("--rate", type=click.FloatRange(min=0), default=0.0, help="Events per second; 0: as fast as possible.")
@click.option(
    "--speed", type=click.FloatRange(min=0), default=0.0,
    help="Seconds of event time per second: 1 is real time, 86400 a day each second; 0: no pace.",
)  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False), help="A file (.jsonl, .jsonl.gz, .parquet) instead of Kafka.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.pass_context
def simulate(
    ctx: click.Context,
    customers: int, days: float, seed: int, activity: float, start: datetime | None, rate: float, speed: float,
    out: str | None, as_json: bool,
) -> None:  # fmt: skip
    """
    Let shoppers with rhythms of their own browse, visit shops and buy; some drift away.

    Customers are c000000, c000001 and so on. Ctrl-C ends it; what is in Kafka by then stays there.
    """
    settings = current_settings()
    begin = start or _usual_start(days, speed)
    start_ms = int(begin.timestamp() * 1000)
    crowd = Crowd(seed, customers, start_ms, days, activity, settings.base_currency)
    counts: Counter[str] = Counter()
    ended_early = False
    with ticker("Simulating", "events") as ticks:
        told = ticks.over(_counted(shoppers(crowd), counts))
        pace = Pace(rate, speed, time.monotonic)
        if out:
            _write(told, out, pace)
        else:
            try:
                asyncio.run(_publish(settings, told, pace))
            except KeyboardInterrupt:
                ended_early = True
        count, seconds = ticks.count, ticks.seconds
    _tell(crowd, counts, count, seconds, out or "Kafka", as_json=as_json)
    if ended_early:
        ctx.exit(INTERRUPTED)


def _usual_start(days: float, speed: float) -> datetime:
    now = datetime.now(UTC)
    if speed == 1:
        return now
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)


def _counted(told: Iterable[Told], counts: Counter[str]) -> Iterator[Told]:
    for event in told:
        counts[SOURCES[event.source]] += 1
        yield event


def _write(told: Iterable[Told], path: str, pace: Pace) -> None:
    with writer(path) as sink:
        for event in told:
            if (wait_s := pace.wait_s(event.at_ms)) > 0:
                time.sleep(wait_s)
            sink.write(event.body)


async def _publish(settings: Settings, told: Iterable[Told], pace: Pace) -> None:
    quiet_clients()
    async with Publisher(settings) as publisher:
        await publish((Outgoing(event.source, event.key, event.body, event.at_ms) for event in told), publisher, pace)


def _tell(crowd: Crowd, counts: Counter[str], count: int, seconds: float, where: str, *, as_json: bool) -> None:
    summary = {
        "events": count,
        "by_topic": dict(sorted(counts.items())),
        "customers": crowd.customers,
        "seed": crowd.seed,
        "start": instant(crowd.start_ms),
        "days": crowd.days,
        "seconds": round(seconds, 3),
        "events_per_s": round(count / seconds) if seconds else 0,
    }
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
        return
    by_topic = ", ".join(f"{topic} {number:,}" for topic, number in sorted(counts.items())) or "none"
    click.echo(
        f"{count:,} events of {crowd.customers:,} customers to {where} in {seconds:.1f} s ({by_topic}). "
        f"The same again: --seed {crowd.seed} --start {instant(crowd.start_ms)} --days {crowd.days:g}."
    )
