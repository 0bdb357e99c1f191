"""Stand between an account and an exchange, and misbehave below the level of HTTP."""

import asyncio
import os
import socket
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import urlsplit

import trustme

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Attend = Callable[["Relay", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Relay:
    """Pass on what comes, until changed; `heard` is all that clients said, deciphered."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._server: asyncio.Server | None = None
        self._attending: set[asyncio.Task[None]] = set()
        self._plugs: list[socket.socket] = []
        self.port = 0
        self.heard = bytearray()
        self.connections = 0
        self.generation = 0

    async def open(self, attend: Attend | None = None, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections at an address that stays the same."""

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._attend(attend or pass_on, reader, writer))
            self._attending.add(task)
            task.add_done_callback(self._attending.discard)

        self._server = await asyncio.start_server(
            accept, "127.0.0.1", self.port, ssl=tls, ssl_handshake_timeout=3600 if tls else None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections, and drop those that there are."""
        if self._server:
            self._server.close()
        for plug in self._plugs:
            plug.close()
        self._plugs.clear()
        await self.drop()

    async def drop(self) -> None:
        """Drop the connections that there are."""
        for task in self._attending:
            task.cancel()
        await asyncio.gather(*self._attending, return_exceptions=True)

    def forget(self) -> None:
        """Lose everything sent from now on over the connections that there are."""
        self.generation += 1

    async def plug(self) -> None:
        """Respond no SYN any more: the queue of connections is full, and nobody accepts."""
        await self.close()
        listener = socket.create_server(("127.0.0.1", self.port), backlog=0)
        self._plugs = [listener, *(socket.socket() for _ in range(4))]
        for client in self._plugs[1:]:
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(("127.0.0.1", self.port))

    async def _attend(
        self, attend: Attend, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            with suppress(OSError):
                await attend(self, reader, writer)
        finally:
            writer.transport.abort()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to whom this stands for."""
        return await asyncio.open_connection(self._target.hostname, self._target.port)


async def pass_on(relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass everything on in both directions."""
    there, back = await relay.connect()
    generation = relay.generation

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if source is reader:
                relay.heard += data
            if relay.generation != generation:
                continue
            sink.write(data)
            await sink.drain()

    try:
        pumps = [
            asyncio.ensure_future(pump(reader, back)),
            asyncio.ensure_future(pump(there, writer)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        back.transport.abort()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def listen(relay: Relay, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take everything and say nothing."""
    while data := await reader.read(65536):
        relay.heard += data


async def reset(_: Relay, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection as soon as it is there."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def say(data: bytes) -> Attend:
    """Return what sends something to every request, and closes."""

    async def attend(
        relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        relay.heard += await reader.read(65536)
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return attend


@asynccontextmanager
async def relay_to(target: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Relay]:
    """Run a relay until the end of the block."""
    relay = Relay(target)
    await relay.open(tls=tls)
    try:
        yield relay
    finally:
        await relay.close()


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the TLS settings of a server with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextmanager
def trusting(authority: trustme.CA) -> Iterator[None]:
    """Let this machine trust a certificate authority, as an administrator would."""
    kept = os.environ.get("SSL_CERT_FILE")
    with tempfile.NamedTemporaryFile() as file:
        file.write(authority.cert_pem.bytes())
        file.flush()
        os.environ["SSL_CERT_FILE"] = file.name
        try:
            yield
        finally:
            os.environ.pop("SSL_CERT_FILE")
            if kept is not None:
                os.environ["SSL_CERT_FILE"] = kept
