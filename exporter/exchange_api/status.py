"""Map the HTTP status of a response to the error that it means."""

from collections.abc import Callable
from typing import TypeVar

from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    RedirectError,
    RejectedError,
    UnavailableError,
)
from exporter.exchange_api.messages import ApiResponse

Parsed = TypeVar("Parsed")

ReadError = Callable[[bytes], PollError | None]
"""Return the error that the body of a 4xx names, None if the body is not the exchange's own."""


def _no_error(_body: bytes) -> None:
    return None


def read_response(
    response: ApiResponse, parse: Callable[[bytes], Parsed], read_error: ReadError = _no_error
) -> Parsed:
    """Return what the body of a 200 says; raises the error that its status or its code means.

    What the body of a 4xx says, as far as `read_error` knows it, outweighs its status.
    """
    try:
        if 400 <= response.status < 500 and (error := read_error(response.body)):
            raise error
        check_status(response)
        return parse(response.body)
    except (RateLimitedError, UnavailableError) as error:
        error.retry_after = response.retry_after
        raise


def check_status(response: ApiResponse) -> None:
    """Raise the error that a status other than 200 means, whatever the body says."""
    status = response.status
    if status == 200:
        return
    if status == 401:
        raise AuthenticationError("the exchange refused the credentials (HTTP 401)")
    if _is_challenge(response):
        raise UnavailableError(f"blocked by a Cloudflare bot challenge (HTTP {status})")
    if status == 403:
        raise PermissionDeniedError("the exchange refused the call (HTTP 403)")
    if status in {418, 429}:
        raise RateLimitedError(f"the exchange's rate limit was exceeded (HTTP {status})")
    if 300 <= status < 400 and status != 304:
        raise RedirectError(f"the exchange sent a redirect (HTTP {status})")
    if 500 <= status < 600:
        raise UnavailableError(f"the exchange is unavailable (HTTP {status})")
    if 400 <= status < 500:
        raise RejectedError(f"the exchange rejected the request (HTTP {status})")
    raise BadResponseError(f"expected HTTP 200, got HTTP {status}")


def _is_challenge(response: ApiResponse) -> bool:
    """Return whether Cloudflare answered in place of the exchange, to see if we are a browser.

    https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/
    """
    return response.headers.get("cf-mitigated", "").lower() == "challenge"
