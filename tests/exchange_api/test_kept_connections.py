"""A kept connection: what came over it before a request is never taken for the response."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from ssl import SSLContext

import pytest

from exporter.exchange_api.client import HttpClient
from exporter.exchange_api.messages import ApiRequest
from exporter.exchange_api.progress import Progress
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.trust import TrustStore
from exporter.runtime.clock import Clock

REQUEST = ApiRequest("/balances", {}, call="balances")


class Server:
    """Respond to each request with the number of its connection, and once to none."""

    def __init__(self) -> None:
        self.connections = 0
        self._writer: asyncio.StreamWriter

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
        server.close()
        self._writer.transport.abort()

    async def push(self) -> None:
        """Send a response that nobody requested over the last connection."""
        await self._say("unrequested")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while await reader.readuntil(b"\r\n\r\n"):
                await self._say(f"requested from connection {self.connections}")

    async def _say(self, text: str) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n"
        self._writer.write(head.encode() + text.encode())
        await self._writer.drain()


class TrustWithAnInterruption(TrustStore):
    """Let something happen while the files of a kept connection's authorities are looked at."""

    def __init__(self, happen: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._happen = happen

    async def context(self, ca_file: Path | None = None, max_age: float = 0.0) -> SSLContext:
        if max_age:
            await self._happen()
        return await super().context(ca_file, max_age)


@pytest.mark.parametrize("when", ["while it is idle", "just before it is used"])
async def test_a_response_that_nobody_requested_is_not_taken_for_the_next_one(when: str):
    server = Server()
    trust = TrustWithAnInterruption(server.push) if when != "while it is idle" else TrustStore()
    async with server.open() as url:
        clock = Clock()
        client = HttpClient(url, server_clock=ServerClock(clock), clock=clock, trust=trust)
        first = await client.send(REQUEST, Progress(clock))
        if when == "while it is idle":
            await server.push()
        second = await client.send(REQUEST, Progress(clock))
        await client.aclose()
    assert first.body == b"requested from connection 1"
    assert second.body == b"requested from connection 2"
