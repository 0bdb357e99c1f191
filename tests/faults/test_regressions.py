"""Bugs that the fault matrix found, each as the shortest play that shows it."""

import gc
from collections.abc import Awaitable, Callable

import pytest

from exporter.exchanges import EXCHANGES
from exporter.simulator import Fault
from tests.faults.relay import listen, relay_to
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, World, opened, resources

Tell = Callable[[World], Awaitable[None]]


def play(exchange: str, tell: Tell) -> None:
    """Run a story in a world in virtual time."""

    async def main() -> None:
        async with opened(exchange) as world:
            await tell(world)

    run(main)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_what_is_left_of_a_bad_response_spoils_no_later_poll(exchange: str):
    async def tell(world: World) -> None:
        async with world.polling():
            await world.run(INTERVAL + 5)
            with world.simulator.show("short_length", account="victim", times=1):
                await world.run(INTERVAL)
            page = await world.run(2 * INTERVAL)
        assert page.failures(world.victim.key) == {"bad_response": 1}

    play(exchange, tell)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_response_that_was_there_before_its_request_is_not_believed(exchange: str):
    async def twice(wire: object, response: object) -> None:
        whole = response.head() + response.body  # type: ignore[attr-defined]
        await wire.send(whole + whole)  # type: ignore[attr-defined]

    fault = Fault("sent_twice", "The response, and the same once more.", deliver=twice)

    async def tell(world: World) -> None:
        async with world.polling():
            await world.run(INTERVAL + 5)
            with world.simulator.show(fault, account="victim", call="balances", times=1):
                await world.run(INTERVAL)
            world.simulator.set_balances(world.simulated(world.victim), {"BTC": ("7", "7", "0")})
            page = await world.run(INTERVAL)
        assert page.total(world.victim.key) == "7"
        assert page.failures(world.victim.key) == {}

    play(exchange, tell)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_response_whose_copy_begins_early_never_passes_for_the_next_one(exchange: str):
    begun: list[bytes] = []

    async def twice(wire: object, response: object) -> None:
        whole = response.head() + response.body  # type: ignore[attr-defined]
        await wire.send(begun.pop()[20:] if begun else b"")  # type: ignore[attr-defined]
        await wire.send(whole + whole[:20])  # type: ignore[attr-defined]
        begun.append(whole)

    fault = Fault("copied_early", "Each response twice, 20 bytes of it early.", deliver=twice)

    async def tell(world: World) -> None:
        async with world.polling():
            await world.run(INTERVAL + 5)
            with world.simulator.show(fault, account="victim", call="balances"):
                for total in ("2", "3", "4"):
                    begun.clear()
                    amounts = {"BTC": (total, total, "0")}
                    world.simulator.set_balances(world.simulated(world.victim), amounts)
                    page = await world.run(INTERVAL)
                    assert page.total(world.victim.key) in {total, None}

    play(exchange, tell)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_handshake_that_stalls_leaves_no_connection_behind(exchange: str):
    async def tell(world: World) -> None:
        async with relay_to(world.simulator.url) as relay:
            await relay.close()
            await relay.open(listen)
            world.poll_victim_at(f"https://127.0.0.1:{relay.port}")
            async with world.polling():
                await world.run(INTERVAL - 5)
                before = resources()
                gc.disable()
                try:
                    await world.run(3 * INTERVAL)
                finally:
                    gc.enable()
                assert resources() == before

    play(exchange, tell)
