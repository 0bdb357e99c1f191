"""What the accounts of one API share."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from exporter.credentials import Secret, SecretFile
from exporter.errors import AuthenticationError
from exporter.exchanges import EXCHANGES
from exporter.model import BalancesResponse, Network
from exporter.polling.endpoint import Endpoint, EndpointKey
from exporter.polling.rate_limit import Refusal
from exporter.runtime.clock import Clock
from exporter.simulator import Fault, Simulator, no_limits
from exporter.simulator.faults.on_wire import late
from tests.accounts import make_account, simulated
from tests.faults.virtual_time import run
from tests.faults.world import opened

SLOW = Fault("slow", "The response takes a tenth of a second.", deliver=late(0.1))


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
            assert all(isinstance(attempt.outcome, BalancesResponse) for attempt in attempts)
        await asyncio.gather(*(client.aclose() for client in clients))
        assert len(simulator.ledger.entries(call="token")) == 2


def test_a_token_with_a_short_life_is_renewed_at_half_of_it():
    async def main() -> None:
        async with opened("trubit", options={"trubit": {"token_lifetime": 50.0}}) as world:
            victim = replace(world.victim, interval=20.0)
            async with world.polling([victim]):
                page = await world.run(110)
            assert page.failures(victim.key) == {}
            made = [entry.began for entry in world.simulator.ledger.entries(call="token")]
            assert [round(began - made[0]) for began in made] == [
                0,
                39,
                79,
            ]  # the first poll is a second late

    run(main)


async def test_waiting_for_another_accounts_token_costs_no_timeout():
    async with Simulator(limits=no_limits()) as simulator:
        key = simulator.add_account(exchange="trubit", name="a")
        patient = simulated(simulator, key, name="patient", timeout=5.0)
        hasty = simulated(simulator, key, name="hasty", timeout=0.5)
        endpoint = Endpoint(EXCHANGES["trubit"], 60_000, Clock())
        clients = [endpoint.connect(account) for account in (patient, hasty)]
        slow = Fault("slow_token", "The token takes a second.", deliver=late(1.0), only="token")
        with simulator.show(slow):
            first = asyncio.create_task(endpoint.poll(patient, clients[0]))
            await asyncio.sleep(0.1)
            second = await endpoint.poll(hasty, clients[1])
            assert isinstance((await first).outcome, BalancesResponse)
        await asyncio.gather(*(client.aclose() for client in clients))
        assert isinstance(second.outcome, BalancesResponse), second.outcome


async def test_a_key_is_judged_at_the_proxy_of_the_request_although_it_changed_during_a_pause(
    tmp_path: Path,
):
    file = tmp_path / "proxy"
    file.write_text("http://old.example:3128")
    account = make_account(network=Network(proxy_url=SecretFile(file)))
    now, judged = 1000.0, []

    async def rotate(seconds: float) -> None:
        nonlocal now
        now += seconds
        file.write_text("http://new.example:3128")

    def hold_back(egress: str, _credentials: Mapping[str, Secret]) -> Refusal:
        judged.append(egress)
        return Refusal(None, 1, math.inf, AuthenticationError("HTTP 401"))

    endpoint = Endpoint(
        EXCHANGES["btcturk"],
        600,
        Clock(lambda: now),
        key=EndpointKey("btcturk", "", "old.example:3128"),
        sleep=rotate,
    )
    endpoint.pause.until = now + 60
    result = await endpoint.poll(account, endpoint.connect(account), hold_back)
    assert judged == ["new.example:3128"]
    assert result.egress == "new.example:3128"
