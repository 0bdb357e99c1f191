"""After an outage hundreds of accounts come back soon, and never together."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import pytest

from exporter.exposition import RenderedBalances, render_balances
from exporter.model import Account
from exporter.pace import MAX_PAUSE, PERIOD, REFUSED_IN_A_ROW
from exporter.poller import Poller
from exporter.simulator import Simulator
from exporter.snapshots import SnapshotStore
from tests.accounts import simulated
from tests.faults.virtual_time import Clocks, VirtualLoop, run

LIMIT = 600
INTERVAL = 60.0
OUTAGE = 65.0


@dataclass(slots=True)
class Many:
    """Hold many accounts that are polled."""

    simulator: Simulator
    store: SnapshotStore[RenderedBalances]

    @property
    def up(self) -> int:
        return sum(state.up for state in self.store.states.values())

    async def come_back(self, within: float) -> None:
        now = asyncio.get_running_loop().time
        end = now() + within
        while self.up < len(self.store.states):
            await asyncio.sleep(1.0)
            assert now() < end, f"{self.up} are back"

    def refused(self, since: float, until: float) -> int:
        entries = self.simulator.ledger.entries("btcturk")
        return sum("http_401" in e.faults for e in entries if since <= e.began < until)


@asynccontextmanager
async def polling(count: int) -> AsyncIterator[Many]:
    """Poll so many accounts, and check in the end that they never came together."""
    clocks = Clocks(cast("VirtualLoop", asyncio.get_running_loop()))
    async with Simulator(
        clock=clocks.true,
        monotonic=clocks.loop.time,
        limits={"btcturk": LIMIT},
        ledger_size=100_000,
    ) as simulator:
        store: SnapshotStore[RenderedBalances] = SnapshotStore(render_balances)
        async with asyncio.TaskGroup() as tasks:
            poller = Poller(store, tasks, clocks.ours)
            await poller.reconcile(accounts(simulator, count), {"btcturk": LIMIT, "trubit": LIMIT})
            yield Many(simulator, store)
            await poller.stop()
        assert simulator.ledger.most_requests("btcturk") <= LIMIT
        seconds = Counter(entry.began // 1 for entry in simulator.ledger)
        assert max(seconds.values()) <= LIMIT / 60 + 1, "they came together"


def accounts(simulator: Simulator, count: int) -> Iterator[Account]:
    balances = {"BTC": ("1", "1", "0")}
    for number in range(count):
        account = simulator.add_account(exchange="btcturk", name=f"{number}", balances=balances)
        yield simulated(simulator, account, interval=INTERVAL, timeout=10.0)


@pytest.mark.parametrize(
    ("fault", "back_within"),
    [("silence", INTERVAL + 15), ("http_429", 2 * INTERVAL + 60)],
)
def test_500_accounts_come_back_in_turn(fault: str, back_within: float):
    async def main() -> None:
        async with polling(500) as many:
            await asyncio.sleep(INTERVAL + 5)
            assert many.up == 500
            with many.simulator.show(fault):
                await asyncio.sleep(OUTAGE)
                assert many.up < 500
            await many.come_back(back_within)

    run(main)


def test_100_refused_accounts_are_no_reason_for_an_exchange_to_block_the_address():
    async def main() -> None:
        now = asyncio.get_running_loop().time
        async with polling(100) as many:
            with many.simulator.show("http_401"):
                await asyncio.sleep(INTERVAL + 5)
                assert many.refused(0, now()) <= REFUSED_IN_A_ROW + 2
                states = many.store.states.values()
                assert all(state.failures["authentication"] == state.polls > 0 for state in states)
                since = now()
                await asyncio.sleep(20 * PERIOD)
                assert many.refused(since, now()) <= 20
            await many.come_back(MAX_PAUSE + PERIOD + INTERVAL)

    run(main)


def test_an_account_that_works_keeps_its_rhythm_beside_99_refused_ones():
    async def main() -> None:
        async with polling(100) as many:
            await asyncio.sleep(INTERVAL + 5)
            with ExitStack() as faults:
                for number in range(1, 100):
                    faults.enter_context(many.simulator.show("http_401", account=f"{number}"))
                await asyncio.sleep(5 * INTERVAL)
                assert many.up == 1
            healthy = many.simulator.ledger.entries("btcturk", "0")
            gaps = [later.began - earlier.began for earlier, later in pairwise(healthy)]
            assert len(healthy) == 7
            assert max(gaps) < INTERVAL + 1

    run(main)
