"""Show every exchange of ccxt odd responses, without a socket, and say what it makes of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from exporter.credentials import Secret
from exporter.errors import PollError
from exporter.exchange_api.base import Exchange
from exporter.exchange_api.ccxt_client import known_exchanges
from exporter.exchange_api.messages import ApiRequest, ApiResponse
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchanges import EXCHANGES
from exporter.exchanges.ccxt import CcxtApi
from exporter.model import Account, BalancesResponse
from exporter.runtime.clock import Clock

if TYPE_CHECKING:
    from exporter.exchange_api.session import Session

SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

STUBS: dict[str, ApiResponse] = {
    "html": ApiResponse(200, b"<html><body>Welcome</body></html>"),
    "truncated": ApiResponse(200, b'{"code":"0","data":[{"ccy":"BTC","bal":"1'),
    "empty object": ApiResponse(200, b"{}"),
    "empty body": ApiResponse(200, b""),
    "null": ApiResponse(200, b"null"),
    "empty list": ApiResponse(200, b"[]"),
    "list": ApiResponse(200, b'[1,"a",null]'),
    "other shape": ApiResponse(200, b'{"status":"ok","time":1700000000}'),
    "302": ApiResponse(302, b"", headers={"location": "https://example.com/"}),
    "401": ApiResponse(401, b'{"error":"unauthorized"}'),
    "403": ApiResponse(403, b"<html>Access denied</html>"),
    "429": ApiResponse(429, b'{"error":"too many requests"}'),
    "500": ApiResponse(500, b"oops"),
}

Respond = Callable[[ApiRequest], ApiResponse]


class _StubSession:
    """Return one response to every request; nothing is sent."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    async def send(self, make_request: Callable[[], ApiRequest]) -> ApiResponse:
        response = self._respond(make_request())
        await asyncio.sleep(0)  # as other polls go on while one waits
        return response


def responding(status: int, body: bytes) -> Respond:
    return lambda _request: ApiResponse(status, body)


def fetched(name: str, respond: Respond, host: str | None = None) -> BalancesResponse:
    """Return what a poll of an exchange makes of a response; raises its `PollError`."""
    exchange = EXCHANGES[f"ccxt:{name}"]
    clock = ServerClock(Clock())
    api = CcxtApi(name, host, clock) if host else exchange.api(clock)
    credentials = {each.name: Secret(SECRET) for each in exchange.credentials[0]}
    account = Account("a", exchange.name, exchange.base_url, "", credentials)
    session = cast("Session", _StubSession(respond))
    return asyncio.run(api.fetch_balances(account, credentials, session))


async def fetched_at_once(
    name: str, respond: Respond, accounts: Sequence[str]
) -> list[BalancesResponse]:
    """Return what polls of several accounts with one key make of a response, all at once."""
    exchange = EXCHANGES[f"ccxt:{name}"]
    api = exchange.api(ServerClock(Clock()))
    credentials = {each.name: Secret(SECRET) for each in exchange.credentials[0]}
    session = cast("Session", _StubSession(respond))
    polls = (
        api.fetch_balances(
            Account(account, exchange.name, exchange.base_url, "", credentials),
            credentials,
            session,
        )
        for account in accounts
    )
    return await asyncio.gather(*polls)


def outcome(exchange: Exchange, stub: str) -> str:
    """Return `balances`, or the reason for which a poll that gets a stub fails."""
    try:
        fetched(exchange.name, lambda _request: STUBS[stub])
    except PollError as error:
        return error.reason
    return "balances"


def main() -> None:
    """Print how many exchanges make what of each stub."""
    names = [name for name in known_exchanges() if EXCHANGES.get(f"ccxt:{name}")]
    print(f"{len(names)} of {len(known_exchanges())} exchanges can be polled\n")
    for stub in STUBS:
        counted = Counter(outcome(EXCHANGES[f"ccxt:{name}"], stub) for name in names)
        print(f"{stub:14}", ", ".join(f"{reason} {count}" for reason, count in counted.items()))


if __name__ == "__main__":
    main()
