"""Connect to an exchange, and send one request after the other over that connection."""

import asyncio
import socket
import ssl
from collections.abc import Collection, Iterable
from functools import partial
from itertools import zip_longest
from typing import Any, cast

from exporter.exchange_api.http1 import HttpError, Response, ResponseReader
from exporter.exchange_api.tls_layer import TlsLayer

_ATTEMPT_DELAY = 0.25  # seconds before the next address is tried as well (RFC 8305)
_BUFFER = memoryview(bytearray(64 * 1024))
_PATIENCE_WITH_ERRORS = 1.0  # seconds for the body of a status other than 200


_Address = tuple[Any, ...]  # as getaddrinfo returns it


class ConnectionLostError(OSError):
    """The connection ended before a response; `has_begun` tells whether part of one had come."""

    def __init__(self, *, has_begun: bool) -> None:
        """Say how far the response had come."""
        super().__init__("the connection was closed")
        self.has_begun = has_begun


class Connection(asyncio.BufferedProtocol):
    """One connection: one request at a time, and nothing that was not requested.

    Bytes that come while no request is under way, or after the end of a response, mean that the
    other side is out of step: the connection is not used again.
    """

    def __init__(self) -> None:
        """Wait to be connected."""
        self._transport: asyncio.Transport | None = None
        self._reader = ResponseReader()
        self._waiting: asyncio.Future[Response] | None = None
        self._tls: TlsLayer | None = None
        self._handshake: asyncio.Future[None] | None = None
        self._patience: asyncio.TimerHandle | None = None

    @property
    def is_usable(self) -> bool:
        """Return whether another request may be sent."""
        return self._transport is not None and self._waiting is None

    @property
    def has_response_begun(self) -> bool:
        """Return whether part of the response has come."""
        return self._reader.has_begun

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Protect the connection; raises `OSError`, of which `ssl.SSLError` is one."""
        try:
            self._tls = TlsLayer(context, host)
            self._handshake = asyncio.get_running_loop().create_future()
            self._shake_hands()
            await self._handshake
        except BaseException:
            self.close()
            raise

    async def request(self, head: bytes) -> Response:
        """Send a request, and return its response.

        Raises `HttpError`, `ConnectionLostError` and `OSError`.
        """
        for _ in range(2):  # turns of the loop in which bytes that nobody requested would be read
            await asyncio.sleep(0)
        if self._transport is None:
            raise ConnectionLostError(has_begun=False)
        self._reader = ResponseReader()
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            self._send(head)
            response = await self._waiting
        except BaseException:
            self.close()
            raise
        finally:
            self._waiting = None
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None
        if self._reader.surplus or not response.keeps_connection:
            self.close()
        self._reader = ResponseReader()
        return response

    def close(self) -> None:
        """Close the connection at once."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport from the event loop."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - any size will do
        """Give the event loop where to put bytes; one buffer serves all connections in turns."""
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes from the event loop."""
        received = _BUFFER[:nbytes]
        try:
            if self._tls is None:
                self._take(received)
            else:
                self._tls.receive(received)
                self._take_decrypted(self._tls)
        except (HttpError, OSError) as error:
            self._fail(error)

    def _take_decrypted(self, tls: TlsLayer) -> None:
        if self._handshake is not None and not self._handshake.done():
            self._shake_hands()
            return
        for data in tls.decrypted():
            self._take(data)
        self._flush(tls)

    def _take(self, data: bytes | memoryview) -> None:
        """Take bytes of a response; raises `HttpError`."""
        if self._waiting is None or self._waiting.done():
            self.close()
            return
        self._reader.feed(data)
        self._deliver()
        if self._reader.is_error and self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(_PATIENCE_WITH_ERRORS, self._give_up_body)

    def _shake_hands(self) -> None:
        """Continue the handshake; raises `ssl.SSLError`."""
        assert self._tls is not None  # noqa: S101 - handshakes are its only
        assert self._handshake is not None  # noqa: S101
        try:
            if self._tls.shake_hands():
                self._handshake.set_result(None)
        finally:
            self._flush(self._tls)  # an alert, if nothing else

    def _send(self, data: bytes) -> None:
        assert self._transport is not None  # noqa: S101 - it is connected
        if self._tls is None:
            self._transport.write(data)
        else:
            self._tls.encrypt(data)
            self._flush(self._tls)

    def _flush(self, tls: TlsLayer) -> None:
        if self._transport is not None and (data := tls.to_send()):
            self._transport.write(data)

    def _fail(self, error: Exception) -> None:
        """Let whoever waits have an error."""
        for waiting in (self._handshake, self._waiting):
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)
        self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Take the end of the connection from the event loop."""
        self._transport = None
        lost: Exception = error or ConnectionLostError(has_begun=self._reader.has_begun)
        if self._reader.has_begun and (error is None or self._reader.is_error):
            try:
                self._reader.end()
            except HttpError as broken_off:
                lost = broken_off
            self._deliver()
        self._fail(lost)

    def _give_up_body(self) -> None:
        self._reader.give_up_body()
        self._deliver()

    def _deliver(self) -> None:
        if self._waiting is not None and self._reader.response and not self._waiting.done():
            self._waiting.set_result(self._reader.response)


async def connect(host: str, port: int) -> Connection:
    """Return a connection to the first address of a host that accepts one.

    Raises `OSError`, and `UnicodeError` for a host that can't be looked up at all.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    connected = await _connect_to_first(_alternating(found))
    _, connection = await loop.create_connection(Connection, sock=connected)
    return connection


async def _connect_to_first(addresses: Iterable[_Address]) -> socket.socket:
    """Return the first socket that connects; the others are closed."""
    attempts: list[asyncio.Task[socket.socket]] = []
    for number, address in enumerate(addresses):
        attempt = _attempt(address, attempts[-1:], number * _ATTEMPT_DELAY)
        attempts.append(asyncio.create_task(attempt))
    winner: socket.socket | None = None
    pending = set(attempts)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if worked := [attempt for attempt in done if attempt.exception() is None]:
                winner = worked[0].result()
                return winner
        raise OSError("no address accepts a connection") from attempts[-1].exception()
    finally:
        for each in attempts:
            each.cancel()
            each.add_done_callback(partial(_close_unless, winner))


async def _attempt(
    address: _Address, before: Collection[asyncio.Task[socket.socket]], delay: float
) -> socket.socket:
    """Connect a socket as soon as the attempt before has failed, or after a delay (RFC 8305)."""
    if before:
        await asyncio.wait(before, timeout=delay)
    family, kind, protocol, _, place = address
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.setblocking(False)  # noqa: FBT003 - its name is in C
        await asyncio.get_running_loop().sock_connect(connecting, place)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _close_unless(winner: socket.socket | None, attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None and attempt.result() is not winner:
        attempt.result().close()


def _alternating(addresses: Iterable[_Address]) -> list[_Address]:
    """Return addresses with their families in turns, beginning with the first one's."""
    families: dict[int, list[_Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    turns = zip_longest(*families.values())
    return [address for turn in turns for address in turn if address is not None]
