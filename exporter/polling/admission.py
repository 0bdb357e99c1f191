"""Let polls and their requests start within the rate limit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from exporter.errors import RateLimitedError
from exporter.polling.deadline import Deadline
from exporter.polling.rate_limit import RateLimiter
from exporter.runtime.clock import Clock


class Turns:
    """Let polls start one after another, first come, first served."""

    def __init__(
        self, rate_limiter: RateLimiter, clock: Clock, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        """Start with an empty queue."""
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._sleep = sleep
        self._queue = asyncio.Lock()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Count a poll from when the rate limit admits it to its end."""
        async with self._queue:
            while (wait := self._rate_limiter.delay_before_poll(self._clock.monotonic())) > 0:
                await self._sleep(wait)
            self._rate_limiter.start(self._clock.monotonic())
        try:
            yield
        finally:
            self._rate_limiter.end(self._clock.monotonic())


class Admission:
    """Admit the requests of one poll, of which the first is counted as the poll.

    Another one waits for the limit, for which the exchange is not to blame. A pause may begin in
    the meantime and last too long for that: raises `RateLimitedError`.
    """

    def __init__(
        self,
        rate_limiter: RateLimiter,
        deadline: Deadline,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Start before the first request; `waited` are the seconds spent on others so far."""
        self.waited = 0.0
        self._rate_limiter = rate_limiter
        self._deadline = deadline
        self._clock = clock
        self._sleep = sleep
        self._is_first = True

    async def __call__(self) -> None:
        """Return when the next request may be sent."""
        if self._is_first:
            self._is_first = False
            self._check_pause()
            return
        ended_at = self._clock.monotonic()
        self._rate_limiter.end(ended_at)
        try:
            with self._deadline.not_counting():
                await self._wait()
        finally:
            now = self._clock.monotonic()
            self.waited += now - ended_at
            self._rate_limiter.start(now)  # the poll's end counts as its end

    async def _wait(self) -> None:
        while (wait := self._rate_limiter.delay_before_request(self._clock.monotonic())) > 0:
            self._check_pause()
            await self._sleep(wait)

    def _check_pause(self) -> None:
        if rest := self._rate_limiter.remaining_pause(self._clock.monotonic()):
            raise RateLimitedError("paused after the rate limit was exceeded", retry_after=rest)
