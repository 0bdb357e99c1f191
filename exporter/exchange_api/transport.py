"""Carry HTTP over one connection: the only module that knows httpx."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

import httpcore
import httpx

from exporter import __version__
from exporter.exchange_api.messages import ApiRequest
from exporter.exchange_api.network import DEFAULT_PORTS, Proxy, Route, api_host

Response = httpx.Response
FAILURES: tuple[type[Exception], ...] = (httpx.HTTPError, ssl.SSLError)
"""What sending may raise; httpx lets the latter through."""

BAD_HOSTS: tuple[type[Exception], ...] = (httpx.InvalidURL, UnicodeError)

MAX_HEAD_BYTES = 16 * 1024
"""Longest head of a response, interim ones included; parsing more would block the event loop."""

HEAD_IS_TOO_LONG = f"the head of the response is longer than {MAX_HEAD_BYTES} bytes"

_REPOSITORY = "https://github.com/exchange-balance-exporter/exchange-balance-exporter"
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-store",  # RFC 9111 lets a cache share responses without `Authorization`
    # Some firewalls reject the names of HTTP libraries.
    "User-Agent": f"exchange-balance-exporter/{__version__} (+{_REPOSITORY})",
}
_ANY_ADDRESS = {"ipv4": "0.0.0.0", "ipv6": "::"}  # noqa: S104 - to connect from, not to listen on
# Keeps a NAT from forgetting the connection between two polls, and finds out if it did.
_SOCKET_OPTIONS: list[tuple[int, int, int]] = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (
            ("TCP_KEEPIDLE", 20),
            ("TCP_KEEPINTVL", 5),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", 15_000),
        )
        if hasattr(socket, name)
    ),
]

Trace = Callable[[str, Any], Any]

_Connection = httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool


class Transport:
    """Send requests over one connection at a time, along one route.

    It is httpx's transport without its client, which would follow redirects, keep cookies and obey
    the environment: nothing of that is wanted, and it costs a sixth of a request's CPU and 3 KB.
    """

    def __init__(self, base_url: str, route: Route, context: ssl.SSLContext) -> None:
        """Prepare, without connecting."""
        self.network = _Network(route)
        self.context = context
        self._host = api_host(base_url)
        self._name = urlsplit(f"//{self._host}").hostname or ""
        self._connection: _Connection
        if route.proxy is None:
            self._base_url = base_url
            self._connection = _make_connection(base_url, context, self.network)
        else:  # its TLS name can't be set apart from the host that it connects to
            self._base_url = base_url.replace(f"{self._name}.", self._name, 1)
            self._connection = _make_pool(route.proxy, context, self.network)
        self._transport = _Over(self._connection)

    async def send(self, request: ApiRequest, trace: Trace) -> Response:
        """Send a request and return the response as soon as its head is there."""
        self.network.begin()
        built = httpx.Request(
            request.method,
            _parse_url(self._base_url + request.path),
            headers={"Host": self._host, **_HEADERS, **request.headers},
            content=request.body or None,
            extensions={"trace": trace, "sni_hostname": self._name},
        )
        response = await self._transport.handle_async_request(built)
        self.network.end_of_head()
        return response

    @property
    def is_open(self) -> bool:
        """Return whether another request can be sent; a pool reconnects by itself."""
        connection = self._connection
        if isinstance(connection, httpcore.AsyncConnectionPool):
            return True
        return connection.is_available() and not connection.has_expired()

    @property
    def has_surplus(self) -> bool:
        """Return whether bytes came after the last response, before another request."""
        connection = self._connection
        if isinstance(connection, httpcore.AsyncConnectionPool):
            return any(map(_surplus, connection.connections))
        return _surplus(connection)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._transport.aclose()


def status_of_proxy(error: Exception) -> int | None:
    """Return the status with which a proxy refused to make a tunnel."""
    if not isinstance(error, httpx.ProxyError):
        return None
    number = str(error)[:3]
    return int(number) if number.isdigit() else 0


def is_protocol_error(error: Exception) -> bool:
    """Return whether a peer broke the rules of HTTP, or broke off."""
    return isinstance(error, httpx.RemoteProtocolError)


def is_connect_error(error: Exception) -> bool:
    """Return whether there was no connection."""
    return isinstance(error, httpx.ConnectError)


def _parse_url(url: str) -> httpx.URL:
    """Return a URL; one with a query may hold a signature, and is not kept."""
    return httpx.URL(url) if "?" in url else _kept_url(url)


@lru_cache(maxsize=1024)
def _kept_url(url: str) -> httpx.URL:
    return httpx.URL(url)


class _Over(httpx.AsyncHTTPTransport):
    """Use a connection, or a pool, that httpx has no settings for."""

    def __init__(self, connection: _Connection) -> None:
        # A connection has the two methods that are called of a pool.
        self._pool = cast("httpcore.AsyncConnectionPool", connection)


def _make_connection(
    base_url: str, context: ssl.SSLContext, network: "_Network"
) -> httpcore.AsyncHTTPConnection:
    """Return a connection without a pool, which would look for it at each request."""
    url = _kept_url(base_url)
    port = url.port or DEFAULT_PORTS[url.scheme]
    origin = httpcore.Origin(url.raw_scheme, url.raw_host, port)
    return httpcore.AsyncHTTPConnection(origin, ssl_context=context, network_backend=network)


def _make_pool(
    proxy: Proxy, context: ssl.SSLContext, network: "_Network"
) -> httpcore.AsyncConnectionPool:
    """Return what connects through a proxy; httpcore has only a pool for that."""
    user, password = (each.reveal() if each else "" for each in (proxy.user, proxy.password))
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    return httpcore.AsyncHTTPProxy(
        proxy_url=f"{proxy.scheme}://{host}:{proxy.port}",
        proxy_auth=(user.encode(), password.encode()) if proxy.user or proxy.password else None,
        proxy_ssl_context=context if proxy.scheme == "https" else None,
        ssl_context=context,
        max_connections=1,
        network_backend=network,
    )


def _surplus(connection: object) -> bool:
    """Return whether a connection has read more than it gave out; httpcore does not say so."""
    inner: Any = connection
    while inner is not None and not hasattr(inner, "_h11_state"):
        inner = getattr(inner, "_connection", None)
    return inner is not None and bool(inner._h11_state.trailing_data[0])  # noqa: SLF001


class _Network(httpcore.AsyncNetworkBackend):
    """Connect along a route, count connections and bytes, and know the address that was reached."""

    def __init__(self, route: Route) -> None:
        self.address = ""
        self.connections = 0
        self.received = 0
        self.reads_head = True
        self._local = route.source_address or _ANY_ADDRESS.get(route.ip_family)
        self._backend = httpcore.AnyIOBackend()

    def begin(self) -> None:
        """Count the response to a new request."""
        self.received, self.reads_head = 0, True

    def end_of_head(self) -> None:
        """Let what follows be as long as a body may be."""
        self.reads_head = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is given
        local_address: str | None = None,  # noqa: ARG002 - the route says it
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that accepts."""
        stream = await self._backend.connect_tcp(host, port, timeout, self._local, _SOCKET_OPTIONS)
        self.connections += 1
        reached = stream.get_extra_info("server_addr")
        self.address = _text_of(reached) if isinstance(reached, tuple) else ""
        return _Stream(stream, self)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """Pass everything on, but no head that is too long."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, network: _Network) -> None:
        self._stream = stream
        self._network = network

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        network = self._network
        if network.reads_head:
            left = MAX_HEAD_BYTES - network.received
            if left <= 0:
                raise httpcore.RemoteProtocolError(HEAD_IS_TOO_LONG)
            max_bytes = min(max_bytes, left)
        data = await self._stream.read(max_bytes, timeout)
        network.received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        network = self._network
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        network.begin()
        return _Stream(stream, network)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is given
        return self._stream.get_extra_info(info)


def _text_of(address: tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
