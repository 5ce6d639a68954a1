"""`latido broker`: a real Kafka on this machine by one command."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from streams import broker as local
from streams import broker_jars
from streams.cli import current_settings
from streams.errors import FAILED


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the folder and the `--json` switch; the folder comes from the settings unless it is named."""

    @click.option("--data-dir", type=click.Path(file_okay=False), help="Where the broker lives; else LATIDO_DATA_DIR.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
    @functools.wraps(command)
    def wrapped(data_dir: str | None, **others: Any) -> None:
        command(data_dir=data_dir or current_settings().data_dir, **others)

    return wrapped


@click.group()
def broker() -> None:
    """Start, stop or look at a local Kafka broker: Apache Kafka 4.1, one node, on 127.0.0.1."""


@broker.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Else the last one, else 9092, else a free one; 0: any free."
)
@_options
def start(data_dir: str, port: int | None, as_json: bool) -> None:
    """Start the broker and print its address; say so if it already runs."""
    before = local.status(data_dir)
    with Console(stderr=True).status("Looking for a broker") as status:
        running = local.start(data_dir, port, say=status.update)
    if as_json:
        _print_json(running, already=before is not None)
        return
    if before:
        click.echo(f"The broker already runs (process {running.pid}).", err=True)
    if running.port != local.USUAL_PORT:
        click.echo(f"For other commands: export LATIDO_BROKERS={running.address}", err=True)
    click.echo(running.address)


@broker.command()
@_options
def fetch(data_dir: str, as_json: bool) -> None:
    """Fetch Kafka's jars, once, so that a later start needs no network."""
    libs = Path(data_dir).resolve() / "broker" / "libs"
    with Console(stderr=True).status("Looking for Kafka's jars") as status:
        broker_jars.java()
        broker_jars.fetch(libs, status.update)
    if as_json:
        click.echo(msgspec.json.encode({"libs": str(libs), "jars": len(list(libs.glob("*.jar")))}))


@broker.command()
@_options
def stop(data_dir: str, as_json: bool) -> None:
    """Stop the broker; its data stays."""
    with Console(stderr=True).status("Stopping the broker"):
        stopped = local.stop(data_dir)
    if as_json:
        click.echo(msgspec.json.encode({"stopped": stopped}))
    else:
        click.echo("The broker has stopped." if stopped else "No broker was running.", err=True)


@broker.command()
@_options
@click.pass_context
def status(ctx: click.Context, data_dir: str, as_json: bool) -> None:
    """Say whether the broker runs and where; exit code 1 when it does not."""
    running = local.status(data_dir)
    answers = running is not None and local.answers(local.HOST, running.port)
    if as_json:
        _print_json(running, answers=answers)
    elif running:
        click.echo(f"{running.address}  process {running.pid}  {'answers' if answers else 'does not answer'}")
    else:
        click.echo("No broker is running.", err=True)
    if not answers:
        ctx.exit(FAILED)


def _print_json(running: local.Broker | None, **more: bool) -> None:
    facts = {"address": running.address, "pid": running.pid, "started_at": running.started_at} if running else {}
    click.echo(msgspec.json.encode({"running": running is not None} | facts | more))
