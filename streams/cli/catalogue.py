"""`latido catalogue …`: whether a catalogue holds, what is different in it, and which one all workers go by."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.table import Table

from streams.catalogues import Pushed
from streams.cli import current_settings
from streams.cli.catalogue_try import try_
from streams.cli.decisions import table
from streams.cli.simulate import Instant
from streams.cli.terminal import faults_told, quiet_clients, wide
from streams.comparing import Difference, differences
from streams.core.catalogue import Catalogue, parse
from streams.errors import LatidoError
from streams.pushing import LEAD_S, before, is_usable, last, named, numbered, of_settings, push, pushed, serving
from streams.settings import Settings

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
FROM: Final = click.option("--from", "instant", type=Instant(), help=f"When it begins to serve; else in {LEAD_S} s.")


@click.group()
def catalogue() -> None:
    """Check the catalogue of actions, try what a new one would change, and send it to all workers."""


@catalogue.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout: ok, version, counts; or the faults.")
def check(file: str, as_json: bool) -> None:
    """Say whether a catalogue FILE holds, or everything that is wrong with it: file:line: table field: reason."""
    text = _file_text(file)
    with faults_told(as_json=as_json):
        _say_holds(parse(text, file), file, as_json=as_json)


catalogue.add_command(try_)


@catalogue.command()
@click.argument("new", metavar="FILE|NUMBER")
@click.argument("old", metavar="[FILE|NUMBER]", required=False)
@AS_JSON
def diff(new: str, old: str | None, as_json: bool) -> None:
    """Show what FILE (or a pushed NUMBER) has other than the catalogue that serves now, or than another one."""
    settings = current_settings()
    quiet_clients()
    with faults_told(as_json=as_json):
        after = named(settings, new)
        found = differences(named(settings, old).text, after.text)
    if as_json:
        click.echo(msgspec.json.encode({"differences": [one._asdict() for one in found]}))
    elif not found:
        click.echo("There is no difference.")
    else:
        wide().print(_differences(found))


@catalogue.command("push")
@click.argument("file", type=click.Path())
@FROM
@AS_JSON
def push_(file: str, instant: datetime | None, as_json: bool) -> None:
    """Check a catalogue FILE and give it to all workers; none has to be restarted."""
    _push(current_settings(), _file_text(file), file, _second(instant), as_json=as_json)


@catalogue.command()
@click.argument("number", type=int, required=False)
@FROM
@AS_JSON
def rollback(number: int | None, instant: datetime | None, as_json: bool) -> None:
    """
    Push an earlier catalogue again: NUMBER, or else the one before the latest.

    Without NUMBER, a latest one that does not serve yet never will.
    """
    settings, effective_s = current_settings(), _second(instant)
    quiet_clients()
    found = asyncio.run(pushed(settings))
    if number is not None:
        one = numbered(found, number)
    else:
        latest = last(found)
        if latest is None:
            raise LatidoError("No catalogue was pushed, so there is none to go back to.")
        one = before(found, latest) or of_settings(settings)
        if instant is None:
            effective_s = max(effective_s, latest.effective_s or 0)
    _push(settings, one.text, one.source, effective_s, as_json=as_json)


@catalogue.command("list")
@AS_JSON
def list_(as_json: bool) -> None:
    """List all catalogues that were pushed, and which serves now."""
    settings = current_settings()
    quiet_clients()
    found, now_s = asyncio.run(pushed(settings)), int(time.time())
    now = serving(found, now_s)
    rows = [_row(one, now, now_s) for one in found]
    if as_json:
        click.echo(msgspec.json.encode({"catalogues": rows}))
        return
    if rows:
        shown = table("number", "serves from", "version", "file", "state")
        for row in rows:
            shown.add_row(*("-" if value is None else str(value) for value in row.values()))
        wide().print(shown)
    if now is None:
        click.echo("None of them serves; the workers go by the one of their settings (LATIDO_CATALOGUE).")


def _row(one: Pushed, now: Pushed | None, now_s: int) -> dict[str, Any]:
    if not is_usable(one):
        state = "refused"
    elif one is now:
        state = "serves"
    else:
        state = "scheduled" if one.effective_s is not None and one.effective_s > now_s else "past"
    return {
        "number": one.number,
        "serves_from": None if one.effective_s is None else _time(one.effective_s),
        "version": None if state == "refused" else one.parsed().version,
        "file": one.source,
        "state": state,
    }


def _push(settings: Settings, text: str, source: str, effective_s: int, *, as_json: bool) -> None:
    quiet_clients()
    with faults_told(as_json=as_json):
        one = asyncio.run(push(settings, text, source, effective_s))
    if as_json:
        click.echo(msgspec.json.encode(_row(one, None, int(time.time()))))
        return
    click.echo(
        f"Catalogue {one.number} ({one.source}, version {one.parsed().version}) serves from {_time(effective_s)} on; "
        "`latido catalogue rollback` goes back."
    )


def _file_text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"The file {file} cannot be read as UTF-8 text; name another.") from None


def _second(instant: datetime | None) -> int:
    return int(time.time()) + LEAD_S if instant is None else int(instant.timestamp())


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _say_holds(found: Catalogue, file: str, *, as_json: bool) -> None:
    counts = {
        "actions": len(found.actions),
        "moments": len(found.by_moment),
        "channels": len({action.channel for action in found.actions}),
        "experiments": len(found.experiments),
        "segments": len(found.segments),
    }
    if as_json:
        click.echo(msgspec.json.encode({"ok": True, "version": found.version, **counts}))
        return
    told = ", ".join(_count(number, name) for name, number in counts.items())
    click.echo(f"{file} holds: {told}; version {found.version}.")


def _count(number: int, plural: str) -> str:
    return f"{number} {plural if number != 1 else plural.removesuffix('s')}"


def _differences(found: Sequence[Difference]) -> Table:
    rows = table("", "where", "before", "after")
    for one in found:
        rows.add_row(one.kind, one.place, _shown(one.before), _shown(one.after))
    return rows


def _shown(value: Any) -> str:
    """
    Write a value as its author would; of a whole action where it speaks, and about what.

    >>> _shown([{"most": 1, "days": 7}])
    '[{ most = 1, days = 7 }]'
    >>> _shown({"name": "card", "channel": "post", "moments": ["win_back", "promoter"]})
    'by post, for win_back and promoter'
    """
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case list():
            return f"[{', '.join(_shown(one) for one in value)}]"
        case {"name": _, "channel": channel, "moments": moments}:
            return f"by {channel}, for {' and '.join(moments)}"
        case dict():
            return f"{{ {', '.join(f'{name} = {_shown(one)}' for name, one in value.items())} }}"
    return str(value)
