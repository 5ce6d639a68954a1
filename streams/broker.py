"""One real Kafka broker on this machine, for trying, testing and measuring: started, found again and stopped by folder.

Everything about a broker stands in `<data_dir>/broker`: its jars, its log, what it was told, and `state.json`, which
names its process by id *and* start time, so that a stranger who inherited the id is never taken for it.
"""

import base64
import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from streams import broker_jars
from streams.broker_jars import Say
from streams.errors import BrokerUnreachableError, LatidoError

HOST = "127.0.0.1"
USUAL_PORT = 9092
START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
ATTEMPTS = 3

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    # One node: every internal topic has one copy, and one partition starts faster than fifty.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "auto.create.topics.enable": "false",
    # After a kill the node is let in again when its old session has run out: 4 s, not 9.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "16777216",
    # By size, not by age: a history of two years ago would be deleted as soon as it was written.
    "log.retention.ms": "-1",
    "log.retention.bytes": "1073741824",
    # A closed laptop should not forget how far a group has read.
    "offsets.retention.minutes": "525600",
    # Kafka's default, written down because a clock that runs ahead by more cannot write at all.
    "message.timestamp.after.max.ms": "3600000",
}


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """A running broker: where it answers and which process it is."""

    address: str
    pid: int
    port: int
    controller_port: int
    started_at: float
    """Epoch seconds."""
    birth: str
    """What the system says about the process's start; tells it from a later one with the same id."""


def start(
    data_dir: str | Path,
    port: int | None = None,
    extra: Mapping[str, str] | None = None,
    *,
    libs: Path | None = None,
    say: Say = lambda text: None,
) -> Broker:
    """Start a broker whose data is in `data_dir`, or find it running; return when it really answers.

    Args:
        data_dir: The broker keeps everything in `<data_dir>/broker`.
        port: None: the port of last time, else 9092, else a free one; 0: any free port; else this one.
        extra: Further broker properties; they win over ours.
        libs: A folder with the jars, or for them, to share it between brokers.
        say: Called with a few words whenever something takes time.

    Raises:
        ToolMissingError: There is no Java 17 or Maven.
        LatidoError: It did not start; the sentence names the log.
    """
    home = Path(data_dir).resolve() / "broker"
    home.mkdir(parents=True, exist_ok=True)
    with _lock(home):
        if running := _running(home):
            return running
        java = broker_jars.java()
        broker_jars.fetch(libs or home / "libs", say)
        classpath = f"{libs or home / 'libs'}/*"
        for attempt in range(ATTEMPTS):
            _write_properties(home, _ports(home, port), dict(extra or {}))
            _format(home, java, classpath, say)
            say("Starting Kafka")
            if broker := _launch(home, java, classpath):
                return broker
            if port or attempt == ATTEMPTS - 1 or "Address already in use" not in _log_end(home):
                break
    raise LatidoError(f"The broker did not start; the reason stands at the end of {home / 'broker.log'}.")


def stop(data_dir: str | Path) -> bool:
    """Stop the broker of this folder; its data stays. Return whether one was running."""
    home = Path(data_dir).resolve() / "broker"
    if not home.exists():
        return False
    with _lock(home):
        broker = _running(home)
        if not broker:
            return False
        _end(broker)
        return True


def status(data_dir: str | Path) -> Broker | None:
    """Return the running broker of this folder, if there is one."""
    return _running(Path(data_dir).resolve() / "broker")


