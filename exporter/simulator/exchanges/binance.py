"""Simulate Binance's spot account, and Binance TR's, as their documentations describe them.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api and
https://www.binance.tr/apidocs: the signature is hex of HMAC-SHA256 over the query as it is sent
before `&signature`, with the secret's own characters as the key; the key stands in `X-MBX-APIKEY`.
A timestamp is good from 1 s ahead of the exchange's clock to `recvWindow` behind it.
"""

import hashlib
import hmac
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar
from urllib.parse import urlencode

import msgspec

from exporter.simulator.catalogue import catalogue
from exporter.simulator.chance import text
from exporter.simulator.exchange import Account, Call, DemoAccount, Exchange, Refusal
from exporter.simulator.limits import Excess, Limit
from exporter.simulator.market import QuoteRows, markets_of
from exporter.simulator.messages import CallKind, Request, Response, json_response
from exporter.simulator.rows import Style

_AHEAD_MS = 1_000
_LONGEST_WINDOW_MS = 60_000
_TOO_MANY_REQUESTS = -1003
_TIMESTAMP = -1021
_SIGNATURE = -1022
_KEY = -2015

_FIELDS = {"asset": "asset", "free": "free", "locked": "locked"}
_ASSETS = (
    ("BTC", "Bitcoin", 12.25, 8),
    ("ETH", "Ethereum", 140, 8),
    ("USDT", "Tether", 520_000, 8),
    ("BNB", "BNB", 310, 8),
    ("SOL", "Solana", 1_150, 8),
    ("XRP", "XRP", 64_000, 8),
    ("TRY", "Turkish Lira", 900_000, 8),
    ("USDC", "USD Coin", 180_000, 8),
    ("DOGE", "Dogecoin", 0, 8),
    ("ADA", "Cardano", 0, 8),
    ("TRX", "TRON", 0, 8),
    ("AVAX", "Avalanche", 0, 8),
    ("LINK", "Chainlink", 0, 8),
    ("DOT", "Polkadot", 0, 8),
    ("LTC", "Litecoin", 0, 8),
    ("\u5e01\u5b89\u4eba\u751f", "\u5e01\u5b89\u4eba\u751f", 0, 8),
    ("1000SATS", "1000SATS", 0, 8),
)
_PERMISSIONS = {
    "ip_restricted": "ipRestrict",
    "read": "enableReading",
    "withdraw": "enableWithdrawals",
    "transfer": "enableInternalTransfer",
    "universal_transfer": "permitsUniversalTransfer",
    "trade": "enableSpotAndMarginTrading",
    "margin": "enableMargin",
    "futures": "enableFutures",
    "options": "enableVanillaOptions",
}


