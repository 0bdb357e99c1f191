"""Send requests to an exchange: the only module that knows httpx."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple, TypeVar

import h11
import httpx

from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    PermissionDeniedError,
    PollError,
    PollTimeoutError,
    RateLimitedError,
    RedirectError,
    RejectedError,
    TlsError,
    UnavailableError,
)
from exporter.exchange_api.server_clock import ServerClock
from exporter.runtime.clock import Clock

MAX_BODY_BYTES = 1024 * 1024
"""Most that is read of an answer; the largest known is 70 KB."""

_MAX_PARTS = 16 * 1024  # a part costs more than its bytes do: a chunk of one takes 30 µs
_PARTS_AT_ONCE = 256

MAX_RETRY_AFTER = 15 * 60.0
_ABSURD_RETRY_AFTER = 24 * 60 * 60.0

Parsed = TypeVar("Parsed")

_NO_COOKIES = DefaultCookiePolicy(allowed_domains=[])


class StaleConnectionError(ConnectionFailedError):
    """A connection kept from an earlier request was closed by the exchange, or is out of step."""


BeforeRequest = Callable[[bool], Awaitable[None]]


class ApiRequest(NamedTuple):
    """Hold what is asked: the path with its query, and the headers that sign it."""

    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """Hold what an exchange answered; `retry_after` is in seconds, None where it said nothing.

    `is_challenge` tells that Cloudflare answered in its place, to see whether we are a browser:
    https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/
    """

    status: int
    body: bytes
    retry_after: float | None
    is_challenge: bool = False


class HttpClient:
    """Ask one exchange on behalf of one account, over one connection that is kept open.

    httpx searches its pool linearly, so a client for each account is cheaper than a pool for all.
    Nothing of the environment is obeyed (proxies, netrc), no redirect followed, no cookie kept.
    """

    def __init__(
        self,
        base_url: str,
        *,
        server_clock: ServerClock,
        clock: Clock,
    ) -> None:
        """Prepare, without connecting."""
        self._base_url = base_url
        self._server_clock = server_clock
        self._clock = clock
        self._before_request: BeforeRequest
        self._is_first_request = True
        self._progress = _Progress()
        self._client: httpx.AsyncClient | None = None
        self._is_kept = False  # whether the last answer ended well

    def begin_poll(self, before_request: BeforeRequest) -> None:
        """Let the next request be a poll's first.

        Before each request, and after the end of the last, `before_request` is called with whether
        it is the first. It waits for the pace; for the first one the poll has had its turn already.
        """
        self._before_request = before_request
        self._is_first_request = True
        self._progress = _Progress()

    async def get(self, make_request: Callable[[], ApiRequest]) -> ApiResponse:
        """Return the answer to a GET, whatever its status; raises a `PollError` without one.

        The request is made just before it is sent, so that its stamp is of that moment. It is made
        again where the connection turns out to have been closed since it was last used: that is no
        fault, but what was sent is not to be sent twice.
        """
        try:
            return await self._ask_in_turn(make_request)
        except StaleConnectionError:
            return await self._ask_in_turn(make_request)

    async def _ask_in_turn(self, make_request: Callable[[], ApiRequest]) -> ApiResponse:
        await self._before_request(self._is_first_request)
        self._is_first_request = False
        return await self._ask(make_request())

    async def _ask(self, wanted: ApiRequest) -> ApiResponse:
        client = await self._usable_client()
        self._is_kept = False
        progress = self._progress = _Progress()
        sent = self._clock.monotonic()
        request = client.build_request(
            "GET",
            self._base_url + wanted.path,
            headers=dict(wanted.headers),
            extensions={"trace": progress.note},
        )
        try:
            response = await client.send(request, stream=True)
            try:
                if progress.is_early:
                    raise StaleConnectionError("an answer was there before it was asked for")
                answer = await self._read(response, sent)
            finally:
                await response.aclose()
        except (httpx.HTTPError, ssl.SSLError) as error:  # httpx lets the latter through
            raise _explain(error, progress) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConnectionFailedError("base_url has no host that can be looked up") from error
        finally:
            await progress.aclose()
        self._is_kept = True
        return answer

    async def _usable_client(self) -> httpx.AsyncClient:
        """Return the client with its kept connection if that is fit for use, else a new one.

        A request that was given up on can leave httpx's pool without a free place.
        """
        if self._client is None or not self._is_kept:
            await self.aclose()
            self._client = _new_client()
        return self._client

    def timed_out(self) -> PollError:
        """Return the error for a poll that was given up on, by where its request had come to."""
        if self._progress.in_handshake:
            return TlsError("the TLS handshake did not end in time")
        return PollTimeoutError(f"no complete answer in time ({self._progress.stage})")

    async def aclose(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _read(self, response: httpx.Response, sent: float) -> ApiResponse:
        date = _parse_date(response.headers.get("Date"))
        self._server_clock.learn(date, sent, self._clock.monotonic())
        wish = _longest_wish(response.headers.get_list("Retry-After"), self._server_clock.now())
        body = await _read_body(response) if response.status_code == 200 else b""
        is_challenge = response.headers.get("cf-mitigated", "").lower() == "challenge"
        return ApiResponse(response.status_code, body, wish, is_challenge)


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
    """Load the machine's CA certificates once: that costs 20 ms and some megabytes.

    `ssl.create_default_context` would write every session's keys to SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and names
    context.load_default_certs()
    return context


