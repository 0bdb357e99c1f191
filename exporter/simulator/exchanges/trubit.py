"""Simulate TruBit Business' assets call and the making of the tokens that it asks for.

The signature of a token's request is lower-case hex of HMAC-SHA256 over `timestamp=<ms>`, with the
secret's own characters as the key. No answer to an expired token is documented: here it is -1002.
"""

import hashlib
import hmac
import uuid
from collections.abc import Mapping

from exporter.simulator.chance import octets, text
from exporter.simulator.exchange import Account
from exporter.simulator.messages import Call, CallKind, Request, Response, json_response
from exporter.simulator.rows import Rows, Style, decode, encode

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


class TruBit:
    """Respond as TruBit Business does.

    Tokens live for `token_lifetime` seconds. Errors have the HTTP status `error_status`: codes in
    a 200 are documented, others were not ruled out.
    """

    name = "trubit"
    calls: Mapping[str, CallKind] = {
        "/v2/user/account/assets": "balances",
        "/v2/assets/account/assets": "balances",
        "/v2/token/generate": "token",
    }
    style = Style("trubit", _FIELDS, separator=".", least_decimals=1)

    def __init__(self, *, token_lifetime: float = 3600.0, error_status: int = 200) -> None:
        """Begin without accounts and tokens."""
        self._token_lifetime_ms = int(token_lifetime * 1000)
        self._error_status = error_status
        self._accounts: dict[str, Account] = {}
        self._tokens: dict[str, tuple[Account, int]] = {}
        self._issued = 0

    def new_credentials(self, *seed: object) -> tuple[str, str]:
        """Return two texts of 64 letters and digits."""
        return text(64, *seed, "key"), text(64, *seed, "secret")

    def add(self, account: Account) -> None:
        """Know an account from now on."""
        self._accounts[account.api_key] = account

    def account_of(self, request: Request) -> Account | None:
        """Return the account of the token that a request holds, or else of its key.

        A token keeps its account after it expired, so that faults for the account still find it.
        """
        token = request.headers.get("x-bh-token")
        if token is not None:
            return self._tokens[token][0] if token in self._tokens else None
        return self._accounts.get(request.headers.get("x-bh-apikey", ""))

    def refusal(self, call: Call, account: Account | None, now_ms: int) -> Response | None:
        """Check a token's request by key, time and signature, any other by its token."""
        if account is None or not account.is_active:
            return self._error(UNAUTHORISED, "Unauthorized")
        if call.kind != "token":
            is_good = now_ms < self._expires_ms(call.request)
            return None if is_good else self._error(UNAUTHORISED, "Unauthorized")
        timestamp = call.request.query.get("timestamp", "")
        if not _is_near(timestamp, now_ms):
            return self._error(INVALID_TIMESTAMP, "Timestamp for this request is not valid")
        if not _is_signed(account, timestamp, call.request.query.get("signature", "")):
            return self._error(INVALID_SIGNATURE, "Signature for this request is not valid")
        return None

    def answer(self, call: Call, account: Account | None, now_ms: int) -> Response:  # noqa: ARG002
        """Return a new token, the one other call."""
        assert account is not None  # noqa: S101 - `refusal` came first
        expires_ms = now_ms + self._token_lifetime_ms
        token = self.issue_token(account, expires_ms)
        data = {"token": token, "expireTime": str(expires_ms)}
        return json_response(200, {"code": 200, "msg": "SUCCESS", "data": data})

    def issue_token(self, account: Account, expires_ms: int) -> str:
        """Return a token for an account; those it has stay good."""
        self._issued += 1
        token = str(uuid.UUID(bytes=octets(16, account.api_secret, self._issued), version=4))
        self._tokens[token] = (account, expires_ms)
        if len(self._tokens) > _MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        return token

    def balances(self, rows: Rows, account: Account) -> bytes:
        """Return the documented answer."""
        can_deposit = b"true" if account.can_deposit else b"false"
        listed = encode(rows, self.style)
        data = b'{"canDeposit":' + can_deposit + b',"balances":' + listed + b"}"
        return b'{"code":200,"msg":"SUCCESS","data":' + data + b"}"

    def rows_of(self, body: bytes) -> Rows | None:
        """Return the rows of a body in TruBit's shape."""
        return decode(body, self.style, "data", "balances")

    def too_many_requests(self) -> Response:
        """Return a 429 with the code that stands for too many requests."""
        return json_response(429, {"code": TOO_MANY_REQUESTS, "msg": "Too many requests"})

    def expire_tokens(self, account: Account) -> None:
        """Accept none of an account's tokens any more."""
        for token, (holder, _) in self._tokens.items():
            if holder is account:
                self._tokens[token] = (holder, 0)

    def _expires_ms(self, request: Request) -> int:
        token = request.headers.get("x-bh-token", "")
        return self._tokens[token][1] if token in self._tokens else 0

    def _error(self, code: int, message: str) -> Response:
        return json_response(self._error_status, {"code": code, "msg": message})


def _is_near(timestamp: str, now_ms: int) -> bool:
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 19
    return is_number and abs(int(timestamp) - now_ms) <= TOLERANCE_MS


def _is_signed(account: Account, timestamp: str, signature: str) -> bool:
    message = f"timestamp={timestamp}".encode()
    expected = hmac.digest(account.api_secret.encode(), message, hashlib.sha256).hex()
    return hmac.compare_digest(expected.encode(), signature.encode())
