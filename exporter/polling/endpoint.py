"""Poll accounts of one API: what they share is its pace, its clock and its tokens."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from exporter.credentials import CredentialsReader, Secret
from exporter.errors import (
    CredentialsError,
    InternalError,
    PollError,
    RateLimitedError,
    StalledError,
)
from exporter.exchange_api.base import Exchange
from exporter.exchange_api.http import HttpClient
from exporter.exchange_api.server_clock import ServerClock
from exporter.model import Account, BalancesResponse
from exporter.polling.deadline import Deadline
from exporter.polling.rate_limit import RateLimiter, rate_limit_pause
from exporter.runtime.clock import Clock

Sleep = Callable[[float], Awaitable[None]]

_STALL = 1.0  # seconds past a deadline that only a stall of this process explains


@dataclass(frozen=True, slots=True)
class Attempt:
    """Hold how one poll ended, and what it was signed with, as far as that could be read.

    `requested_at` is monotonic, `wall` the same moment as Unix seconds.
    """

    requested_at: float
    wall: float
    duration: float
    outcome: BalancesResponse | PollError
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

    async def poll(self, account: Account, http: HttpClient) -> Attempt:
        """Poll an account once and return what became of it; whatever happens is an outcome."""
        requested_at = self._clock.monotonic()
        outcome: BalancesResponse | PollError
        credentials = None
        deadline = Deadline(account.timeout)
        try:
            async with self._turn():
                requested_at = self._clock.monotonic()
                http.begin_poll(partial(self._before_request, deadline))
                async with deadline:
                    credentials = await self._reader.read_all(account.credentials)
                    response = await self._api.fetch_balances(account, credentials, http)
                outcome = response.only(account.assets)
        except TimeoutError:
            outcome = _late(deadline, credentials, http)
        except PollError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - no defect may end the account's task
            outcome = InternalError.of(error)
        self._note_limit(outcome, requested_at)
        duration = self._clock.monotonic() - requested_at
        return Attempt(requested_at, self._clock.wall() - duration, duration, outcome, credentials)

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

    async def _before_request(self, deadline: Deadline, is_first: bool) -> None:  # noqa: FBT001 - one caller
        """Let a running poll send a request, of which the first is counted as the poll.

        Another one waits for the limit, for which the exchange is not to blame. A pause that began
        meanwhile may last too long for that: raises `RateLimitedError`.
        """
        if is_first:
            self._refuse_in_pause()
            return
        self._rate_limiter.end(self._clock.monotonic())
        try:
            with deadline.not_counting():
                while (
                    wait := self._rate_limiter.delay_before_request(self._clock.monotonic())
                ) > 0:
                    self._refuse_in_pause()
                    await self._sleep(wait)
        finally:
            self._rate_limiter.start(self._clock.monotonic())  # the poll's end counts as its end

    def _refuse_in_pause(self) -> None:
        if rest := self._rate_limiter.remaining_pause(self._clock.monotonic()):
            raise RateLimitedError("the exchange asked for fewer requests", retry_after=rest)

    def _note_limit(self, outcome: BalancesResponse | PollError, requested_at: float) -> None:
        if isinstance(outcome, RateLimitedError):
            now = self._clock.monotonic()
            if requested_at >= self._limited_at:  # others that were on their way say nothing new
                self._limited_at = now
                self._limited_in_a_row += 1
            pause = rate_limit_pause(outcome, self._limited_in_a_row, self._jitter())
            self._rate_limiter.pause(now + pause)
        elif isinstance(outcome, BalancesResponse):
            self._limited_in_a_row = 0


def _late(
    deadline: Deadline, credentials: Mapping[str, Secret] | None, http: HttpClient
) -> PollError:
    """Return the error for a poll that was given up on at its deadline."""
    if deadline.overrun > _STALL:
        return StalledError("this process was stalled while it waited")
    if credentials is None:
        return CredentialsError("a file of its credentials can't be read in time")
    return http.timed_out()
