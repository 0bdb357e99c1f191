"""Map the HTTP status of a response to the error that it means."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

import msgspec

from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ConnectionFailedError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    RedirectError,
    RejectedError,
    UnavailableError,
)
from exporter.exchange_api.error_table import ErrorTable
from exporter.exchange_api.messages import ApiResponse

Parsed = TypeVar("Parsed")

Statuses = Mapping[int, type[PollError]]

_NO_STATUSES: Statuses = MappingProxyType({})
_OWN_KEYS = ("code", "error", "success")
_CODE = re.compile(r"-?[0-9]{1,6}").fullmatch  # a longer text could be a secret, sent back
# https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/
_CLOUDFLARE_CODE = re.compile(rb"[Ee]rror code:?\s{0,4}(1[0-9]{3})\b")
_CLOUDFLARE_STATUSES = {*range(520, 527), 530}
_CLOUDFLARE_LIMIT = "1015"


def read_response(
    response: ApiResponse, parse: Callable[[bytes], Parsed], errors: ErrorTable | None = None
) -> Parsed:
    """Return what the body of a 200 says; raises the error that its status or its code means.

    What the body of a 4xx says, as far as it is one of the exchange's `errors`, outweighs its
    status.
    """
    try:
        is_client_error = 400 <= response.status < 500
        if errors and is_client_error and (error := errors.read(response.status, response.body)):
            raise error
        if response.status != 200:
            statuses = errors.statuses if errors else _NO_STATUSES
            check_status(response, statuses, is_foreign=errors is not None)
        return parse(response.body)
    except PollError as error:
        error.status = response.status
        error.date_bounds = response.date_bounds
        if not isinstance(error, BadResponseError):
            error.code = error.code or exchange_code(response.body)
        if error.retry_after is None:
            error.retry_after = response.retry_after
        raise


def check_status(
    response: ApiResponse, statuses: Statuses = _NO_STATUSES, *, is_foreign: bool = False
) -> None:
    """Raise the error that a status other than 200 means.

    `is_foreign` tells that the body is not one of the exchange's errors, whatever it looks like.
    """
    status = response.status
    if status == 200:
        return
    if own := statuses.get(status):
        raise own(f"the exchange responded with HTTP {_described(response)}")
    if error := _block(response, is_foreign=is_foreign or not _is_own(response.body)):
        raise error
    if 300 <= status < 400 and status != 304:
        raise RedirectError(f"the exchange sent a redirect (HTTP {status})")
    if 400 <= status < 500:
        raise _refusal(response)
    if status in _CLOUDFLARE_STATUSES:
        raise UnavailableError(f"Cloudflare could not reach the exchange (HTTP {status})")
    if 500 <= status < 600:
        raise UnavailableError(f"the exchange is unavailable (HTTP {_described(response)})")
    raise BadResponseError(f"expected HTTP 200, got HTTP {status}")


def _refusal(response: ApiResponse) -> PollError:
    status, described = response.status, _described(response)
    if status == 401:
        return AuthenticationError(f"the exchange refused the credentials (HTTP {described})")
    if status == 403:
        return PermissionDeniedError(f"the exchange refused the call (HTTP {described})")
    if status == 407:
        return ConnectionFailedError("a proxy on the way requires authentication (HTTP 407)")
    if status in {418, 429}:
        return RateLimitedError(f"the exchange's rate limit was exceeded (HTTP {described})")
    return RejectedError(f"the exchange rejected the request (HTTP {described})")


def _block(response: ApiResponse, *, is_foreign: bool) -> PollError | None:
    """Return the error for a response from something in front of the exchange."""
    status = response.status
    if _is_challenge(response):
        return UnavailableError(f"blocked by a Cloudflare bot challenge (HTTP {status})")
    if status not in {403, 429} or not is_foreign:
        return None
    found = _CLOUDFLARE_CODE.search(response.body)
    code = found[1].decode() if found else ""
    text = f"blocked before the exchange (HTTP {status})"
    if code or _is_cloudflare(response):
        text = f"blocked by Cloudflare (HTTP {status}{f', error {code}' if code else ''})"
    if code == _CLOUDFLARE_LIMIT:
        # Cloudflare counts by itself; the exchange's own limit is not known to be exceeded.
        return RateLimitedError(text, retry_after=response.retry_after or 0.0)
    return UnavailableError(text, advice=_BLOCKED) if status == 403 else None


_BLOCKED = (
    "Ask the exchange to allow this machine's address; try another `network` if the block stays. "
    "The key is not to blame."
)


def _is_challenge(response: ApiResponse) -> bool:
    """Return whether the response is a Cloudflare bot challenge.

    https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/
    """
    return response.headers.get("cf-mitigated", "").lower() == "challenge"


def _is_cloudflare(response: ApiResponse) -> bool:
    return response.headers.get("server", "").lower() == "cloudflare"


def _described(response: ApiResponse) -> str:
    """Return the status, with the exchange's own code if there is one."""
    code = exchange_code(response.body)
    return f"{response.status}, code {code}" if code else str(response.status)


def exchange_code(body: bytes) -> str | None:
    """Return the code in an error's body, if it is a number or the text of one."""
    document = _object(body)
    error = document.get("error")
    code = error.get("code") if isinstance(error, dict) else document.get("code")
    text = str(code) if isinstance(code, int | str) and not isinstance(code, bool) else ""
    return text if _CODE(text) else None


def _is_own(body: bytes) -> bool:
    """Return whether a body is the exchange's: a JSON object with one of its error keys."""
    return any(key in _object(body) for key in _OWN_KEYS)


def _object(body: bytes) -> dict[str, object]:
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return {}
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
