"""Read requests from one client's connection and write bytes to it, well or badly behaved."""

import asyncio
import socket
import struct
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

import h11

from exporter.simulator.messages import Request, Response

_CHUNK = 64 * 1024
_MOST_BODY = 1024 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ClientLeft(Exception):  # noqa: N818 - an event, not an error
    """The client closed its side of the connection while a response was being sent."""


class Wire:
    """Serve one client's connection; `requests` counts those that came over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over both directions of a connection."""
        self.requests = 0
        self._reader = reader
        self._writer = writer
        self._unread = b""

    @property
    def is_closing(self) -> bool:
        """Return whether no more can be sent."""
        return self._writer.transport.is_closing()

    async def receive(self) -> Request | None:
        """Return the next request, or `None` when the client has no more.

        Raises `h11.RemoteProtocolError` for what is not HTTP/1.1.
        """
        connection = h11.Connection(h11.SERVER)
        if self._unread:
            connection.receive_data(self._unread)
        head: h11.Request | None = None
        body = b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(await self._reader.read(_CHUNK))
            elif isinstance(event, h11.ConnectionClosed):
                return None
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body = (body + event.data)[:_MOST_BODY]
        self._unread = connection.trailing_data[0]
        self.requests += 1
        return None if head is None else _request(head, body, self._peer())

    async def send(self, data: bytes) -> None:
        """Send bytes, waiting while the client is slow to take them."""
        self._writer.write(data)
        await self._writer.drain()

    async def pause(self, seconds: float | None = None) -> None:
        """Wait, without limit if `None`; raises `ClientLeft` as soon as the client leaves."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while data := await self._reader.read(_CHUNK):
                    self._unread += data
                raise ClientLeft

    def close(self) -> None:
        """Close the connection when all that was sent has gone out."""
        self._writer.close()

    def reset(self) -> None:
        """Break the connection off with a TCP reset."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()

    async def closed(self) -> None:
        """Wait until the connection, which is closing, is closed."""
        with suppress(OSError):
            await self._writer.wait_closed()

    async def abort(self) -> None:
        """Drop the connection and all that was not sent."""
        self._writer.transport.abort()
        await self.closed()

    def _peer(self) -> str:
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else ""


async def send(wire: Wire, response: Response) -> None:
    """Send a response as a well-behaved server does."""
    await wire.send(response.head() + response.body)


def _request(head: h11.Request, body: bytes, peer: str) -> Request:
    target = urlsplit(head.target.decode("latin-1"))
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return Request(
        method=head.method.decode("ascii"),
        path=target.path,
        query=dict(parse_qsl(target.query, keep_blank_values=True)),
        headers=headers,
        peer=peer,
        keep_alive=head.http_version == b"1.1"
        and "close" not in headers.get("connection", "").lower(),
        body=body,
    )
