"""Read balances and quotes from Bitso.

API: https://docs.bitso.com/bitso-api/docs/get-account-balance
     https://docs.bitso.com/bitso-api/docs/ticker
Limits: 300 private requests a minute for each account; then locked out for a minute, or a day.
        60 public requests a minute for each IP address; a ticker has one book.
Units: amounts are in the asset itself, as text. The total has neither pending deposits nor pending
       withdrawals in it: a withdrawal leaves it at once. What is locked is in open orders.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from exporter.credentials import Secret
from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
)
from exporter.exchange_api.base import KEY_AND_SECRET, Exchange, Quotes
from exporter.exchange_api.error_table import ErrorTable, NotAnErrorError, shown_code
from exporter.exchange_api.messages import ApiRequest
from exporter.exchange_api.responses import decode_object, list_of
from exporter.exchange_api.rows import Amounts, Row, RowError, read_rows, upper_case
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import Session
from exporter.exchange_api.signed_request import Nonces, send_signed, told_apart
from exporter.exchange_api.status import read_response
from exporter.exchange_api.ticker import cached_for, read_iso_time, read_price
from exporter.model import Account, Balance, BalancesResponse
from exporter.quotes import Pair, Quote, QuotesQuery, QuotesResponse

_BOOKS_PATH = "/api/v3/available_books/"
_TICKER_PATH = "/api/v3/ticker/"
_BOOKS_LAST = 3600.0  # seconds, until the list of books is requested again
_BOOK = re.compile(r"([a-z0-9]{1,20})_([a-z0-9]{1,20})").fullmatch


class Bitso:
    """Poll balances with nonces that always rise, also if accounts share a key."""

    def __init__(self, server_clock: ServerClock) -> None:
        """Take nonces from the exchange's own time."""
        self._server_clock = server_clock
        self._nonces = Nonces(server_clock)
        self._books: Mapping[str, Pair] = {}
        self._books_at = 0.0

    async def fetch_balances(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        """Return the balances of an account.

        A nonce that is not accepted was overtaken by another program with the same key, or by
        ourselves before a restart; the response's time makes for a better one.
        """
        try:
            return await self._fetch(account, credentials, session)
        except ClockSkewError:
            return await self._fetch(account, credentials, session)

    async def fetch_quotes(
        self,
        query: QuotesQuery,
        credentials: Mapping[str, Secret],  # noqa: ARG002 - tickers are public
        session: Session,
    ) -> QuotesResponse:
        """Return the quotes of the books that are of use, one request for each."""
        now = self._server_clock.now()
        if not self._books or now - self._books_at > _BOOKS_LAST:
            response = await session.send(lambda: ApiRequest(_BOOKS_PATH, {}, call="ticker"))
            self._books = read_response(response, parse_books, ERRORS)
            self._books_at = now
        quotes: list[Quote] = []
        rejected: set[Pair] = set()
        age = 0.0
        for book, pair in self._books.items():
            if not _is_wanted(pair, query):
                continue
            path = f"{_TICKER_PATH}?{urlencode({'book': book})}"
            response = await session.send(partial(ApiRequest, path, {}, "ticker"))
            age = max(age, cached_for(response))
            try:
                quotes.append(read_response(response, partial(parse_ticker, pair), ERRORS))
            except (RejectedError, RowError):
                rejected.add(pair)
        return QuotesResponse(tuple(quotes), len(rejected), frozenset(rejected), age)

    async def _fetch(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        key, secret = credentials["api_key"], credentials["api_secret"]
        path = account.balances_path

        def signed(nonce: int) -> ApiRequest:
            return ApiRequest(path, sign(key.reveal(), secret.reveal(), nonce, path))

        balances, _ = await send_signed(
            session,
            self._server_clock,
            signed,
            lambda response: read_response(response, parse_balances, ERRORS),
            next_ms=partial(self._nonces.next, key),
            explain=told_apart(self._server_clock),
            proves_time=False,
        )
        return balances


def sign(key: str, secret: str, nonce: int, path: str) -> dict[str, str]:
    """Return the header of a GET: hex HMAC-SHA256 over nonce, method and path with its query."""
    message = f"{nonce}GET{path}".encode()
    signature = hmac.digest(secret.encode(), message, hashlib.sha256).hex()
    return {"Authorization": f"Bitso {key}:{nonce}:{signature}"}


def parse_balances(body: bytes) -> BalancesResponse:
    """Return what the body of a 200 says; raises the `PollError` that its code means."""
    payload = _payload(body)
    if not isinstance(payload, dict):
        raise BadResponseError("the response has another shape than documented")
    rows = list_of(payload.get("balances"))
    amounts = Amounts(rows, "total", "available", "locked", "pending_deposit", "pending_withdrawal")

    def read_row(asset: str, row: Row) -> Balance:
        locked = amounts.read(row, "locked")
        return Balance(
            asset=asset,
            total=amounts.read(row, "total"),
            free=amounts.read(row, "available"),
            locked=locked,
            locked_orders=locked,
            pending_deposit=amounts.read_optional(row, "pending_deposit"),
            pending_withdrawal=amounts.read_optional(row, "pending_withdrawal"),
        )

    return read_rows(rows, read_row, code_field="currency", spell=upper_case)


def _is_wanted(pair: Pair, query: QuotesQuery) -> bool:
    """Return whether one side of a book is a currency and the other is held, or is one, too."""
    base, quote = pair
    known = query.assets | query.currencies
    return (base in query.currencies and quote in known) or (
        quote in query.currencies and base in known
    )


def parse_books(body: bytes) -> Mapping[str, Pair]:
    """Return the books that are listed, with the pair of each: `btc_mxn` is BTC for MXN."""
    books: dict[str, Pair] = {}
    for row in list_of(_payload(body)):
        book = row.get("book") if isinstance(row, dict) else None
        if isinstance(book, str) and (found := _BOOK(book)):
            books[book] = Pair(upper_case(found[1]), upper_case(found[2]))
    return books


def parse_ticker(pair: Pair, body: bytes) -> Quote:
    """Return the quote of one book; raises `RowError` if it is of another book, or no number."""
    row = _payload(body)
    if not isinstance(row, dict):
        raise BadResponseError("the response has no ticker")
    if row.get("book", wanted := "_".join(pair).lower()) != wanted:
        raise RowError("book is another one than was requested")
    bid, ask, last = (read_price(row, field) for field in ("bid", "ask", "last"))
    return Quote(pair, bid, ask, last, read_iso_time(row, "created_at"))


def _payload(body: bytes) -> object:
    document = decode_object(body)
    success, code = document.get("success"), _code_in(document.get("error"))
    if success is False or (success is None and ERRORS.knows(code)):
        raise ERRORS.error(code)
    if success is not True:
        raise BadResponseError("the response has another shape than documented")
    return document.get("payload")


def _code_of(document: Mapping[str, Any]) -> object:
    error = document.get("error")
    code = _code_in(error)
    if shown_code(code) in _MEANINGS or (
        document.get("success") is False and isinstance(error, dict)
    ):
        return code
    raise NotAnErrorError


def _code_in(error: object) -> object:
    return error.get("code") if isinstance(error, dict) else None


# https://docs.bitso.com/bitso-api/docs/error-codes
_MEANINGS = {
    "0201": AuthenticationError,
    "0202": PermissionDeniedError,
    "0206": ClockSkewError,
    "0207": ClockSkewError,
    "0213": PermissionDeniedError,
    "0215": AuthenticationError,
    "0216": PermissionDeniedError,
    "104": ClockSkewError,
}
ERRORS = ErrorTable(_code_of, _MEANINGS, {420: RateLimitedError})

EXCHANGE = Exchange(
    name="bitso",
    api=Bitso,
    parse_balances=parse_balances,
    base_url="https://bitso.com",
    balances_path="/api/v3/balance/",
    requests_per_minute=300,
    has_limit_per_account=True,
    credentials=(KEY_AND_SECRET,),
    quotes=Quotes(
        frozenset({"MXN", "USD", "BRL", "ARS", "COP", "BTC", "USDT"}),
        requests_per_minute=60,
        follow_holdings=True,
    ),
    spell=upper_case,
    note="Pending deposits and withdrawals are part of no total: they are metrics of their own.",
)
