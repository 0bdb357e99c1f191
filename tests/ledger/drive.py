"""Run a daemon through a schedule, and check every page against the exchanges' ledger."""

import asyncio
import itertools
import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exporter.model import Account, AccountKey
from exporter.polling.rate_limit import REFUSED_PAUSES
from exporter.simulator import simulated_exchanges
from exporter.simulator.portfolio import Portfolio
from tests.faults.virtual_time import run
from tests.faults.world import LIMITS, Page, World, opened
from tests.ledger import schedule as happens
from tests.ledger.model import REFUSED, SUCCESS, Poll, polls_of, samples_of, samples_on
from tests.ledger.schedule import Event, Reloaded, Schedule

if TYPE_CHECKING:
    from exporter.polling.poller import Poller

_SLACK = 3.0  # seconds for which a request may wait for its turn


@dataclass(slots=True)
class Life:
    """Record what happened to an account since the daemon knows it; times are monotonic."""

    began: float
    account: Account
    boundaries: list[float] = field(default_factory=list)


def check(seed: int) -> int:
    """Run the schedule of a seed, and return how many samples were checked."""
    schedule = happens.draw(seed)
    random.seed(seed)
    checked: int = run(lambda: _run(schedule))
    return checked


async def _run(schedule: Schedule) -> int:
    async with opened("btcturk", options={"trubit": {"error_status": 401}}) as world:
        driver = Driver(world, schedule)
        async with AsyncExitStack() as stack:
            await driver.start(stack, schedule.begins)
            moments = [*schedule.events, *((at, None) for at in schedule.scrapes)]
            began = world.now
            for at, event in sorted(moments, key=lambda moment: moment[0]):
                await asyncio.sleep(max(0.0, began + at - world.now))
                if event is None:
                    await driver.scrape()
                else:
                    await driver.let_happen(stack, event)
        world.is_wall_steady = False
        await world.check_everything()
        for exchange, limit in LIMITS.items():
            assert world.most_requests(exchange) <= limit
        assert not [e for e in world.simulator.ledger if e.status == 429 and not e.faults]
        return driver.checked


def numbered(exchange: str) -> Portfolio:
    """Return balances that are never twice the same: each response's amounts have its number."""
    numbers = itertools.count(1)

    def portfolio(now: float) -> Any:
        number = next(numbers)
        listed = [asset for asset in range(5) if (number + asset) % 4]
        balances = {
            f"A{asset}": (f"{number}.{asset}5", f"{number}.{asset}", "0.05") for asset in listed
        }
        return simulated_exchanges()[exchange].fixed(balances)(now)

    return portfolio


class Driver:
    """Let things happen to a daemon and its exchanges, and remember what must follow."""

    def __init__(self, world: World, schedule: Schedule) -> None:
        self.checked = 0
        self._world = world
        self._accounts = [
            self._open(number, exchange) for number, exchange in enumerate(schedule.exchanges)
        ]
        self._lives: dict[AccountKey, Life] = {}
        self._poller: Poller | None = None
        are_revoked = any(isinstance(event, happens.KeyRevoked) for _, event in schedule.events)
        self._refused = "authentication" if are_revoked else "clock_skew"

    def _open(self, number: int, exchange: str) -> Account:
        account = self._world.add(f"account-{number}", exchange)
        self._world.simulated(account).portfolio = numbered(exchange)
        return account

    async def start(self, stack: AsyncExitStack, config: Reloaded) -> None:
        """Start a daemon that knows nothing."""
        self._lives.clear()
        self._config = config
        accounts = self._configured(config)
        self._poller = await stack.enter_async_context(self._world.polling(accounts))
        self._note(accounts)

    async def let_happen(self, stack: AsyncExitStack, event: Event) -> None:
        """Let one event happen."""
        world = self._world
        match event:
            case happens.Shown(number, fault, lasting, probability):
                account = self._accounts[number]
                world.simulator.show(
                    fault,
                    exchange=account.exchange,
                    account=account.name,
                    lasting=lasting,
                    probability=probability,
                )
            case Reloaded():
                self._config = event
                await self._reload()
            case happens.Restarted():
                await stack.aclose()
                world.forget()
                await self.start(stack, self._config)
            case happens.OurClockSet(skew):
                world.clocks.skew = skew
            case happens.TheirClockSet(skew):
                # Set back, it would refuse stamps that rise, and nobody could help that.
                world.simulator.skew = max(world.simulator.skew, skew)
            case happens.KeyRevoked(number, lasting):
                simulated = world.simulated(self._accounts[number])
                simulated.is_active = False
                asyncio.get_running_loop().call_later(
                    lasting, lambda: setattr(simulated, "is_active", True)
                )
            case happens.TokensExpired(number):
                world.simulator.expire_tokens(world.simulated(self._accounts[number]))

    async def _reload(self) -> None:
        assert self._poller is not None
        accounts = self._configured(self._config)
        await self._poller.reconcile(accounts, LIMITS)
        self._note(accounts)

    def _configured(self, config: Reloaded) -> list[Account]:
        return [
            self._world.configured(
                self._world.simulated(self._accounts[number]),
                interval=config.interval,
                timeout=config.timeout,
                stale_after=config.stale_after,
            )
            for number in config.accounts
        ]

    def _note(self, accounts: list[Account]) -> None:
        """Remember which accounts the daemon knows, and where its polls of them were cut off."""
        now, before = self._world.now, self._lives
        self._lives = {}
        for account in accounts:
            life = before.get(account.key) or Life(now, account)
            if life.account != account:
                life.boundaries.append(now)
                life.account = account
            self._lives[account.key] = life

    async def scrape(self) -> None:
        """Scrape, and check each account's samples against the ledger."""
        page = Page.of(self._world.now, await self._world.get("/metrics"))
        for key, life in self._lives.items():
            polls = self._polls(key, life)
            try:
                _check_balances(page, key, life, polls)
                refused = self._refused
                unsent = refused if self._was_held_back(page, key, life, polls) else None
                _check_counters(page, key, life, polls, refused, unsent)
            except AssertionError as error:
                error.add_note(_story(page, key, life, polls))
                raise
            self.checked += len(samples_on(page.samples, *key))
        known = {f'account="{key.account}"' for key in self._lives}
        for series in page.samples:
            assert 'account="' not in series or any(text in series for text in known), series

    def _polls(self, key: AccountKey, life: Life) -> list[Poll]:
        entries = self._world.simulator.ledger.entries(*key)
        mine = [e for e in entries if e.began >= life.began and e.call != "permissions"]
        return polls_of(mine, life.boundaries, life.account.timeout)

    def _was_held_back(self, page: Page, key: AccountKey, life: Life, polls: list[Poll]) -> bool:
        """Return whether an account that was put back failed at once, as its key must wait."""
        if page.polls(key) <= len([poll for poll in polls if not _is_cut(poll, life)]):
            return False
        entries = self._world.simulator.ledger.entries(*key)
        since = life.began - REFUSED_PAUSES[-1]
        before = [e for e in entries if since < e.began < life.began and e.call != "permissions"]
        outcomes = {poll.outcome for poll in polls_of(before, (), life.account.timeout)}
        return not outcomes.isdisjoint({REFUSED, "authentication"})


