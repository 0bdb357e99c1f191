"""Run one task for each account, and follow the configuration as it changes."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import structlog

from exporter.errors import InternalError, RateLimitedError
from exporter.exchange_api.client import HttpClient
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey
from exporter.polling.access import Access, AccessReader
from exporter.polling.cold_start import first_round, in_words
from exporter.polling.endpoint import Endpoint, HoldBack, OnRequest, Sleep, ignore
from exporter.polling.endpoints import Endpoints, LimitState
from exporter.polling.events import EventLog
from exporter.polling.key_backoff import KeyBackoff
from exporter.polling.key_permissions import KeyPermissions
from exporter.polling.pauses import Waits
from exporter.polling.rate_limit import Refusal, next_due, outage_pause
from exporter.polling.schedules import (
    Egresses,
    endpoint_key,
    make_schedules,
    public_endpoint_key,
    spread,
)
from exporter.polling.snapshots import PollResult, PollSchedule, SnapshotStore
from exporter.runtime.clock import CLOCK_ERROR, Clock

log = structlog.get_logger(__name__)

_WATCH_SECONDS = 1.0


class Polled(NamedTuple):
    """An account and the endpoint that it is polled at."""

    account: Account
    endpoint: Endpoint


async def find_public(
    access: AccessReader, endpoints: Endpoints, account: Account, limit: int
) -> Polled:
    """Return how public calls are sent over the network of an account."""
    await access.read(account)
    key = public_endpoint_key(account, access.egresses)
    return Polled(account, endpoints.get(key, account, limit))


class Poller:
    """Poll every account until stopped; all tasks belong to the task group that is given."""

    def __init__(
        self,
        store: SnapshotStore,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
        on_request: OnRequest = ignore,
    ) -> None:
        """Publish into a store."""
        self._store = store
        self._tasks = tasks
        self._clock = clock
        self._sleep = sleep
        self._endpoints = Endpoints(
            clock, sleep=sleep, on_request=on_request, earlier_until=clock.monotonic()
        )
        self._limits: Mapping[str, int] = {}
        self._running: dict[AccountKey, asyncio.Task[None]] = {}
        self._key_backoff = KeyBackoff(clock)
        self._access = AccessReader()
        self._events = EventLog()
        self._waits = Waits(store, self._endpoints)
        self._key_permissions = KeyPermissions(store, clock, sleep)
        self._watch: asyncio.Task[None] | None = None
        self._is_stopped = False

    async def reconcile(self, accounts: Iterable[Account], limits: Mapping[str, int]) -> None:
        """Poll these accounts from now on: stop what changed or went, leave the rest alone."""
        listed = tuple(accounts)
        await self._access.read_proxies(listed)
        schedules = make_schedules(listed, limits, self._access.egresses)
        before = self._store.states
        await self._stop(
            key
            for key in self._running
            if key not in schedules or schedules[key].account != before[key].schedule.account
        )
        if self._is_stopped:
            return
        self._limits = limits
        self._prepare_endpoints(schedules.values())
        self._events.keep(schedules)
        self._key_permissions.keep(schedules)
        before, at = self._store.states, self._clock.monotonic()
        self._store.configure(schedules, at)
        self._events.reconfigured(before, self._store.states, at)
        started = [schedules[key] for key in schedules if key not in self._running]
        unserved = [
            schedule
            for schedule in started
            if not self._store.states[schedule.account.key].served(at)
        ]
        _announce(unserved, limits, self._access.egresses)
        starts = spread(started, self._access.egresses)
        now = self._clock.wall()
        self._store.expect({schedule.account.key: now + delay for schedule, delay in starts})
        for schedule, delay in starts:
            task = self._tasks.create_task(self._keep_polling(schedule.account, delay))
            self._running[schedule.account.key] = task
        self._watch = self._watch or self._tasks.create_task(self._keep_watching())

    def find_polled(self, key: AccountKey) -> Polled | None:
        """Return an account that is polled now and its endpoint, None for any other."""
        if key not in self._running:
            return None
        account = self._store.states[key].schedule.account
        return Polled(account, self._endpoint_of(account))

    async def public(self, account: Account, limit: int) -> Polled:
        """Return how public calls are sent that need no key; they share the API's clock.

        `limit` is in requests a minute, and counted apart from that of private calls.
        """
        return await find_public(self._access, self._endpoints, account, limit)

    def hold_back(self, account: Account) -> HoldBack:
        """Return what holds an account's key back from quotes while the key itself is refused."""
        return partial(self._key_backoff.hold_back_quotes, account)

    def limits(self) -> list[LimitState]:
        """Return every rate limit as it is now."""
        return self._endpoints.limits()

    async def stop(self) -> None:
        """Stop polling, for good."""
        self._is_stopped = True
        await self._stop(self._running)
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _stop(self, keys: Iterable[AccountKey]) -> None:
        stopped = [self._running.pop(key) for key in tuple(keys)]
        for task in stopped:
            task.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)

    def _prepare_endpoints(self, schedules: Iterable[PollSchedule]) -> None:
        needed = {
            endpoint_key(schedule.account, self._access.egresses): schedule.account
            for schedule in schedules
        }
        self._endpoints.keep(needed)
        for schedule in schedules:
            self._endpoint_of(schedule.account)

    def _endpoint_of(self, account: Account) -> Endpoint:
        key = endpoint_key(account, self._access.egresses)
        return self._endpoints.get(key, account, self._limits[account.exchange])

    async def _keep_watching(self) -> None:
        while True:
            await self._sleep(_WATCH_SECONDS)
            now = self._clock.monotonic()
            self._events.watch(self._store.states.values(), now)
            waits = self._waits.publish(self._access.egresses)
            self._events.watch_pauses(self._endpoints.pauses().values(), waits, now)
            self._key_permissions.withdraw_old()
            self._key_backoff.forget_old()

    async def _keep_polling(self, account: Account, delay: float) -> None:
        """Poll an account, and check what its key may do in a task that ends with this one."""
        hold_back = partial(self._key_backoff.hold_back, account)
        checking = self._tasks.create_task(
            self._key_permissions.keep_checking(
                account, lambda: self._endpoint_of(account), hold_back
            )
        )
        try:
            await self._poll_until_stopped(account, delay)
        finally:
            checking.cancel()

    async def _poll_until_stopped(self, account: Account, delay: float) -> None:
        endpoint = self._endpoint_of(account)
        client = endpoint.connect(account)
        due = self._clock.monotonic() + delay
        try:
            while True:
                due = await self._until_due(account, due)
                if endpoint is not self._endpoint_of(account):  # the proxy is another one
                    await client.aclose()
                    endpoint = self._endpoint_of(account)
                    client = endpoint.connect(account)
                due = await self._poll_once(account, endpoint, client, due)
        finally:
            await client.aclose()

    async def _poll_once(
        self, account: Account, endpoint: Endpoint, client: HttpClient, due: float
    ) -> float:
        """Poll, publish, and return when the next poll is due (monotonic).

        Rows live no longer than this call: a task that waits with them needs 30 KB more.
        """
        hold_back = partial(self._key_backoff.hold_back, account)
        result = await endpoint.poll(account, client, hold_back)
        now, interval = self._clock.monotonic(), self._store.states[account.key].schedule.interval
        due = next_due(due, now, interval, outage_pause(result.outcome))
        if result.held_back:
            self._show_refusal(account, result.held_back, due)
            return due
        # The key that was refused waits, not the account: its file may have another one already.
        pause = self._key_backoff.note(account, result)
        self._publish(account.key, result, max(due, now + pause))
        return due

    async def _until_due(self, account: Account, due: float) -> float:
        """Wait until a poll is due, or a refused key has changed; return when that was."""
        interval = self._store.states[account.key].schedule.interval
        known = await self._read_access(account)
        while True:
            now = self._clock.monotonic()
            if refusal := self._key_backoff.find(account, known):
                self._show_refusal(account, refusal, due)
                await self._sleep(min(interval, refusal.until - now))
            elif now >= due:
                return due
            else:
                await self._sleep(due - now)
            before, known = known, await self._read_access(account)
            if refusal and known != before:
                due = self._clock.monotonic()

    async def _read_access(self, account: Account) -> Access | None:
        """Return what an account is polled with now, and withdraw what another key fetched."""
        access = await self._access.read(account)
        if access is not None:
            before = self._store.states[account.key]
            self._store.withdraw_others(account.key, access.fingerprint)
            after = self._store.states[account.key]
            self._events.key_changed(before, after, self._clock.monotonic())
        return access

    def _show_refusal(self, account: Account, refusal: Refusal, due: float) -> None:
        """Fail an account without a request, if it is not known already that its key is refused."""
        state, due = self._store.states[account.key], max(due, refusal.until)
        now, wall, next_poll = self._clock.monotonic(), self._clock.wall(), self._wall_at(due)
        if state.outage is None or state.outage.reason != refusal.error.reason:
            result = PollResult(now, wall, 0.0, refusal.error, held_back=refusal)
            self._publish(account.key, result, due)
        elif abs(next_poll - state.due) > CLOCK_ERROR:
            self._store.expect({account.key: next_poll})

    def _publish(self, key: AccountKey, result: PollResult, due: float) -> None:
        """Store and log a result; `due` is when the next poll is due (monotonic)."""
        before = self._store.states[key]
        next_poll = self._wall_at(due)
        try:
            self._store.record(key, result, next_poll)
        except Exception as error:  # noqa: BLE001 - it costs one poll of one account
            result = replace(result, outcome=InternalError.of(error))
            self._store.record(key, result, next_poll)
        if isinstance(result.outcome, RateLimitedError):
            self._waits.publish(self._access.egresses)
        self._events.polled(before, self._store.states[key], result)

    def _wall_at(self, time: float) -> float:
        """Return a monotonic time as Unix seconds."""
        return self._clock.wall() + time - self._clock.monotonic()


def _announce(
    unserved: Sequence[PollSchedule], limits: Mapping[str, int], egresses: Egresses
) -> None:
    if not unserved:
        return
    seconds = first_round(
        (schedule.account for schedule in unserved),
        lambda account: (endpoint_key(account, egresses), limits[account.exchange]),
        EXCHANGES,
    )
    log.info("polling accounts", accounts=len(unserved), first_balances_of_all=in_words(seconds))
