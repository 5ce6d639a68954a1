"""`latido replay`: what the same events give without Kafka, for looking before doing and for checking afterwards."""

import base64
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click
import msgspec
from rich.console import Console

from schemas import SOURCES
from streams.cli import current_settings
from streams.cli.decisions import summary, tell
from streams.cli.simulate import Instant
from streams.cli.terminal import ticker
from streams.core.document import document
from streams.core.record import engagement_bytes
from streams.core.rules import Rules
from streams.core.signals import Signal
from streams.errors import LatidoError
from streams.feeds.decoding import read_files
from streams.feeds.writing import writer
from streams.replay import DeadLetter, Origin, Replay
from streams.rules import rules_of
from streams.topics import DEAD_LETTERS, OUTPUTS
from streams.trying import tally_of

STDOUT = "-"
CUSTOMERS = "customers"
ENGAGEMENT = "engagement"

Write = Callable[[str, bytes], None]
"""Takes a topic and one JSON document of it."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--out", type=click.Path(), help="A folder for one JSONL file per topic; `-`: everything on stdout, with its topic."
)
@click.option("--until", type=Instant(), help="Look no further than this; silence lasts until then, too.")
@click.option("--engagement", is_flag=True, help="Also write the part of each record that no order changes, as hex.")
@click.option("--decisions", is_flag=True, help="Also tables of moments, actions, refusals by gate and contacts.")
@click.option("--in-order", is_flag=True, help="One file after another; else several files are merged by time.")
@click.option(
    "--json", "as_json", is_flag=True, help="The summary as one JSON object: on stdout, with --out - on stderr."
)
def replay(
    files: tuple[str, ...],
    out: str | None,
    until: datetime | None,
    engagement: bool,
    decisions: bool,
    in_order: bool,
    as_json: bool,
) -> None:
    """
    Compute final records, all signals and all dead letters from files of events, offline.

    The same core as in the worker, under the stream clock: time stands where the latest event stands. Nothing is muted
    unless LATIDO_SPEAK_FROM says so.
    """
    settings = current_settings()
    rules = rules_of(settings, speak_from_s=0)
    counts: Counter[str] = Counter()
    tally = tally_of(rules.catalogue)
    until_s = None if until is None else int(until.timestamp())
    with _writing(out, engagement) as write, ticker("Replaying", "events") as ticks:

        def said(signal: Signal) -> None:
            counts[signal.kind] += 1
            write(signal.kind, signal.body)
            if decisions:
                tally.hear(signal)

        def buried(letter: DeadLetter) -> None:
            counts[DEAD_LETTERS] += 1
            write(DEAD_LETTERS, msgspec.json.encode(_plain(letter)))

        run = Replay(rules, said, buried, until_s=until_s)
        for line, event in ticks.over(read_files(files, settings.accept_from_s, by_time=not in_order)):
            run.take(Origin(line.path, line.number), line.source or 0, line.raw, event)
        run.close()
        customers = [key for key in run.bodies if not key.startswith("#")]
        if out:
            _write_records(run, rules, customers, write, engagement)
        seconds, count = ticks.seconds, ticks.count
    found: dict[str, Any] = {
        "events": run.events,
        "duplicates": run.duplicates,
        "left_out_after_until": run.after_until,
        "customers": len(customers),
        "guest_orders": len(run.bodies) - len(customers),
        "churn_risk": counts["churn-risk"],
        "next_best_actions": counts["next-best-actions"],
        "muted": run.muted,
        "dead_letters": counts[DEAD_LETTERS],
        "rechecks": run.rechecks,
        "seconds": round(seconds, 3),
        "events_per_s": round(count / seconds) if seconds else 0,
    }
    if decisions:
        found["decisions"] = summary(tally)
    _tell(found, as_json=as_json, to_stderr=out == STDOUT)
    if decisions and not as_json:
        tell(tally, Console(stderr=out == STDOUT))


@contextmanager
def _writing(out: str | None, engagement: bool) -> Iterator[Write]:
    """Where lines go: nowhere, to stdout with their topic, or to one file per topic that is whole or not there."""
    if out is None:
        yield lambda topic, body: None
        return
    if out == STDOUT:
        stdout = sys.stdout.buffer
        yield lambda topic, body: _line(stdout, b'{"topic":"%s","value":%s}' % (topic.encode(), body))
        stdout.flush()
        return
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LatidoError(f"{out} cannot be made a folder: {error.strerror}; name another with --out.") from None
    with ExitStack() as stack:
        names = [*OUTPUTS, DEAD_LETTERS, *([ENGAGEMENT] if engagement else [])]
        sinks = {name: stack.enter_context(writer(str(folder / f"{name}.jsonl"))) for name in names}
        yield lambda topic, body: sinks[topic].write(body)


def _line(stream: IO[bytes], line: bytes) -> None:
    stream.write(line + b"\n")


def _write_records(run: Replay, rules: Rules, customers: list[str], write: Write, engagement: bool) -> None:
    """The final documents by key, guests have none; with `engagement` the canonical bytes of every key, guests too."""
    for key in sorted(customers):
        write(CUSTOMERS, document(rules, key, run.bodies[key], (0, 0, 0), run.now_s))
    if engagement:
        for key in sorted(run.bodies):
            part = engagement_bytes(run.bodies[key]).hex()
            write(ENGAGEMENT, msgspec.json.encode({"key": key, "engagement": part}))


def _plain(letter: DeadLetter) -> dict[str, object]:
    """A dead letter as JSON; bytes that are no text are written in base64."""
    place = {"file": letter.origin.path, "line": letter.origin.number, "topic": SOURCES[letter.source]}
    try:
        value = {"value": letter.raw.decode()}
    except UnicodeDecodeError:
        value = {"value_base64": base64.b64encode(letter.raw).decode()}
    return {**place, "code": letter.code, "message": letter.message, **value}


def _tell(summary: dict[str, Any], *, as_json: bool, to_stderr: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(summary), err=to_stderr)
        return
    click.echo(
        f"{summary['events']:,} events of {summary['customers']:,} customers and {summary['guest_orders']:,} guest "
        f"orders in {summary['seconds']:.1f} s ({summary['events_per_s']:,}/s): {summary['churn_risk']:,} churn risks, "
        f"{summary['next_best_actions']:,} next best actions, {summary['muted']:,} muted, "
        f"{summary['duplicates']:,} duplicates, {summary['dead_letters']:,} dead letters.",
        err=to_stderr,
    )
