"""Serve routes over HTTP/1.1: accept, bound what clients can cost, respond, and stop in order."""

import asyncio
import resource
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate
from functools import lru_cache, partial

import structlog

from exporter.web import addresses as listening
from exporter.web.access import Access
from exporter.web.addresses import UNIX, Address, bound
from exporter.web.connection import Connection
from exporter.web.hosts import Hosts
from exporter.web.limits import DEFAULT_LIMITS, Limits
from exporter.web.messages import Handler, RefusedError, Request, Response, Routes
from exporter.web.peers import peer_of, speaks_http, tls_reason
from exporter.web.refusals import RefusalLog
from exporter.web.response_limiter import ResponseLimiter
from exporter.web.tls import Tls

log = structlog.get_logger()

_PAUSE = 0.1
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_HTML = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "deny",
    "Referrer-Policy": "no-referrer",
}


class Server:
    """Serve what `routes` names, on any number of addresses, until it is stopped.

    `allowed_hosts` are host names that requests may be sent to; `wall` is the time of day in
    seconds, for the `Date` of responses.
    """

    def __init__(
        self,
        routes: Routes,
        *,
        access: Access | None = None,
        limits: Limits = DEFAULT_LIMITS,
        allowed_hosts: Iterable[str] = (),
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Prepare to serve; nothing is open before `start`."""
        self._routes = routes
        self._access = access or Access()
        self._limits = limits
        self._wall = wall
        self._slots = ResponseLimiter(limits)
        self._hosts = Hosts(allowed_hosts)
        self._refusals = RefusalLog()
        self._opened: list[socket.socket] = []
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        # `_idle` has the connections without a request, in the order in which they became idle.
        self._connections: dict[socket.socket, asyncio.Task[None]] = {}
        self._idle: dict[socket.socket, None] = {}
        self._stopping = False

    async def start(
        self, addresses: Sequence[Address], *, inherited: Sequence[socket.socket] = ()
    ) -> list[Address]:
        """Listen, and return where; port 0 means any free port.

        Sockets that are `inherited` listen already; whoever bound them removes them. Raises
        `ListenError`.
        """
        self._opened = await listening.open_listeners(addresses)
        self._listeners = [*self._opened, *inherited]
        self._accepting = [asyncio.create_task(self._accept(each)) for each in self._listeners]
        return [bound(listener) for listener in self._listeners]

    async def stop(self) -> None:
        """Stop accepting, let running responses finish for a moment, and leave nothing open."""
        self._stopping = True
        await _cancel(self._accepting)
        for listener in self._opened:
            listening.close(listener)
        for listener in self._listeners:
            listener.close()
        await _cancel([self._connections[client] for client in self._idle])
        if self._connections:
            await asyncio.wait(self._connections.values(), timeout=self._limits.stop)
        await _cancel(self._connections.values())
        await self._access.close()
        self._refusals.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        address = bound(listener)
        is_restricted = address.is_private and not address.host.startswith(UNIX)
        is_failing = False
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError as error:
                # Without a free descriptor accepting fails even when nobody is waiting.
                if is_waiting := _is_readable(listener):
                    self._drop_oldest()
                if is_waiting and not is_failing:
                    log.warning("connections can't be accepted", error=error.strerror)
                    is_failing = True
                await asyncio.sleep(_PAUSE)
            else:
                is_failing = False
                self._admit(client, is_restricted=is_restricted)
                await asyncio.sleep(0)  # a flood of connections must not keep the loop from polls

    def _admit(self, client: socket.socket, *, is_restricted: bool) -> None:
        """Begin to serve a client, if need be in the place of an idle one.

        A client of a loopback address is restricted to a few host names.
        """
        maximum = min(self._limits.max_connections, _descriptors() // 2)
        if len(self._connections) >= maximum and not self._drop_oldest():
            self._refusals.note("connection", peer_of(client), "too many connections")
            client.close()
            return
        self._connections[client] = asyncio.create_task(
            self._serve(client, is_restricted=is_restricted)
        )
        self._connections[client].add_done_callback(partial(self._forget, client))
        self._idle[client] = None

    def _drop_oldest(self) -> bool:
        """Make room by dropping the connection that has been idle for longest, if there is one."""
        oldest = next(iter(self._idle), None)
        if oldest is None:
            return False
        del self._idle[oldest]
        self._connections.pop(oldest).cancel()
        return True

    def _forget(self, client: socket.socket, _: asyncio.Task[None]) -> None:
        self._connections.pop(client, None)
        self._idle.pop(client, None)
        client.close()  # for a task that was cancelled before its first step

    async def _serve(self, client: socket.socket, *, is_restricted: bool) -> None:
        """Own a connection from accept to close."""
        connection = None
        try:
            tls = (await self._access.refresh()).tls
            connection = await self._open(client, tls)
            connection.is_restricted = is_restricted
            while await self._serve_next(client, connection, tls) and not self._stopping:
                pass
            self._idle[client] = None
            await connection.close()
        except ssl.SSLError as error:
            self._refusals.note("tls", peer_of(client), tls_reason(error))
        except OSError:
            pass  # The client left, or was too slow.
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            log.error("a response was cut off", error=type(error).__name__)  # noqa: TRY400
        finally:
            if connection is not None:
                connection.abort()

    async def _open(self, client: socket.socket, tls: Tls | None) -> Connection:
        loop = asyncio.get_running_loop()
        is_plain = tls is not None and await speaks_http(client, self._limits.receive)
        secured = None if is_plain else tls
        reader = asyncio.StreamReader(limit=self._limits.head)
        transport, protocol = await loop.connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader),
            client,
            ssl=secured.context if secured else None,
            ssl_handshake_timeout=self._limits.receive if secured else None,
            ssl_shutdown_timeout=self._limits.linger if secured else None,
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        connection = Connection(reader, writer, self._limits)
        connection.lacks_tls = is_plain
        return connection

    async def _serve_next(
        self, client: socket.socket, connection: Connection, tls: Tls | None
    ) -> bool:
        """Respond to one request; return whether another may follow."""
        try:
            self._idle[client] = None
            # Requests that came together must not keep the loop from polls and other clients.
            await asyncio.sleep(0)
            request = await connection.receive()
            self._idle.pop(client, None)
            if request is None or (await self._access.refresh()).tls is not tls:
                return False  # Under new rules the client has to connect, and prove itself, again.
            self._check_host(request, connection)
            refusal = await self._access.refusal(request, connection.certificate)
            response = refusal or await self._respond(request)
            self._note(response, connection.peer)
            if response.length is not None and response.length <= self._limits.small:
                return await self._send(connection, response)
            async with self._slots.hold(connection):
                return await self._send(connection, response)
        except RefusedError as refused:
            self._note(refused.response, connection.peer)
            return await self._send(connection, refused.response, last=True)

    def _check_host(self, request: Request, connection: Connection) -> None:
        """Raise `RefusedError` for a request to a port or a name that is not served so.

        A page of another site could reach this server by a name of its own that it rebinds to our
        address; what a browser sends for a page in order to change something has an `Origin`.
        """
        if connection.lacks_tls:
            raise RefusedError(400, "this port serves HTTPS; use https:// in the URL")
        is_from_page = request.method not in _SAFE and bool(request.header("Origin"))
        is_restricted = connection.is_restricted or is_from_page
        if not self._hosts.serves(request.host, is_restricted=is_restricted):
            raise RefusedError(421, "this host name is not served; see --web.allowed-host")

    def _note(self, response: Response, peer: str) -> None:
        if response.status >= 400 and response.status != 500:
            text = b"".join(response.body) if isinstance(response.body, tuple) else b""
            self._refusals.note(response.status, peer, text.decode().partition("\n")[0])

    async def _send(
        self, connection: Connection, response: Response, *, last: bool = False
    ) -> bool:
        is_html = response.headers.get("Content-Type", "").startswith("text/html")
        headers = {
            "Date": _date(int(self._wall())),
            **_ALWAYS,
            **(_HTML if is_html else {}),
            **response.headers,
            **self._access.config.headers,
        }
        return await connection.send(response, headers, last=last or self._stopping)

    async def _respond(self, request: Request) -> Response:
        handler = _find(self._routes, request)
        try:
            response = handler(request)
            return response if isinstance(response, Response) else await response
        except Exception as error:  # noqa: BLE001 - one page must not end the process
            # The text of an error may hold anything, a secret included.
            name = type(error).__name__
            log.error("unexpected error in a request", path=request.path, error=name)  # noqa: TRY400
            return Response.text(500, "internal error; see the log")


def _find(routes: Routes, request: Request) -> Handler:
    """Return the handler of a request, or one that says why there is none."""
    methods = routes.get(request.path)
    if methods is None:
        hint = "; see /" if "/" in routes else ""
        return lambda _: Response.text(404, f"no such page{hint}")
    method = "GET" if request.method == "HEAD" else request.method
    if method not in methods:
        allowed = ", ".join(sorted({*methods, "HEAD"} if "GET" in methods else methods))
        return lambda _: Response.text(405, f"use {allowed}", {"Allow": allowed})
    return methods[method]


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _is_readable(listener: socket.socket) -> bool:
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))


def _descriptors() -> int:
    """Return how many file descriptors this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft
