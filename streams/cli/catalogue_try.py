"""`latido catalogue try`: the past decided twice, and what would have been otherwise."""

import asyncio
import time
from collections import Counter
from typing import Any, Final

import click
import msgspec
from rich.table import Table

from schemas import SOURCES
from streams.catalogues import Pushed
from streams.cli import current_settings
from streams.cli.decisions import spread_in_words, table
from streams.cli.terminal import Ticker, faults_told, quiet_clients, ticker, wide
from streams.core.decode import Door
from streams.core.rules import Rules
from streams.feeds.decoding import Reading, read_files
from streams.feeds.reading import Line
from streams.listening import listening
from streams.pushing import named, of_settings
from streams.replay import Origin
from streams.rules import rules_of
from streams.settings import Settings
from streams.trying import Change, Tally, Trial

EXAMPLES: Final = 20


@click.command("try")
@click.argument("new", metavar="NEW")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--since", metavar="SPAN", help="Decide anew what the topics hold of the last 7d, 36h, 30m.")
@click.option(
    "--old",
    metavar="FILE|NUMBER",
    help="Compare with this; else with the one that serves, for FILEs that of the settings.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, with every change and whose it is.")
def try_(new: str, files: tuple[str, ...], since: str | None, old: str | None, as_json: bool) -> None:
    """
    Replay the past with the catalogue NEW and show which decisions would change; nobody is contacted.

    The past is in FILEs of events, or, with --since, in the source topics: what they hold before that time is
    replayed as well, without being counted. What is decided is taken for delivered at once.
    """
    if bool(files) == bool(since):
        raise click.UsageError("Name files of events, or --since a span of time.")
    settings = current_settings()
    quiet_clients()
    since_s = int(time.time()) - _span_s(since) if since else 0
    rules = msgspec.structs.replace(rules_of(settings), speak_from_s=since_s)
    with faults_told(as_json=as_json):
        after = named(settings, new)
        before = of_settings(settings) if files and old is None else named(settings, old)
        trial = Trial(_with(rules, before), _with(rules, after))
    with ticker("Deciding twice", "events") as ticks:
        if since:
            asyncio.run(_from_topics(settings, trial, ticks))
        else:
            for reading in ticks.over(read_files(files, settings.accept_from_s)):
                trial.take(Origin(reading.line.path, reading.line.number), reading)
        trial.close()
    if as_json:
        click.echo(msgspec.json.encode(_summary(trial)))
    else:
        _tell(trial)


def _with(rules: Rules, one: Pushed) -> Rules:
    return msgspec.structs.replace(rules, catalogue=one.parsed())


def _span_s(span: str | None) -> int:
    """
    Read a span of time, in seconds.

    >>> _span_s("7d"), _span_s("36h")
    (604800, 129600)
    """
    unit = {"d": 86400, "h": 3600, "m": 60}.get((span or "")[-1:])
    if unit is None or not (span or "")[:-1].isdecimal():
        raise click.UsageError("A span of time is a number and d, h or m: --since 7d.")
    return int((span or "")[:-1]) * unit


async def _from_topics(settings: Settings, trial: Trial, ticks: Ticker) -> None:
    doors = [Door(source, accept_from_s=settings.accept_from_s) for source in range(len(SOURCES))]
    async with listening(settings) as listener:
        async for heard in listener.by_time(SOURCES):
            source, raw = SOURCES.index(heard.topic), heard.value or b""
            event = doors[source].read(heard.value, heard.timestamp_ms)
            trial.take(Origin(heard.topic, heard.offset), Reading(Line(heard.topic, heard.offset, source, raw), event))
            ticks.tick()


# ---- what is shown


def _summary(trial: Trial) -> dict[str, Any]:
    return {
        "events": trial.events,
        "actions": {
            name: {"before": _side(trial.before, name), "after": _side(trial.after, name)}
            for name in sorted({*trial.before.decisions, *trial.after.decisions})
        },
        "refusals": [
            {"action": action, "gate": gate, "before": trial.before.refusals[action, gate],
             "after": trial.after.refusals[action, gate]}
            for action, gate in sorted({*trial.before.refusals, *trial.after.refusals})
        ],
        "moments": {
            name: {"before": trial.before.moments[name], "after": trial.after.moments[name]}
            for name in sorted({*trial.before.moments, *trial.after.moments})
        },
        "held_out": {"before": trial.before.held_out, "after": trial.after.held_out},
        "contacts_per_customer_and_week": {
            "before": trial.before.contacts_per_week()._asdict(),
            "after": trial.after.contacts_per_week()._asdict(),
        },
        "changes": [msgspec.structs.asdict(change) for change in trial.changes()],
    }  # fmt: skip


def _side(tally: Tally, name: str) -> dict[str, int]:
    return {"decisions": tally.decisions[name], "customers": len(tally.customers[name])}


def _tell(trial: Trial) -> None:
    console, before, after, changes = wide(), trial.before, trial.after, trial.changes()
    click.echo(f"{trial.events:,} events decided twice; nobody was contacted.\n")
    for made in (_actions(before, after), _gates(before, after), _moments(changes)):
        if made.row_count:
            console.print(made)
            console.print()
    click.echo(f"{len(changes):,} moments would be answered otherwise.")
    for title, tally in (("before", before), ("after", after)):
        click.echo(f"Contacts of a customer in a week with any, {title}: {spread_in_words(tally.contacts_per_week())}")


def _actions(before: Tally, after: Tally) -> Table:
    rows = table("action", "before", "after", "customers before", "after", numbers=4)
    for name in sorted({*before.decisions, *after.decisions}):
        old, new = before.decisions[name], after.decisions[name]
        counts = (old, new, len(before.customers[name]), len(after.customers[name]))
        rows.add_row(name, *(f"{count:,}" for count in counts), style=None if old == new else "bold")
    return rows


def _gates(before: Tally, after: Tally) -> Table:
    """Where an action is refused more often or less."""
    rows = table("action", "refused at", "before", "after", numbers=2)
    for key in sorted({*before.refusals, *after.refusals}):
        old, new = before.refusals[key], after.refusals[key]
        if old != new:
            rows.add_row(*key, f"{old:,}", f"{new:,}")
    return rows


def _moments(changes: list[Change]) -> Table:
    """What would be done instead of what, the most frequent changes."""
    rows = table("moment", "would be", "instead of", "times", numbers=1)
    counts = Counter(
        (change.moment, change.after or "no decision", change.before or "no decision") for change in changes
    )
    for words, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:EXAMPLES]:
        rows.add_row(*words, f"{count:,}")
    return rows
