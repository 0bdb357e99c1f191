"""Accounts that wait for a pause of their rate limit: what is shown and logged of them."""

from collections.abc import Awaitable, Callable

import pytest

from exporter.polling.endpoints import PauseState
from exporter.polling.pauses import waiting
from exporter.polling.schedules import endpoint_key
from tests.accounts import WALL, make_account, make_store
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, World, opened

BAN = 7200.0
NEXT_POLL = "exchange_account_next_poll_timestamp_seconds"
BEGAN = 'msg="rate limit pause began, no requests are sent"'

Story = Callable[[World], Awaitable[None]]


def banned(story: Story) -> None:
    """Play what happens while the victim's poll has got all accounts banned for two hours."""

    async def main() -> None:
        async with opened("binance") as world, world.polling():
            await world.run(INTERVAL)
            with world.simulator.show("http_418_ban", account="victim", times=1):
                await world.run(2 * INTERVAL)
                await story(world)

    run(main)


def test_the_next_poll_of_every_account_that_waits_is_at_the_end_of_the_pause():
    async def story(world: World) -> None:
        page = await world.scrape()
        [pause] = {state.paused_until for state in world.store.states.values()} - {0.0}
        assert world.clocks.ours.wall() + BAN - 3 * INTERVAL < pause
        for account in (world.victim, world.neighbour):
            assert page.number(NEXT_POLL, account.key) == pytest.approx(pause)
        assert page.number(NEXT_POLL, world.stranger.key) < pause

    banned(story)


def test_an_account_that_waits_is_up_and_polled_when_the_pause_ends():
    async def story(world: World) -> None:
        before = await world.scrape()
        assert before.is_up(world.neighbour.key)
        after = await world.run(BAN)
        assert after.polls(world.neighbour.key) > before.polls(world.neighbour.key)
        assert {state.paused_until for state in world.store.states.values()} == {0.0}

    banned(story)


def test_an_account_that_is_due_after_the_pause_does_not_wait_for_it():
    early, late = make_account("early"), make_account("late")
    store, key = make_store(early, late), endpoint_key(early, {})
    store.expect({early.key: WALL + 20, late.key: WALL + 60})
    pause = PauseState(key, until=30.0, wall=WALL + 30)
    assert waiting(store.states, {key: pause}, {}) == {early.key: pause}


def test_a_long_pause_is_a_warning_with_the_number_of_accounts_that_wait():
    async def story(world: World) -> None:
        [line] = [line for line in world.log.getvalue().splitlines() if BEGAN in line]
        assert " level=warning " in line
        assert " accounts_waiting=2" in line

    banned(story)


def test_each_account_that_waits_has_one_debug_line():
    async def story(world: World) -> None:
        lines = [line for line in world.log.getvalue().splitlines() if "poll waits for" in line]
        assert sorted(line.partition(" account=")[2].split()[0] for line in lines) == [
            "neighbour",
            "victim",
        ]
        assert all(" level=debug " in line and " until=20" in line for line in lines)

    banned(story)


def test_an_account_that_is_down_by_a_ban_says_when_it_is_polled_next():
    async def story(world: World) -> None:
        lines = world.log.getvalue().splitlines()
        [line] = [line for line in lines if 'msg="account is down"' in line]
        assert 'next_poll="in 7200 s"' in line

    banned(story)
