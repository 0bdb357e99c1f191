"""Listen for clients and give each request the response that a function finds for it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import h11

from exporter.simulator.messages import Request, Response
from exporter.simulator.wire import ClientLeft, Wire, send

Deliver = Callable[[Wire, Response], Awaitable[None]]

_BACKLOG = 1024
_CLOSE = (("Connection", "close"),)
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where every address is listened on


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, how its bytes are sent, and what to do afterwards."""

    response: Response
    deliver: Deliver
    ended: Callable[[], None]


class HttpServer:
    """Serve HTTP/1.1 while the context lasts; leaving it drops every connection."""

    def __init__(
        self,
        respond: Callable[[Request], Reply],
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
    ) -> None:
        """Prepare to listen; port 0 takes a free one."""
        self._respond = respond
        self._host = host
        self._port = port
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()
        self._defects: list[BaseException] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, self._host, self._port, ssl=self._tls, backlog=_BACKLOG
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None  # noqa: S101 - __aenter__ came first
        self._server.close()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        await self._server.wait_closed()
        if self._defects and error is None:
            raise self._defects[0]

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        return self._address[1]

    @property
    def url(self) -> str:
        """Return the address for clients on this machine, without a slash at the end."""
        scheme = "https" if self._tls else "http"
        bound, port = self._address
        host = _LOOPBACK.get(bound, bound)
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def _address(self) -> tuple[str, int]:
        if self._server is None:
            raise RuntimeError("the simulator is not running: enter its context first")
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.create_task(self._attend(Wire(reader, writer)))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._forget)

    def _forget(self, conversation: asyncio.Task[None]) -> None:
        self._conversations.discard(conversation)
        if not conversation.cancelled() and (defect := conversation.exception()):
            self._defects.append(defect)

    async def _attend(self, wire: Wire) -> None:
        try:
            await self._converse(wire)
            wire.close()
            await wire.closed()
        except (ClientLeft, OSError):
            pass  # clients may leave when they like
        finally:
            await wire.abort()

    async def _converse(self, wire: Wire) -> None:
        while not wire.is_closing:
            try:
                request = await wire.receive()
            except h11.RemoteProtocolError as error:
                await send(wire, Response(error.error_status_hint, headers=_CLOSE))
                return
            if request is None:
                return
            reply = self._respond(request)
            try:
                await reply.deliver(wire, reply.response)
            finally:
                reply.ended()
            if not request.keep_alive:
                return
