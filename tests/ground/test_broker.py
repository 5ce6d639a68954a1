"""A broker is started, found again, stopped, and never mistaken for another process."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams import broker as local
from streams import broker_jars
from streams.cli import main
from streams.errors import BrokerUnreachableError, LatidoError

pytestmark = pytest.mark.broker


def state_of(data_dir: Path) -> Path:
    return data_dir / "broker" / "state.json"


def test_another_client_can_use_the_broker(broker: local.Broker) -> None:
    """An independent client makes a topic, writes a record and reads it back."""
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic("hello", 1, 1)])["hello"].result(10)
    producer = Producer({"bootstrap.servers": broker.address})
    producer.produce("hello", b"there")
    producer.flush(10)
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.subscribe(["hello"])

    message = consumer.poll(20)

    consumer.close()
    assert message is not None
    assert b"there" == message.value()


def test_the_broker_listens_on_this_machine_only(broker: local.Broker) -> None:
    """No socket of the broker is bound to an address that others can reach."""
    handles = []
    for handle in Path(f"/proc/{broker.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            handles.append(str(handle.readlink()))
    inodes = {handle[len("socket:[") : -1] for handle in handles if handle.startswith("socket:")}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]

    listening = {row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}

    assert {"0100007F", "0000000000000000FFFF00000100007F"} >= listening
    assert listening


def test_a_broker_lives_by_its_folder(tmp_path: Path, broker_libs: Path) -> None:
    """Starting again finds it, a stop ends it, and after a kill its topics and its port are still there."""
    first = local.start(tmp_path, 0, libs=broker_libs)
    try:
        admin = AdminClient({"bootstrap.servers": first.address})
        admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(10)
        assert first == local.start(tmp_path, libs=broker_libs)
        os.kill(first.pid, signal.SIGKILL)
        os.waitpid(first.pid, 0)
        assert local.status(tmp_path) is None

        second = local.start(tmp_path, libs=broker_libs)

        assert (first.port, True) == (second.port, second.pid != first.pid)
        assert "kept" in AdminClient({"bootstrap.servers": second.address}).list_topics(timeout=10).topics
    finally:
        local.stop(tmp_path)
    assert local.status(tmp_path) is None
    assert not local.stop(tmp_path)


def test_a_stranger_with_the_same_id_is_left_alone(tmp_path: Path, broker: local.Broker) -> None:
    """A state file that names another process is not believed, and that process is not stopped."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        state_of(tmp_path).parent.mkdir()
        state_of(tmp_path).write_bytes(msgspec.json.encode(msgspec.structs.replace(broker, pid=stranger.pid)))

        assert local.status(tmp_path) is None
        assert not local.stop(tmp_path)

        assert stranger.poll() is None
        stranger.kill()


def test_an_earlier_process_of_the_same_id_is_not_ours(tmp_path: Path, broker: local.Broker) -> None:
    """The same id with another start time is another process, even if it is a broker too."""
    state_of(tmp_path).parent.mkdir()
    state_of(tmp_path).write_bytes(msgspec.json.encode(msgspec.structs.replace(broker, birth="1")))

    assert local.status(tmp_path) is None
    assert not local.stop(tmp_path)
    assert local.answers(local.HOST, broker.port)


def test_a_taken_port_is_refused_by_name(tmp_path: Path, broker: local.Broker, broker_libs: Path) -> None:
    """Asked for a port that somebody holds, the start fails with that port in its sentence."""
    with pytest.raises(LatidoError, match=f"Port {broker.port} is taken"):
        local.start(tmp_path, broker.port, libs=broker_libs)


def test_where_nobody_answers_the_sentence_says_what_to_do() -> None:
    """An unreachable cluster ends in exit code 4 and names the two ways out."""
    with pytest.raises(BrokerUnreachableError, match=r"latido broker start.*LATIDO_BROKERS") as raised:
        local.reachable("127.0.0.1:1")

    assert 4 == raised.value.exit_code


def test_a_reachable_broker_is_found_among_others(broker: local.Broker) -> None:
    """One answering address of several is enough."""
    local.reachable(f"127.0.0.1:1,{broker.address}")


def a_java(folder: Path, version: str) -> None:
    script = folder / "java"
    script.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    script.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "state"), [(None, "none was found"), ("11.0.2", "this one is Java 11"), ("1.8.0_392", "Java 8")]
)
def test_without_java_the_exit_code_is_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, state: str
) -> None:
    """No Java, or one too old: one sentence on what to install, and exit code 3."""
    if version:
        a_java(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    result = CliRunner().invoke(main, ["broker", "start", "--data-dir", str(tmp_path / "b")])

    assert 3 == result.exit_code
    assert state in result.stderr
    assert "install it" in result.stderr


def test_without_maven_the_exit_code_is_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java is there and Maven is not: one sentence on what to install, and exit code 3."""
    a_java(tmp_path, "17.0.15")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    result = CliRunner().invoke(main, ["broker", "start", "--data-dir", str(tmp_path / "b")])

    assert 3 == result.exit_code
    assert "apt-get install maven" in result.stderr


def test_a_failed_fetch_leaves_nothing_that_looks_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Maven fails, the sentence names its log and the next start tries again."""
    script = tmp_path / "mvn"
    script.write_text("#!/bin/sh\necho '[ERROR] no network'\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LatidoError, match=r"maven\.log"):
        broker_jars.fetch(tmp_path / "libs", lambda text: None)

    assert not (tmp_path / "libs").exists()
    assert "no network" in (tmp_path / "maven.log").read_text()


def test_jars_that_are_there_are_not_fetched_again(
    tmp_path: Path, broker: local.Broker, broker_libs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A complete folder needs no Maven at all."""
    monkeypatch.setenv("PATH", str(tmp_path))

    broker_jars.fetch(broker_libs, lambda text: pytest.fail(text))


def test_status_tells_a_program_everything(tmp_path: Path) -> None:
    """`status --json` is one object and its exit code says that nothing runs."""
    result = CliRunner().invoke(main, ["broker", "status", "--json", "--data-dir", str(tmp_path)])

    assert (1, {"running": False, "answers": False}) == (result.exit_code, msgspec.json.decode(result.stdout))
