"""Run one task for each account, and follow the configuration as it changes."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from exporter.credentials import Secret
from exporter.errors import InternalError
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey
from exporter.polling.cold_start import first_round, in_words
from exporter.polling.endpoint import Endpoint, Sleep
from exporter.polling.rate_limit import Backoff, next_due, outage_pause, stretch
from exporter.polling.snapshots import (
    AccountState,
    PollResult,
    PollSchedule,
    Snapshot,
    SnapshotStore,
)
from exporter.runtime.clock import Clock

log = structlog.get_logger(__name__)

STALE_INTERVALS = 3
"""Paced intervals, plus the timeout, after which balances are stale unless configured."""

_MOST_BETWEEN_STARTS = 1.0  # seconds: a few accounts should not wait for their first poll
_SHOWN_ROWS = 5

EndpointKey = tuple[str, str]


class Polled(NamedTuple):
    """An account and the endpoint that it is polled at."""

    account: Account
    endpoint: Endpoint


class Poller:
    """Poll every account for ever; all tasks belong to the task group that is given."""

    def __init__(
        self,
        store: SnapshotStore,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Publish into a store."""
        self._store = store
        self._tasks = tasks
        self._clock = clock
        self._sleep = sleep
        self._endpoints: dict[EndpointKey, Endpoint] = {}
        self._running: dict[AccountKey, asyncio.Task[None]] = {}
        self._refusals: Backoff[AccountKey] = Backoff()
        self._is_stopped = False

    async def reconcile(self, accounts: Iterable[Account], limits: Mapping[str, int]) -> None:
        """Poll these accounts from now on: stop what changed or went, leave the rest alone."""
        schedules = make_schedules(accounts, limits)
        before = self._store.states
        await self._stop(
            key
            for key in self._running
            if key not in schedules or schedules[key].account != before[key].schedule.account
        )
        if self._is_stopped:
            return
        self._prepare_endpoints(schedules.values(), limits)
        self._refusals.keep(schedules)
        self._store.configure(schedules)
        started = [schedules[key] for key in schedules if key not in self._running]
        _announce(started, limits)
        for schedule, delay in spread(started):
            task = self._tasks.create_task(self._keep_polling(schedule.account, delay))
            self._running[schedule.account.key] = task
        _warn_of(schedules.values(), limits)

    def find_polled(self, key: AccountKey) -> Polled | None:
        """Return an account that is polled now and its endpoint, None for any other."""
        if key not in self._running:
            return None
        account = self._store.states[key].schedule.account
        return Polled(account, self._endpoints[endpoint_key(account)])

    async def stop(self) -> None:
        """Stop polling, for good."""
        self._is_stopped = True
        await self._stop(self._running)

    async def _stop(self, keys: Iterable[AccountKey]) -> None:
        stopped = [self._running.pop(key) for key in tuple(keys)]
        for task in stopped:
            task.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)

    def _prepare_endpoints(
        self, schedules: Iterable[PollSchedule], limits: Mapping[str, int]
    ) -> None:
        """Keep the endpoints that have accounts or are not at rest; forget what others knew."""
        needed = {endpoint_key(schedule.account) for schedule in schedules}
        self._endpoints = {
            key: endpoint
            for key, endpoint in self._endpoints.items()
            if key in needed or not endpoint.is_idle()
        }
        for key in needed:
            exchange, limit = EXCHANGES[key[0]], limits[key[0]]
            if key not in self._endpoints:
                self._endpoints[key] = Endpoint(exchange, limit, self._clock, sleep=self._sleep)
            self._endpoints[key].set_limit(limit)

    async def _keep_polling(self, account: Account, delay: float) -> None:
        endpoint = self._endpoints[endpoint_key(account)]
        client = endpoint.connect(account)
        due = self._clock.monotonic() + delay
        try:
            while True:
                due = await self._until_due(account, endpoint, due)
                result = await endpoint.poll(account, client)
                due = self._due_after(account, result, due)
                self._publish(account.key, result, due)
        finally:
            await client.aclose()

    async def _until_due(self, account: Account, endpoint: Endpoint, due: float) -> float:
        """Wait until a poll is due, or a refused key is another one; return when that was."""
        interval = self._store.states[account.key].schedule.interval
        while refusal := self._refusals.in_force(account.key, self._clock.monotonic()):
            if refusal.asked != _asked(account, await endpoint.read_credentials(account)):
                return self._clock.monotonic()
            await self._sleep(min(interval, max(0.0, refusal.until - self._clock.monotonic())))
        await self._sleep(max(0.0, due - self._clock.monotonic()))
        return due

    def _due_after(self, account: Account, result: PollResult, due: float) -> float:
        """Return when to poll again (monotonic) after a poll due at `due`."""
        now, outcome = self._clock.monotonic(), result.outcome
        asked = _asked(account, result.credentials)
        pause = self._refusals.note(account.key, asked, outcome, now) or outage_pause(outcome)
        return next_due(due, now, self._store.states[account.key].schedule.interval, pause)

    def _publish(self, key: AccountKey, result: PollResult, due: float) -> None:
        """Store and log a result; `due` is when the next poll is due (monotonic)."""
        before = self._store.states[key]
        next_poll = self._clock.wall() + due - self._clock.monotonic()
        try:
            self._store.record(key, result, next_poll)
        except Exception as error:  # noqa: BLE001 - it costs one poll of one account
            failed = replace(result, outcome=InternalError.of(error))
            self._store.record(key, failed, next_poll)
        _log_change(before, self._store.states[key], result)


