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

from exporter.simulator.chance import octets
from exporter.simulator.exchange import Account
from exporter.simulator.messages import Call, CallKind, Request, Response, json_response
from exporter.simulator.rows import Rows, Style, decode, encode

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


class BtcTurk:
    """Respond as BtcTurk does; with `empty_401` a refusal has no body, as seen of late."""

    name = "btcturk"
    calls: Mapping[str, CallKind] = {
        "/api/v1/users/balances": "balances",
        "/api/v2/server/time": "time",
    }
    style = Style("btcturk", _FIELDS, separator=",", least_decimals=0)

    def __init__(self, *, empty_401: bool = False) -> None:
        """Begin without accounts."""
        self._empty_401 = empty_401
        self._accounts: dict[str, Account] = {}
        self._last_stamps: dict[str, int] = {}

    def new_credentials(self, *seed: object) -> tuple[str, str]:
        """Return a UUID and 24 bytes in base64."""
        key = str(uuid.UUID(bytes=octets(16, *seed, "key"), version=4))
        return key, base64.b64encode(octets(24, *seed, "secret")).decode()

    def add(self, account: Account) -> None:
        """Know an account from now on; its secret must be base64."""
        try:
            base64.b64decode(account.api_secret, validate=True)
        except binascii.Error:
            raise ValueError(f"account {account.name}: a BtcTurk secret is base64") from None
        self._accounts[account.api_key] = account

    def account_of(self, request: Request) -> Account | None:
        """Return the account whose key a request names."""
        return self._accounts.get(request.headers.get("x-pck", ""))

    def refusal(self, call: Call, account: Account | None, now_ms: int) -> Response | None:
        """Check key, signature and stamp: the stamps of a key must rise and be within 5 s."""
        if call.kind == "time":
            return None
        if account is None or not account.is_active:
            return self._unauthorised("Invalid Public key")
        stamp = call.request.headers.get("x-stamp", "")
        if not _is_signed(account, stamp, call.request.headers.get("x-signature", "")):
            return self._unauthorised("Invalid Nonce")
        if not self._accepts(int(stamp), account, now_ms):
            return self._unauthorised("Invalid Nonce")
        return None

    def answer(self, call: Call, account: Account | None, now_ms: int) -> Response:  # noqa: ARG002
        """Return the server's time, the one other call."""
        return json_response(200, {"serverTime": now_ms, "serverTime2": _iso(now_ms)})

    def balances(self, rows: Rows, account: Account) -> bytes:  # noqa: ARG002
        """Return the documented answer."""
        listed = encode(rows, self.style)
        return b'{"data":' + listed + b',"success":true,"message":null,"code":0}'

    def rows_of(self, body: bytes) -> Rows | None:
        """Return the rows of a body in BtcTurk's shape."""
        return decode(body, self.style, "data")

    def too_many_requests(self) -> Response:
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

    def expire_tokens(self, account: Account) -> None:
        """Do nothing: there are no tokens here."""

    def _accepts(self, stamp: int, account: Account, now_ms: int) -> bool:
        if abs(stamp - now_ms) > TOLERANCE_MS or stamp <= self._last_stamps.get(account.api_key, 0):
            return False
        self._last_stamps[account.api_key] = stamp
        return True

    def _unauthorised(self, why: str) -> Response:
        if self._empty_401:
            return Response(401)
        # `success` is true: so it was recorded.
        content = {"success": True, "message": f"Unauthorized - {why}", "code": 1037}
        return json_response(401, content)


def _is_signed(account: Account, stamp: str, signature: str) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 19):
        return False
    key = base64.b64decode(account.api_secret)
    expected = hmac.digest(key, (account.api_key + stamp).encode(), hashlib.sha256)
    return hmac.compare_digest(base64.b64encode(expected), signature.encode())


def _iso(now_ms: int) -> str:
    return f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
