"""Limit the time of a poll, not counting what the exchange is not to blame for."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from exporter.credentials import Secret
from exporter.errors import CredentialsError, PollError, StalledError
from exporter.exchange_api.session import Session

_STALL = 1.0  # seconds past a deadline that only a stall of this process explains


class Deadline:
    """Raise `TimeoutError` out of an `async with` block after some seconds.

    If this process stalled past the deadline, the time of the stall is added, once and at most the
    whole time again: a response may have arrived and not been read. Time in `not_counting()` does
    not count.
    """

    def __init__(self, seconds: float) -> None:
        """Take the seconds that the block may need."""
        self._loop = asyncio.get_running_loop()
        self.seconds = self._left = seconds
        self._timeout = asyncio.timeout(None)
        self._is_up = False

    @property
    def overrun(self) -> float:
        """Return the seconds since the deadline."""
        return self._loop.time() - self._due

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._go_on()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, traceback)

    @contextmanager
    def not_counting(self) -> Iterator[None]:
        """Stop the clock within this context."""
        self._timer.cancel()
        self._left = self._due - self._loop.time()
        try:
            yield
        finally:
            self._go_on()

    def _go_on(self) -> None:
        self._due = self._loop.time() + self._left
        if not self._is_up:
            self._timer = self._loop.call_at(self._due, self._end)

    def _end(self) -> None:
        self._is_up = True
        now = self._loop.time()
        self._timeout.reschedule(now + min(now - self._due, self.seconds))


def late(
    deadline: Deadline, credentials: Mapping[str, Secret] | None, session: Session
) -> PollError:
    """Return the error for a run of requests that was given up on at its deadline."""
    if deadline.overrun > _STALL:
        return StalledError("this process was stalled while it waited")
    if credentials is None:
        return CredentialsError("a file of its credentials can't be read in time")
    return session.timed_out()
