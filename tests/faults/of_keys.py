"""Check what must be visible of clocks, tokens and keys, step by step."""

import asyncio
from email.utils import formatdate

from exporter.exchange_api.server_clock import TOLERATED_SKEW
from exporter.simulator import Fault, simulated_exchanges
from exporter.simulator.exchange import Call
from exporter.simulator.faults.on_response import limited
from exporter.simulator.faults.on_wire import late
from exporter.simulator.messages import Response
from tests.faults.case import EXCHANGES, Case, Tell, story_case
from tests.faults.relay import Relay, relay_to
from tests.faults.world import INTERVAL, Page, World

WITH_TOKENS = tuple(
    name for name, simulated in simulated_exchanges().items() if "token" in simulated.calls.values()
)
# Without dates, an accepted time is believed to be right to some seconds: TOLERATED_SKEW.
TELLING_TIME = tuple(
    name
    for name, simulated in simulated_exchanges().items()
    if (simulated.tolerance or 0) > TOLERATED_SKEW
)
_DAY = 86_400.0


def _clock_off(skew: float) -> Tell:
    async def tell(world: World) -> None:
        world.clocks.skew = skew
        async with world.polling():
            page = await world.run(5 * INTERVAL)
        _check_skew(world, page, skew)

    return tell


def _clock_jumps(skew: float) -> Tell:
    async def tell(world: World) -> None:
        async with world.polling():
            await world.run(2 * INTERVAL)
            world.clocks.skew = skew
            world.simulator.expire_tokens(world.simulated(world.victim))
            page = await world.run(5 * INTERVAL)
            polls = page.polls(world.victim.key)
        _check_skew(world, page, skew)
        assert abs(polls - 7) <= 1, "the rhythm changed"

    return tell


def _clock_jumps_undated(skew: float) -> Tell:
    async def tell(world: World) -> None:
        with world.simulator.show("date_missing"):
            async with world.polling():
                await world.run(2 * INTERVAL + 5)
                world.clocks.skew, world.is_wall_steady = skew, False
                world.simulator.expire_tokens(world.simulated(world.victim))
                page = await world.run(5 * INTERVAL)
        _check_skew(world, page, skew)

    return tell


def _check_skew(world: World, page: Page, skew: float) -> None:
    for account in (world.victim, world.neighbour):
        failures = page.failures(account.key)
        assert set(failures) <= {"clock_skew"}, failures
        assert sum(failures.values()) <= 1, failures
        assert page.is_up(account.key)
        offset = page.number("exchange_account_clock_offset_seconds", account.key)
        assert abs(offset + skew) <= 1.0


async def a_date_that_lies_for_one(world: World) -> None:
    """One account's responses have a Date that is an hour off; the exchange's clock is right."""

    def lie(response: Response, _call: Call) -> Response:
        date = ("Date", formatdate(world.clocks.true() + 3600, usegmt=True))
        return response.without("Date").adding(date)

    fault = Fault("date_lies", "A Date an hour ahead.", response=lie)
    async with world.polling():
        with world.simulator.show(fault, account="victim"):
            await world.run(3 * INTERVAL)
            world.simulator.expire_tokens(world.simulated(world.victim))
            page = await world.run(3 * INTERVAL)
    for account in (world.victim, world.neighbour):
        assert page.failures(account.key) == {}, page.failures(account.key)


async def a_token_expires(world: World) -> None:
    """A token is refused once: one renewal, and nobody notices."""
    async with world.polling():
        await world.run(INTERVAL)
        world.simulator.expire_tokens(world.simulated(world.victim))
        page = await world.run(2 * INTERVAL)
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert len(world.simulator.ledger.entries(world.exchange, "victim", "token")) == 2


async def a_token_is_renewed_ahead(world: World) -> None:
    """Tokens live for an hour: they are renewed before they end."""
    async with world.polling():
        await asyncio.sleep(2 * 3600)
        page = await world.scrape()
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    refused = [e for e in world.requests_of(world.victim) if e.rows is None]
    assert refused == []
    assert len(world.simulator.ledger.entries(world.exchange, "victim", "token")) == 3


async def every_token_is_void(world: World) -> None:
    """Each token is void as soon as it is used: one renewal for each poll, then a refusal."""
    async with world.polling():
        await world.run(INTERVAL + 5)
        with world.simulator.show("token_expired", account="victim"):
            page = await world.run(INTERVAL)
        await world.until(lambda page: page.is_up(world.victim.key), within=3 * INTERVAL)
    assert page.failures(world.victim.key) == {"authentication": 1}, page.failures(world.victim.key)


async def fifty_polls_see_a_token_expire(world: World) -> None:
    """50 accounts share a key; its token expires: one renewal for all of them."""
    key = world.simulated(world.victim)
    accounts = [world.configured(key, name=f"a{number}") for number in range(50)]
    async with world.polling(accounts):
        await world.run(3 * INTERVAL)
        world.simulator.expire_tokens(key)
        page = await world.run(3 * INTERVAL)
    assert all(page.failures(account.key) == {} for account in accounts)
    assert len(world.simulator.ledger.entries(world.exchange, "victim", "token")) == 2


