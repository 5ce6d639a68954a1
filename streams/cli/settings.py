"""`latido settings`: what is set, to what, and by whom."""

import os

import click
import msgspec

from streams.cli import current_config
from streams.settings import Described, describe, variable


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: name to value, unit, default, source, help.")
def settings(as_json: bool) -> None:
    """Print every setting with its value, unit, default and source."""
    rows = describe(os.environ, current_config())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({row.name: row for row in rows}), indent=2))
    else:
        for row in rows:
            click.echo(_lines(row))


def _lines(row: Described) -> str:
    unit = f" {row.unit}" if row.unit else ""
    origin = row.source if row.source == "default" else f"{row.source}; default {_plain(row.default)}"
    return f"{click.style(variable(row.name), bold=True)} = {_plain(row.value)}{unit}  ({origin})\n    {row.help}"


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value) or "(empty)"
