"""After an outage of 500 accounts they come back within a round, and never together."""

import asyncio
from collections import Counter
from typing import cast

import pytest

from exporter.exposition.pages import PageRenderer
from exporter.polling.poller import Poller
from exporter.polling.snapshots import SnapshotStore
from exporter.simulator import Simulator
from tests.accounts import simulated
from tests.faults.virtual_time import Clocks, VirtualLoop, run

ACCOUNTS = 500
LIMIT = 600
INTERVAL = 60.0
OUTAGE = 65.0


async def outage(fault: str, back_within: float) -> None:
    clocks = Clocks(cast("VirtualLoop", asyncio.get_running_loop()))
    async with Simulator(
        clock=clocks.true,
        monotonic=clocks.loop.time,
        limits={"btcturk": LIMIT},
        ledger_size=100_000,
    ) as simulator:
        store = SnapshotStore(PageRenderer())
        async with asyncio.TaskGroup() as tasks:
            poller = Poller(store, tasks, clocks.ours)
            await poller.reconcile(accounts(simulator), {"btcturk": LIMIT, "trubit": LIMIT})
            await asyncio.sleep(INTERVAL + 5)
            assert up(store) == ACCOUNTS
            with simulator.show(fault):
                await asyncio.sleep(OUTAGE)
                assert up(store) < ACCOUNTS
            over = clocks.loop.time()
            while up(store) < ACCOUNTS:
                await asyncio.sleep(1.0)
                assert clocks.loop.time() < over + back_within, f"{up(store)} are back"
            await poller.stop()
        assert simulator.ledger.most_requests("btcturk") <= LIMIT
        seconds = Counter(entry.began // 1 for entry in simulator.ledger)
        assert max(seconds.values()) <= LIMIT / 60 + 1, "they came back together"


def accounts(simulator: Simulator):
    balances = {"BTC": ("1", "1", "0")}
    for number in range(ACCOUNTS):
        account = simulator.add_account(exchange="btcturk", name=f"{number}", balances=balances)
        yield simulated(simulator, account, interval=INTERVAL, timeout=10.0)


def up(store: SnapshotStore) -> int:
    return sum(state.up for state in store.states.values())


@pytest.mark.parametrize(
    ("fault", "back_within"),
    [("silence", INTERVAL + 15), ("http_429", 2 * INTERVAL + 60)],
)
def test_500_accounts_come_back_in_turn(fault: str, back_within: float):
    run(lambda: outage(fault, back_within))