def _restarted(skew: float) -> Tell:
    async def tell(world: World) -> None:
        world.clocks.skew = skew
        async with world.polling():
            await world.run(2 * INTERVAL + 1)
        world.forget()
        async with world.polling():
            page = await world.run(2 * INTERVAL)
        for account in (world.victim, world.neighbour):
            assert page.failures(account.key) == {}, page.failures(account.key)

    return tell


async def a_token_is_needed_in_a_pause(world: World) -> None:
    """A refused token would be renewed, but a pause for other requests has just begun."""
    fault = Fault("slow", "The response takes 5 s.", deliver=late(5.0), only="balances")
    async with world.polling():
        await world.run(INTERVAL - 5)
        world.simulator.expire_tokens(world.simulated(world.victim))
        with (
            world.simulator.show(fault, account="victim"),
            world.simulator.show("http_429", account="neighbour", times=1),
        ):
            page = await world.run(30)
        assert page.failures(world.victim.key) == {"rate_limited": 1}, page.failures(
            world.victim.key
        )
        await world.until(lambda page: page.is_up(world.victim.key), within=2 * INTERVAL)
    entries = world.simulator.ledger.entries(world.exchange)
    [refused] = [entry for entry in entries if "http_429" in entry.faults]
    assert min(e.began for e in entries if e.began > refused.began) - refused.began >= 55


async def a_renewal_is_limited_while_others_wait_for_it(world: World) -> None:
    """Five polls wait for one new token, which takes 6 s and is refused with 429."""
    key = world.simulated(world.victim)
    accounts = [world.configured(key, name=f"a{number}") for number in range(5)]
    fault = Fault("limited", "429 after 6 s.", response=limited("55"), deliver=late(6.0))
    with world.simulator.show(fault, call="token"):
        async with world.polling(accounts):
            page = await world.run(30)
    assert all(page.failures(account.key) == {"rate_limited": 1} for account in accounts)
    assert len(world.simulator.ledger.entries(world.exchange)) == 1


async def two_accounts_with_one_key(world: World) -> None:
    """Two accounts have the same key, and the network lets the later request overtake."""

    async def slow_for_the_first(
        relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        is_first = relay.connections == 1
        there, back = await relay.connect()
        try:
            while data := await reader.read(65536):
                await asyncio.sleep(3 if is_first else 0)
                back.write(data)
                writer.write(await there.read(65536))
        finally:
            back.transport.abort()

    async with relay_to(world.simulator.url) as relay:
        await relay.close()
        await relay.open(slow_for_the_first)
        url = f"http://127.0.0.1:{relay.port}"
        key = world.simulated(world.victim)
        twins = [world.configured(key, name=name, base_url=url) for name in ("one", "two")]
        async with world.polling([*twins, world.stranger]):
            page = await world.run(5 * INTERVAL)
    for twin in twins:
        assert page.failures(twin.key) == {}, page.failures(twin.key)


def _with_tokens(name: str, seen: str, tell: Tell) -> Case:
    return story_case("F", name, seen, tell, exchanges=WITH_TOKENS, why="there are no tokens")


OF_KEYS = [
    story_case("F", "date_lies", "nobody's stamps are spoilt", a_date_that_lies_for_one),
    story_case("F", "shared_key", "no failure", two_accounts_with_one_key),
    *(
        story_case(
            "F",
            f"restart_{skew:+.0f}s",
            "no failure",
            _restarted(skew),
            does=f"A restart within a second, with our clock off by {skew:+.0f} s.",
        )
        for skew in (-3.0, -2.0, 2.0, 3.0)
    ),
    _with_tokens("token_expires", "one silent renewal", a_token_expires),
    _with_tokens("token_renewed_ahead", "no refusal", a_token_is_renewed_ahead),
    _with_tokens("token_expired", "authentication", every_token_is_void),
    _with_tokens(
        "token_in_pause", "rate_limited, no request is sent", a_token_is_needed_in_a_pause
    ),
    _with_tokens(
        "token_limited_for_5",
        "rate_limited, one request is sent",
        a_renewal_is_limited_while_others_wait_for_it,
    ),
    _with_tokens("token_of_50", "one renewal", fifty_polls_see_a_token_expire),
    *(
        story_case(
            "F",
            f"{kind}_{skew:+.0f}s",
            "at most one clock_skew, the metric shows it",
            make(skew),
            does=f"Our clock {does} {skew:+.0f} s.",
            exchanges=exchanges,
            why="only dates tell its time",
        )
        for kind, does, make, exchanges in (
            ("clock_off", "is off by", _clock_off, EXCHANGES),
            ("clock_jumps", "jumps by", _clock_jumps, EXCHANGES),
            (
                "clock_jumps_undated",
                "jumps, and no response has a Date, by",
                _clock_jumps_undated,
                TELLING_TIME,
            ),
        )
        for skew in (-_DAY, -3600.0, -60.0, -6.0, -1.0, 1.0, 6.0, 60.0, 3600.0, _DAY)
    ),
]
