"""Read balances and quotes from BtcTurk.

API: https://docs.btcturk.com/private-endpoints/get-account-balance
     https://docs.btcturk.com/public-endpoints/ticker
Limits: 120 balance requests a minute for each IP address, whatever the key; then blocked for 60 s.
        600 ticker requests a minute for each IP address, counted apart.
Units: amounts are in the asset itself, as text with a decimal comma or point; times in ms.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from exporter.credentials import Credential, Secret, base64_text
from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    CredentialsError,
    PollError,
    RateLimitedError,
)
from exporter.exchange_api.base import Exchange, Quotes
from exporter.exchange_api.error_table import ErrorTable, code_in
from exporter.exchange_api.messages import ApiRequest
from exporter.exchange_api.responses import decode_object, list_of
from exporter.exchange_api.rows import Amounts, Row, read_rows, read_text, read_time_ms
from exporter.exchange_api.server_clock import ServerClock, SignedAt
from exporter.exchange_api.session import Session
from exporter.exchange_api.signed_request import Nonces, send_signed
from exporter.exchange_api.status import read_response
from exporter.exchange_api.ticker import (
    cached_for,
    read_code,
    read_milliseconds,
    read_price,
    read_quotes,
)
from exporter.model import Account, Balance, BalancesResponse
from exporter.quotes import Pair, Quote, QuotesQuery, QuotesResponse

_SUCCESS_CODES = (0, "0", "SUCCESS")
# 409 for a limit: https://github.com/BTCTrader/broker-api-docs/issues/66
_MEANINGS = {"1037": AuthenticationError}
ERRORS = ErrorTable(code_in("code", "success", alone=_MEANINGS), _MEANINGS, {409: RateLimitedError})
_TICKER_PATH = "/api/v2/ticker"
_LATE = 0.5  # seconds; a `Date` tells no less


class _OvertakenError(AuthenticationError):
    """A stamp was refused that a later one of the same key may have overtaken.

    It was sent by another account, or by an earlier process that knew the exchange's time better.
    """


class BtcTurk:
    """Poll balances with stamps that never repeat, also if accounts share a key."""

    def __init__(self, server_clock: ServerClock) -> None:
        """Sign requests with the exchange's own time."""
        self._server_clock = server_clock
        self._stamps = Nonces(server_clock)

    async def fetch_balances(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        """Return the balances of an account."""
        try:
            return await self._fetch(account, credentials, session)
        except _OvertakenError:
            return await self._fetch(account, credentials, session)

    async def _fetch(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        key, secret = credentials["api_key"], credentials["api_secret"]

        def signed(stamp_ms: int) -> ApiRequest:
            return ApiRequest(account.balances_path, sign(key.reveal(), secret.reveal(), stamp_ms))

        balances, _ = await send_signed(
            session,
            self._server_clock,
            signed,
            lambda response: read_response(response, parse_balances, ERRORS),
            next_ms=partial(self._stamps.next, key),
            explain=partial(self._explain, key),
        )
        return balances

    async def fetch_quotes(
        self,
        query: QuotesQuery,  # noqa: ARG002 - the ticker has every pair
        credentials: Mapping[str, Secret],  # noqa: ARG002 - and is public
        session: Session,
    ) -> QuotesResponse:
        """Return the whole ticker, which needs no key."""
        response = await session.send(lambda: ApiRequest(_TICKER_PATH, {}, call="ticker"))
        quotes = read_response(response, parse_ticker, ERRORS)
        return replace(quotes, age=cached_for(response))

    def _explain(self, key: Secret, refusal: PollError, stamp: SignedAt) -> PollError:
        """Distinguish a refused stamp from a refused key: the exchange sends the same error."""
        error = self._server_clock.refused(refusal, stamp)
        if isinstance(error, ClockSkewError):
            self._stamps.forget(key)
        elif not self._stamps.is_last(key, stamp.time) or self._server_clock.behind(stamp) > _LATE:
            return _OvertakenError("a later request with the same key may have come first")
        return error


def sign(public_key: str, private_key: str, stamp_ms: int) -> dict[str, str]:
    """Return the headers of a signed request: HMAC-SHA256 over the public key and the stamp.

    `private_key` is base64, as the exchange shows it; raises `CredentialsError` if it is not.
    """
    try:
        secret = base64.b64decode(private_key, validate=True)
    except ValueError:
        raise CredentialsError("api_secret is not base64 text") from None
    message = f"{public_key}{stamp_ms}".encode()
    signature = hmac.digest(secret, message, hashlib.sha256)
    return {
        "X-PCK": public_key,
        "X-Stamp": str(stamp_ms),
        "X-Signature": base64.b64encode(signature).decode("ascii"),
        "Content-Type": "application/json",
    }


def parse_ticker(body: bytes) -> QuotesResponse:
    """Return the quotes of a 200; raises `BadResponseError` or `RejectedError`.

    A pair without a trade for a day is missing or has zeros, and `timestamp` is the pair's own.
    """
    return read_quotes(_successful_data(body), _read_pair, _read_quote)


def _read_pair(row: Row) -> Pair:
    return Pair(read_code(row, "numeratorSymbol"), read_code(row, "denominatorSymbol"))


def _read_quote(pair: Pair, row: Row) -> Quote:
    return Quote(
        pair,
        bid=read_price(row, "bid"),
        ask=read_price(row, "ask"),
        last=read_price(row, "last"),
        updated=read_milliseconds(row, "timestamp"),
    )


def parse_balances(body: bytes) -> BalancesResponse:
    """Return what the body of a 200 says; raises the `PollError` that its code means."""
    rows = list_of(_successful_data(body))
    amounts = Amounts(rows, "balance", "free", "locked", "orderFund", "requestFund")

    def read_row(asset: str, row: Row) -> Balance:
        return Balance(
            asset=asset,
            total=amounts.read(row, "balance"),
            free=amounts.read(row, "free"),
            locked=amounts.read(row, "locked"),
            locked_orders=amounts.read_optional(row, "orderFund"),
            locked_withdrawals=amounts.read_optional(row, "requestFund"),
            updated=read_time_ms(row, "timestamp"),
            asset_name=read_text(row, "assetname"),
        )

    return read_rows(rows, read_row)


def _successful_data(body: bytes) -> object:
    document = decode_object(body)
    success, code = document.get("success"), document.get("code")
    if not ERRORS.knows(code) and (
        not isinstance(success, bool) or (success and "code" not in document)
    ):
        raise BadResponseError("the response does not say whether it is a success")
    if not success or code is False or code not in _SUCCESS_CODES:  # False equals 0
        raise ERRORS.error(code)
    return document.get("data")


EXCHANGE = Exchange(
    name="btcturk",
    api=BtcTurk,
    parse_balances=parse_balances,
    base_url="https://api.btcturk.com",
    balances_path="/api/v1/users/balances",
    requests_per_minute=120,
    credentials=((Credential("api_key"), Credential("api_secret", base64_text)),),
    quotes=Quotes(frozenset({"TRY", "USDT", "BTC"}), requests_per_minute=600),
)