def answers(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Ask a broker who is in its cluster; true when it names at least one broker that is open for work."""
    header = struct.pack(">hhih", 3, 1, 1, 6) + b"latido"  # Metadata, version 1
    request = header + struct.pack(">i", 0)  # of no topic
    try:
        with socket.create_connection((host, port), timeout_s) as link:
            link.settimeout(timeout_s)
            link.sendall(struct.pack(">i", len(request)) + request)
            answer = link.makefile("rb").read(12)
    except OSError:
        return False
    return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0


@contextlib.contextmanager
def _lock(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _remembered(home: Path) -> Broker | None:
    try:
        return msgspec.json.decode((home / "state.json").read_bytes(), type=Broker)
    except (OSError, msgspec.MsgspecError):
        return None


def _running(home: Path) -> Broker | None:
    broker = _remembered(home)
    return broker if broker and broker.birth == _birth(broker.pid) else None


def _birth(pid: int) -> str:
    """Say what tells this process from any other with the same id: its start and its command; empty: it has ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        state, ticks = after_name[0], after_name[19]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "" if Path("/proc/self").exists() else _birth_by_ps(pid)
    return "" if state == "Z" or b"kafka.Kafka" not in command else ticks


def _birth_by_ps(pid: int) -> str:
    asked = ["ps", "-o", "lstart=,command=", "-p", str(pid)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return told[:24] if "kafka.Kafka" in told else ""


def _ports(home: Path, port: int | None) -> tuple[int, int]:
    last = _remembered(home)
    usual = [last.port, USUAL_PORT] if last else [USUAL_PORT]
    candidates = [*usual, 0] if port is None else [port]
    with contextlib.ExitStack() as held:
        chosen = next((taken for wish in candidates if (taken := _bind(wish, held))), None)
        if chosen is None:
            raise LatidoError(f"Port {port} is taken; choose another, or none for a free one.")
        return chosen, _bind(0, held) or 0


def _bind(port: int, held: contextlib.ExitStack) -> int | None:
    link = held.enter_context(socket.socket())
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        link.bind((HOST, port))
    except OSError:
        return None
    return int(link.getsockname()[1])


def _write_properties(home: Path, ports: tuple[int, int], extra: dict[str, str]) -> None:
    port, controller = ports
    properties = PROPERTIES | {
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "log.dirs": str(home / "data"),
    }
    lines = "".join(f"{name}={value}\n" for name, value in (properties | extra).items())
    (home / "server.properties").write_text(lines, encoding="utf-8")


def _format(home: Path, java: str, classpath: str, say: Say) -> None:
    if (home / "data" / "meta.properties").exists():
        return
    say("Preparing the broker's folder")
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = [java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classpath, "kafka.tools.StorageTool", "format"]
    # An id that begins with a dash would read as an option.
    command = [*tool, f"--cluster-id={cluster}", f"--config={home / 'server.properties'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (home / "broker.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        raise LatidoError(f"The broker's folder cannot be formatted; the reason stands in {home / 'broker.log'}.")


def _launch(home: Path, java: str, classpath: str) -> Broker | None:
    memory = ["-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-Xshare:auto"]
    logging = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
    command = [java, *memory, *logging, "-cp", classpath, "kafka.Kafka", str(home / "server.properties")]
    with (home / "broker.log").open("wb") as log:
        # A session of its own: Ctrl-C in the terminal that started it is not meant for the broker.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    broker = _describe(home, process.pid)
    try:
        _write_state(home, broker)
        deadline = time.monotonic() + START_LIMIT_S
        while process.poll() is None and time.monotonic() < deadline:
            if answers(HOST, broker.port):
                return broker
            time.sleep(0.05)
    except BaseException:
        process.kill()
        raise
    process.kill()
    process.wait()
    return None


def _describe(home: Path, pid: int) -> Broker:
    lines = (home / "server.properties").read_text(encoding="utf-8").splitlines()
    listeners = dict(line.split("=", 1) for line in lines)["listeners"].split(",")
    port, controller = (int(listener.rpartition(":")[2]) for listener in listeners)
    return Broker(
        address=f"{HOST}:{port}",
        pid=pid,
        port=port,
        controller_port=controller,
        started_at=round(time.time(), 3),
        birth=_birth(pid),
    )


def _write_state(home: Path, broker: Broker) -> None:
    fresh = home / "state.json.new"
    fresh.write_bytes(msgspec.json.encode(broker))
    fresh.replace(home / "state.json")


def _end(broker: Broker) -> None:
    os.kill(broker.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT_S
    while _birth(broker.pid) == broker.birth:
        if time.monotonic() > deadline:
            os.kill(broker.pid, signal.SIGKILL)
            deadline = float("inf")
        _reap(broker.pid)
        time.sleep(0.02)


def _reap(pid: int) -> None:
    """Collect the ended process if it is our own child; else it would stay on as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _log_end(home: Path) -> str:
    return (home / "broker.log").read_text(encoding="utf-8", errors="replace")[-20_000:]


def reachable(brokers: str) -> None:
    """Raise `BrokerUnreachableError` when no broker of a comma list answers."""
    for address in brokers.split(","):
        host, _, port = address.strip().rpartition(":")
        if answers(host.strip("[]"), int(port)):
            return
    raise BrokerUnreachableError(
        f"No Kafka broker answers at {brokers}: start one with `latido broker start`, or set LATIDO_BROKERS."
    )
