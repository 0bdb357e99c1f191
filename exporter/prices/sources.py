"""Fetch quotes: one task for each price source, none of which can touch a balance."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from exporter.errors import InternalError, PollError
from exporter.exchange_api.client import HttpClient
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey
from exporter.polling.deadline import Deadline
from exporter.polling.endpoint import HoldBack, Run, Sleep
from exporter.polling.poller import Polled
from exporter.polling.rate_limit import Backoff, next_due, outage_pause
from exporter.polling.snapshots import SnapshotStore
from exporter.prices.book import Moment, QuoteLimits, updated_book
from exporter.prices.connection import Connection
from exporter.prices.settings import PriceSource, Valuation
from exporter.prices.source_log import SourceLog
from exporter.prices.valuations import ReadHeld, SourceState, Valuations
from exporter.quotes import QuotesQuery, QuotesResponse
from exporter.runtime.clock import Clock

_CHECK_AGAIN = 5.0  # seconds between two checks for an asset that nobody held before


class Polling(Protocol):
    """Find the endpoint of a source; a `Poller` does."""

    def find_polled(self, key: AccountKey) -> Polled | None:
        """Return an account that is polled now, None for any other."""

    async def public(self, account: Account, limit: int) -> Polled:
        """Return how public calls are sent, with a limit in requests a minute."""

    def hold_back(self, account: Account) -> HoldBack:
        """Return what judges credentials of an account before quotes are requested with them."""


class PriceSources:
    """Fetch the quotes of one valuation at a time, as the configuration changes."""

    def __init__(
        self,
        store: SnapshotStore,
        clock: Clock,
        read_held: ReadHeld,
        *,
        sleep: Sleep = asyncio.sleep,
        share: Callable[[int], int] = int,
    ) -> None:
        """Fetch nothing yet.

        `read_held` returns what a snapshot of the store holds, `share` how much of the limit of an
        address is ours.
        """
        self._store = store
        self._clock = clock
        self._read_held = read_held
        self._sleep = sleep
        self._share = share
        self._backoff: Backoff[str] = Backoff()
        self._log = SourceLog()
        self._requested: dict[str, frozenset[str]] = {}
        self._running: list[asyncio.Task[None]] = []
        self._is_stopped = False
        self._tasks: asyncio.TaskGroup
        self._polling: Polling
        self.valuations: Valuations | None = None

    def start(self, tasks: asyncio.TaskGroup, polling: Polling) -> None:
        """Run tasks in a group from now on, within the rate limits of polling."""
        self._tasks, self._polling = tasks, polling

    async def reconcile(self, valuation: Valuation | None) -> None:
        """Fetch for this valuation from now on; one that did not change goes on undisturbed."""
        if self.valuations and self.valuations.valuation == valuation:
            return
        await self._stop()
        if self._is_stopped:
            return
        self.valuations = Valuations(valuation, self._read_held) if valuation else None
        self._backoff.keep([source.name for source in valuation.sources] if valuation else [])
        if self.valuations:
            self._running = [
                self._tasks.create_task(self._keep_fetching(state.source, self.valuations))
                for state in self.valuations.sources.values()
            ]

    async def fetch_once(self, valuation: Valuation, polling: Polling) -> Valuations:
        """Fetch the quotes of every source once, and return what they come to."""
        self._polling = polling
        self._log = SourceLog(up_level=logging.DEBUG)  # one fetch changes no state
        self.valuations = valuations = Valuations(valuation, self._read_held)

        async def fetch(source: PriceSource) -> None:
            connection = Connection()
            try:
                await self._fetch(source, valuations, connection)
            finally:
                await connection.aclose()

        await asyncio.gather(*map(fetch, valuation.sources))
        return valuations

    async def stop(self) -> None:
        """Stop fetching, for good."""
        self._is_stopped = True
        await self._stop()

    async def _stop(self) -> None:
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _keep_fetching(self, source: PriceSource, valuations: Valuations) -> None:
        due = paused_until = self._clock.monotonic()
        connection = Connection()
        try:
            while True:
                due = await self._until_due(source, valuations, due, paused_until)
                pause = await self._fetch(source, valuations, connection)
                now = self._clock.monotonic()
                due, paused_until = next_due(due, now, source.interval, pause), now + pause
        finally:
            await connection.aclose()

    async def _until_due(
        self, source: PriceSource, valuations: Valuations, due: float, paused_until: float
    ) -> float:
        """Wait until a source is due, or after a pause for a new asset; return when that was."""
        quotes = EXCHANGES[source.exchange].quotes
        follows_holdings = quotes is not None and quotes.follow_holdings
        while (now := self._clock.monotonic()) < due:
            if now < paused_until:
                await self._sleep(paused_until - now)
            elif follows_holdings:
                await self._sleep(min(due - now, _CHECK_AGAIN))
                if self._needs_more(source, valuations):
                    break
            else:
                await self._sleep(due - now)
        return min(due, self._clock.monotonic())

    def _needs_more(self, source: PriceSource, valuations: Valuations) -> bool:
        """Return whether an asset is held now that was not part of the last query."""
        try:
            requested = self._requested.get(source.name)
            return requested is not None and not self._query(source, valuations).assets <= requested
        except Exception:  # noqa: BLE001 - the fetch that follows explains it
            return True

    async def _fetch(
        self, source: PriceSource, valuations: Valuations, connection: Connection
    ) -> float:
        """Fetch once and publish the outcome; return for how many seconds to leave it alone."""
        try:
            polled = await self._polled(source)
            client = await connection.to(polled)
            if polled is None or client is None:
                return 0.0
            return await self._fetch_at(source, valuations, polled, client)
        except Exception as error:  # noqa: BLE001 - it costs one fetch of one source
            before, failure = valuations.sources[source.name], InternalError.of(error)
            valuations.publish(_failed(before, failure))
            self._log.failed(before, failure, self._clock.monotonic())
            return source.interval

    async def _fetch_at(
        self, source: PriceSource, valuations: Valuations, polled: Polled, client: HttpClient
    ) -> float:
        query = self._query(source, valuations)
        self._requested[source.name] = query.assets
        run = await polled.endpoint.fetch_quotes(
            query,
            client,
            Deadline(source.timeout),
            polled.account.credentials,
            self._polling.hold_back(polled.account),
        )
        return await self._note(source, valuations, polled, run)

    async def _polled(self, source: PriceSource) -> Polled | None:
        """Return how a source is reached now: as its account is, or by its public API."""
        if source.account is not None:
            return self._polling.find_polled(AccountKey(source.exchange, source.account))
        nobody = Account(
            name=source.name,
            exchange=source.exchange,
            base_url=source.base_url,
            balances_path="",
            credentials={},
            timeout=source.timeout,
            network=source.network,
        )
        quotes = EXCHANGES[source.exchange].quotes
        limit = quotes.requests_per_minute if quotes else 1
        return await self._polling.public(nobody, self._share(limit))

    def _query(self, source: PriceSource, valuations: Valuations) -> QuotesQuery:
        valuation = valuations.valuation
        return QuotesQuery(
            valuations.held_assets(self._store.states, self._clock.monotonic()),
            frozenset((*valuation.currencies, *valuation.bridges)),
            source.quotes,
        )

    async def _note(
        self,
        source: PriceSource,
        valuations: Valuations,
        polled: Polled,
        run: Run[QuotesResponse],
    ) -> float:
        """Publish how a fetch ended; return for how many seconds to leave the source alone."""
        before, since = valuations.sources[source.name], self._clock.monotonic() - run.requested_at
        if run.held_back and before.error == str(run.outcome):
            return 0.0  # nothing was fetched, and nothing is new
        server_clock = polled.endpoint.server_clock(polled.account.base_url)
        age = run.outcome.age if isinstance(run.outcome, QuotesResponse) else 0.0
        requested = Moment(run.requested_at - age, server_clock.now() - since - age, run.duration)
        wall = self._clock.wall() - since
        after = _after(before, run.outcome, requested, wall, valuations.valuation)
        if after.book is not before.book:
            await valuations.prepare(after, self._store.states, self._clock.monotonic())
        valuations.publish(after)
        self._log.fetched(before, after, run, self._clock.monotonic())
        if run.held_back:
            return 0.0  # the account's polls show when its key works again
        asked = polled.account.base_url, run.credentials
        refused = self._backoff.note(source.name, asked, run.outcome, self._clock.monotonic())
        return refused or outage_pause(run.outcome)


def _after(
    before: SourceState,
    outcome: QuotesResponse | PollError,
    requested: Moment,
    wall: float,
    valuation: Valuation,
) -> SourceState:
    """Return a source's state after a fetch that was sent at `wall` (Unix seconds)."""
    if isinstance(outcome, PollError):
        return _failed(before, outcome)
    limits = QuoteLimits(
        valuation.price, before.source.stale_after, valuation.max_row_age, valuation.max_spread
    )
    book = updated_book(before.book, outcome, requested, limits)
    return replace(before, book=book, up=True, last_success=wall, error=None)


def _failed(before: SourceState, error: PollError) -> SourceState:
    failures = {**before.failures, error.reason: before.failures[error.reason] + 1}
    return replace(before, up=False, failures=failures, error=str(error))
