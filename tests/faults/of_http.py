"""Check what must be visible of refusals, redirects and cookies, step by step."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from exporter.exchanges import EXCHANGES
from exporter.simulator import FAULTS, Entry, Fault
from exporter.simulator.exchange import Call
from exporter.simulator.faults import on_response
from exporter.simulator.messages import Response
from tests.faults.case import Tell, story_case
from tests.faults.relay import relay_to
from tests.faults.world import INTERVAL, LIMITS, World


def _retry_after(fault: Fault, least: float, most: float) -> Tell:
    async def tell(world: World) -> None:
        async with world.polling():
            await world.run(INTERVAL + 5)
            with world.simulator.show(fault, account="victim", times=1):
                page = await world.until(
                    lambda page: bool(page.failures(world.victim.key)), within=INTERVAL
                )
            await world.run(1000)
        assert page.failures(world.victim.key) == {"rate_limited": 1}, page.failures(
            world.victim.key
        )
        entries = _sharing_a_limit(world)
        [refused] = [entry for entry in entries if entry.faults]
        later = min(entry.began for entry in entries if entry.number > refused.number)
        assert least <= later - refused.began <= most

    return tell


def _sharing_a_limit(world: World) -> Sequence[Entry]:
    """Return the requests that the victim's limit counts."""
    per_account = EXCHANGES[world.exchange].has_limit_per_account
    return world.simulator.ledger.entries(world.exchange, "victim" if per_account else None)


async def a_ban_is_obeyed(world: World) -> None:
    """The address is banned for two hours, in which an exchange may know what it means."""
    longest = min(7200.0, EXCHANGES[world.exchange].max_retry_after)
    async with world.polling():
        await world.run(INTERVAL + 5)
        with world.simulator.show("http_418_ban", account="victim", call="balances", times=1):
            await world.until(
                lambda page: bool(page.failures(world.victim.key)), within=2 * INTERVAL
            )
        await asyncio.sleep(longest)
        page = await world.run(2 * INTERVAL)
    entries = _sharing_a_limit(world)
    [refused] = [entry for entry in entries if entry.faults]
    later = min(entry.began for entry in entries if entry.number > refused.number)
    assert longest <= later - refused.began <= longest + INTERVAL
    assert page.failures(world.victim.key) == {"rate_limited": 1}


async def a_redirect_is_not_followed(world: World) -> None:
    """The exchange redirects to another host; that host gets no request."""
    async with world.polling():
        await world.run(INTERVAL)
        with world.simulator.show("http_307", account="victim"):
            await world.run(3 * INTERVAL)
    assert not [entry for entry in world.simulator.ledger if entry.path == "/elsewhere"]


async def a_cookie_is_not_kept(world: World) -> None:
    """The exchange sets a cookie; it never gets it back."""
    async with relay_to(world.simulator.url) as relay:
        world.poll_victim_at(f"http://127.0.0.1:{relay.port}")
        with world.simulator.show("set_cookie", account="victim"):
            async with world.polling():
                await world.run(3 * INTERVAL)
        assert b"cookie" not in bytes(relay.heard).lower()
        assert b"accept-encoding: identity" in bytes(relay.heard).lower()


async def a_refused_key_is_left_alone(world: World) -> None:
    """The key is revoked for 40 minutes, and polled less and less often."""
    async with world.polling():
        await world.run(INTERVAL)
        world.simulated(world.victim).is_active = False
        began = world.now
        page = await world.run(2400)
        world.simulated(world.victim).is_active = True
        after = await world.until(lambda page: page.is_up(world.victim.key), within=905)
    times = [e.began for e in world.requests_of(world.victim) if began <= e.began < began + 2400]
    polls = [at for at in times if not any(0 < at - other < 1 for other in times)]
    pauses = [later - earlier for earlier, later in pairwise(polls)]
    assert [round(pause / 60) for pause in pauses[:3]] == [1, 5, 15]
    assert set(page.failures(world.victim.key)) == {"authentication"}
    assert after.failures(world.victim.key) == page.failures(world.victim.key)


async def refusals_count_from_the_first(world: World) -> None:
    """After an hour of other failures the key is refused once: the pause is a minute, not 15."""
    async with world.polling():
        await world.run(INTERVAL)
        with world.simulator.show("http_503", account="victim"):
            await world.run(20 * INTERVAL)
        with world.simulator.show("http_401", account="victim"):
            await world.run(INTERVAL)
        await world.until(lambda page: page.is_up(world.victim.key), within=2 * INTERVAL)


