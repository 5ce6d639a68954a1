"""`latido demo`: the whole of it once, from a fresh broker to signals, and nothing left behind."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import click
import msgspec
from rich.console import Console

from streams.cli import current_config, current_settings
from streams.cli.terminal import quiet_clients
from streams.demo.scene import TOPICS, Scene
from streams.demo.show import Show, closing, lag, showing
from streams.demo.stage import Stage, Worker
from streams.demo.story import story
from streams.listening import Listener, listening
from streams.pace import Pace
from streams.publishing import Outgoing, Publisher, publish
from streams.settings import CONFIG, Settings, variable

INTERRUPTED = 130
SOMEBODY = "17050"
"""A customer of the extract who came regularly, and then less."""
DRAWN_EVERY_S = 0.25
ASKED_EVERY_S = 1.0
QUIET_S = 6.5
"""Silence of the last events is judged when the topics have stood still for 5 s; then nothing more is said."""
QUIET_LIMIT_S = 30.0
DOCUMENTS_EVERY_S = 3.0
"""A minute, as usual, would be the whole of the demo."""


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), default=40.0, show_default=True, help="How long the year takes."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="Of the simulated clicks and visits."
)
@click.option("--keep", is_flag=True, help="Leave the broker with its topics running, to look around.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")
@click.pass_context
def demo(ctx: click.Context, seconds: float, seed: int, keep: bool, as_json: bool) -> None:
    """
    See it work: a broker, a worker, a year of real purchases, a live table; ends by itself after about a minute.

    Ctrl-C ends it at any time; nothing is left running.
    """
    settings = current_settings()
    stage = Stage(settings.data_dir)
    quiet_clients()
    console = Console(stderr=True)
    try:
        with (
            _ended_in_good_order(),
            console.status("Starting") as status,
            stage.broker(status.update, keep=keep) as broker,
        ):
            overrides = {
                "brokers": broker.address, "topic_prefix": stage.prefix, "clock": "stream", "speak_from": "beginning",
                "document_interval_s": DOCUMENTS_EVERY_S,
            }  # fmt: skip
            theirs = msgspec.structs.replace(settings, **overrides)
            environment = {variable(name): str(value) for name, value in overrides.items()}
            if config := current_config():
                environment[CONFIG] = config
            status.update("Starting a worker")
            with stage.worker(environment) as worker:
                told = story(seed)
                worker.wait_until_ready()
                status.stop()
                summary = asyncio.run(_run(theirs, worker, told, seconds))
    except KeyboardInterrupt:
        click.echo("The demo was ended early; nothing is left running.", err=True)
        ctx.exit(INTERRUPTED)
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    else:
        click.echo(closing(summary))
    if keep:
        click.echo(
            "The broker still runs. To look around:\n"
            f"  export LATIDO_BROKERS={broker.address} LATIDO_TOPIC_PREFIX={stage.prefix}\n"
            f"  latido customer {SOMEBODY} --why\n"
            "  latido tail churn-risk --from-beginning\n"
            f"To end it: latido broker stop --data-dir {stage.home}",
            err=True,
        )


async def _run(settings: Settings, worker: Worker, told: list[Outgoing], seconds: float) -> dict[str, Any]:
    """Publish, listen and show side by side until all is said."""
    scene = Scene()
    speed = (told[-1].at_ms - told[0].at_ms) / 1000 / seconds
    with showing(seconds, len(told)) as show:
        async with listening(settings) as listener, Publisher(settings) as publisher:
            watching = [asyncio.create_task(_hear(listener, scene)), asyncio.create_task(_draw(worker, show, scene))]
            try:
                started_s = time.monotonic()
                publishing = asyncio.create_task(
                    publish(told, publisher, Pace(0, speed, time.monotonic), scene.publish)
                )
                await _first_of(publishing, *watching)
                publishing_s = time.monotonic() - started_s
                settling = asyncio.create_task(_settled(worker, scene))
                await _first_of(settling, *watching)
            finally:
                for task in [publishing, *watching]:
                    task.cancel()
                await asyncio.gather(publishing, *watching, return_exceptions=True)
        metrics = await asyncio.to_thread(worker.metrics)
        show.draw(scene, metrics)
    figures = {
        "events": scene.published,
        "events_per_s": round(scene.published / publishing_s, 1),
        "publishing_s": round(publishing_s, 1),
        "duplicates": int(metrics.get(("latido_events_total", "duplicate"), 0)),
        "lag": lag(metrics),
    }
    return figures | scene.summary()


async def _first_of(task: "asyncio.Task[None]", *watching: "asyncio.Task[None]") -> None:
    """Wait for a task; what goes wrong beside it is raised at once."""
    done, _ = await asyncio.wait([task, *watching], return_when=asyncio.FIRST_COMPLETED)
    for ended in done:
        ended.result()


async def _hear(listener: Listener, scene: Scene) -> None:
    async for batch in listener.follow(TOPICS, from_beginning=True):
        for heard in batch:
            scene.hear(heard)


async def _draw(worker: Worker, show: Show, scene: Scene) -> None:
    metrics: dict[tuple[str, str], float] = {}
    asked_s = 0.0
    while True:
        worker.check()
        if time.monotonic() - asked_s >= ASKED_EVERY_S:
            asked_s, metrics = time.monotonic(), await asyncio.to_thread(worker.metrics)
        show.draw(scene, metrics)
        await asyncio.sleep(DRAWN_EVERY_S)


async def _settled(worker: Worker, scene: Scene) -> None:
    """Wait until everything published is durable and nothing more is said."""
    deadline, quiet_since, heard = time.monotonic() + QUIET_LIMIT_S, time.monotonic(), -1
    while time.monotonic() < deadline and time.monotonic() - quiet_since < QUIET_S:
        if scene.heard != heard or lag(await asyncio.to_thread(worker.metrics)) != 0:
            quiet_since, heard = time.monotonic(), scene.heard
        await asyncio.sleep(ASKED_EVERY_S)


@contextlib.contextmanager
def _ended_in_good_order() -> Iterator[None]:
    """SIGTERM, and the end of the terminal, are Ctrl-C for the block's time: they, too, leave nothing running."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
