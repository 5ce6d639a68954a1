"""What others may ask a worker: is it alive, is it ready, how is it doing, what is it. Nothing else is answered.

It listens on 127.0.0.1 unless it is told otherwise, reads one request per connection and never a customer's data.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from streams.errors import LatidoError

Verdict = tuple[bool, str]
"""Whether it is so, and the reason in one line."""

TEXT = "text/plain; charset=utf-8"
MAX_REQUEST_BYTES = 8192
REQUEST_LIMIT_S = 5.0


class Pulse:
    """Live means progress while there is lag: who stands still with work before it is dead, who has none may rest."""

    def __init__(self, limit_s: float) -> None:
        """Allow lag without progress for `limit_s` seconds."""
        self._limit_s = limit_s
        self._done = -1
        self._moved_at: float | None = None

    def beat(self, done: int, lag: int, now_s: float) -> Verdict:
        """Judge by what was done so far (any count that only progress raises), what is left, and a steady clock."""
        if self._moved_at is None or done != self._done or lag <= 0:
            self._done, self._moved_at = done, now_s
        still_s = now_s - self._moved_at
        if still_s > self._limit_s:
            return False, f"no progress for {still_s:.0f} s with {lag} records to go"
        return True, "progress" if lag > 0 else "nothing to do"


class Server:
    """Answers `/metrics`, `/livez`, `/readyz` and `/version`; everything else is 404."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        live: Callable[[], Verdict],
        ready: Callable[[], Verdict],
        version: Mapping[str, str],
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Tell what to answer, and where; port 0 is any free one."""
        self.host, self.port = host, port
        self._registry = registry
        self._version = dict(version)
        self._server: asyncio.Server | None = None
        self._pages: dict[str, Callable[[], tuple[HTTPStatus, str, bytes]]] = {
            "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)),
            "/livez": lambda: _verdict(live()),
            "/readyz": lambda: _verdict(ready()),
            "/version": lambda: (HTTPStatus.OK, "application/json", json.dumps(self._version).encode() + b"\n"),
        }

    async def start(self) -> None:
        """Begin to listen; then `port` is the real one. Raise `LatidoError` when the address cannot be had."""
        try:
            self._server = await asyncio.start_server(self._answer, self.host, self.port, limit=MAX_REQUEST_BYTES)
        except OSError as error:
            raise LatidoError(
                f"Nothing can listen on {self.host}:{self.port} ({error.strerror or error}):"
                " set LATIDO_HTTP_HOST and LATIDO_HTTP_PORT; 0 is any free port."
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever hangs up, sends nonsense or nothing concerns nobody but himself.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(REQUEST_LIMIT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._respond(head))
                await writer.drain()
        writer.close()

    def _respond(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        page = self._pages.get(path)
        if page is None:
            status, kind, body = HTTPStatus.NOT_FOUND, TEXT, b"not found\n"
        elif method not in ("GET", "HEAD"):
            status, kind, body = HTTPStatus.METHOD_NOT_ALLOWED, TEXT, b"only GET\n"
        else:
            status, kind, body = page()
        lines = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        lines += "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        return lines.encode("latin-1") + (b"" if method == "HEAD" else body)


def _verdict(verdict: Verdict) -> tuple[HTTPStatus, str, bytes]:
    holds, reason = verdict
    return (HTTPStatus.OK if holds else HTTPStatus.SERVICE_UNAVAILABLE), TEXT, f"{reason}\n".encode()