async def a_refused_key_survives_reloads(world: World) -> None:
    """A key is revoked; each minute a reload changes something else of its account."""
    async with world.polling() as poller:
        await world.run(INTERVAL + 5)
        world.simulated(world.victim).is_active = False
        began = world.now
        for minute in range(1, 15):
            await world.run(60)
            changed = replace(world.victim, stale_after=100.0 + minute)
            await poller.reconcile([changed, world.neighbour, world.stranger], LIMITS)
        page = await world.run(1)
        refused = [entry for entry in world.requests_of(world.victim) if entry.began > began]
        assert page.failures(world.victim.key) == {"authentication": 3}
        assert len({round(entry.began) for entry in refused}) == 3


async def a_reload_brings_another_key(world: World) -> None:
    """A key is revoked permanently; in its longest pause a reload gives the account a valid one."""
    other = world.simulated(world.add("other", world.exchange))
    async with world.polling() as poller:
        await world.run(INTERVAL)
        world.simulated(world.victim).is_active = False
        await world.run(600)
        good = world.configured(other, name="victim")
        await poller.reconcile([good, world.neighbour, world.stranger], LIMITS)
        await world.until(lambda page: page.is_up(world.victim.key), within=5)


async def a_pause_outlasts_its_accounts(world: World) -> None:
    """All accounts of a limited exchange are taken out of the configuration, and put back."""
    async with world.polling() as poller:
        await world.run(INTERVAL + 5)
        with world.simulator.show("http_429", account="victim", times=1):
            await world.until(
                lambda page: bool(page.failures(world.victim.key)), within=2 * INTERVAL
            )
        await poller.reconcile([world.stranger], LIMITS)
        await poller.reconcile([world.victim, world.neighbour, world.stranger], LIMITS)
        await world.run(2 * INTERVAL)
    entries = _sharing_a_limit(world)
    [refused] = [entry for entry in entries if entry.faults]
    later = min(entry.began for entry in entries if entry.number > refused.number)
    assert later - refused.began >= 55


def _limited_with_a_date_that_lies(response: Response, call: Call) -> Response:
    limited = on_response.limited_until(60)(response, call)
    return limited.without("Date").adding(("Date", "Thu, 01 Jan 1970 00:00:00 GMT"))


def _limited_twice(response: Response, call: Call) -> Response:
    return on_response.limited("20")(response, call).adding(("Retry-After", "55"))


def _limited_in_200(response: Response, call: Call) -> Response:
    return on_response.code_in_200(429)(response, call).adding(("Retry-After", "55"))


_LIMITED = (
    (FAULTS["http_429"], 55, 61, "Retry-After in seconds"),
    (FAULTS["http_429_date"], 59, 120, "Retry-After as a date"),
    (FAULTS["http_429_bare"], 0, 61, "no Retry-After"),
    (FAULTS["http_429_absurd"], 0, 61, "an absurd Retry-After"),
    (Fault("code_429_wait", "", response=_limited_in_200), 55, 61, "a code in a 200 and a wait"),
    (Fault("http_429_twice", "", response=_limited_twice), 55, 61, "two waits, of 20 and 55 s"),
    (
        Fault("http_429_date_lies", "", response=_limited_with_a_date_that_lies),
        *(59, 120, "Retry-After as a date, and a Date of 1970"),
    ),
)

OF_HTTP = [
    story_case("D", "redirect_second_host", "gets no request", a_redirect_is_not_followed),
    story_case("D", "http_418_ban", "obeyed as long as the exchange bans", a_ban_is_obeyed),
    story_case("D", "cookie", "never sent", a_cookie_is_not_kept),
    story_case("D", "refused_key", "pauses of 1, 5, 15 min", a_refused_key_is_left_alone),
    story_case("D", "refused_once", "back within two minutes", refusals_count_from_the_first),
    story_case(
        "D", "refused_key_reloads", "pauses of 1, 5, 15 min", a_refused_key_survives_reloads
    ),
    story_case("D", "refused_key_replaced", "tried at once", a_reload_brings_another_key),
    story_case("D", "limit_reloads", "no request is sent too soon", a_pause_outlasts_its_accounts),
    *(
        story_case(
            "D",
            f"{fault.name}_obeyed",
            f"every account waits {least} to {most} s",
            _retry_after(fault, least, most),
            does=f"An account gets 429, with {what}.",
        )
        for fault, least, most, what in _LIMITED
    ),
]
