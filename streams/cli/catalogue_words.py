"""`latido catalogue list|diff|push|rollback|try`: a catalogue for all workers, looked at before and after."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from schemas import SOURCES
from streams.catalogues import Pushed
from streams.cli import current_settings
from streams.cli.decisions import spread_in_words, table
from streams.cli.simulate import Instant
from streams.cli.terminal import Ticker, quiet_clients, ticker
from streams.comparing import Difference, differences
from streams.core.catalogue import CatalogueError, parse
from streams.core.decode import Door
from streams.core.rules import Rules
from streams.errors import LatidoError
from streams.feeds.decoding import Reading, read_files
from streams.feeds.reading import Line
from streams.listening import listening
from streams.pushing import LEAD_S, is_usable, numbered, push, pushed, serving
from streams.replay import Origin
from streams.rules import rules_of, text_of
from streams.settings import Settings
from streams.trying import EXAMPLES, Tally, Trial

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
SINCE = click.option("--from", "instant", type=Instant(), help=f"When it begins to serve; else {LEAD_S} s from now.")


@click.command("list")
@AS_JSON
def list_(as_json: bool) -> None:
    """List all catalogues that were pushed, and which serves now."""
    settings = current_settings()
    quiet_clients()
    found = asyncio.run(pushed(settings))
    now = serving(found, int(time.time()))
    rows = [_row(one, one is now) for one in found]
    if as_json:
        click.echo(msgspec.json.encode({"catalogues": rows}))
        return
    if not found:
        click.echo("No catalogue was pushed; the workers use the one of their settings (LATIDO_CATALOGUE).")
        return
    shown = table("number", "serves from", "version", "file", "state")
    for row in rows:
        shown.add_row(*(str(value) for value in row.values()))
    Console().print(shown)


def _row(one: Pushed, serves: bool) -> dict[str, Any]:
    usable = is_usable(one)
    state = "serves" if serves else "scheduled" if usable and one.effective_s > time.time() else "past"
    return {
        "number": one.number,
        "serves_from": _time(one.effective_s),
        "version": one.parsed().version if usable else "-",
        "file": one.source,
        "state": state if usable else "refused",
    }


@click.command("diff")
@click.argument("new", metavar="FILE|NUMBER")
@click.argument("old", metavar="[FILE|NUMBER]", required=False)
@AS_JSON
def diff(new: str, old: str | None, as_json: bool) -> None:
    """Show what FILE (or a pushed NUMBER) has other than the catalogue that serves now, or than another one."""
    settings = current_settings()
    quiet_clients()
    found = differences(_text(settings, old), _text(settings, new))
    if as_json:
        click.echo(msgspec.json.encode({"differences": [one._asdict() for one in found]}))
    elif not found:
        click.echo("There is no difference.")
    else:
        Console().print(_differences(found))


@click.command("push")
@click.argument("file", metavar="FILE")
@SINCE
@AS_JSON
def push_(file: str, instant: datetime | None, as_json: bool) -> None:
    """Check a catalogue and give it to all workers; none has to be restarted."""
    _push(current_settings(), _file_text(file), Path(file).name, instant, as_json=as_json)


@click.command("rollback")
@click.argument("number", type=int, required=False)
@SINCE
@AS_JSON
def rollback(number: int | None, instant: datetime | None, as_json: bool) -> None:
    """Push an earlier catalogue again: NUMBER, or else the one before that which serves now."""
    settings = current_settings()
    quiet_clients()
    found = asyncio.run(pushed(settings))
    one = numbered(found, number) if number is not None else _before(found)
    _push(settings, one.text, one.source, instant, as_json=as_json)


@click.command("try")
@click.argument("new", metavar="NEW")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--since", metavar="SPAN", help="Decide anew what the topics hold of the last 7d, 36h, 30m.")
@click.option("--old", metavar="FILE|NUMBER", help="Compare with this; else with the catalogue that serves now.")
@AS_JSON
def try_(new: str, files: tuple[str, ...], since: str | None, old: str | None, as_json: bool) -> None:
    """
    Replay the past with the catalogue NEW and show which decisions would change; nobody is contacted.

    The past is in FILEs of events, or, with --since, in the source topics: what they hold before that time is
    replayed as well, without being counted.
    """
    if bool(files) == bool(since):
        raise click.UsageError("Name files of events, or --since a span of time.")
    settings = current_settings()
    quiet_clients()
    speak_from_s = int(time.time()) - _span_s(since) if since else 0
    rules = rules_of(settings, speak_from_s=speak_from_s)
    trial = Trial(_with(rules, _text(settings, old, from_file=bool(files))), _with(rules, _text(settings, new)))
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


# ---- texts


def _text(settings: Settings, name: str | None, *, from_file: bool = False) -> str:
    """The text of a file or of a pushed number; without a name that of the catalogue that serves now."""
    if name is not None and not name.isdecimal():
        return _file_text(name)
    if name is None and from_file:
        return text_of(settings.catalogue)
    found = asyncio.run(pushed(settings))
    if name is not None:
        return numbered(found, int(name)).text
    now = serving(found, int(time.time()))
    return text_of(settings.catalogue) if now is None else now.text


def _file_text(path: str) -> str:
    text = text_of(path)
    _parsed(text, Path(path).name)
    return text


def _parsed(text: str, source: str) -> Any:
    try:
        return parse(text, source)
    except CatalogueError as error:
        raise LatidoError(str(error)) from None


def _with(rules: Rules, text: str) -> Rules:
    return msgspec.structs.replace(rules, catalogue=_parsed(text, "catalogue.toml"))


def _before(found: Sequence[Pushed]) -> Pushed:
    now = serving(found, int(time.time()))
    earlier = [one for one in found if now and one.effective_s <= now.effective_s and one.text != now.text]
    earlier = [one for one in earlier if is_usable(one)]
    if not earlier:
        raise LatidoError("There is no catalogue before the one that serves; `latido catalogue list` shows all.")
    return max(earlier, key=lambda one: (one.effective_s, one.number))


def _push(settings: Settings, text: str, source: str, instant: datetime | None, *, as_json: bool) -> None:
    quiet_clients()
    effective_s = int(time.time()) + LEAD_S if instant is None else int(instant.timestamp())
    try:
        one = asyncio.run(push(settings, text, source, effective_s))
    except CatalogueError as error:
        raise LatidoError(str(error)) from None
    if as_json:
        click.echo(msgspec.json.encode(_row(one, False)))
    else:
        click.echo(
            f"Catalogue {one.number} ({one.parsed().version}) serves from {_time(one.effective_s)} on; "
            "`latido catalogue rollback` goes back."
        )


# ---- the past


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
    console, before, after = Console(), trial.before, trial.after
    console.print(f"{trial.events:,} events decided twice; nobody was contacted.")
    actions = table("action", "before", "after", "customers before", "after")
    for name in sorted({*before.decisions, *after.decisions}):
        counts = (
            before.decisions[name],
            after.decisions[name],
            len(before.customers[name]),
            len(after.customers[name]),
        )
        actions.add_row(name, *(f"{count:,}" for count in counts), style=None if counts[0] == counts[1] else "bold")
    gates = table("action", "refused at", "before", "after")
    for key in sorted({*before.refusals, *after.refusals}):
        if before.refusals[key] != after.refusals[key]:
            gates.add_row(*key, f"{before.refusals[key]:,}", f"{after.refusals[key]:,}")
    changes = trial.changes()
    moments = table("moment", "would be", "instead of", "times")
    for (moment, new, old), count in _transitions(changes)[:EXAMPLES]:
        moments.add_row(moment, new, old, f"{count:,}")
    for made in (actions, gates, moments):
        if made.row_count:
            console.print(made)
    console.print(f"{len(changes):,} moments would be answered otherwise.")
    for title, tally in (("before", before), ("after", after)):
        console.print(f"Contacts per customer and week, {title}: {spread_in_words(tally.contacts_per_week())}")


def _transitions(changes: Sequence[Any]) -> list[tuple[tuple[str, str, str], int]]:
    counts: dict[tuple[str, str, str], int] = {}
    for change in changes:
        key = (change.moment, change.after or "no decision", change.before or "no decision")
        counts[key] = counts.get(key, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _differences(found: Sequence[Difference]) -> Table:
    rows = table("", "where", "before", "after")
    for one in found:
        whole = one.kind != "changed" and isinstance(one.before or one.after, dict)
        values = ("", "") if whole else (_shown(one.before), _shown(one.after))
        rows.add_row(one.kind, one.place, *values)
    return rows


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


COMMANDS = (list_, diff, push_, rollback, try_)