def _is_cut(poll: Poll, life: Life) -> bool:
    """Return whether a poll was cancelled for a new configuration."""
    return any(
        poll.began < cut and (poll.ended is None or poll.ended >= cut) for cut in life.boundaries
    )


def _check_balances(page: Page, key: AccountKey, life: Life, polls: list[Poll]) -> None:
    """Check that what is served is the newest good response, whole, alone, and young enough."""
    served = samples_on(page.samples, *key)
    stale_after = page.number("exchange_account_stale_after_seconds", key)
    ended = [poll for poll in polls if poll.ended is not None and not _is_cut(poll, life)]
    good = [poll for poll in ended if poll.outcome == SUCCESS]
    newest = good[-1] if good else None
    if served:
        assert newest is not None, "balances that no response had"
        assert served == samples_of(newest.entries[-1]), "not those of the newest response"
        assert page.at - newest.entries[-1].began < stale_after, "older than stale_after"
    elif newest and samples_of(newest.entries[-1]):
        # What was withdrawn does not come back with a longer stale_after.
        kept_until = min(
            [stale_after, *(cut - newest.began for cut in life.boundaries if cut > newest.began)]
        )
        assert page.at - newest.began > kept_until - _SLACK, "balances are missing"


def _check_counters(
    page: Page, key: AccountKey, life: Life, polls: list[Poll], refused: str, unsent: str | None
) -> None:
    """Check, where no poll is under way, that every poll is counted once and by its reason.

    `unsent` is the reason of a poll that was held back before it sent anything.
    """
    if polls and not _is_over(polls[-1], page.at, life.account.timeout):
        return
    outcomes = [poll.outcome for poll in polls if not _is_cut(poll, life)]
    if unsent:
        outcomes.insert(0, unsent)
    expected = Counter(refused if each == REFUSED else each for each in outcomes)
    del expected[SUCCESS]
    assert page.polls(key) == len(outcomes), "polls are not counted once"
    failures = Counter(page.failures(key))
    if refused == "clock_skew":
        # The first refusal after an exchange set its clock may be the key's: nobody can know.
        for each in (failures, expected):
            each[refused] += each.pop("authentication", 0)
    assert failures == expected
    if outcomes:
        assert page.is_up(key) == (outcomes[-1] == SUCCESS)


def _is_over(poll: Poll, now: float, timeout: float) -> bool:
    if poll.entries[-1].call == "balances":
        return poll.ended is not None and now - poll.ended > 0
    return now - poll.began > timeout + _SLACK


def _story(page: Page, key: AccountKey, life: Life, polls: list[Poll]) -> str:
    """Return what the page and the ledger say of an account, for whom must find the fault."""
    said = [f"{key} at {page.at:.2f}: {page.polls(key)} polls, failures {page.failures(key)}"]
    said += [f"configuration taken over at {cut:.2f}" for cut in life.boundaries]
    said += [
        f"{entry.began:.2f} to {entry.ended or 0:.2f} {entry.call} {entry.status} {entry.faults}"
        + (f": {poll.outcome}" if entry is poll.entries[-1] else " ...")
        for poll in polls
        for entry in poll.entries
    ]
    return "\n  ".join(said)
