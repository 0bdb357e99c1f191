"""Read spot balances from Binance and from Binance TR, which signs and responds in the same way.

Binance also has quotes: bid and ask of every symbol, without a last price and without a time.

API: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/account-endpoints
     https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
     https://www.binance.tr/apidocs/
Limits: a weight of 6,000 a minute for each IP address, of which a balance request takes 20; then
        429, and a ban of 2 minutes to 3 days for an address that goes on. Binance TR is assumed to
        have the same.
Units: amounts are in the asset itself, as text. There is no total: it is the exact sum of free and
       locked. Funding, earn, margin and futures wallets are not part of a spot account.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from exporter.credentials import Secret
from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    PollError,
    RateLimitedError,
)
from exporter.exchange_api.base import KEY_AND_SECRET, Exchange, ExchangeApi, Quotes
from exporter.exchange_api.error_table import ErrorTable, code_in, shown_code
from exporter.exchange_api.messages import ApiRequest
from exporter.exchange_api.responses import decode_array, decode_object, list_of
from exporter.exchange_api.rows import Amounts, Row, read_rows, total_of
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import Session
from exporter.exchange_api.signed_request import send_signed, told_apart
from exporter.exchange_api.status import read_response
from exporter.exchange_api.ticker import cached_for, read_code, read_price, read_quotes
from exporter.model import Account, Balance, BalancesResponse
from exporter.quotes import Pair, Quote, QuotesQuery, QuotesResponse

LONGEST_BAN = 3 * 24 * 3600.0
"""Seconds: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits"""

_TICKER_PATH = "/api/v3/ticker/bookTicker"
_SYMBOLS_PATH = "/api/v3/exchangeInfo"
_SYMBOLS_AT_ONCE = 100  # of 3 to 4 kB each
_PAIRS_LAST = 3600.0  # seconds until the symbols are requested again
_RECEIVE_WINDOW_MS = 5000
_WEIGHT_LIMIT = 6000
_SHARE = 0.9  # of the weight, beyond which other programs with this address need the rest

_NOTE = (
    "Spot wallet only: funding, earn, margin and futures wallets are not included. The exchange "
    "gives no total; it is the exact sum of free and locked."
)

_MEANINGS = {
    "-1003": RateLimitedError,
    "-1021": ClockSkewError,
    "-1022": AuthenticationError,
    "-2014": AuthenticationError,
    "-2015": AuthenticationError,
}
ERRORS = ErrorTable(code_in("code", "msg", alone=_MEANINGS), _MEANINGS)

# https://developers.binance.com/docs/wallet/account/api-key-permission
_PERMISSIONS_PATH = "/sapi/v1/account/apiRestrictions"
_PERMISSIONS = {
    "read": ("enableReading",),
    "trade": (
        *("enableSpotAndMarginTrading", "enableMargin", "enableFutures"),
        *("enableVanillaOptions", "enablePortfolioMarginTrading"),
    ),
    "withdraw": ("enableWithdrawals",),
    "transfer": ("enableInternalTransfer", "permitsUniversalTransfer"),
    "ip_restricted": ("ipRestrict",),
}

Parsed = TypeVar("Parsed")
Parse = Callable[[bytes], BalancesResponse]


class Binance:
    """Poll balances with signed queries."""

    def __init__(self, server_clock: ServerClock, parse: Parse, query: str) -> None:
        """Date requests by the exchange's own time; `query` comes before it."""
        self._server_clock = server_clock
        self._parse = parse
        self._query = query
        self._pairs: Mapping[str, Pair | None] = {}
        self._pairs_at = 0.0

    async def fetch_key_permissions(
        self, credentials: Mapping[str, Secret], session: Session
    ) -> Mapping[str, bool]:
        """Return what the key may do, as far as the exchange says."""
        return await self._fetch(
            _PERMISSIONS_PATH,
            f"recvWindow={_RECEIVE_WINDOW_MS}",
            credentials,
            session,
            parse_key_permissions,
            call="permissions",
        )

    async def fetch_balances(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        """Return the spot balances of an account.

        A time that is more than a second ahead is not accepted; the response's date corrects it.
        """
        path = account.balances_path
        try:
            return await self._fetch(path, self._query, credentials, session, self._parse)
        except ClockSkewError:
            return await self._fetch(path, self._query, credentials, session, self._parse)

    async def fetch_quotes(
        self,
        query: QuotesQuery,
        credentials: Mapping[str, Secret],  # noqa: ARG002 - the ticker is public
        session: Session,
    ) -> QuotesResponse:
        """Return the quotes of the pairs that are of use.

        A symbol does not say where its base ends, so its base and quote are requested, too.
        """
        response = await session.send(lambda: ApiRequest(_TICKER_PATH, {}, call="ticker"))
        rows = read_response(response, decode_array, ERRORS)
        listed = {str(row.get("symbol")) for row in rows if isinstance(row, dict)}
        wanted = listed & {f"{base}{quote}" for base, quote in _pairs(query)}
        now = self._server_clock.now()
        if not wanted <= self._pairs.keys() or now - self._pairs_at > _PAIRS_LAST:
            self._pairs = await _fetch_pairs(sorted(wanted), session)
            self._pairs_at = now
        quotes = read_quotes(rows, lambda row: self._pairs.get(str(row.get("symbol"))), _read_quote)
        return replace(quotes, age=cached_for(response))

    async def _fetch(  # noqa: PLR0913 - each can be told apart by its name
        self,
        path: str,
        query: str,
        credentials: Mapping[str, Secret],
        session: Session,
        parse: Callable[[bytes], Parsed],
        *,
        call: str = "balances",
    ) -> Parsed:
        headers = {"X-MBX-APIKEY": credentials["api_key"].reveal()}
        secret = credentials["api_secret"]

        def signed(now_ms: int) -> ApiRequest:
            full = sign(secret.reveal(), f"{query}&timestamp={now_ms}")
            return ApiRequest(f"{path}?{full}", headers, call=call)

        content, _ = await send_signed(
            session,
            self._server_clock,
            signed,
            lambda response: read_response(response, parse, ERRORS),
            explain=told_apart(self._server_clock),
        )
        return content


def _pairs(query: QuotesQuery) -> Iterator[Pair]:
    """Yield the pairs that could be of use, each way round."""
    for currency in query.currencies:
        for asset in query.assets | query.currencies:
            yield Pair(asset, currency)
            yield Pair(currency, asset)


async def _fetch_pairs(symbols: Sequence[str], session: Session) -> Mapping[str, Pair | None]:
    """Return what symbols consist of; None for one that is not traded now."""
    pairs: dict[str, Pair | None] = {}
    for start in range(0, len(symbols), _SYMBOLS_AT_ONCE):
        listed = json.dumps(symbols[start : start + _SYMBOLS_AT_ONCE], separators=(",", ":"))
        path = f"{_SYMBOLS_PATH}?{urlencode({'symbols': listed})}"
        response = await session.send(partial(ApiRequest, path, {}, "ticker"))
        pairs |= read_response(response, parse_symbols, ERRORS)
    return pairs


def parse_symbols(body: bytes) -> Mapping[str, Pair | None]:
    """Return the pair of each symbol, None unless it is traded now."""
    pairs: dict[str, Pair | None] = {}
    for row in list_of(decode_object(body).get("symbols")):
        fields = row if isinstance(row, dict) else {}
        symbol, is_traded = read_code(fields, "symbol"), fields.get("status") == "TRADING"
        pair = Pair(read_code(fields, "baseAsset"), read_code(fields, "quoteAsset"))
        pairs[symbol] = pair if is_traded else None
    return pairs


def _read_quote(pair: Pair, row: Row) -> Quote:
    return Quote(pair, read_price(row, "bidPrice"), read_price(row, "askPrice"), last=None)


def sign(secret: str, query: str) -> str:
    """Return a query with its signature: hex HMAC-SHA256 over the query as it is sent."""
    signature = hmac.digest(secret.encode(), query.encode(), hashlib.sha256).hex()
    return f"{query}&signature={signature}"


def pause_after(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds to the next minute of the exchange, if this one's weight is nearly used.

    Other programs with the same address count, too.
    """
    used = headers.get("X-MBX-USED-WEIGHT-1M", "")
    if not (used.isascii() and used.isdigit() and len(used) <= 9):
        return 0.0
    return 60 - now % 60 if int(used) > _WEIGHT_LIMIT * _SHARE else 0.0


def parse_balances(body: bytes) -> BalancesResponse:
    """Return what the body of a 200 says; raises the `PollError` that its code means."""
    document = decode_object(body)
    if "balances" not in document:
        raise _refusal(document)
    return _read_rows(document["balances"])


def parse_balances_tr(body: bytes) -> BalancesResponse:
    """Return what the body of a 200 of Binance TR says."""
    document = decode_object(body)
    data = document.get("data")
    if shown_code(document.get("code")) != "0":
        raise _refusal(document)
    if not isinstance(data, dict):
        raise BadResponseError("the response has no data")
    return _read_rows(data.get("accountAssets"))


def parse_key_permissions(body: bytes) -> Mapping[str, bool]:
    """Return what a key may do; what the response does not say is skipped."""
    document = decode_object(body)
    if "enableReading" not in document:
        raise _refusal(document)
    found = {
        name: [value for field in fields if type(value := document.get(field)) is bool]
        for name, fields in _PERMISSIONS.items()
    }
    return {name: any(values) for name, values in found.items() if values}


def _refusal(document: Mapping[str, Any]) -> PollError:
    code = document.get("code")
    is_error = shown_code(code) not in {"", "0", "200"} and isinstance(document.get("msg"), str)
    if is_error or ERRORS.knows(code):
        return ERRORS.error(code)
    return BadResponseError("the response has another shape than documented")


def _read_rows(listed: object) -> BalancesResponse:
    rows = list_of(listed)
    amounts = Amounts(rows, "free", "locked")

    def read_row(asset: str, row: Row) -> Balance:
        free, locked = amounts.read(row, "free"), amounts.read(row, "locked")
        return Balance(asset, total_of(free, locked), free, locked)

    return read_rows(rows, read_row)


def _spot(server_clock: ServerClock) -> ExchangeApi:
    query = f"omitZeroBalances=false&recvWindow={_RECEIVE_WINDOW_MS}"
    return Binance(server_clock, parse_balances, query)


def _spot_tr(server_clock: ServerClock) -> ExchangeApi:
    return Binance(server_clock, parse_balances_tr, f"recvWindow={_RECEIVE_WINDOW_MS}")


SPOT = Exchange(
    name="binance",
    api=_spot,
    parse_balances=parse_balances,
    base_url="https://api.binance.com",
    balances_path="/api/v3/account",
    requests_per_minute=300,
    credentials=(KEY_AND_SECRET,),
    bans_address=True,
    max_retry_after=LONGEST_BAN,
    pause_after=pause_after,
    has_key_permissions=True,
    quotes=Quotes(
        frozenset({"USDT", "USDC", "FDUSD", "TRY", "BRL", "EUR", "BTC", "ETH", "BNB"}),
        requests_per_minute=300,
        follow_holdings=True,
        price_kinds=frozenset({"bid", "mid"}),  # its book ticker has no last price
    ),
    note=_NOTE,
)

SPOT_TR = Exchange(
    name="binance_tr",
    api=_spot_tr,
    parse_balances=parse_balances_tr,
    base_url="https://www.binance.tr",
    balances_path="/open/v1/account/spot",
    requests_per_minute=300,
    credentials=(KEY_AND_SECRET,),
    max_retry_after=LONGEST_BAN,
    pause_after=pause_after,
    note=_NOTE,
)
