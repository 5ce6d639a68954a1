"""The broker and the worker of a demo: their own folder, their own topics, and both ended whatever happens."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from streams import broker as local
from streams.broker_jars import Say
from streams.errors import LatidoError

HOST = "127.0.0.1"
READY_LIMIT_S = 90.0
END_LIMIT_S = 15.0
ANSWER_LIMIT_S = 2.0

ASKED = ("latido_lag_records{", "latido_events_total{")


class Stage:
    """Where a demo's broker keeps its data, and what its worker is told."""

    def __init__(self, data_dir: str) -> None:
        """Prepare names only; topics get a prefix of this moment, so that a broker that was kept can be used again."""
        self.home = Path(data_dir) / "demo"
        self.libs = Path(data_dir) / "broker" / "libs"
        self.log = self.home / "worker.log"
        self.prefix = f"demo-{int(time.time())}."
        self.http_port = _free_port()

    @contextlib.contextmanager
    def broker(self, say: Say, *, keep: bool) -> Iterator[local.Broker]:
        """A broker for the block's time; with `keep` it stays when the block ends well; after an error the logs do."""
        try:
            running = local.start(self.home, 0, libs=self.libs, say=say)
            yield running
        except LatidoError:
            local.stop(self.home)
            shutil.rmtree(self.home / "broker" / "data", ignore_errors=True)
            raise
        except BaseException:
            self._strike()
            raise
        if not keep:
            self._strike()

    def _strike(self) -> None:
        local.stop(self.home)
        deadline = time.monotonic() + END_LIMIT_S
        while self.home.exists() and time.monotonic() < deadline:
            shutil.rmtree(self.home, ignore_errors=True)  # a last thread of the broker may still write into it
            time.sleep(0.05)

    @contextlib.contextmanager
    def worker(self, overrides: Mapping[str, str]) -> Iterator["Worker"]:
        """A worker process for the block's time, ended by SIGTERM."""
        command = [sys.executable, "-c", "from streams.cli import main; main()", "worker"]
        own = {"LATIDO_HTTP_HOST": HOST, "LATIDO_HTTP_PORT": str(self.http_port), "LATIDO_DATA_DIR": str(self.home)}
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C is for us, who then end the worker in good order.
            process = subprocess.Popen(
                command, env={**os.environ, **overrides, **own}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        worker = Worker(process, f"http://{HOST}:{self.http_port}", self.log)
        try:
            yield worker
        finally:
            worker.end()


class Worker:
    """A worker process and what it answers."""

    def __init__(self, process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
        """Watch a process that was just started."""
        self._process, self._address, self._log = process, address, log

    def wait_until_ready(self) -> None:
        """Wait until it takes events; raises `LatidoError` when it ends or takes too long."""
        deadline = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < deadline:
            self.check()
            if self._answer("/readyz") is not None:
                return
            time.sleep(0.1)
        raise LatidoError(f"The worker was not ready in time; the reason stands in {self._log}.")

    def check(self) -> None:
        """Raise `LatidoError` when the worker has ended."""
        if self._process.poll() is not None:
            raise LatidoError(f"The worker has ended early; the reason stands at the end of {self._log}.")

    def metrics(self) -> dict[tuple[str, str], float]:
        """The lag (by "") and the events by outcome, added up over topics and partitions; empty if it is busy."""
        shown = (self._answer("/metrics") or "").splitlines()
        few = "\n".join(line for line in shown if line.startswith(ASKED))  # to parse them all would take 20 ms
        sums: dict[tuple[str, str], float] = {}
        for family in text_string_to_metric_families(few):
            for sample in family.samples:
                key = sample.name, sample.labels.get("outcome", "")
                sums[key] = sums.get(key, 0.0) + sample.value
        return sums

    def end(self) -> None:
        """End it in good order, or after a while by force."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _answer(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(self._address + path, timeout=ANSWER_LIMIT_S) as answer:
                return str(answer.read().decode())
        except OSError:
            return None


def _free_port() -> int:
    with socket.socket() as link:
        link.bind((HOST, 0))
        return int(link.getsockname()[1])
