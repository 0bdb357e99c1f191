"""What the accounts of one API share."""

import asyncio

from exporter.clock import Clock
from exporter.endpoints import Endpoint
from exporter.exchanges import EXCHANGES
from exporter.model import Reading
from exporter.simulator import Fault, Simulator
from exporter.simulator.on_wire import late
from tests.accounts import simulated

SLOW = Fault("slow", "The answer comes after a tenth of a second.", deliver=late(0.1))


async def test_fifty_polls_that_see_their_token_expire_at_once_make_one_new_token():
    async with Simulator(limits={"trubit": None}) as simulator:
        key = simulator.add_account(exchange="trubit", name="a")
        accounts = [simulated(simulator, key, name=f"a{number}") for number in range(50)]
        endpoint = Endpoint(EXCHANGES["trubit"], 60_000, Clock())
        clients = [endpoint.connect(account) for account in accounts]
        for _ in range(2):
            simulator.expire_tokens(key)
            with simulator.show(SLOW):
                attempts = await asyncio.gather(*map(endpoint.poll, accounts, clients))
            assert all(isinstance(attempt.outcome, Reading) for attempt in attempts)
        await asyncio.gather(*(client.aclose() for client in clients))
        assert len(simulator.ledger.entries(call="token")) == 2
