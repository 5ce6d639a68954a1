"""The command `latido`: one word per thing a person does; each word's module is imported only when it is used."""

import importlib
import os
from importlib import metadata
from typing import Any

import click

from streams.errors import LatidoError
from streams.settings import Settings, load

COMMANDS = {
    "worker": "Run one worker: events in, signals out.",
    "demo": "See it work: a broker, real purchase histories, a live table; ends by itself.",
    "simulate": "Send the events of seeded shoppers, at any rate.",
    "publish": "Send a file of events (JSONL or parquet) to the right topics.",
    "replay": "Compute records and signals from files, without Kafka.",
    "evaluate": "Measure the churn risk on histories whose end is known.",
    "customer": "Show one customer, whole, in plain words.",
    "explain": "Tell why a decision was made.",
    "tail": "Follow one topic.",
    "catalogue": "Check the catalogue of actions, try a new one, send it to all workers.",
    "broker": "Start, stop or look at a local Kafka broker.",
    "settings": "Print every setting with unit, default and source.",
}


class Words(click.Group):
    """A group whose commands live in modules of their own name and are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of a first acquaintance."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and hand out the command of the same name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"streams.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that a person can put right is one sentence on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except LatidoError as error:
            click.echo(f"latido: {error}", err=True)
            ctx.exit(error.exit_code)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table above, so that help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Words, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("latido"), prog_name="latido", message="%(prog)s %(version)s")
@click.option("--config", type=click.Path(dir_okay=False), help="Settings file (TOML); else the one in LATIDO_CONFIG.")
@click.pass_context
def main(ctx: click.Context, config: str | None) -> None:
    """Keep the pulse of every customer: churn risk and next best action from Kafka topics."""
    ctx.obj = config


def current_settings() -> Settings:
    """Load the settings of this call, from the environment and `--config`; raise `SettingsError`."""
    return load(os.environ, current_config())


def current_config() -> str | None:
    """Return the path given as `latido --config`, if any."""
    context = click.get_current_context(silent=True)
    config: str | None = context.find_root().obj if context else None
    return config
