"""Poll accounts of one API: what they share is its pace, its clock and its tokens."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar, cast

from exporter.credentials import CredentialsReader, Secret, SecretSource
from exporter.errors import (
    CredentialsError,
    InternalError,
    PollError,
    RateLimitedError,
    StalledError,
)
from exporter.exchange_api.base import Exchange, QuotesApi
from exporter.exchange_api.client import HttpClient
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import Session
from exporter.model import Account, BalancesResponse
from exporter.polling.deadline import Deadline
from exporter.polling.rate_limit import RateLimiter, rate_limit_pause
from exporter.polling.snapshots import PollResult
from exporter.quotes import QuotesQuery, QuotesResponse
from exporter.runtime.clock import Clock

Sleep = Callable[[float], Awaitable[None]]

_STALL = 1.0  # seconds past a deadline that only a stall of this process explains


Fetched = TypeVar("Fetched")


@dataclass(frozen=True, slots=True)
class Run(Generic[Fetched]):
    """Describe how one run of requests ended, and the credentials it was signed with.

    `requested_at` is monotonic; `credentials` is None if they could not be read.
    """

    requested_at: float
    duration: float
    outcome: Fetched | PollError
    credentials: Mapping[str, Secret] | None


class Endpoint:
    """Take turns at one API; one object for each exchange and base URL."""

    def __init__(
        self,
        exchange: Exchange,
        limit: int,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take the limit in requests a minute."""
        self.server_clock = ServerClock(clock)
        self._api = exchange.api(self.server_clock)
        self._rate_limiter = RateLimiter(limit)
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._reader = CredentialsReader()
        self._queue = asyncio.Lock()
        self._limited_in_a_row = 0
        self._limited_at = -math.inf

    def set_limit(self, limit: int) -> None:
        """Change the limit; what was already asked still counts."""
        self._rate_limiter.set_limit(limit)

    def is_idle(self) -> bool:
        """Return whether no pause and no request of the last minute is left to be respected."""
        return self._rate_limiter.is_idle(self._clock.monotonic())

    def connect(self, account: Account) -> HttpClient:
        """Return a client for an account, which the caller closes."""
        return HttpClient(account.base_url, server_clock=self.server_clock, clock=self._clock)

    async def poll(self, account: Account, client: HttpClient) -> PollResult:
        """Poll an account once; whatever goes wrong is the outcome, never raised."""

        async def fetch(credentials: Mapping[str, Secret], session: Session) -> BalancesResponse:
            response = await self._api.fetch_balances(account, credentials, session)
            return response.only(account.assets)

        deadline = Deadline(account.timeout)
        run = await self._run(deadline, account.credentials, client, fetch)
        return PollResult(
            run.requested_at,
            self._clock.wall() - run.duration,
            run.duration,
            run.outcome,
            run.credentials,
            self.server_clock.offset(),
        )

    async def fetch_quotes(
        self,
        query: QuotesQuery,
        client: HttpClient,
        deadline: Deadline,
        credentials: Mapping[str, SecretSource] = MappingProxyType({}),
    ) -> "Run[QuotesResponse]":
        """Fetch quotes once, within the same limit; whatever goes wrong is the outcome."""
        api = cast("QuotesApi", self._api)  # as the exchange's `quotes` declares

        async def fetch(secrets: Mapping[str, Secret], session: Session) -> QuotesResponse:
            return await api.fetch_quotes(query, secrets, session)

        return await self._run(deadline, credentials, client, fetch)

    async def _run(
        self,
        deadline: Deadline,
        credentials: Mapping[str, SecretSource],
        client: HttpClient,
        fetch: Callable[[Mapping[str, Secret], Session], Awaitable[Fetched]],
    ) -> "Run[Fetched]":
        requested_at = self._clock.monotonic()
        outcome: Fetched | PollError
        secrets = None
        session = Session(
            client, _Admission(self._rate_limiter, deadline, self._clock, self._sleep)
        )
        try:
            async with self._turn():
                requested_at = self._clock.monotonic()
                async with deadline:
                    secrets = await self._reader.read_all(credentials)
                    outcome = await fetch(secrets, session)
        except TimeoutError:
            outcome = _late(deadline, secrets, session)
        except PollError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - no unexpected error may end the account's task
            outcome = InternalError.of(error)
        self._note_limit(outcome, requested_at)
        duration = self._clock.monotonic() - requested_at
        return Run(requested_at, duration, outcome, secrets)

    async def read_credentials(self, account: Account) -> Mapping[str, Secret] | None:
        """Return an account's credentials as they are now, None where they can't be read."""
        try:
            async with asyncio.timeout(account.timeout):
                return await self._reader.read_all(account.credentials)
        except Exception:  # noqa: BLE001 - the poll that follows says what it was
            return None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Count a poll, which starts when the pace lets it, in the order of asking."""
        async with self._queue:
            while (wait := self._rate_limiter.delay_before_poll(self._clock.monotonic())) > 0:
                await self._sleep(wait)
            self._rate_limiter.start(self._clock.monotonic())
        try:
            yield
        finally:
            self._rate_limiter.end(self._clock.monotonic())

    def _note_limit(self, outcome: object, requested_at: float) -> None:
        if isinstance(outcome, RateLimitedError):
            now = self._clock.monotonic()
            if requested_at >= self._limited_at:  # others that were on their way say nothing new
                self._limited_at = now
                self._limited_in_a_row += 1
            pause = rate_limit_pause(outcome, self._limited_in_a_row, self._jitter())
            self._rate_limiter.pause(now + pause)
        elif not isinstance(outcome, PollError):
            self._limited_in_a_row = 0


class _Admission:
    """Admit the requests of one poll, of which the first is counted as the poll.

    Another one waits for the limit, for which the exchange is not to blame. A pause may begin in
    the meantime and last too long for that: raises `RateLimitedError`.
    """

    def __init__(
        self, rate_limiter: RateLimiter, deadline: Deadline, clock: Clock, sleep: Sleep
    ) -> None:
        self._rate_limiter = rate_limiter
        self._deadline = deadline
        self._clock = clock
        self._sleep = sleep
        self._is_first = True

    async def __call__(self) -> None:
        if self._is_first:
            self._is_first = False
            self._check_pause()
            return
        self._rate_limiter.end(self._clock.monotonic())
        try:
            with self._deadline.not_counting():
                await self._wait()
        finally:
            self._rate_limiter.start(self._clock.monotonic())  # the poll's end counts as its end

    async def _wait(self) -> None:
        while (wait := self._rate_limiter.delay_before_request(self._clock.monotonic())) > 0:
            self._check_pause()
            await self._sleep(wait)

    def _check_pause(self) -> None:
        if rest := self._rate_limiter.remaining_pause(self._clock.monotonic()):
            raise RateLimitedError("paused after the rate limit was exceeded", retry_after=rest)


def _late(
    deadline: Deadline, credentials: Mapping[str, Secret] | None, session: Session
) -> PollError:
    """Return the error for a poll that was given up on at its deadline."""
    if deadline.overrun > _STALL:
        return StalledError("this process was stalled while it waited")
    if credentials is None:
        return CredentialsError("a file of its credentials can't be read in time")
    return session.timed_out()
