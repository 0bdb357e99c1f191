"""Describe a fault and its expected effect, and run it in virtual time."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from exporter.exchanges import EXCHANGES as REGISTERED
from exporter.simulator import simulated_exchanges
from exporter.simulator.exchange import Exchange as Simulated
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, LIMITS, TIMEOUT, Page, World, opened, resources

EXCHANGES = tuple(name for name in REGISTERED if name in simulated_exchanges())
"""What is registered and simulated; the contract complains of an exchange that is not."""
_LASTS = 280.0  # seconds: four polls, longer than balances stay, and no poll is cut at its end
_LONGEST_PAUSE = 900.0
_PAUSING = {"authentication", "permission", "rate_limited", "clock_skew"}


@dataclass(frozen=True, slots=True)
class Seen:
    """Describe what must be visible while a fault lasts.

    Every poll fails with `reason`, and where it `pauses` the next one comes later than usual; or it
    works, and then `total` is what is served of the first asset (None: nothing), and `rejected`
    rows are dropped.
    """

    reason: str | None = None
    total: str | None = "1.5"
    rejected: int = 0
    pauses: bool = False

    def __str__(self) -> str:
        if self.reason:
            return f"{self.reason}, balances stay until stale_after"
        served = f"served: {self.total}" if self.total else "not served"
        return f"{served}, {self.rejected} rows dropped" if self.rejected else served


def fails(reason: str, *, pauses: bool = False) -> Seen:
    """Every poll fails with a reason."""
    return Seen(reason, pauses=pauses or reason in _PAUSING)


def serves(total: str | None = "1.5", rejected: int = 0) -> Seen:
    """Every poll works."""
    return Seen(None, total, rejected)


LEFT_OUT = serves(None, rejected=1)
"""The first row is dropped, the others are served."""

Expected = Seen | Callable[[type[Simulated]], Seen | None]
"""What must be seen at every exchange, or what follows from what an exchange documents.

None says that the fault has no meaning there.
"""

Fault = AbstractAsyncContextManager[object]
Begin = Callable[[World], Fault]
"""Begin a fault in a world; it ends with the block."""

Tell = Callable[[World], Awaitable[None]]
"""Run a story in a world, and raise if it does not go as it must."""

Setting = Callable[[World], AbstractAsyncContextManager[Begin]]
"""Prepare a world before anything is polled, and return what begins the fault."""


def no_reason() -> str:
    """Say that a case can be played everywhere."""
    return ""


@dataclass(frozen=True, slots=True)
class Case:
    """Describe one line of the matrix; `play` takes an exchange and raises if something is wrong.

    `exchanges` are those for which it has a meaning; `why` says what is missing at the others.
    `unplayable` says why this machine can't play it, if so.
    """

    group: str
    name: str
    does: str
    seen: Mapping[str, str]
    play: Callable[[str], None] = field(repr=False)
    exchanges: tuple[str, ...] = EXCHANGES
    why: str = ""
    unplayable: Callable[[], str] = field(default=no_reason, repr=False)

    def __str__(self) -> str:
        return f"{self.group}-{self.name}"


def fault_case(
    group: str,
    name: str,
    does: str,
    expected: Expected,
    setting: Setting,
    *,
    exchanges: tuple[str, ...] = EXCHANGES,
    why: str = "it has no such error",
) -> Case:
    """Return the case of a fault that begins, lasts and ends while accounts are polled."""
    by_exchange = {each: seen for each in exchanges if (seen := seen_at(expected, each))}

    def play(exchange: str) -> None:
        run(lambda: _play_fault(exchange, by_exchange[exchange], setting))

    texts = {exchange: str(each) for exchange, each in by_exchange.items()}
    return Case(group, name, does, texts, play, tuple(texts), why)


def seen_at(expected: Expected, exchange: str) -> Seen | None:
    """Return what must be seen at an exchange."""
    if isinstance(expected, Seen):
        return expected
    return expected(simulated_exchanges()[exchange])


def story_case(
    group: str,
    name: str,
    seen: str,
    tell: Tell,
    *,
    does: str = "",
    exchanges: tuple[str, ...] = EXCHANGES,
    why: str = "",
) -> Case:
    """Return a case that runs step by step; the function's docstring says what happens."""

    async def in_a_world(exchange: str) -> None:
        random.seed(name)
        async with opened(exchange) as world:
            await tell(world)
            await world.check_everything()

    def play(exchange: str) -> None:
        run(lambda: in_a_world(exchange))

    does = does or " ".join((tell.__doc__ or "").split())
    return Case(group, name, does, dict.fromkeys(exchanges, seen), play, exchanges, why)


