"""Send single requests to an exchange: the only module that knows httpx."""

import asyncio
import ssl
from contextlib import suppress
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import h11
import httpx

from exporter.errors import BadResponseError, ConnectionFailedError, PollError, TlsError
from exporter.exchange_api.body import MAX_ERROR_BODY_BYTES, read_body
from exporter.exchange_api.http_date import longest_retry_after, parse_date
from exporter.exchange_api.messages import ApiRequest, ApiResponse
from exporter.exchange_api.progress import READING, Progress
from exporter.exchange_api.server_clock import ServerClock
from exporter.runtime.clock import Clock

_ERROR_BODY_SECONDS = 1.0
_NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])


class StaleConnectionError(ConnectionFailedError):
    """A connection kept from an earlier request was closed by the exchange, or is out of step."""


class HttpClient:
    """Send requests on behalf of one account, over one connection that is kept open.

    httpx searches its pool linearly, so a client for each account is cheaper than a pool for all.
    Nothing in the environment is used (proxies, netrc), no redirect followed, no cookie kept.
    """

    def __init__(self, base_url: str, *, server_clock: ServerClock, clock: Clock) -> None:
        """Prepare, without connecting."""
        self.base_url = base_url
        self._server_clock = server_clock
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._is_reusable = False  # whether the last response was read to its end

    async def send(self, request: ApiRequest, progress: Progress) -> ApiResponse:
        """Return the response, whatever its status.

        Raises a `PollError`: `StaleConnectionError` if only a kept connection was to blame.
        """
        client = await self._usable_client()
        self._is_reusable = False
        try:
            response = await self._exchange(client, request, progress)
        except (httpx.HTTPError, ssl.SSLError) as error:  # httpx lets the latter through
            raise _explain(error, progress) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConnectionFailedError("base_url has no host that can be looked up") from error
        finally:
            await progress.aclose()
        self._is_reusable = True
        return response

    async def aclose(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _exchange(
        self, client: httpx.AsyncClient, request: ApiRequest, progress: Progress
    ) -> ApiResponse:
        sent = self._clock.monotonic()
        built = client.build_request(
            request.method,
            self.base_url + request.path,
            headers=dict(request.headers),
            content=request.body or None,
            extensions={"trace": progress.note},
        )
        response = await client.send(built, stream=True)
        try:
            if progress.is_early:
                raise StaleConnectionError("a response arrived before its request")
            return await self._read(response, sent)
        finally:
            await response.aclose()

    async def _usable_client(self) -> httpx.AsyncClient:
        """Return the client with its kept connection if that is fit for use, else a new one.

        A request that was given up on can leave httpx's pool without a free place.
        """
        if self._client is None or not self._is_reusable:
            await self.aclose()
            self._client = _new_client()
        return self._client

    async def _read(self, response: httpx.Response, sent: float) -> ApiResponse:
        date = parse_date(response.headers.get("Date"))
        self._server_clock.learn(date, sent, self._clock.monotonic())
        retry_after = longest_retry_after(
            response.headers.get_list("Retry-After"), self._server_clock.now()
        )
        return ApiResponse(
            response.status_code, await _body_of(response), retry_after, response.headers
        )


async def _body_of(response: httpx.Response) -> bytes:
    """Return the body of a 200, and of a 4xx if it is small, complete and soon there.

    The status of a 4xx says enough; its body may only say more.
    """
    if response.status_code == 200:
        return await read_body(response.headers, response.aiter_raw())
    if 400 <= response.status_code < 500:
        with suppress(PollError, httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(_ERROR_BODY_SECONDS):
                return await read_body(response.headers, response.aiter_raw(), MAX_ERROR_BODY_BYTES)
    return b""


def _new_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=_tls_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - a deadline covers the whole poll; httpx's are per read
        limits=httpx.Limits(max_connections=1, keepalive_expiry=None),
        cookies=CookieJar(_NO_COOKIES),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )


@cache
def _tls_context() -> ssl.SSLContext:
    """Load the system's CA certificates once: that costs 20 ms and some megabytes.

    `ssl.create_default_context` would write every session's keys to SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and names
    context.load_default_certs()
    return context


def _explain(error: Exception, progress: Progress) -> PollError:
    if not progress.connected and progress.stage != READING:
        return StaleConnectionError("the exchange had closed the connection")
    causes = _causes(error)
    if progress.in_handshake or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return TlsError("no trustworthy TLS connection to the exchange")
    if isinstance(error, httpx.ConnectError):
        return ConnectionFailedError("no connection to the exchange")
    if progress.stage == READING and isinstance(error, httpx.RemoteProtocolError):
        return BadResponseError("the response was cut off or is not valid HTTP")
    if any(isinstance(cause, h11.RemoteProtocolError) for cause in causes):
        return BadResponseError("the response is not valid HTTP")
    return ConnectionFailedError(f"the connection broke ({progress.stage})")


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain
