"""Simulate TruBit Business' assets call and the making of the tokens that it asks for.

The signature of a token's request is lower-case hex of HMAC-SHA256 over `timestamp=<ms>`, with the
secret's own characters as the key. No response to an expired token is documented: here it is -1002.
"""

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import msgspec

from exporter.simulator.catalogue import catalogue
from exporter.simulator.chance import octets, text
from exporter.simulator.exchange import Account, Call, DemoAccount, Exchange, Refusal
from exporter.simulator.limits import Limit
from exporter.simulator.market import Market, QuoteRows, markets_of
from exporter.simulator.messages import CallKind, Request, Response, json_response
from exporter.simulator.rows import Style

TOLERANCE_MS = 5_000
_MOST_TOKENS = 10_000
UNAUTHORISED = -1002
TOO_MANY_REQUESTS = -1003
INVALID_TIMESTAMP = -1021
INVALID_SIGNATURE = -1022

_FIELDS = {
    "asset": "asset",
    "id": "assetId",
    "name": "assetName",
    "total": "total",
    "free": "free",
    "locked": "locked",
}


_ASSETS = (
    ("MXN", "Mexican Peso", 1_850_000, 2),
    ("BRL", "Brazilian Real", 940_000, 2),
    ("USDT", "Tether", 275_000, 6),
    ("USDC", "USD Coin", 410_000, 6),
    ("BTC", "Bitcoin", 3.75, 8),
    ("ETH", "Ethereum", 52, 8),
    ("SOL", "Solana", 0, 8),
    ("BRL1", "BRL1 Stablecoin", 0, 2),
)

# Identifiers are numbers for some assets, and the codes themselves for others.
_OPAQUE_IDS = {"BTC": "1", "ETH": "2", "MXN": "101", "BRL": "102"}


