"""Bound the large answers under way, with room kept for clients that hold none."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter.web.limits import Limits
from exporter.web.messages import RefusedError


class Slots:
    """Lend `max_requests` slots in order of arrival, and the reserve to addresses without one."""

    def __init__(self, limits: Limits) -> None:
        """Start with all slots free."""
        self._wait = limits.slot_wait
        self._slots = asyncio.Semaphore(limits.max_requests)
        self._reserve = asyncio.Semaphore(limits.reserved)
        self._held: Counter[str] = Counter()

    @asynccontextmanager
    async def hold(self, peer: str) -> AsyncIterator[None]:
        """Hold a slot for a client's address; raises `RefusedError` (503) if none comes free."""
        slots = self._slots
        if slots.locked() and not self._held[peer] and not self._reserve.locked():
            slots = self._reserve
        if slots.locked():
            await self._queue(slots)
        else:
            await slots.acquire()
        self._held[peer] += 1
        try:
            yield
        finally:
            self._held[peer] -= 1
            self._held += Counter()  # forgets addresses that hold none any more
            slots.release()

    async def _queue(self, slots: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._wait):
                await slots.acquire()
        except TimeoutError:
            busy = "too many large answers are under way; see --web.max-requests"
            raise RefusedError(503, busy, {"Retry-After": "1"}) from None
