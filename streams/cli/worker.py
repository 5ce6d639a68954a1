"""`latido worker`: events in, signals out, until it is told to stop."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import click
from prometheus_client import CollectorRegistry

from streams import logs
from streams.app import Latido, create_app
from streams.cli import current_settings
from streams.engine.ends import BROKEN, end
from streams.errors import SettingsError
from streams.metrics import build
from streams.preflight import prepare
from streams.server import Server
from streams.settings import Settings

logger = logging.getLogger(__name__)


@click.command()
def worker() -> None:
    """Run one worker; start as many as there are partitions. Stop it with SIGTERM or Ctrl-C."""
    settings = current_settings()
    # Faust makes its folder, but not the one it lies in.
    Path(settings.data_dir).mkdir(parents=True, exist_ok=True)
    # Most of what is made here lives long: looking through it all the time costs a fifth of the work.
    gc.set_threshold(100_000, 50, 1000)
    stay_on(settings.cpu)
    logs.configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings))


def stay_on(cpu: int) -> None:
    """Keep all threads, and those that they will start, on one CPU; -1: on any. Raise `SettingsError` if that fails."""
    if cpu < 0:
        return
    if not hasattr(os, "sched_setaffinity"):
        raise SettingsError("LATIDO_CPU is set, but this system keeps no process on a CPU: leave it out.")
    try:
        for thread in Path("/proc/self/task").iterdir():  # numpy has begun some when it was imported
            os.sched_setaffinity(int(thread.name), {cpu})
    except OSError:
        own = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        raise SettingsError(f"LATIDO_CPU is {cpu}, but a worker may run here on {own} only: choose one.") from None


async def run(settings: Settings) -> None:
    """Answer for one's health at once, wait for the broker, then work until a signal says stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    registry = CollectorRegistry()
    latido = create_app(settings, registry)
    with _answering(latido, registry):
        working = asyncio.create_task(_work(latido))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        elif latido.waiting:
            working.cancel()
        else:
            logger.info("Stopping: what is in memory is written and committed.")
            await latido.app.stop()
            working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


async def _work(latido: Latido) -> None:
    def waiting(reason: str) -> None:
        if latido.waiting != reason:
            logger.warning(reason)
        latido.waiting = reason

    await prepare(latido.settings, waiting)
    await latido.models.log.read(waiting)
    await latido.catalogues.log.read(waiting)
    latido.waiting = ""
    app = latido.app
    await app.start()
    while not app.crashed:  # noqa: ASYNC110 - Faust offers no event for a crash
        await asyncio.sleep(0.2)
    end(BROKEN, f"Faust has crashed ({type(app.crash_reason).__name__}); start the worker again.")


@contextlib.contextmanager
def _answering(latido: Latido, registry: CollectorRegistry) -> Iterator[None]:
    """Serve health and metrics from a thread of its own: it answers even while the worker is busy."""
    settings = latido.settings
    server = Server(
        registry,
        live=latido.live,
        ready=latido.ready,
        version=build(),
        host=settings.http_host,
        port=settings.http_port,
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="http", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    logger.info("Health and metrics on http://%s:%d (/livez /readyz /metrics /version).", server.host, server.port)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