def check_status(answer: ApiResponse) -> None:
    """Raise the error that a status other than 200 means, whatever the body says."""
    status = answer.status
    if status == 200:
        return
    if status == 401:
        raise AuthenticationError("the exchange refused the credentials (HTTP 401)")
    if answer.is_challenge:
        raise UnavailableError(f"Cloudflare takes this machine for a robot (HTTP {status})")
    if status == 403:
        raise PermissionDeniedError("the exchange refused the call (HTTP 403)")
    if status in {418, 429}:
        raise RateLimitedError(
            f"the exchange asks for fewer requests (HTTP {status})", retry_after=answer.retry_after
        )
    if 300 <= status < 400 and status != 304:
        raise RedirectError(f"the exchange answered with a redirect (HTTP {status})")
    if 500 <= status < 600:
        raise UnavailableError(
            f"the exchange is out of order (HTTP {status})", retry_after=answer.retry_after
        )
    if 400 <= status < 500:
        raise RejectedError(f"the exchange refused the request (HTTP {status})")
    raise BadResponseError(f"an answer with HTTP {status} where 200 is due")


def read_response(answer: ApiResponse, parse: Callable[[bytes], Parsed]) -> Parsed:
    """Return what the body of a 200 says; raises the error that its status or its code means."""
    check_status(answer)
    try:
        return parse(answer.body)
    except (RateLimitedError, UnavailableError) as error:
        error.retry_after = answer.retry_after
        raise


def _longest_wish(values: Iterable[str], now: float) -> float | None:
    wishes = (parse_retry_after(value, now) for value in values)
    return max((wish for wish in wishes if wish is not None), default=None)


def parse_retry_after(value: str, now: float) -> float | None:
    """Return the seconds to wait, at most `MAX_RETRY_AFTER`, or None where the value is no help.

    `value` is a number of seconds or an HTTP date, which is compared with the exchange's time `now`
    (Unix seconds).
    """
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        seconds = float(text)
    else:
        date = _parse_date(text)
        seconds = -1.0 if date is None else date - now
    if not 0 <= seconds <= _ABSURD_RETRY_AFTER:
        return None
    return min(seconds, MAX_RETRY_AFTER)


class _Progress:
    """Follow a request through httpcore's trace, to tell a fault by where it happened."""

    __slots__ = ("_stream", "_turns", "connected", "in_handshake", "is_early", "stage")

    def __init__(self) -> None:
        self._stream: Any = None
        self._turns = 0
        self.connected = False
        self.in_handshake = False
        self.is_early = False
        self.stage = "waiting for a connection"

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.connected = True
            self.stage = "connecting"
        elif event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]
        elif event == "connection.start_tls.started":
            self.in_handshake = True
        elif event == "connection.start_tls.complete":
            self.in_handshake = False
        elif event == "http11.receive_response_headers.started":
            self.stage = "waiting for an answer"
            self._count_turn()
        elif event == "http11.receive_response_headers.complete":
            # Bytes that had been read before, unasked, are there within one turn of the loop; what
            # the socket still has to give takes two, and httpcore uses no socket that had some.
            self.is_early = self._turns < 3
        elif event == "http11.receive_response_body.started":
            self.stage = "reading the answer"

    async def aclose(self) -> None:
        """Close a connection whose handshake did not end; httpcore leaves it when cancelled."""
        if self.in_handshake:
            await self._stream.aclose()

    def _count_turn(self) -> None:
        self._turns += 1
        if self._turns < 3:
            asyncio.get_running_loop().call_soon(self._count_turn)


def _explain(error: Exception, progress: _Progress) -> PollError:
    if not progress.connected and progress.stage != "reading the answer":
        return StaleConnectionError("the exchange had closed the connection")
    causes = _causes(error)
    if progress.in_handshake or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return TlsError("no trustworthy TLS connection to the exchange")
    if isinstance(error, httpx.ConnectError):
        return ConnectionFailedError("no connection to the exchange")
    if progress.stage == "reading the answer" and isinstance(error, httpx.RemoteProtocolError):
        return BadResponseError("the answer broke off or is not valid HTTP")
    if any(isinstance(cause, h11.RemoteProtocolError) for cause in causes):
        return BadResponseError("the answer is not valid HTTP")
    return ConnectionFailedError(f"the connection broke ({progress.stage})")


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


async def _read_body(response: httpx.Response) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        raise BadResponseError("a compressed answer, though none was asked for")
    declared = response.headers.get("Content-Length", "0")
    if len(declared) > 12 or not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
        raise BadResponseError(f"an answer of more than {MAX_BODY_BYTES} bytes")
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise BadResponseError(f"an answer of more than {MAX_BODY_BYTES} bytes")
        if len(parts) > _MAX_PARTS:
            raise BadResponseError(f"an answer in more than {_MAX_PARTS} parts")
        if len(parts) % _PARTS_AT_ONCE == 0:
            await asyncio.sleep(0)  # what has come already is read without giving way to others
    return b"".join(parts)


def _parse_date(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
        # HTTP also knows a format that names no zone: it means UTC, not where this machine stands.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