def make_schedules(
    accounts: Iterable[Account], limits: Mapping[str, int]
) -> dict[AccountKey, PollSchedule]:
    """Return how each account is polled when all accounts of an API share its limit."""
    groups: dict[EndpointKey, list[Account]] = defaultdict(list)
    listed = tuple(accounts)
    for account in listed:
        groups[endpoint_key(account)].append(account)
    factors = {
        key: stretch((account.interval for account in group), limits[key[0]])
        for key, group in groups.items()
    }
    return {account.key: _schedule(account, factors[endpoint_key(account)]) for account in listed}


def _schedule(account: Account, factor: float) -> PollSchedule:
    interval = account.interval * factor
    stale_after = account.stale_after or STALE_INTERVALS * interval + account.timeout
    return PollSchedule(account, interval, stale_after)


def spread(schedules: Sequence[PollSchedule]) -> list[tuple[PollSchedule, float]]:
    """Return each schedule with the seconds to wait before its first poll.

    The starts at one API are spread over the interval, but at most a second apart, so that a few
    accounts show their balances soon.
    """
    groups: dict[EndpointKey, list[PollSchedule]] = defaultdict(list)
    for schedule in schedules:
        groups[endpoint_key(schedule.account)].append(schedule)
    return [
        (schedule, number * min(schedule.interval / len(group), _MOST_BETWEEN_STARTS))
        for group in groups.values()
        for number, schedule in enumerate(group)
    ]


def endpoint_key(account: Account) -> EndpointKey:
    """Return what names the API that an account is polled at, and with it who shares a limit."""
    return account.exchange, account.base_url


def _asked(account: Account, credentials: Mapping[str, Secret] | None) -> tuple[object, ...]:
    """Return what an exchange judges when it refuses an account."""
    return account.base_url, account.balances_path, credentials


def _announce(started: Sequence[PollSchedule], limits: Mapping[str, int]) -> None:
    if not started:
        return
    seconds = first_round(
        (schedule.account for schedule in started),
        lambda account: (endpoint_key(account), limits[account.exchange]),
        EXCHANGES,
    )
    log.info("polling accounts", accounts=len(started), first_balances_of_all=in_words(seconds))


def _warn_of(schedules: Collection[PollSchedule], limits: Mapping[str, int]) -> None:
    _warn_of_shared_keys(schedule.account for schedule in schedules)
    stretched: dict[EndpointKey, list[PollSchedule]] = defaultdict(list)
    for schedule in schedules:
        if schedule.interval > schedule.account.interval:
            stretched[endpoint_key(schedule.account)].append(schedule)
        if schedule.stale_after < schedule.interval:
            log.warning(
                "stale_after is shorter than the time between two polls, balances will come and go",
                **schedule.account.key._asdict(),
                stale_after=f"{schedule.stale_after:g}s",
                interval=f"{schedule.interval:.1f}s",
            )
    for (exchange, _), group in stretched.items():
        log.warning(
            "too many accounts for the exchange's limit, polling less often",
            exchange=exchange,
            accounts=len(group),
            requests_per_minute=limits[exchange],
            longest_interval=f"{max(schedule.interval for schedule in group):.1f}s",
        )


def _warn_of_shared_keys(accounts: Iterable[Account]) -> None:
    groups: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for account in accounts:
        credentials = frozenset(account.credentials.items())
        groups[*endpoint_key(account), account.balances_path, credentials].append(account.name)
    for (exchange, *_), names in groups.items():
        if len(names) > 1:
            log.warning(
                "accounts share a key, so a sum counts the same money twice",
                exchange=exchange,
                accounts=", ".join(names),
            )


def _log_change(before: AccountState, after: AccountState, result: PollResult) -> None:
    """Log where an account's state changed: the beginning of a outage and its end, no more."""
    labels = after.schedule.account.key._asdict()
    if after.outage and not before.outage:
        log.warning(
            "account is down",
            **labels,
            reason=after.outage.reason,
            error=after.outage.message,
            advice=after.outage.advice,
            exc_info=after.outage.defect,
        )
    elif before.outage and not after.outage:
        log.info(
            "account is up again",
            **labels,
            down_for=f"{result.requested_at - before.outage.began_at:.0f}s",
            failed_polls=before.outage.failures,
        )
    elif after.up and not before.up:
        log.info("account is up", **labels, assets=after.snapshot.assets if after.snapshot else 0)
    if after.snapshot is not before.snapshot and after.snapshot:
        _log_rows(labels, before.snapshot, after.snapshot)


def _log_rows(labels: Mapping[str, str], before: Snapshot | None, after: Snapshot) -> None:
    was_complete = before is None or not before.rejected
    if after.rejected and was_complete:
        shown = [
            f"row {row.row} ({row.asset or 'no asset'}): {row.problem}"
            for row in after.rejected[:_SHOWN_ROWS]
        ]
        log.warning(
            "rows were not understood and are left out",
            **labels,
            rows=len(after.rejected),
            first="; ".join(shown),
        )
    elif not after.rejected and not was_complete:
        log.info("every row is understood again", **labels)