class Binance(Exchange):
    """Respond as Binance does: each call has a weight, and an address that goes on is banned."""

    name = "binance"
    calls: ClassVar[Mapping[str, CallKind]] = {
        "/api/v3/account": "balances",
        "/sapi/v1/account/apiRestrictions": "permissions",
        "/api/v3/ticker/bookTicker": "ticker",
        "/api/v3/exchangeInfo": "markets",
    }
    style = Style(_FIELDS, least_decimals=8)
    rows_path: ClassVar[tuple[str, ...]] = ("balances",)
    code_key: ClassVar[str | None] = None
    tolerance: ClassVar[float | None] = _AHEAD_MS / 1000
    holdings = catalogue(_ASSETS)
    markets = markets_of([asset for asset, *_ in _ASSETS], ["USDT", "TRY", "BTC"])
    limit = Limit(6_000, blocks=(60.0, 120.0, 3_600.0, 259_200.0))
    weights: ClassVar[Mapping[CallKind, int]] = {"balances": 20}
    refusals: ClassVar[Mapping[str, Refusal]] = {
        "authentication": Refusal(401, _KEY, "Invalid API-key, IP, or permissions for action."),
        "clock_skew": Refusal(
            400, _TIMESTAMP, "Timestamp for this request is outside of the recvWindow."
        ),
        "rate_limited": Refusal(429, _TOO_MANY_REQUESTS, "Too many requests."),
        "unavailable": Refusal(500, -1000, "An unknown error occurred."),
    }
    reasons: ClassVar[Mapping[object, str]] = {
        401: "authentication",
        403: "permission",
        429: "rate_limited",
        500: "unavailable",
        _TOO_MANY_REQUESTS: "rate_limited",
        _TIMESTAMP: "clock_skew",
        _SIGNATURE: "authentication",
        -2014: "authentication",
        _KEY: "authentication",
    }
    demo_accounts: ClassVar[tuple[DemoAccount, ...]] = (
        DemoAccount(
            "hedging",
            (
                {"asset": "USDT", "free_min": "300000"},
                {"asset": "BTC", "total_max": "20"},
            ),
        ),
        DemoAccount("liquidity"),
    )

    def __init__(self) -> None:
        """Begin without accounts."""
        self._accounts: dict[str, Account] = {}

    def new_credentials(self, *seed: object) -> Mapping[str, str]:
        """Return two texts of 64 letters and digits."""
        return {"api_key": text(64, *seed, "key"), "api_secret": text(64, *seed, "secret")}

    def add(self, account: Account) -> None:
        """Add an account."""
        self._accounts[account.api_key] = account

    def account_of(self, request: Request) -> Account | None:
        """Return the account whose key a request names."""
        return self._accounts.get(request.headers.get("x-mbx-apikey", ""))

    def sign(self, account: Account, kind: CallKind, now_ms: int) -> Request:
        """Return a request with its key and signed query."""
        query = {"recvWindow": "5000", "timestamp": str(now_ms)}
        query["signature"] = _signature(account.api_secret, urlencode(query))
        return self.request(kind, {"X-MBX-APIKEY": account.api_key}, query)

    def refusal(self, call: Call, now_ms: int) -> Response | None:
        """Check key, timestamp and signature."""
        if call.kind in self.public_calls:
            return None
        account, query = call.account, dict(call.request.query)
        if account is None or not account.is_active:
            return self._refused(_KEY, "Invalid API-key, IP, or permissions for action.")
        timestamp, window = query.get("timestamp", ""), query.get("recvWindow", "5000")
        if not _is_timely(timestamp, window, now_ms):
            return self._refused(
                _TIMESTAMP, "Timestamp for this request is outside of the recvWindow."
            )
        signature = query.pop("signature", "")
        if not _is_signed(account.api_secret, urlencode(query), signature):
            return self._refused(_SIGNATURE, "Signature for this request is not valid.")
        return None

    def respond(self, call: Call, now_ms: int) -> Response:  # noqa: ARG002
        """Return what symbols consist of, or what the key may do."""
        if call.kind == "markets":
            return self._symbols(call.request.query.get("symbols", "[]"))
        assert call.account is not None  # noqa: S101 - `refusal` came first
        return self.permissions_response(call.account.permissions)

    def quotes(self, rows: QuoteRows) -> bytes:
        """Return the documented ticker, which says neither times nor pairs."""
        listed = [
            {
                "symbol": f"{row.base}{row.quote}",
                "bidPrice": _as_text(row.bid),
                "bidQty": "1.00000000",
                "askPrice": _as_text(row.ask),
                "askQty": "1.00000000",
            }
            for row in rows
        ]
        return msgspec.json.encode(listed)

    def _symbols(self, wanted: str) -> Response:
        known = {f"{base}{quote}": (base, quote) for base, quote in self.markets}
        symbols = msgspec.json.decode(wanted)
        if not set(symbols) <= known.keys():
            return self.error(400, -1121, "Invalid symbol.")
        listed = [
            {
                "symbol": symbol,
                "status": "TRADING",
                "baseAsset": known[symbol][0],
                "quoteAsset": known[symbol][1],
            }
            for symbol in symbols
        ]
        return json_response(200, {"timezone": "UTC", "symbols": listed})

    def permissions_response(self, held: frozenset[str]) -> Response:
        """Return the documented response, which names every right."""
        return json_response(200, {written: name in held for name, written in _PERMISSIONS.items()})

    def document(self, listed: bytes, account: Account) -> bytes:
        """Return the documented response."""
        fields = {
            "makerCommission": 10,
            "takerCommission": 10,
            "commissionRates": {"maker": "0.00100000", "taker": "0.00100000"},
            "canTrade": True,
            "canWithdraw": True,
            "canDeposit": account.can_deposit,
            "updateTime": 1_735_866_257_711,
            "accountType": "SPOT",
        }
        end = b',"permissions":["SPOT"],"uid":354937868}'
        return msgspec.json.encode(fields)[:-1] + b',"balances":' + listed + end

    def error(self, status: int, code: object, message: str) -> Response:
        """Return the documented error."""
        return json_response(status, {"code": code, "msg": message})

    def too_many_requests(self, excess: Excess) -> Response:
        """Return 429 the first time, and 418 for a ban."""
        code, message = self.refusals["rate_limited"][1:]
        response = self.error(429 if excess.times == 1 else 418, code, message)
        return response.adding(("Retry-After", str(math.ceil(excess.wait))))

    def with_usage(self, response: Response, used: int) -> Response:
        """Return a response with the weight of this minute."""
        return response.adding(("X-MBX-USED-WEIGHT-1M", str(used)))

    def _refused(self, code: int, message: str) -> Response:
        return self.error(401 if code == _KEY else 400, code, message)


def _as_text(price: object) -> object:
    return format(price, "f") if isinstance(price, Decimal) else price


class BinanceTr(Binance):
    """Respond as Binance TR does: the same signing, other paths, and errors in a 200."""

    name = "binance_tr"
    calls: ClassVar[Mapping[str, CallKind]] = {"/open/v1/account/spot": "balances"}
    markets = ()
    rows_path: ClassVar[tuple[str, ...]] = ("data", "accountAssets")
    code_key: ClassVar[str | None] = "code"
    reasons: ClassVar[Mapping[object, str]] = {
        **Binance.reasons,
        None: "bad_response",
        False: "bad_response",
    }
    demo_accounts: ClassVar[tuple[DemoAccount, ...]] = (
        DemoAccount("cash-tr", ({"asset": "TRY", "free_min": "500000"},)),
        DemoAccount("reserve-tr"),
    )

    def document(self, listed: bytes, account: Account) -> bytes:  # noqa: ARG002
        """Return the documented response."""
        data = b'{"accountAssets":' + listed + b"}"
        return b'{"code":0,"msg":"","data":' + data + b',"timestamp":1735866257711}'

    def _refused(self, code: int, message: str) -> Response:
        return self.error(200, code, message)


def _is_timely(timestamp: str, window: str, now_ms: int) -> bool:
    if not all(
        each.isascii() and each.isdigit() and len(each) <= 19 for each in (timestamp, window)
    ):
        return False
    longest = min(int(window), _LONGEST_WINDOW_MS)
    return now_ms - longest <= int(timestamp) < now_ms + _AHEAD_MS


def _is_signed(secret: str, query: str, signature: str) -> bool:
    return hmac.compare_digest(_signature(secret, query).encode(), signature.encode())


def _signature(secret: str, query: str) -> str:
    return hmac.digest(secret.encode(), query.encode(), hashlib.sha256).hex()
