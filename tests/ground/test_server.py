"""A worker answers four questions and no others."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from streams.errors import LatidoError
from streams.metrics import Metrics, build
from streams.server import Pulse, Server, Verdict


class Worker:
    """What the server asks: settable verdicts."""

    def __init__(self) -> None:
        self.live: Verdict = (True, "progress")
        self.ready: Verdict = (False, "recovering: 10 of 20 records")


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
async def server(worker: Worker) -> AsyncIterator[Server]:
    registry = CollectorRegistry()
    Metrics(registry)
    server = Server(registry, live=lambda: worker.live, ready=lambda: worker.ready, version=build())
    await server.start()
    yield server
    await server.stop()


async def ask(server: Server, path: str, method: str = "GET") -> tuple[int, str, str]:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def raw(server: Server, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_metrics_are_prometheus_text(server: Server) -> None:
    """A scraper reads them by their content type."""
    status, kind, text = await ask(server, "/metrics")

    assert (200, True) == (status, kind.startswith("text/plain; version="))
    assert "latido_build_info{" in text


async def test_ready_says_why_not(server: Server, worker: Worker) -> None:
    """503 with the reason in one line, and 200 when it is so."""
    assert (503, "recovering: 10 of 20 records\n") == (await ask(server, "/readyz"))[::2]

    worker.ready = (True, "owns 4 partitions")

    assert (200, "owns 4 partitions\n") == (await ask(server, "/readyz"))[::2]


async def test_live_says_why_not(server: Server, worker: Worker) -> None:
    """A worker that stands still is 503."""
    assert 200 == (await ask(server, "/livez"))[0]

    worker.live = (False, "no progress for 60 s with 12 records to go")

    assert (503, "no progress for 60 s with 12 records to go\n") == (await ask(server, "/livez"))[::2]


async def test_version_is_json(server: Server) -> None:
    """The same facts as in the build metric."""
    assert build() == json.loads((await ask(server, "/version"))[2])


@pytest.mark.parametrize(
    "path", ["/", "/table", "/tables", "/graph", "/stats", "/router", "/metrics/", "/..", "/livez/x"]
)
async def test_everything_else_is_not_found(server: Server, path: str) -> None:
    """What Faust's own server shows, and anything else, is 404."""
    assert (404, "not found\n") == (await ask(server, path))[::2]


async def test_only_reading_is_allowed(server: Server) -> None:
    """POST is refused; HEAD is answered without a body."""
    assert 405 == (await ask(server, "/metrics", "POST"))[0]
    assert (503, "") == (await ask(server, "/readyz", "HEAD"))[::2]


async def test_a_query_is_ignored(server: Server) -> None:
    """Probes add parameters of their own."""
    assert 200 == (await ask(server, "/livez?verbose=1"))[0]


@pytest.mark.parametrize(
    "request_", [b"\r\n\r\n", b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n"]
)
async def test_nonsense_is_not_found(server: Server, request_: bytes) -> None:
    """Whatever is sent, the answer is an answer."""
    assert (await raw(server, request_)).startswith(b"HTTP/1.1 404 ")


async def test_an_endless_request_is_cut_off(server: Server) -> None:
    """More than 8 KiB of head is not kept, and the server still answers others."""
    assert b"" == await raw(server, b"GET /" + b"a" * 20_000 + b"\r\n\r\n")
    assert 200 == (await ask(server, "/livez"))[0]


async def test_it_listens_on_this_machine_only(server: Server) -> None:
    """The default address cannot be reached from outside."""
    assert server._server is not None
    assert ["127.0.0.1"] == [link.getsockname()[0] for link in server._server.sockets]


async def test_a_taken_port_is_one_sentence(server: Server) -> None:
    """The way out is named."""
    other = Server(CollectorRegistry(), live=lambda: (True, ""), ready=lambda: (True, ""), version={}, port=server.port)

    with pytest.raises(LatidoError, match=rf"127\.0\.0\.1:{server.port} .*LATIDO_HTTP_PORT"):
        await other.start()


async def test_after_the_stop_nobody_answers(worker: Worker) -> None:
    """The port is free again."""
    server = Server(CollectorRegistry(), live=lambda: worker.live, ready=lambda: worker.ready, version={})
    await server.start()
    await server.stop()

    with socket.socket() as link:
        assert 0 != link.connect_ex(("127.0.0.1", server.port))


def test_no_lag_is_life() -> None:
    """Whoever has nothing to do may rest for as long as he likes."""
    pulse = Pulse(limit_s=30)
    pulse.beat(done=5, lag=0, now_s=0)

    assert (True, "nothing to do") == pulse.beat(done=5, lag=0, now_s=1000)


def test_lag_without_progress_is_death() -> None:
    """After the limit, not before it."""
    pulse = Pulse(limit_s=30)
    pulse.beat(done=5, lag=9, now_s=0)

    assert pulse.beat(done=5, lag=9, now_s=30)[0]
    assert (False, "no progress for 31 s with 9 records to go") == pulse.beat(done=5, lag=9, now_s=31)


def test_progress_is_life() -> None:
    """However large the lag is, as long as something gets done."""
    pulse = Pulse(limit_s=30)
    verdicts = [pulse.beat(done=second, lag=10**6, now_s=second * 29)[0] for second in range(10)]

    assert [True] * 10 == verdicts


def test_the_clock_starts_when_the_lag_does() -> None:
    """A long rest before the first lag is not counted as standing still."""
    pulse = Pulse(limit_s=30)
    pulse.beat(done=5, lag=0, now_s=0)
    pulse.beat(done=5, lag=0, now_s=1000)

    assert pulse.beat(done=5, lag=7, now_s=1010)[0]
    assert not pulse.beat(done=5, lag=7, now_s=1031)[0]
