"""`latido catalogue …`: whether a catalogue holds, before any worker reads it, and the words that send it to all."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from streams.cli.catalogue_words import diff, list_, push_, rollback, try_
from streams.core.catalogue import Catalogue, CatalogueError, Fault, parse
from streams.errors import FAILED


@click.group()
def catalogue() -> None:
    """Check the catalogue of actions, try what a new one would change, and send it to all workers."""


@catalogue.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout: ok, version, counts; or the faults.")
def check(file: str, as_json: bool) -> None:
    """Say whether a catalogue FILE holds, or everything that is wrong with it: file:line: table field: reason."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"The file {file} cannot be read as UTF-8 text; name another.") from None
    try:
        found = parse(text, file)
    except CatalogueError as error:
        _say_faults(error.faults, as_json=as_json)
        raise click.exceptions.Exit(FAILED) from None
    _say_holds(found, file, as_json=as_json)


for word in (diff, try_, push_, rollback, list_):
    catalogue.add_command(word)


def _say_faults(faults: Sequence[Fault], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"ok": False, "faults": [fault._asdict() for fault in faults]}))
        return
    for fault in faults:
        click.echo(str(fault), err=True)


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
