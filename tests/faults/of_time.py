"""Check what must be visible of faults of time: stalls, lateness, and what hangs."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise

from exporter.exchanges import EXCHANGES as REGISTERED
from exporter.model import Account
from exporter.runtime.loop_lag import watch_loop
from exporter.simulator import Entry, Fault
from exporter.simulator.faults.on_wire import late
from tests.faults.case import EXCHANGES, story_case
from tests.faults.relay import relay_to
from tests.faults.virtual_time import HANGS
from tests.faults.world import INTERVAL, LIMITS, World

_WITH_SHARED_LIMITS = tuple(
    name for name in EXCHANGES if not REGISTERED[name].has_limit_per_account
)


async def two_hundred_accounts_start_spread(world: World) -> None:
    """200 accounts at one exchange are polled for the first time."""
    accounts = [world.add(f"a{number}", world.exchange) for number in range(200)]
    async with world.polling(accounts):
        await asyncio.sleep(2.3 * 200 * 60 / LIMITS[world.exchange])
        page = await world.scrape()
    assert all(page.is_up(account.key) for account in accounts)
    starts = sorted(first.began for first in _firsts(world, accounts))
    assert starts[-1] - starts[0] > 0.9 * 200 * 60 / LIMITS[world.exchange]
    assert max(later - earlier for earlier, later in pairwise(starts)) < 10
    assert world.most_requests(world.exchange) <= LIMITS[world.exchange]


async def a_stall_of_our_own(world: World) -> None:
    """Our event loop stands still for 20 s while polls are under way."""
    watch = asyncio.create_task(watch_loop(world.own.loop_lag.set))
    async with world.polling():
        await world.run(INTERVAL - 5)
        with world.simulator.show("late"):
            await asyncio.sleep(5.5)
            world.clocks.loop.advance(20)
        during = await world.run(30)
        page = await world.run(2 * INTERVAL)
    watch.cancel()
    lag = "exchange_exporter_event_loop_lag_seconds"
    assert 19 <= float(during.samples[lag]) <= 20
    assert float(page.samples[lag]) < 1
    for account in (world.victim, world.neighbour, world.stranger):
        assert page.failures(account.key) == {}, page.failures(account.key)
        assert page.is_up(account.key)


async def a_silence_in_a_stall(world: World) -> None:
    """That happens while an exchange does not respond."""
    async with world.polling():
        await world.run(INTERVAL - 5)
        with world.simulator.show("silence", account="victim"):
            await asyncio.sleep(5.5)
            world.clocks.loop.advance(20)
            page = await world.run(30)
        assert page.failures(world.victim.key) == {"internal": 1}, page.failures(world.victim.key)
        await world.until(lambda page: page.is_up(world.victim.key), within=INTERVAL)


async def a_limit_of_one(world: World) -> None:
    """One request a minute is allowed, and the exchange closes each connection at its second."""
    limits = LIMITS | {world.exchange: 1}
    async with world.polling([world.victim, world.stranger], limits):
        with world.simulator.show("close_on_reuse", account="victim"):
            page = await world.run(20 * INTERVAL)
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert page.polls(world.victim.key) >= 4
    assert world.most_requests(world.exchange) == 1


async def a_response_just_in_time(world: World) -> None:
    """Every response takes 9.9 of the 10 s, over a connection that was kept before."""
    fault = Fault("very_late", "The response takes 9.9 s.", deliver=late(9.9), only="balances")
    async with world.polling():
        await world.run(2 * INTERVAL)
        with world.simulator.show(fault, account="victim"):
            page = await world.run(5 * INTERVAL)
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert page.number("exchange_account_poll_duration_seconds", world.victim.key) >= 9.8


async def a_poll_ends_at_its_timeout(world: World) -> None:
    """Nothing is sent back; the poll is given up at its timeout, within half a second."""
    async with world.polling():
        await world.run(INTERVAL - 5)
        with world.simulator.show("silence", account="victim"):
            page = await world.run(30)
    assert page.failures(world.victim.key) == {"timeout": 1}, page.failures(world.victim.key)
    took = page.number("exchange_account_poll_duration_seconds", world.victim.key)
    assert 10.0 <= took < 10.5


async def many_hang_in_the_resolver(world: World) -> None:
    """The names of ten accounts hang in the resolver; others have names too."""
    hosts = world.clocks.loop.hosts
    async with relay_to(world.simulator.url) as relay:
        hosts["good.test"] = "127.0.0.1"
        world.poll_victim_at(f"http://good.test:{relay.port}")
        hanging = []
        for number in range(10):
            hosts[f"bad{number}.test"] = HANGS
            account = world.add(f"a{number}", world.exchange)
            hanging.append(
                world.configured(world.simulated(account), base_url=f"http://bad{number}.test")
            )
        async with world.polling([*hanging, world.victim, world.neighbour]):
            await world.run(INTERVAL)
            await relay.drop()
            page = await world.run(4 * INTERVAL)
        world.clocks.loop.unhang()
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert page.polls(world.victim.key) >= 4
    assert all(set(page.failures(account.key)) == {"timeout"} for account in hanging)


async def a_connection_that_died_unnoticed(world: World) -> None:
    """A firewall forgets the connection: what is sent on it is lost, a new one works."""
    async with relay_to(world.simulator.url) as relay:
        world.poll_victim_at(f"http://127.0.0.1:{relay.port}")
        async with world.polling():
            await world.run(INTERVAL)
            relay.forget()
            page = await world.run(3 * INTERVAL)
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert page.is_up(world.victim.key)


def _firsts(world: World, accounts: list[Account]) -> Iterator[Entry]:
    for account in accounts:
        yield world.simulator.ledger.entries(*account.key)[0]


OF_TIME = [
    story_case("A", "resolver_hangs_for_many", "others in rhythm", many_hang_in_the_resolver),
    story_case("A", "connection_died", "no failure", a_connection_that_died_unnoticed),
    story_case(
        "B",
        "start_of_200",
        "spread over time",
        two_hundred_accounts_start_spread,
        exchanges=_WITH_SHARED_LIMITS,
        why="each account has a limit of its own",
    ),
    story_case("B", "own_stall", "no failure, the lag shows it", a_stall_of_our_own),
    story_case("B", "own_stall_in_silence", "internal, then fresh", a_silence_in_a_stall),
    story_case("B", "limit_of_one", "slow, no failure", a_limit_of_one),
    story_case("B", "just_in_time", "served", a_response_just_in_time),
    story_case("B", "timeout_is_exact", "timeout after 10 to 10.5 s", a_poll_ends_at_its_timeout),
]
