"""Simulate BtcTurk's private balances call as its documentation and its users describe it.

https://docs.btcturk.com (Account Balance, Authentication V1). A signature is base64 of HMAC-SHA256
over key + stamp, with the secret decoded from base64.
"""

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

import msgspec

from exporter.simulator.catalogue import catalogue
from exporter.simulator.chance import octets
from exporter.simulator.exchange import Account, Call, DemoAccount, Exchange, Refusal
from exporter.simulator.limits import Excess, Limit
from exporter.simulator.market import QuoteRow, QuoteRows, markets_of
from exporter.simulator.messages import CallKind, Request, Response, json_response
from exporter.simulator.rows import Style

TOLERANCE_MS = 5_000

_FIELDS = {
    "asset": "asset",
    "name": "assetname",
    "total": "balance",
    "locked": "locked",
    "free": "free",
    "orders": "orderFund",
    "withdrawals": "requestFund",
    "precision": "precision",
    "updated_ms": "timestamp",
}


_ASSETS = (
    ("TRY", "Türk Lirası", 4_200_000, 2),  # noqa: RUF001 - it is spelt so
    ("BTC", "Bitcoin", 24.5, 8),
    ("ETH", "Ethereum", 310, 8),
    ("USDT", "Tether", 640_000, 2),
    ("XRP", "Ripple", 185_000, 4),
    ("SOL", "Solana", 2_150, 4),
    ("AVAX", "Avalanche", 7_400, 4),
    ("USDC", "USD Coin", 215_000, 2),
    ("LINK", "Chainlink", 5_600, 4),
    ("XLM", "Stellar", 320_000, 4),
    ("DOGE", "Dogecoin", 410_000, 4),
    ("TRX", "Tron", 560_000, 4),
    ("SHIB", "Shiba Inu", 3_400_000_000, 0),
    ("PEPE", "Pepe", 7_900_000_000, 0),
    ("ADA", "Cardano", 96_000, 4),
    ("DOT", "Polkadot", 8_800, 4),
    ("ATOM", "Cosmos", 4_100, 4),
    ("PAXG", "Pax Gold", 38.25, 6),
    ("LTC", "Litecoin", 0.0000000123, 8),
    ("DASH", "Dash", 0, 8),
    ("NEO", "Neo", 0, 8),
    ("EOS", "EOS", 0, 4),
    ("XTZ", "Tezos", 0, 4),
    ("MKR", "Maker", 0, 6),
    ("UNI", "Uniswap", 0, 4),
    ("GRT", "The Graph", 0, 4),
    ("CHZ", "Chiliz", 0, 4),
    ("MANA", "Decentraland", 0, 4),
    ("FTM", "Fantom", 0, 4),
    ("ALGO", "Algorand", 0, 4),
    ("FIL", "Filecoin", 0, 4),
    ("SPELL", "Spell Token", 0, 2),
    ("STORJ", "Storj", 0, 4),
    ("NMR", "Numeraire", 0, 4),
    ("AMP", "Amp", 0, 2),
    ("LRC", "Loopring", 0, 4),
)


