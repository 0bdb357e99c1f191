"""Let ccxt sign requests and name what responses hold, and nothing else.

ccxt by itself takes an HTML page, a cut body or `{}` for empty balances at most exchanges, follows
redirects with the key in its headers, and loses digits of JSON numbers. Here it neither sends nor
decodes nor judges. It is imported when a configuration names one of its exchanges.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from exporter.exchange_api.messages import ApiResponse
from exporter.exchange_api.responses import JsonNumber, decode
from exporter.exchange_api.status import check_status

Send = Callable[[str, str, Mapping[str, str], bytes], Awaitable[object]]
"""Send a request (URL, method, headers, body) and return the document of its response."""

Rows = Mapping[str, Mapping[str, object]]
"""What an account holds of each asset, as far as the exchange says: total, free and used."""

# Not exceptions of a network that is never used; the more special come first.
_MEANINGS: tuple[tuple[str, type[PollError]], ...] = (
    ("InvalidNonce", ClockSkewError),
    ("PermissionDenied", PermissionDeniedError),
    ("AccountNotEnabled", PermissionDeniedError),
    ("AuthenticationError", AuthenticationError),
    ("RateLimitExceeded", RateLimitedError),
    ("DDoSProtection", RateLimitedError),
    ("OnMaintenance", UnavailableError),
    ("ExchangeNotAvailable", UnavailableError),
    ("NetworkError", UnavailableError),
    ("BadResponse", BadResponseError),
    ("BaseError", RejectedError),
)
_NOT_ASSETS = frozenset({"info", "free", "used", "total", "debt", "timestamp", "datetime"})


class CcxtClient:
    """Wrap ccxt's client of one exchange; `send` is called for every request."""

    def __init__(self, name: str, credentials: Mapping[str, str], send: Send) -> None:
        """Make a client with credentials by ccxt's names; raises `LookupError` without one."""
        self.send = send
        self._theirs = _guarded(name)({"enableRateLimit": False, **credentials})
        self._theirs.guard = self

    def date_by(self, milliseconds: Callable[[], int]) -> None:
        """Sign with these times, in ms since 1970."""
        self._theirs.milliseconds = milliseconds

    @property
    def required_credentials(self) -> list[str]:
        """Return the credentials that the exchange requires, by ccxt's names."""
        return [name for name, is_asked in self._theirs.requiredCredentials.items() if is_asked]

    @property
    def requests_per_minute(self) -> float:
        """Return the rate limit as ccxt knows it."""
        return 60_000 / float(self._theirs.rateLimit or 1_000)

    async def fetch(self) -> Rows:
        """Return what the account holds; raises a `PollError` for anything but balances."""
        self._theirs.made = 0
        with _as_poll_errors():
            result = await self._theirs.fetch_balance()
            return _judged(result, self._theirs.made)

    def document_of(self, response: ApiResponse, url: str, method: str) -> object:
        """Return a response's document; raises the error that ccxt or its status sees in it."""
        document: object = None
        if response.status == 200:
            document = _as_texts(decode(response.body))
        else:
            with suppress(BadResponseError):
                document = _as_texts(decode(response.body))
        text = response.body.decode("utf-8", "replace")
        try:
            with _as_poll_errors():
                self._theirs.handle_errors(
                    response.status, "", url, method, dict(response.headers), text, document, {}, ""
                )
        except RejectedError:
            check_status(response)  # a status says more than an error that ccxt can't tell apart
            raise
        check_status(response)
        if not isinstance(document, dict | list) or not document:
            raise BadResponseError("the response has no balances")
        return document


def known_exchanges() -> list[str]:
    """Return the names that ccxt knows, none if it is not installed."""
    if find_spec("ccxt") is None:
        return []
    return list(import_module("ccxt.async_support").exchanges)


def _guarded(name: str) -> Any:  # noqa: ANN401 - ccxt has no types
    """Return ccxt's class of an exchange that can neither send nor guess."""
    logging.getLogger("ccxt").setLevel(logging.CRITICAL)  # it logs requests, with their keys
    theirs = getattr(import_module("ccxt.async_support"), name)

    async def fetch(
        self: Any,  # noqa: ANN401
        url: str,
        method: str = "GET",
        headers: object = None,
        body: object = None,
    ) -> object:
        named = headers if isinstance(headers, dict) else {}
        content = body.encode() if isinstance(body, str) else body or b""
        if not isinstance(content, bytes):
            raise RejectedError("ccxt would send a body that is not text")
        listed = {str(key): str(value) for key, value in named.items()}
        return await self.guard.send(url, method, listed, content)

    async def load_markets(*_args: object, **_kwargs: object) -> dict[str, object]:
        return {}  # hundreds of kilobytes of which balances need nothing

    def account(self: Any) -> object:  # noqa: ANN401
        self.made += 1
        return theirs.account(self)

    def safe_balance(_self: object, balance: object) -> object:
        return balance  # what is missing is derived, and marked, elsewhere

    overridden = {
        "fetch": fetch,
        "load_markets": load_markets,
        "account": account,
        "safe_balance": safe_balance,
        "number": str,
        "made": 0,
    }
    return type(name, (theirs,), overridden)


def _judged(result: object, made: int) -> Rows:
    """Return the assets of a result; `made` rows must not have overwritten each other."""
    if not isinstance(result, dict):
        raise BadResponseError("ccxt returned no balances")
    if _goes_on(result.get("info")):
        raise BadResponseError("the response is one page of several, and ccxt reads only the first")
    rows = {
        str(code): each
        for code, each in result.items()
        if code not in _NOT_ASSETS and isinstance(each, dict)
    }
    if made > len(rows):
        raise BadResponseError("an asset is listed twice")
    if not rows:
        raise BadResponseError("no balances: an empty result can't be told from an error")
    return rows


def _goes_on(document: object) -> bool:
    """Return whether a list says that it has another page: Coinbase lists 250 accounts on one."""
    return isinstance(document, dict) and document.get("has_next") is True


@contextmanager
def _as_poll_errors() -> Iterator[None]:
    """Raise what ccxt raises as our errors; its texts are dropped: they repeat responses."""
    try:
        yield
    except PollError:
        raise
    except Exception as error:  # noqa: BLE001 - ccxt reads what it does not understand in any way
        raise _meaning(error) from None


def _meaning(error: Exception) -> PollError:
    errors = import_module("ccxt.base.errors")
    for name, meaning in _MEANINGS:
        if isinstance(error, getattr(errors, name)):
            return meaning(f"the exchange rejected the request (ccxt: {type(error).__name__})")
    return BadResponseError(f"ccxt could not read the response ({type(error).__name__})")


def _as_texts(value: object) -> object:
    """Return a document with its numbers as texts, so that no digit is lost."""
    if isinstance(value, JsonNumber):
        return value.text
    if isinstance(value, dict):
        return {key: _as_texts(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_texts(each) for each in value]
    return str(value) if type(value) is int else value