class TruBit(Exchange):
    """Respond as TruBit Business does.

    Tokens live for `token_lifetime` seconds. Errors have the HTTP status `error_status`: codes in
    a 200 are documented, others were not ruled out.
    """

    name = "trubit"
    calls: ClassVar[Mapping[str, CallKind]] = {
        "/v2/user/account/assets": "balances",
        "/v2/assets/account/assets": "balances",
        "/v2/token/generate": "token",
        "/v2/user/crypto-quote": "ticker",
    }
    style = Style(_FIELDS, least_decimals=1)
    tolerance = TOLERANCE_MS / 1000
    rows_path = ("data", "balances")
    holdings = tuple(
        replace(holding, asset_id=_OPAQUE_IDS.get(holding.asset, holding.asset))
        for holding in catalogue(_ASSETS)
    )
    limit = Limit(60)
    markets = markets_of(["USDT", "USDC", "BTC", "MXN", "BRL"], ["USDT", "MXN", "BRL"])
    public_calls = frozenset({"time"})
    quote_requests = (
        {"country": "Mexico", "from": "MXN", "to": "USDT"},
        {"country": "Brazil", "from": "BRL", "to": "USDT"},
    )
    refusals: ClassVar[Mapping[str, Refusal]] = {
        "rejected": Refusal(200, -1121, "Invalid symbol"),
        "authentication": Refusal(401, UNAUTHORISED, "Unauthorized"),
        "permission": Refusal(403, 403, "Forbidden"),
        "clock_skew": Refusal(400, INVALID_TIMESTAMP, "Timestamp for this request is not valid"),
        "rate_limited": Refusal(429, TOO_MANY_REQUESTS, "Too many requests"),
        "unavailable": Refusal(500, -1000, "Internal error"),
    }
    reasons: ClassVar[Mapping[object, str]] = {
        UNAUTHORISED: "authentication",
        INVALID_SIGNATURE: "authentication",
        INVALID_TIMESTAMP: "clock_skew",
        TOO_MANY_REQUESTS: "rate_limited",
        401: "authentication",
        403: "permission",
        429: "rate_limited",
        500: "unavailable",
        None: "bad_response",
        False: "bad_response",
    }
    demo_accounts = (
        DemoAccount(
            "payments-mx",
            (
                {"asset": "MXN", "free_min": "1000000"},
                {"asset": "USDC", "total_min": "300000"},
            ),
        ),
        DemoAccount("settlement-br"),
    )

    def __init__(self, *, token_lifetime: float = 3600.0, error_status: int = 200) -> None:
        """Begin without accounts and tokens."""
        self._token_lifetime_ms = int(token_lifetime * 1000)
        self._error_status = error_status
        self._accounts: dict[str, Account] = {}
        self._tokens: dict[str, tuple[Account, int]] = {}
        self._issued = 0

    def new_credentials(self, *seed: object) -> Mapping[str, str]:
        """Return two texts of 64 letters and digits."""
        return {"api_key": text(64, *seed, "key"), "api_secret": text(64, *seed, "secret")}

    def add(self, account: Account) -> None:
        """Add an account."""
        self._accounts[account.api_key] = account

    def account_of(self, request: Request) -> Account | None:
        """Return the account of the token that a request holds, or else of its key.

        A token keeps its account after it expired, so that faults for the account still find it.
        """
        token = request.headers.get("x-bh-token")
        if token is not None:
            return self._tokens[token][0] if token in self._tokens else None
        return self._accounts.get(request.headers.get("x-bh-apikey", ""))

    def sign(self, account: Account, kind: CallKind, now_ms: int) -> Request:
        """Return a token's request with its signed query, or another one with a new token."""
        if kind == "token":
            query = {"timestamp": str(now_ms), "signature": _signature(account, str(now_ms))}
            return self.request(kind, {"X-BH-APIKEY": account.api_key}, query)
        token = self.issue_token(account, now_ms + self._token_lifetime_ms)
        return self.request(kind, {"X-BH-TOKEN": token})

    def refusal(self, call: Call, now_ms: int) -> Response | None:
        """Check a token's request by key, time and signature, any other by its token."""
        account = call.account
        if account is None or not account.is_active:
            return self._refused(UNAUTHORISED, "Unauthorized")
        if call.kind != "token":
            is_good = now_ms < self._expires_ms(call.request)
            return None if is_good else self._refused(UNAUTHORISED, "Unauthorized")
        timestamp = call.request.query.get("timestamp", "")
        if not _is_near(timestamp, now_ms):
            return self._refused(INVALID_TIMESTAMP, "Timestamp for this request is not valid")
        if not _is_signed(account, timestamp, call.request.query.get("signature", "")):
            return self._refused(INVALID_SIGNATURE, "Signature for this request is not valid")
        return None

    def respond(self, call: Call, now_ms: int) -> Response:
        """Return a new token, the one other call."""
        assert call.account is not None  # noqa: S101 - `refusal` came first
        expires_ms = now_ms + self._token_lifetime_ms
        return self.token_response(self.issue_token(call.account, expires_ms), str(expires_ms))

    def token_response(self, token: str, expires: str) -> Response:
        """Return the documented response to a token's request."""
        data = {"token": token, "expireTime": expires}
        return json_response(200, {"code": 200, "msg": "SUCCESS", "data": data})

    def issue_token(self, account: Account, expires_ms: int) -> str:
        """Return a token for an account; those it has stay good."""
        self._issued += 1
        token = str(uuid.UUID(bytes=octets(16, account.api_secret, self._issued), version=4))
        self._tokens[token] = (account, expires_ms)
        if len(self._tokens) > _MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        return token

    def wanted(self, call: Call) -> tuple[Market, ...]:
        """Return the market that a request names, if there is one, either way round."""
        query = call.request.query
        pair = query.get("from", ""), query.get("to", "")
        is_known = pair in self.markets or pair[::-1] in self.markets
        return (pair,) if is_known and query.get("createQuoteId") == "false" else ()

    def quotes(self, rows: QuoteRows) -> bytes:
        """Return the documented response about one market: what a unit of the first one brings."""
        data = {"price": rows[0].bid} if rows else {}
        return msgspec.json.encode({"code": 200, "msg": "SUCCESS", "data": data})

    def document(self, listed: bytes, account: Account) -> bytes:
        """Return the documented response."""
        can_deposit = b"true" if account.can_deposit else b"false"
        data = b'{"canDeposit":' + can_deposit + b',"balances":' + listed + b"}"
        return b'{"code":200,"msg":"SUCCESS","data":' + data + b"}"

    def error(self, status: int, code: object, message: str) -> Response:
        """Return the documented error."""
        return json_response(status, {"code": code, "msg": message})

    def expire_tokens(self, account: Account) -> None:
        """Accept none of an account's tokens any more."""
        for token, (holder, _) in self._tokens.items():
            if holder is account:
                self._tokens[token] = (holder, 0)

    def _expires_ms(self, request: Request) -> int:
        token = request.headers.get("x-bh-token", "")
        return self._tokens[token][1] if token in self._tokens else 0

    def _refused(self, code: int, message: str) -> Response:
        return self.error(self._error_status, code, message)


def _is_near(timestamp: str, now_ms: int) -> bool:
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 19
    return is_number and abs(int(timestamp) - now_ms) <= TOLERANCE_MS


def _is_signed(account: Account, timestamp: str, signature: str) -> bool:
    return hmac.compare_digest(_signature(account, timestamp).encode(), signature.encode())


def _signature(account: Account, timestamp: str) -> str:
    message = f"timestamp={timestamp}".encode()
    return hmac.digest(account.api_secret.encode(), message, hashlib.sha256).hex()