class BtcTurk(Exchange):
    """Respond as BtcTurk does; with `empty_401` a refusal has no body, as seen of late."""

    name = "btcturk"
    calls: ClassVar[Mapping[str, CallKind]] = {
        "/api/v1/users/balances": "balances",
        "/api/v2/server/time": "time",
        "/api/v2/ticker": "ticker",
    }
    style = Style(_FIELDS, separator=",")
    tolerance = TOLERANCE_MS / 1000
    rows_path = ("data",)
    holdings = catalogue(_ASSETS, decimals=16)
    markets = markets_of([asset for asset, *_ in _ASSETS], ["TRY", "USDT"])
    listed = 30
    limit = Limit(120)
    refusals: ClassVar[Mapping[str, Refusal]] = {
        "authentication": Refusal(401, 1037, "Unauthorized - Invalid Nonce"),
        "permission": Refusal(403, 403, "Forbidden"),
        "rate_limited": Refusal(429, 429, "TOO_MANY_REQUESTS"),
        "unavailable": Refusal(500, 500, "INTERNAL_ERROR"),
    }
    reasons: ClassVar[Mapping[object, str]] = {
        1037: "authentication",
        401: "authentication",
        403: "permission",
        429: "rate_limited",
        500: "unavailable",
    }
    demo_accounts = (
        DemoAccount(
            "treasury-tr",
            (
                {"asset": "BTC", "free_min": "12", "total_max": "40"},
                {"asset": "TRY", "free_min": "2500000"},
                {"asset": "USDT", "free_min": "450000", "locked_max": "250000"},
            ),
        ),
        DemoAccount(
            "market-making-tr", ({"asset": "ETH", "free_min": "150", "locked_max": "120"},)
        ),
    )

    def __init__(self, *, empty_401: bool = False) -> None:
        """Begin without accounts."""
        self._empty_401 = empty_401
        self._accounts: dict[str, Account] = {}
        self._last_stamps: dict[str, int] = {}

    def new_credentials(self, *seed: object) -> Mapping[str, str]:
        """Return a UUID and 24 bytes in base64."""
        return {
            "api_key": str(uuid.UUID(bytes=octets(16, *seed, "key"), version=4)),
            "api_secret": base64.b64encode(octets(24, *seed, "secret")).decode(),
        }

    def add(self, account: Account) -> None:
        """Add an account; its secret must be base64."""
        try:
            base64.b64decode(account.api_secret, validate=True)
        except binascii.Error:
            raise ValueError(f"account {account.name}: a BtcTurk secret is base64") from None
        self._accounts[account.api_key] = account

    def account_of(self, request: Request) -> Account | None:
        """Return the account whose key a request names."""
        return self._accounts.get(request.headers.get("x-pck", ""))

    def sign(self, account: Account, kind: CallKind, now_ms: int) -> Request:
        """Return a request with its key, stamp and signature."""
        headers = {
            "X-PCK": account.api_key,
            "X-Stamp": str(now_ms),
            "X-Signature": _signature(account, str(now_ms)).decode(),
        }
        return self.request(kind, headers)

    def refusal(self, call: Call, now_ms: int) -> Response | None:
        """Check key, signature and stamp: the stamps of a key must rise and be within 5 s."""
        account = call.account
        if call.kind in self.public_calls:
            return None
        if account is None or not account.is_active:
            return self._unauthorised("Invalid Public key")
        stamp = call.request.headers.get("x-stamp", "")
        if not _is_signed(account, stamp, call.request.headers.get("x-signature", "")):
            return self._unauthorised("Invalid Nonce")
        if not self._accepts(int(stamp), account, now_ms):
            return self._unauthorised("Invalid Nonce")
        return None

    def respond(self, call: Call, now_ms: int) -> Response:  # noqa: ARG002
        """Return the server's time, the one other call."""
        return json_response(200, {"serverTime": now_ms, "serverTime2": _iso(now_ms)})

    def quotes(self, rows: QuoteRows) -> bytes:
        """Return the documented ticker, whose prices are JSON numbers."""
        listed = [_ticker_row(row, number) for number, row in enumerate(rows)]
        content = {"data": listed, "success": True, "message": None, "code": 0}
        return msgspec.json.Encoder(decimal_format="number").encode(content)

    def document(self, listed: bytes, account: Account) -> bytes:  # noqa: ARG002
        """Return the documented response."""
        return b'{"data":' + listed + b',"success":true,"message":null,"code":0}'

    def error(self, status: int, code: object, message: str) -> Response:
        """Return the documented error; one of the key calls itself a success, as recorded."""
        content = {"success": code == 1037, "message": message, "code": code}
        return json_response(status, content)

    def too_many_requests(self, excess: Excess) -> Response:  # noqa: ARG002
        """Return the documented 429."""
        content = {
            "message": "TOO_MANY_REQUESTS",
            "success": False,
            "code": 429,
            "details": "Quota exceeded. Maximum allowed: 120 per 1m.",
            "limit": "120",
            "period": "1m",
            "policy": "ip",
        }
        return json_response(429, content).adding(("Retry-After", "55"))

    def _accepts(self, stamp: int, account: Account, now_ms: int) -> bool:
        if abs(stamp - now_ms) > TOLERANCE_MS or stamp <= self._last_stamps.get(account.api_key, 0):
            return False
        self._last_stamps[account.api_key] = stamp
        return True

    def _unauthorised(self, why: str) -> Response:
        if self._empty_401:
            return Response(401)
        return self.error(401, 1037, f"Unauthorized - {why}")


def _is_signed(account: Account, stamp: str, signature: str) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 19):
        return False
    return hmac.compare_digest(_signature(account, stamp), signature.encode())


def _signature(account: Account, stamp: str) -> bytes:
    key = base64.b64decode(account.api_secret)
    signed = hmac.digest(key, (account.api_key + stamp).encode(), hashlib.sha256)
    return base64.b64encode(signed)


def _ticker_row(row: QuoteRow, number: int) -> Mapping[str, object]:
    return {
        "pair": f"{row.base}{row.quote}",
        "pairNormalized": f"{row.base}_{row.quote}",
        "timestamp": row.updated_ms,
        "last": row.last,
        "high": row.ask,
        "low": row.bid,
        "bid": row.bid,
        "ask": row.ask,
        "open": row.last,
        "volume": 1250.75,
        "average": row.last,
        "daily": 0,
        "dailyPercent": 0,
        "denominatorSymbol": row.quote,
        "numeratorSymbol": row.base,
        "order": 1000 + number,
    }


def _iso(now_ms: int) -> str:
    return f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
