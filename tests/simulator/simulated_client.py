"""Send requests to the simulator as a client does."""

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from exporter.simulator import Account, Simulator, simulated_exchanges
from exporter.simulator.messages import CallKind, Request
from exporter.simulator.rows import Style

NOON = 1_767_268_800.0
IMPATIENT = 0.2
"""Seconds to wait for more of a response that is known to stall."""


class Clock:
    """Show a time in seconds that only tests move."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Client:
    """Send good requests, each a millisecond after the one before by the test's clock."""

    def __init__(self, simulator: Simulator, http: httpx.AsyncClient, clock: Clock) -> None:
        self.http = http
        self._simulator = simulator
        self._clock = clock

    def stamp(self) -> str:
        self._clock.now += 0.001
        return str(round(self._clock.now * 1000))

    def signed(self, account: Account, kind: CallKind = "balances") -> Request:
        exchange = self._simulator.exchanges[account.exchange]
        return exchange.sign(account, kind, int(self.stamp()))

    async def send(self, account: Account, kind: CallKind = "balances") -> httpx.Response:
        request = self.signed(account, kind)
        return await self.http.request(
            request.method, request.path, params=dict(request.query), headers=dict(request.headers)
        )

    async def balances(self, account: Account) -> httpx.Response:
        return await self.send(account)

    async def token(self, account: Account) -> httpx.Response:
        return await self.send(account, "token")

    async def raw(self, account: Account, most: int = 3_000_000, patience: float = 5.0) -> bytes:
        """Return the bytes of the response to a request for balances, until it ends or stalls.

        A reset ends them too. `patience` is in seconds.
        """
        received = b""
        async with connected(self._simulator) as (reader, writer):
            writer.write(self.request(account, "Connection: close"))
            with suppress(TimeoutError, ConnectionResetError):
                while len(received) < most:
                    async with asyncio.timeout(patience):
                        if not (data := await reader.read(65_536)):
                            break
                    received += data
        return received

    def request(self, account: Account, *more: str) -> bytes:
        signed = self.signed(account)
        query = f"?{urlencode(signed.query)}" if signed.query else ""
        lines = [f"{signed.method} {signed.path}{query} HTTP/1.1", "Host: exchange.test:80"]
        lines += [f"{name}: {text}" for name, text in signed.headers.items()]
        return "\r\n".join([*lines, *more, "", ""]).encode()


class TokenClient(Client):
    """Keep the token that it got first for each account."""

    def __init__(self, simulator: Simulator, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(simulator, http, clock)
        self._tokens: dict[str, str] = {}

    async def balances(self, account: Account) -> httpx.Response:
        if account.name not in self._tokens:
            self._tokens[account.name] = (await self.token(account)).json()["data"]["token"]
        headers = {"X-BH-TOKEN": self._tokens[account.name]}
        return await self.http.get("/v2/user/account/assets", headers=headers)


def btcturk_headers(account: Account, stamp: str) -> dict[str, str]:
    key = base64.b64decode(account.api_secret)
    signature = base64.b64encode(hmac.digest(key, (account.api_key + stamp).encode(), "sha256"))
    return {"X-PCK": account.api_key, "X-Stamp": stamp, "X-Signature": signature.decode()}


def trubit_query(account: Account, timestamp: str) -> dict[str, str]:
    message = f"timestamp={timestamp}".encode()
    signature = hmac.digest(account.api_secret.encode(), message, "sha256").hex()
    return {"timestamp": timestamp, "signature": signature}


def address(simulator: Simulator) -> tuple[str, int]:
    split = urlsplit(simulator.url)
    assert split.hostname is not None
    assert split.port is not None
    return split.hostname, split.port


@asynccontextmanager
async def connected(
    simulator: Simulator,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*address(simulator))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def split(received: bytes) -> tuple[str, bytes]:
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


def status(received: bytes) -> int:
    return int(received[9:12])


def listed(account: Account, body: bytes) -> list[dict[str, Any]]:
    """Return the rows of a response under the simulator's own field names."""
    rows = simulated_exchanges()[account.exchange]().rows_of(body)
    assert rows is not None
    return [dict(row.fields) for row in rows]


def style(account: Account) -> Style:
    return simulated_exchanges()[account.exchange].style


async def rows_with(fault: str, simulator: Simulator, client: Client, account: Account) -> Any:
    with simulator.show(fault):
        return listed(account, split(await client.raw(account))[1])


async def body_with(fault: str, simulator: Simulator, client: Client, account: Account) -> bytes:
    with simulator.show(fault):
        return split(await client.raw(account))[1]
