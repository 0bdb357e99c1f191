"""Poll as this project does, or with bare httpx, as often as the benchmark says."""

import asyncio
import sys
import time
from dataclasses import replace

import httpx

from benchmarks.servers.loopback_exchange import CHANGING
from exporter.credentials import Secret
from exporter.exchanges.btcturk import EXCHANGE, parse_balances, sign
from exporter.exposition.pages import PageRenderer
from exporter.model import Account, BalancesResponse
from exporter.polling.endpoint import Endpoint
from exporter.polling.snapshots import PollResult, PollSchedule, SnapshotStore
from exporter.runtime.clock import Clock

_UNLIMITED = 10**9  # requests a minute
_KEY, _SECRET = "b8c1b9f4-0000-4000-8000-000000000001", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


class Polls:
    """Poll one account, whose balances change or not, over one connection that is kept."""

    def __init__(self, base_url: str, store: SnapshotStore, clock: Clock) -> None:
        """Prepare, without connecting."""
        self.account = Account(
            name="polled",
            exchange=EXCHANGE.name,
            base_url=base_url,
            balances_path=CHANGING,
            credentials={"api_key": Secret(_KEY), "api_secret": Secret(_SECRET)},
        )
        self._resting = replace(self.account, balances_path=EXCHANGE.balances_path)
        self._endpoint = Endpoint(EXCHANGE, _UNLIMITED, clock)
        self._client = self._endpoint.connect(self.account)
        self._body = b""
        self._bare = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113 - loopback
        self._store = store
        self._clock = clock

    async def transfer(self) -> None:
        """Send a signed request with httpx alone, and read the response."""
        url = self.account.base_url + self.account.balances_path
        headers = {"Accept-Encoding": "identity", **sign(_KEY, _SECRET, time.time_ns() // 10**6)}
        async with self._bare.stream("GET", url, headers=headers) as response:
            self._body = b"".join([part async for part in response.aiter_raw()])

    async def parse(self) -> None:
        """Parse what was last transferred."""
        parse_balances(self._body)

    async def poll(self) -> PollResult:
        """Poll as the daemon does: sign, send, read, parse."""
        return await self._poll(self.account)

    async def _poll(self, account: Account) -> PollResult:
        result = await self._endpoint.poll(account, self._client)
        if not isinstance(result.outcome, BalancesResponse):
            raise result.outcome
        return result

    async def publish(self) -> float:
        """Poll, publish balances that changed, and return the seconds that the poll took."""
        result = await self.poll()
        self._store.record(self.account.key, result, result.wall + 60)
        return result.duration

    async def publish_unchanged(self) -> None:
        """Poll, and publish the same balances again."""
        result = await self._poll(self._resting)
        self._store.record(self.account.key, result, result.wall + 60)

    async def aclose(self) -> None:
        """Close both connections."""
        await self._client.aclose()
        await self._bare.aclose()


async def run(base_url: str) -> None:
    """Do what each line of standard input says, so many times, and print the CPU time of it."""
    clock = Clock()
    store = SnapshotStore(PageRenderer())
    polls = Polls(base_url, store, clock)
    store.configure({polls.account.key: PollSchedule(polls.account, 60.0, 300.0)}, 0.0)
    print("ready", flush=True)
    for line in sys.stdin:
        step, count = line.split()
        before = time.process_time()
        for _ in range(int(count)):
            await getattr(polls, step)()
        print("took", time.process_time() - before, flush=True)
    await polls.aclose()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
