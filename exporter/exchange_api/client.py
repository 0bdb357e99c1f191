"""Send single requests to an exchange on behalf of one account."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from exporter.errors import BadResponseError, ConnectionFailedError, PollError
from exporter.exchange_api.body import MAX_ERROR_BODY_BYTES, read_body
from exporter.exchange_api.failure import StaleConnectionError, explain
from exporter.exchange_api.http_date import MAX_RETRY_AFTER, longest_retry_after, parse_date
from exporter.exchange_api.messages import ApiRequest, ApiResponse
from exporter.exchange_api.network import DIRECT, api_host
from exporter.exchange_api.progress import Progress
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.transport import BAD_HOSTS, FAILURES, Response, Transport
from exporter.exchange_api.trust import SHARED, TrustStore
from exporter.model import Network
from exporter.runtime.clock import Clock

__all__ = ["HttpClient", "StaleConnectionError"]

_ERROR_BODY_SECONDS = 1.0
_TRUSTED_SECONDS = 10.0  # after which files of CA certificates are looked at again
_REMEMBERED = 3600.0  # seconds for which a network's patience with idle connections is remembered
_SIMILAR = 1.25  # times as long: polls are not exactly an interval apart
_STATUSES_ON_THE_WAY = {403, 407}  # whoever sent them may have another clock
_NO_HOST = "base_url has no host that can be looked up"
_PUBLIC_CALLS = {"ticker"}  # say nothing about an account, so a response from a cache is fine


class HttpClient:
    """Send requests over one connection that is kept open.

    It sends one request at a time. Nothing in the environment is used (proxies, netrc), no redirect
    followed, no cookie kept.
    """

    def __init__(  # noqa: PLR0913 - each has a name
        self,
        base_url: str,
        *,
        server_clock: ServerClock,
        clock: Clock,
        network: Network = Network(),  # noqa: B008 - it is frozen
        max_retry_after: float = MAX_RETRY_AFTER,
        trust: TrustStore = SHARED,
    ) -> None:
        """Prepare, without connecting."""
        self.base_url = base_url
        self.network = network
        self.route = DIRECT
        self._server_clock = server_clock
        self._clock = clock
        self._max_retry_after = max_retry_after
        self._trust = trust
        self._transport: Transport | None = None
        self._transport_route = DIRECT
        self._is_reusable = False  # whether the last response was read to its end
        self._used_at = 0.0
        self._max_idle = math.inf
        self._max_idle_until = 0.0
        self._proven_idle = 0.0  # seconds after which this connection still got a response

    @property
    def peer(self) -> str:
        """Return what is connected to: the proxy if there is one."""
        return self.route.proxy.address if self.route.proxy else api_host(self.base_url)

    @property
    def address(self) -> str:
        """Return the IP address and port that was last connected to, empty before the first."""
        return self._transport.network.address if self._transport else ""

    async def send(
        self, request: ApiRequest, progress: Progress, patience: float = math.inf
    ) -> ApiResponse:
        """Return the response, whatever its status.

        Raises a `PollError`: `StaleConnectionError` if only a kept connection was to blame. That
        is so, too, if nothing arrives over one for `patience` seconds: a NAT may have forgotten it,
        unless it got a response before after as long an idle time.
        """
        transport, is_kept = await self._usable_transport()
        self._is_reusable = False
        idle = self._clock.monotonic() - self._used_at if is_kept else 0.0
        if not is_kept or idle <= self._proven_idle * _SIMILAR:
            patience = math.inf
        connections = transport.network.connections
        try:
            async with self._first_byte_within(transport, patience):
                response = await self._open(transport, request, progress)
            is_same = transport.network.connections == connections
            self._proven_idle = max(idle, self._proven_idle) if is_same else 0.0
            try:
                return await self._read(response, request, progress)
            finally:
                await response.aclose()
                self._is_reusable = self._is_reusable and not transport.has_surplus
                self._used_at = self._clock.monotonic()
        except FAILURES as error:
            raise explain(error, progress, self.peer) from error
        except BAD_HOSTS as error:
            raise ConnectionFailedError(_NO_HOST) from error
        finally:
            progress.address = transport.network.address
            await progress.aclose()

    async def aclose(self) -> None:
        """Close the connection."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def _open(
        self, transport: Transport, request: ApiRequest, progress: Progress
    ) -> Response:
        self._sent = self._clock.monotonic()
        return await transport.send(request, progress.note)

    @asynccontextmanager
    async def _first_byte_within(self, transport: Transport, seconds: float) -> AsyncIterator[None]:
        """Give a kept connection up if it stays silent, and remember for how long it had idled."""
        if seconds == math.inf:
            yield
            return
        loop = asyncio.get_running_loop()
        timeout = asyncio.timeout(None)

        def give_up() -> None:
            if not transport.network.received:
                timeout.reschedule(loop.time())

        timer = loop.call_later(seconds, give_up)
        try:
            async with timeout:
                yield
        except TimeoutError:
            now = self._clock.monotonic()
            self._max_idle = (self._sent - self._used_at) / 2
            self._max_idle_until = now + _REMEMBERED
            raise StaleConnectionError("the kept connection stayed silent") from None
        finally:
            timer.cancel()

    async def _usable_transport(self) -> tuple[Transport, bool]:
        """Return a transport, and whether it has a kept connection that is fit for use.

        A request that was given up on leaves a connection, or a pool's only place, in use.
        """
        if self._transport is not None and await self._can_reuse(self._transport):
            return self._transport, True
        await self.aclose()
        context = await self._trust.context(self.route.ca_file)
        try:
            self._transport = Transport(self.base_url, self.route, context)
        except BAD_HOSTS as error:
            raise ConnectionFailedError(_NO_HOST) from error
        self._transport_route = self.route
        return self._transport, False

    async def _can_reuse(self, transport: Transport) -> bool:
        now = self._clock.monotonic()
        max_idle = self._max_idle if now < self._max_idle_until else math.inf
        if not self._is_reusable or self._transport_route != self.route:
            return False
        if now - self._used_at > max_idle:
            return False
        trusted = await self._trust.context(self.route.ca_file, max_age=_TRUSTED_SECONDS)
        # Last, for what comes until the request is sent would be taken for its response.
        return transport.context is trusted and transport.is_open

    async def _read(
        self, response: Response, request: ApiRequest, progress: Progress
    ) -> ApiResponse:
        if progress.is_early:
            raise StaleConnectionError("a response arrived before its request")
        status, headers = response.status_code, response.headers
        if status == 407 and self.route.proxy:
            raise ConnectionFailedError(
                f"the proxy {self.peer} rejected our credentials, or requires some (HTTP 407)",
                advice="Check the user and the password in `network.proxy_url`.",
            )
        if "Age" in headers and request.call not in _PUBLIC_CALLS:
            raise BadResponseError(
                "a cache responded in place of the exchange",
                advice="Let the cache or proxy on the way pass requests to the exchange through.",
            )
        date = parse_date(headers.get("Date"))
        bounds = None
        is_own = status == 200 or (400 <= status < 500 and status not in _STATUSES_ON_THE_WAY)
        if is_own and "Age" not in headers:  # a copy has the date of when it was made
            bounds = self._server_clock.bounds(date, self._sent, self._clock.monotonic())
        if status == 200:
            self._server_clock.learn(bounds)
        retry_after = longest_retry_after(
            headers.get_list("Retry-After"),
            self._server_clock.now_by(date),
            self._max_retry_after,
        )
        body, self._is_reusable = await _body_of(response)
        return ApiResponse(status, body, retry_after, headers, bounds)


async def _body_of(response: Response) -> tuple[bytes, bool]:
    """Return the body of a 200, and of a 4xx if it is small, and whether it was read to its end.

    The status of a 4xx says enough; its body may only say more.
    """
    if response.status_code == 200:
        return await read_body(response.headers, response.aiter_raw()), True
    if 400 <= response.status_code < 500:
        with suppress(PollError, *FAILURES, TimeoutError):
            async with asyncio.timeout(_ERROR_BODY_SECONDS):
                parts = response.aiter_raw()
                return await read_body(response.headers, parts, MAX_ERROR_BODY_BYTES), True
    return b"", False
