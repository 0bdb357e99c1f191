"""Simulate Bitso's balance call as its documentation describes it.

https://docs.bitso.com: `Authorization: Bitso <key>:<nonce>:<signature>`, where the signature is
lower-case hex of HMAC-SHA256 over nonce + method + path + body, with the secret's own characters as
the key. A nonce must be higher than the last one of the same key; it is not compared with a clock.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

import msgspec

from exporter.simulator.catalogue import catalogue
from exporter.simulator.chance import text
from exporter.simulator.exchange import Account, Call, DemoAccount, Exchange, Refusal
from exporter.simulator.limits import Limit
from exporter.simulator.market import Market, QuoteRow, QuoteRows, markets_of
from exporter.simulator.messages import CallKind, Request, Response, json_response
from exporter.simulator.rows import Style

_FIELDS = {
    "asset": "currency",
    "total": "total",
    "locked": "locked",
    "free": "available",
    "deposits": "pending_deposit",
    "withdrawals": "pending_withdrawal",
}
_ASSETS = (
    ("MXN", "Mexican Peso", 2_350_000, 2),
    ("BTC", "Bitcoin", 6.5, 8),
    ("ETH", "Ether", 88, 8),
    ("USDT", "Tether", 310_000, 6),
    ("USD", "US Dollar", 145_000, 2),
    ("BRL", "Brazilian Real", 0, 2),
    ("COP", "Colombian Peso", 0, 2),
    ("XRP", "XRP", 42_000, 6),
    ("SOL", "Solana", 310, 8),
    ("LTC", "Litecoin", 0, 8),
    ("MANA", "Decentraland", 0, 8),
    ("BAT", "Basic Attention Token", 0, 8),
)
_DAY = 86_400.0


class Bitso(Exchange):
    """Respond as Bitso does: each account has a limit of its own."""

    name = "bitso"
    calls: ClassVar[Mapping[str, CallKind]] = {
        "/api/v3/balance/": "balances",
        "/api/v3/ticker/": "ticker",
        "/api/v3/available_books/": "markets",
    }
    markets = (
        *markets_of(["BTC", "ETH", "USDT", "XRP", "SOL", "LTC"], ["MXN"]),
        *markets_of(["BTC", "ETH", "USDT"], ["USD"]),
    )
    style = Style(_FIELDS, least_decimals=8, is_lower_case=True, withdrawals_leave=True)
    rows_path = ("payload", "balances")
    code_key = None
    holdings = catalogue(_ASSETS, decimals=8)
    limit = Limit(300, per="account", blocks=(60.0, _DAY))
    public_limit = Limit(60)
    refusals: ClassVar[Mapping[str, Refusal]] = {
        "authentication": Refusal(401, "0201", "Invalid Credentials"),
        "rejected": Refusal(400, "0301", "Unknown OrderBook"),
        "permission": Refusal(403, "0213", "Address Not Allowed"),
        "clock_skew": Refusal(401, "0207", "Nonce already used"),
        "rate_limited": Refusal(429, "0200", "Too many requests"),
        "unavailable": Refusal(500, "0101", "Unknown error"),
    }
    reasons: ClassVar[Mapping[object, str]] = {
        401: "authentication",
        403: "permission",
        429: "rate_limited",
        500: "unavailable",
        "0201": "authentication",
        "0215": "authentication",
        "0202": "permission",
        "0213": "permission",
        "0216": "permission",
        "0206": "clock_skew",
        "0207": "clock_skew",
        104: "clock_skew",
    }
    demo_accounts = (
        DemoAccount(
            "arbitrage-mx",
            (
                {"asset": "MXN", "free_min": "1200000"},
                {"asset": "BTC", "total_max": "12"},
            ),
        ),
        DemoAccount("remittances"),
    )

    def __init__(self) -> None:
        """Begin without accounts."""
        self._accounts: dict[str, Account] = {}
        self._last_nonces: dict[str, int] = {}

    def new_credentials(self, *seed: object) -> Mapping[str, str]:
        """Return a key of 10 letters and digits, and a secret of 32."""
        return {"api_key": text(10, *seed, "key"), "api_secret": text(32, *seed, "secret")}

    def add(self, account: Account) -> None:
        """Add an account."""
        self._accounts[account.api_key] = account

    def account_of(self, request: Request) -> Account | None:
        """Return the account whose key a request names."""
        return self._accounts.get(_authorization(request)[0])

    def sign(self, account: Account, kind: CallKind, now_ms: int) -> Request:
        """Return a request with key, nonce and signature."""
        bare = self.request(kind, {})
        signature = _signature(account.api_secret, str(now_ms), bare)
        header = f"Bitso {account.api_key}:{now_ms}:{signature}"
        return self.request(kind, {"Authorization": header})

    def refusal(self, call: Call, now_ms: int) -> Response | None:  # noqa: ARG002
        """Check key, signature and nonce."""
        if call.kind in self.public_calls:
            return None
        account = call.account
        if account is None or not account.is_active:
            return self.refused("authentication")
        key, nonce, signature = _authorization(call.request)
        expected = _signature(account.api_secret, nonce, call.request)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return self.error(401, "0215", "Invalid signature")
        if not (nonce.isascii() and nonce.isdigit()) or len(nonce) > 19:
            return self.error(401, "0206", "Invalid nonce")
        if int(nonce) <= self._last_nonces.get(key, 0):
            return self.refused("clock_skew")
        self._last_nonces[key] = int(nonce)
        return None

    def wanted(self, call: Call) -> tuple[Market, ...]:
        """Return the one book that a request names, if there is one."""
        book = call.request.query.get("book", "")
        return tuple(market for market in self.markets if _book(market) == book)

    def quotes(self, rows: QuoteRows) -> bytes:
        """Return the documented ticker of one book."""
        return msgspec.json.encode({"success": True, "payload": _ticker(rows[0]) if rows else {}})

    def respond(self, call: Call, now_ms: int) -> Response:  # noqa: ARG002
        """Return the list of books, the one other call."""
        books = [{"book": _book(market), "minimum_price": "1"} for market in self.markets]
        return json_response(200, {"success": True, "payload": books})

    def document(self, listed: bytes, account: Account) -> bytes:  # noqa: ARG002
        """Return the documented response."""
        return b'{"success":true,"payload":{"balances":' + listed + b"}}"

    def error(self, status: int, code: object, message: str) -> Response:
        """Return the documented error."""
        content = {"success": False, "error": {"message": message, "code": code}}
        return json_response(status, content)


def _book(market: Market) -> str:
    return "_".join(market).lower()


def _ticker(row: QuoteRow) -> Mapping[str, object]:
    updated = row.updated_ms
    return {
        "book": _book((row.base, row.quote)),
        "bid": _as_text(row.bid),
        "ask": _as_text(row.ask),
        "last": _as_text(row.last),
        "created_at": _iso(updated) if isinstance(updated, int) else None,
    }


def _iso(updated_ms: int) -> str:
    return datetime.fromtimestamp(updated_ms / 1000, UTC).isoformat()


def _as_text(price: object) -> object:
    return format(price, "f") if isinstance(price, Decimal) else price


def _authorization(request: Request) -> tuple[str, str, str]:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    parts = rest.rsplit(":", 2)
    if scheme != "Bitso" or len(parts) != 3:
        return "", "", ""
    return parts[0], parts[1], parts[2]


def _signature(secret: str, nonce: str, request: Request) -> str:
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    target = f"{request.path}?{query}" if query else request.path
    message = f"{nonce}{request.method}{target}".encode() + request.body
    return hmac.digest(secret.encode(), message, hashlib.sha256).hex()
