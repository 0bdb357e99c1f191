"""Start servers on free ports, and see that they leave nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from exporter.web.addresses import Address
from exporter.web.limits import Limits
from exporter.web.messages import Routes
from exporter.web.server import Server

_PATIENCE = 10


@dataclass(frozen=True, slots=True)
class Client:
    """One raw connection to a server under test."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything that the server still sends until it closes."""
        async with asyncio.timeout(_PATIENCE):
            return await self.reader.read()

    async def fetch(self, data: bytes) -> bytes:
        """Send, and return everything up to the server's close."""
        await self.send(data)
        return await self.rest()

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        """One response with a known length: status, headers and body."""
        async with asyncio.timeout(_PATIENCE):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:-2])}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(lines[0].split()[1]), headers, body


Serve = Callable[..., Awaitable[tuple[str, int]]]
Connect = Callable[[tuple[str, int]], Awaitable[Client]]


@pytest.fixture
async def serve(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Serve]:
    """Serve routes; at the end no task may outlive the server, nor asyncio have complained."""
    servers: list[Server] = []

    async def start(routes: Routes, limits: Limits = Limits(), **more: Any) -> tuple[str, int]:  # noqa: B008
        server = Server(routes, limits=limits, **more)
        servers.append(server)
        return (await server.start([Address("127.0.0.1", 0)]))[0]

    yield start
    for server in servers:
        await server.stop()
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]
    assert not [task for task in asyncio.all_tasks() if "Server." in repr(task.get_coro())]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open raw connections, which are closed when the test ends."""
    clients: list[Client] = []

    async def open_one(address: tuple[str, int]) -> Client:
        client = Client(*await asyncio.open_connection(*address))
        clients.append(client)
        return client

    yield open_one
    for client in clients:
        client.writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Authorities:
    """Two certificate authorities: one that is trusted here, and another."""

    ours: trustme.CA
    other: trustme.CA


@pytest.fixture(scope="session")
def authorities() -> Authorities:
    return Authorities(trustme.CA(), trustme.CA())


@pytest.fixture
def pem_folder(authorities: Authorities, tmp_path: Path) -> Path:
    """Fill a folder with what web configurations name: good certificates and keys, and bad ones."""
    server = authorities.ours.issue_cert("localhost", "127.0.0.1")
    other = authorities.other.issue_cert("localhost")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    other.private_key_pem.write_to_path(tmp_path / "other.key")
    authorities.ours.cert_pem.write_to_path(tmp_path / "ca.crt")
    key = load_pem_private_key(server.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"password")
    )
    (tmp_path / "encrypted.key").write_bytes(encrypted)
    (tmp_path / "garbage.crt").write_text("no certificate\n")
    (tmp_path / "empty.crt").touch()
    (tmp_path / "pem").mkdir()
    return tmp_path
