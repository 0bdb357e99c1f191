"""Read balances and quotes from TruBit Business (now VelaFi).

API: https://docs.velafi.com, "Get Crypto Assets Balance" and "Create API Token"
Limits: none are published; 60 requests a minute are modest.
Units: amounts are in the asset itself, as text; times in ms.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from exporter.credentials import Credential, Secret
from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
)
from exporter.exchange_api.base import KEY_AND_SECRET, Exchange, Quotes
from exporter.exchange_api.error_table import ErrorTable, code_in, shown_code
from exporter.exchange_api.messages import ApiRequest
from exporter.exchange_api.responses import decode_object, list_of
from exporter.exchange_api.rows import Amounts, Row, RowError, read_rows, read_text
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import Session
from exporter.exchange_api.signed_request import send_signed
from exporter.exchange_api.status import read_response
from exporter.exchange_api.ticker import read_price
from exporter.model import Account, Balance, BalancesResponse
from exporter.quotes import Pair, Quote, QuoteRequest, QuotesQuery, QuotesResponse

Parsed = TypeVar("Parsed")

TOKEN_PATH = "/v2/token/generate"  # noqa: S105 - a path, not a token
QUOTE_PATH = "/v2/user/crypto-quote"
_KEPT_TOKENS = 3600.0  # seconds after their end
RENEW_AHEAD = 60.0
"""Seconds before its end at which a token is renewed, or half of its life if that is shorter."""

# The codes that the exchange's family of APIs uses; only 200 is documented for this call.
_MEANINGS = {
    "-1002": AuthenticationError,
    "-1003": RateLimitedError,
    "-1021": ClockSkewError,
    "-1022": AuthenticationError,
}
ERRORS = ErrorTable(code_in("code", "msg", alone=_MEANINGS), _MEANINGS)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, and the Unix time in seconds at which it is to be renewed."""

    value: Secret
    renew_at: float


Key = tuple[Secret, Secret]
"""A key and its secret: with a wrong secret nobody gets the token of the right one."""


