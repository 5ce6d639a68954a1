"""A worker as its own process on the real broker: started, asked, frozen, ended and killed from outside."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

LATIDO = (str(Path(sys.executable).with_name("latido")), "worker")
ENTRY = (sys.executable, "-m", "tests.chaos.entry")
OWNS = re.compile(r'latido_lag_records\{.*partition="(\d+)"')
ROOT = Path(__file__).parents[2]


class NotReadyError(Exception):
    """A worker did not become ready in time, or ended before it was."""


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Worker:
    """One worker; a restart keeps its name and its log file, and takes a new port."""

    def __init__(self, name: str, settings: Mapping[str, str], folder: Path, command: Sequence[str] = LATIDO) -> None:
        self.name, self.settings, self.command = name, dict(settings), tuple(command)
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.started_at = 0.0

    def start(self) -> "Worker":
        """Start the process, in a group of its own; it is not waited for."""
        self.port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LATIDO_")}
        environment |= self.settings | {"LATIDO_HTTP_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        self.started_at = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        return self

    @property
    def pid(self) -> int:
        """Process id of the running worker."""
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs (or stands still)."""
        return self.process is not None and self.process.poll() is None

    def get(self, path: str, timeout: float = 1.0) -> tuple[int, str]:
        """Ask the worker's server; the answer is status 0 when there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    def ready(self) -> bool:
        """Whether the worker says that it has recovered and takes events."""
        return self.get("/readyz")[0] == 200

    def wait_ready(self, timeout: float = 60.0, every: float = 0.05) -> float:
        """Wait for readiness; return the seconds since the process was started."""
        while not self.ready():
            waited = time.monotonic() - self.started_at
            if not self.alive or waited > timeout:
                raise NotReadyError(f"{self.name}: not ready after {waited:.0f} s, see {self.log}")
            time.sleep(every)
        return time.monotonic() - self.started_at

    def metrics(self) -> dict[str, float]:
        """Read /metrics: each sample under its name and labels as they are printed."""
        lines = self.get("/metrics")[1].splitlines()
        samples = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def owned(self, metrics: Mapping[str, float] | None = None) -> set[int]:
        """Return the partitions that the worker says it owns, from its metrics as given or as they are now."""
        samples = self.metrics() if metrics is None else metrics
        return {int(found[1]) for sample in samples if (found := OWNS.match(sample))}

    def cpu_s(self) -> float:
        """Return the CPU seconds that the process has used, all threads, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Return the resident memory in MB."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def send(self, what: signal.Signals) -> None:
        """Send a signal to the process, if it still is there."""
        if self.alive:
            self.process.send_signal(what)

    def kill(self) -> int:
        """End it as a crash does (SIGKILL); return the exit code."""
        self.send(signal.SIGKILL)
        return self.wait()

    def terminate(self, timeout: float = 30.0) -> int:
        """Ask it to end (SIGTERM); return the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(timeout)

    def freeze(self) -> None:
        """Make it stand still (SIGSTOP)."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self.send(signal.SIGCONT)

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for the end of the process; return the exit code."""
        assert self.process is not None
        return self.process.wait(timeout)

    def close(self) -> None:
        """Leave nothing running, whatever state it is in."""
        if self.process is not None and self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait()
