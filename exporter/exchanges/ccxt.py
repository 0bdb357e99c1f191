"""Read balances from any exchange that ccxt knows, as `ccxt:kraken`: experimental.

ccxt: https://docs.ccxt.com. It signs requests and names what responses hold; this exporter sends,
decodes and judges.
Limits: those that ccxt knows, at most 60 requests a minute for each address.
Units: amounts are in the asset itself. What an exchange omits from total, free and locked is
derived exactly from the other two, and the asset's name says so.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

from exporter.amounts import AmountError, exact_difference
from exporter.credentials import Credential, Secret
from exporter.errors import BadResponseError, PollError, RejectedError
from exporter.exchange_api.base import Exchange
from exporter.exchange_api.ccxt_client import CcxtClient, Rows, known_exchanges
from exporter.exchange_api.messages import ApiRequest, ApiResponse
from exporter.exchange_api.registry import ExchangeFamily
from exporter.exchange_api.rows import Amounts, Row, RowError, read_rows, total_of
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import Session
from exporter.model import Account, Amount, Balance, BalancesResponse

MAX_REQUESTS_PER_MINUTE = 60
MAX_REQUESTS = 4
"""Most requests of one poll; an exchange that needs more is not supported."""

# ccxt's names of credentials, and ours.
_CREDENTIALS = {
    "apiKey": "api_key",
    "secret": "api_secret",
    "uid": "uid",
    "login": "login",
    "password": "password",
    "privateKey": "private_key",
    "walletAddress": "wallet_address",
    "token": "token",
}
_PROBE = dict.fromkeys(_CREDENTIALS, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")  # base64, as some require
_ZERO = Amount("0")
_FIELDS = ("total", "free", "used")


class _ProbedError(Exception):
    """A request was made by a probe, and not sent."""


def find(name: str) -> Exchange | None:
    """Return an exchange by ccxt's name; None if ccxt does not know it, or can't sign for it."""
    if name not in known_exchanges():
        return None
    probe = CcxtClient(name, _PROBE, _never)
    if (host := _host_of(probe)) is None:
        return None
    return Exchange(
        name=name,
        api=lambda clock: CcxtApi(name, host, clock),
        parse_balances=lambda body: _parse(probe, body),
        base_url=f"https://{host}",
        balances_path="",
        requests_per_minute=max(1, min(MAX_REQUESTS_PER_MINUTE, int(probe.requests_per_minute))),
        credentials=(
            tuple(Credential(_CREDENTIALS[asked]) for asked in _known(probe.required_credentials)),
        ),
    )


def _advice() -> str:
    if not known_exchanges():
        return "ccxt is not installed: pip install 'exchange-balance-exporter[ccxt]'"
    return "ccxt has no exchange of this name that can be polled; see docs/ccxt.md"


FAMILY = ExchangeFamily("ccxt", find, _advice)


class CcxtApi:
    """Poll accounts of one exchange, each with a client of its own.

    A client follows one poll at a time, so accounts that share a key must not share it.
    """

    def __init__(self, name: str, host: str, clock: ServerClock) -> None:
        """Send to one host only, and sign with the exchange's own time."""
        self._name = name
        self._host = host
        self._milliseconds = _rising(lambda: int(clock.now() * 1000))
        self._clients: dict[str, tuple[Mapping[str, Secret], CcxtClient]] = {}

    async def fetch_balances(
        self,
        account: Account,
        credentials: Mapping[str, Secret],
        session: Session,
    ) -> BalancesResponse:
        """Return the balances of an account."""
        client = self._client_of(account.name, credentials)
        sent = 0

        async def send(url: str, method: str, headers: Mapping[str, str], body: bytes) -> object:
            nonlocal sent
            sent += 1
            if sent > MAX_REQUESTS:
                raise RejectedError(f"more than {MAX_REQUESTS} requests for one poll")
            request = _request(url, method, headers, body, self._host)
            response = await session.send(lambda: request)
            return client.document_of(response, url, method)

        client.send = send
        return _read(await client.fetch())

    def _client_of(self, account: str, credentials: Mapping[str, Secret]) -> CcxtClient:
        known = self._clients.get(account)
        if known is not None and known[0] == credentials:
            return known[1]
        named = {
            theirs: credentials[ours].reveal()
            for theirs, ours in _CREDENTIALS.items()
            if ours in credentials
        }
        client = CcxtClient(self._name, named, _never)
        client.date_by(self._milliseconds)
        self._clients[account] = credentials, client
        return client


def _known(asked: list[str]) -> list[str]:
    return [name for name in asked if name in _CREDENTIALS]


def _rising(now_ms: Callable[[], int]) -> Callable[[], int]:
    """Return a clock in ms that never shows the same time twice."""
    last = 0

    def milliseconds() -> int:
        nonlocal last
        last = max(now_ms(), last + 1)
        return last

    return milliseconds


async def _never(url: str, _method: str, _headers: Mapping[str, str], _body: bytes) -> object:
    raise _ProbedError(url)


def _host_of(probe: CcxtClient) -> str | None:
    """Return the host of the first request; None if that can't be signed, or has no TLS."""
    seen: list[str] = []

    async def note(url: str, method: str, headers: Mapping[str, str], body: bytes) -> object:
        seen.append(url)
        return await _never(url, method, headers, body)

    probe.send = note
    with suppress(PollError):
        _run(probe)
    parts = urlsplit(seen[0]) if seen else None
    return parts.netloc if parts and parts.scheme == "https" else None


def _run(probe: CcxtClient) -> Rows:
    """Run a client that sends nothing, in a loop of its own: the caller's may be running."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(probe.fetch())).result()


def _parse(probe: CcxtClient, body: bytes) -> BalancesResponse:
    async def respond(url: str, method: str, _headers: Mapping[str, str], _body: bytes) -> object:
        return probe.document_of(ApiResponse(200, body), url, method)

    probe.send = respond
    return _read(_run(probe))


def _request(
    url: str, method: str, headers: Mapping[str, str], body: bytes, host: str
) -> ApiRequest:
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.netloc != host:
        raise RejectedError("ccxt would send the key to another host")
    query = f"?{parts.query}" if parts.query else ""
    return ApiRequest(f"{parts.path or '/'}{query}", headers, method=method, body=body)


def _read(rows: Rows) -> BalancesResponse:
    listed = [
        {"asset": code, **{field: row.get(field) for field in _FIELDS}}
        for code, row in rows.items()
    ]
    amounts = Amounts(listed, *_FIELDS)

    def read_row(asset: str, row: Row) -> Balance:
        total, free, used = (amounts.read_optional(row, field) for field in _FIELDS)
        derived = [name for name in _FIELDS if row.get(name) is None]
        if len(derived) > 1:
            raise RowError(f"{' and '.join(derived)} are missing")
        if total is None:
            total = total_of(free or _ZERO, used or _ZERO)
        free = _difference(total, used) if free is None else free
        used = _difference(total, free) if used is None else used
        return Balance(asset, total, free, used, asset_name=_mark(derived))

    response = read_rows(listed, read_row)
    if not response.balances:
        raise BadResponseError("no balance could be read")
    return response


def _mark(derived: list[str]) -> str:
    """Return what the asset's name says of an amount that the exchange did not give."""
    return f"{derived[0].replace('used', 'locked')} derived by this exporter" if derived else ""


def _difference(total: Amount, part: Amount | None) -> Amount:
    if part is None:
        raise RowError("free and used are missing")
    try:
        return exact_difference(total, part)
    except AmountError as error:
        raise RowError(f"the difference of total and a part is {error}") from None