class TruBit:
    """Poll balances with tokens that accounts with the same key share."""

    def __init__(self, server_clock: ServerClock) -> None:
        """Date tokens by the exchange's own time."""
        self._server_clock = server_clock
        self._tokens: dict[Key, Token] = {}
        self._renewals: dict[Key, asyncio.Lock] = {}

    async def fetch_balances(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        """Return the balances of an account."""
        request = _balances_request(account.balances_path)
        try:
            return await self._fetch(request, parse_balances, credentials, session)
        except RejectedError:
            if "token" not in credentials:  # no code for an expired one is documented: any may be
                self._tokens.pop(_key_of(credentials), None)
            raise

    async def fetch_quotes(
        self, query: QuotesQuery, credentials: Mapping[str, Secret], session: Session
    ) -> QuotesResponse:
        """Return the configured quotes, one request for each; a rejected one affects no other."""
        quotes: list[Quote] = []
        rejected: set[Pair] = set()
        for wanted in query.requests:
            pair = Pair(wanted.sold, wanted.bought)
            try:
                price = await self._fetch(_quote_request(wanted), parse_quote, credentials, session)
                quotes.append(Quote(pair, price, price, price, is_one_way=True))
            except (RejectedError, RowError):
                rejected.add(pair)
        return QuotesResponse(tuple(quotes), len(rejected), frozenset(rejected))

    async def _fetch(
        self,
        request: Callable[[Secret], ApiRequest],
        parse: Callable[[bytes], Parsed],
        credentials: Mapping[str, Secret],
        session: Session,
    ) -> Parsed:
        """Return the parsed response; a refused token that we made is renewed once."""

        async def fetch(token: Secret) -> Parsed:
            response = await session.send(lambda: request(token))
            return read_response(response, parse, ERRORS)

        if "token" in credentials:
            return await fetch(credentials["token"])
        token = await self._valid_token(credentials, session, refused=None)
        try:
            return await fetch(token.value)
        except (AuthenticationError, PermissionDeniedError):
            renewed = await self._valid_token(credentials, session, refused=token)
            return await fetch(renewed.value)

    async def _valid_token(
        self, credentials: Mapping[str, Secret], session: Session, refused: Token | None
    ) -> Token:
        """Return the key's token, making a new one where it is due; one renewal at a time."""
        key = _key_of(credentials)
        renewal = self._renewals.setdefault(key, asyncio.Lock())
        with session.uncounted():  # another account renews the token, in its own time
            await renewal.acquire()
        try:
            token = self._tokens.get(key)
            if token is None or token is refused or token.renew_at <= self._server_clock.now():
                token = await self._make_token(credentials, session)
                self._tokens[key] = token
                self._forget_old_tokens()
            return token
        finally:
            renewal.release()

    def _forget_old_tokens(self) -> None:
        """Drop the tokens of keys that were replaced or removed."""
        before = self._server_clock.now() - _KEPT_TOKENS
        for key in [key for key, token in self._tokens.items() if token.renew_at < before]:
            del self._tokens[key]
            self._renewals.pop(key, None)

    async def _make_token(self, credentials: Mapping[str, Secret], session: Session) -> Token:
        headers = {"X-BH-APIKEY": credentials["api_key"].reveal()}

        def signed(now_ms: int) -> ApiRequest:
            query = sign(credentials["api_secret"].reveal(), now_ms)
            return ApiRequest(f"{TOKEN_PATH}?{query}", headers, call="token")

        (value, expires), _ = await send_signed(
            session,
            self._server_clock,
            signed,
            lambda response: read_response(response, parse_token, ERRORS),
        )
        now = self._server_clock.now()
        return Token(Secret(value), max(expires - RENEW_AHEAD, (now + expires) / 2))


def _key_of(credentials: Mapping[str, Secret]) -> Key:
    return credentials["api_key"], credentials["api_secret"]


def _balances_request(path: str) -> Callable[[Secret], ApiRequest]:
    return lambda token: ApiRequest(path, {"X-BH-TOKEN": token.reveal()})


def _quote_request(wanted: QuoteRequest) -> Callable[[Secret], ApiRequest]:
    query = urlencode(
        {
            "country": wanted.country,
            "from": wanted.sold,
            "to": wanted.bought,
            "createQuoteId": "false",  # a quote id would be the beginning of a trade
        }
    )
    path = f"{QUOTE_PATH}?{query}"
    return lambda token: ApiRequest(path, {"X-BH-TOKEN": token.reveal()}, call="quote")


def sign(secret: str, timestamp_ms: int) -> str:
    """Return the signed query of a token request: hex HMAC-SHA256 with the secret as it stands."""
    message = f"timestamp={timestamp_ms}"
    signature = hmac.digest(secret.encode(), message.encode(), hashlib.sha256).hex()
    return f"{message}&signature={signature}"


def parse_token(body: bytes) -> tuple[str, float]:
    """Return a token and the Unix time in seconds at which it expires."""
    data = _successful_data(body)
    value, expires_ms = data.get("token"), data.get("expireTime")
    if not (isinstance(value, str) and value and value.isascii() and value.isprintable()):
        raise BadResponseError("the response has no token")
    if not (str(expires_ms).isascii() and str(expires_ms).isdigit() and len(str(expires_ms)) <= 14):
        raise BadResponseError("the response does not say when the token expires")
    return value, int(str(expires_ms)) / 1000


def parse_balances(body: bytes) -> BalancesResponse:
    """Return what the body of a 200 says; raises the `PollError` that its code means."""
    data = _successful_data(body)
    rows, can_deposit = list_of(data.get("balances")), data.get("canDeposit")
    amounts = Amounts(rows, "total", "free", "locked")

    def read_row(asset: str, row: Row) -> Balance:
        return Balance(
            asset=asset,
            total=amounts.read(row, "total"),
            free=amounts.read(row, "free"),
            locked=amounts.read(row, "locked"),
            asset_name=read_text(row, "assetName"),
            asset_id=read_text(row, "assetId"),
        )

    response = read_rows(rows, read_row)
    return replace(response, can_deposit=can_deposit if isinstance(can_deposit, bool) else None)


def parse_quote(body: bytes) -> Decimal | None:
    """Return what one unit brings; raises `RowError` for anything but a number."""
    return read_price(_successful_data(body), "price")


def _successful_data(body: bytes) -> Mapping[str, Any]:
    document = decode_object(body)
    code, data = document.get("code"), document.get("data")
    if not shown_code(code):
        raise BadResponseError("the response has no code")
    if str(code) != "200":
        if not (ERRORS.knows(code) or isinstance(document.get("msg"), str)):
            raise BadResponseError("the response has another shape than documented")
        raise ERRORS.error(code)
    if not isinstance(data, dict):
        raise BadResponseError("the response has no data")
    return data


def _contains(path: str, other: str) -> bool:
    """Return whether one path's balances contain another's: merchant 0 is the sum of all."""
    return _merchant(path) in {"0", _merchant(other)}


def _merchant(path: str) -> str:
    """Return the merchant in a path; empty without one."""
    merchant = parse_qs(urlsplit(path).query).get("merchantId", [""])[-1].strip()
    return merchant.lstrip("0") or "0" if merchant else ""


EXCHANGE = Exchange(
    name="trubit",
    api=TruBit,
    parse_balances=parse_balances,
    base_url="https://api-business.trubit.com",
    balances_path="/v2/user/account/assets",
    requests_per_minute=60,
    credentials=(KEY_AND_SECRET, (Credential("token"),)),
    quotes=Quotes(
        # Pairs of these are documented, in https://docs.velafi.com, "Get Crypto Quote".
        frozenset({"ARS", "BRL", "COP", "MXN", "PEN", "USD", "EUR", "USDT", "USDC"}),
        requests_per_minute=60,
        need_account=True,
        price_kinds=frozenset({"bid", "last"}),  # what a purchase costs is not known
    ),
    token_credentials=frozenset({"api_key", "api_secret"}),
    contains=_contains,
    has_other_paths=True,  # VelaFi sends the same response under another path
)
