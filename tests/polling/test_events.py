"""The log of a night: what an operator sees at info, and what debug adds."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from exporter.exchanges import EXCHANGES
from exporter.simulator import Fault
from exporter.simulator.faults import on_response
from tests.faults.virtual_time import UNKNOWN, run
from tests.faults.world import INTERVAL, World, opened

BLOCKED = Fault("blocked", "Cloudflare's 403.", response=on_response.page(403, "error code: 1020"))

Story = Callable[[World], Awaitable[None]]


def play(exchange: str, story: Story) -> None:
    async def main() -> None:
        async with opened(exchange) as world:
            await story(world)

    run(main)


def field(line: str, name: str) -> str:
    found = re.search(rf' {name}=(?:"((?:[^"\\]|\\.)*)"|(\S+))', line)
    return (found[1] or found[2]) if found else ""


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_night_of_changing_causes_is_told_cause_by_cause(exchange: str):
    async def story(world: World) -> None:
        world.clocks.loop.hosts["api.exchange.test"] = "127.0.0.1"
        port = world.simulator.url.rpartition(":")[2]
        victim = replace(world.victim, base_url=f"http://api.exchange.test:{port}")
        async with world.polling([victim]):
            await world.run(INTERVAL)
            with world.simulator.show("http_500"):
                await world.run(2 * INTERVAL)
            with world.simulator.show(BLOCKED):
                await world.run(2 * INTERVAL)
            world.clocks.loop.hosts["api.exchange.test"] = UNKNOWN
            with world.simulator.show("close_on_reuse"):
                await world.run(2 * INTERVAL)
            world.clocks.loop.hosts["api.exchange.test"] = "127.0.0.1"
            await world.run(2 * INTERVAL)
        messages = [event.partition("msg=")[2].strip('"') for event in world.events(victim)]
        assert messages == [
            "account is up",
            "account is down",
            "account is still down, for another reason",
            "balances are withdrawn, the last complete response is too old",
            "account is still down, for another reason",
            "account is up again",
        ]
        lines = [line for line in world.log.getvalue().splitlines() if "level=warning" in line]
        logged = [(field(line, "reason"), field(line, "error")) for line in lines]
        assert logged[0][0] == "unavailable"
        assert "HTTP 500" in logged[0][1]
        assert "error 1020" in logged[1][1]
        assert logged[2][0] == "connection"
        assert "look up api.exchange.test" in logged[2][1]
        advice = [field(line, "advice") for line in lines]
        assert len(set(advice)) == len(advice)

    play(exchange, story)


def test_an_account_that_stays_down_is_recalled_every_hour():
    async def story(world: World) -> None:
        async with world.polling([world.victim]):
            await world.run(INTERVAL)
            with world.simulator.show("http_500"):
                await world.run(2 * 3600 + 300)
        lines = world.log.getvalue().splitlines()
        reminders = [line for line in lines if 'msg="account is still down"' in line]
        assert len(reminders) == 2
        assert field(reminders[0], "down_for").startswith("360")
        assert field(reminders[0], "reason") == "unavailable"

    play(next(iter(EXCHANGES)), story)


def test_causes_that_alternate_are_logged_once_each():
    async def story(world: World) -> None:
        async with world.polling([world.victim]):
            await world.run(INTERVAL)
            for _ in range(8):
                with world.simulator.show("http_500"):
                    await world.run(INTERVAL)
                with world.simulator.show("http_404"):
                    await world.run(INTERVAL)
        lines = [line for line in world.log.getvalue().splitlines() if "level=warning" in line]
        assert len(lines) == 2

    play(next(iter(EXCHANGES)), story)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_poll_is_one_line_at_debug(exchange: str):
    async def story(world: World) -> None:
        async with world.polling([world.victim]):
            page = await world.run(3 * INTERVAL)
        lines = [line for line in world.log.getvalue().splitlines() if "msg=polled" in line]
        assert len(lines) == page.polls(world.victim.key)
        last = lines[-1]
        assert field(last, "status") == "200"
        assert int(field(last, "rows")) >= 1
        assert int(field(last, "bytes")) > 100
        assert field(last, "call") == "balances"
        assert re.fullmatch(r"127\.0\.0\.1:\d+", field(last, "remote_address"))
        for name in ("duration", "limit_wait", "wait", "read"):
            assert re.fullmatch(r"\d+\.\d{3}s", field(last, name)), name
        world.canaries.check(world.log.getvalue(), "the log at debug")

    play(exchange, story)


def test_a_pause_is_logged_when_it_begins_and_when_it_ends():
    async def story(world: World) -> None:
        async with world.polling([world.victim]):
            await world.run(INTERVAL)
            with world.simulator.show("http_429", times=1):
                await world.run(INTERVAL)
            await world.run(16 * INTERVAL)
        lines = [line for line in world.log.getvalue().splitlines() if "rate limit pause" in line]
        assert [field(line, "msg") for line in lines] == [
            "rate limit pause began, no requests are sent",
            "rate limit pause ended",
        ]
        assert field(lines[0], "exchange") == next(iter(EXCHANGES))

    play(next(iter(EXCHANGES)), story)