def case_of_all(
    group: str,
    name: str,
    does: str,
    seen: str,
    play: Callable[[], None],
    unplayable: Callable[[], str] = no_reason,
) -> Case:
    """Return a case that has every exchange in it, and is played once for all of them."""
    played: list[str] = []

    def play_once(_exchange: str) -> None:
        if not played:
            play()
        played.append(name)

    return Case(group, name, does, dict.fromkeys(EXCHANGES, seen), play_once, unplayable=unplayable)


def at_once(begin: Begin) -> Setting:
    """Return the setting of a fault that needs no preparation."""

    @asynccontextmanager
    async def setting(_world: World) -> AsyncIterator[Begin]:
        yield begin

    return setting


async def _play_fault(exchange: str, seen: Seen, setting: Setting) -> None:
    random.seed(0)
    async with opened(exchange) as world, setting(world) as begin, world.polling():
        await world.until(_everyone_is_up(world), within=10)
        before = await world.run(INTERVAL)
        await world.check_everything()
        used = resources()
        async with begin(world):
            during = await world.run(_LASTS)
            pages = [page for page in world.pages if page.at > before.at]
            _check_during(world, seen, before, pages)
            await world.check_everything()
        pause = _LONGEST_PAUSE if seen.pauses else 0.0
        after = await world.until(
            lambda page: (
                page.is_up(world.victim.key)
                and page.polls(world.victim.key) > during.polls(world.victim.key)
            ),
            within=INTERVAL + pause + TIMEOUT,
        )
        after = await world.run(INTERVAL + 1)
        _check_after(world, seen, during, after)
        assert resources() == used, "tasks or descriptors pile up"


def _everyone_is_up(world: World) -> Callable[[Page], bool]:
    accounts = (world.victim, world.neighbour, world.stranger)
    return lambda page: all(page.is_up(account.key) for account in accounts)


def _check_during(world: World, seen: Seen, before: Page, pages: list[Page]) -> None:
    victim, last = world.victim.key, pages[-1]
    polls = last.polls(victim) - before.polls(victim)
    assert polls >= 1, "the victim is not polled any more"
    if seen.reason:
        assert last.failures(victim) == {seen.reason: polls}, str(last.failures(victim))
        assert not last.is_up(victim)
        assert last.assets(victim) == set(), "balances are never withdrawn"
        assert {page.total(victim) for page in pages} == {"1.5", None}
    else:
        assert last.failures(victim) == {}, str(last.failures(victim))
        assert last.is_up(victim)
        assert last.total(victim) == seen.total
        assert last.number("exchange_account_rejected_assets", victim) == seen.rejected
    if not seen.pauses:
        assert abs(polls - _LASTS / INTERVAL) <= 1, "the victim's rhythm changed"
    _check_others(world, seen, before, last)


def _check_others(world: World, seen: Seen, before: Page, last: Page) -> None:
    expected = (last.at - before.at) / INTERVAL
    for account in (world.neighbour, world.stranger):
        is_paused_too = seen.reason == "rate_limited" and account is world.neighbour
        polls = last.polls(account.key) - before.polls(account.key)
        assert polls <= expected + 1, f"{account.name} is polled too often"
        assert is_paused_too or polls >= expected - 1, f"{account.name} is polled too seldom"
        assert is_paused_too or last.is_up(account.key)
        assert last.failures(account.key) == {}, f"{account.name} is blamed too"


def _check_after(world: World, seen: Seen, during: Page, after: Page) -> None:
    assert after.failures(world.victim.key) == during.failures(world.victim.key)
    assert after.total(world.victim.key) == "1.5"
    assert after.number("exchange_account_complete", world.victim.key) == 1
    up = 'level=info msg="account is up"'
    lines = {
        "fails": [
            'level=warning msg="account is down"',
            'level=info msg="balances are withdrawn, the last complete response is too old"',
            'level=info msg="account is up again"',
        ],
        "leaves out": [
            'level=warning msg="dropped rows that could not be parsed"',
            'level=info msg="every row could be parsed again"',
        ],
        "works": [],
    }
    kind = "fails" if seen.reason else "leaves out" if seen.rejected else "works"
    assert world.events(world.victim) == [up, *lines[kind]]
    if seen.reason:
        assert f"account=victim reason={seen.reason} " in world.log.getvalue()
    for account in (world.neighbour, world.stranger):
        assert world.events(account) == [up]
    for exchange in EXCHANGES:
        assert world.most_requests(exchange) <= LIMITS[exchange]
        assert not world.simulator.ledger.overlapped(exchange, "victim")
