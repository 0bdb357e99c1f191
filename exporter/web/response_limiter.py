"""Bound the large answers under way, with room kept for clients that hold none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter.web.connection import Connection
from exporter.web.limits import Limits
from exporter.web.messages import RefusedError


class ResponseLimiter:
    """Lend `max_requests` slots, and the reserve to addresses without one.

    Who waits may take the place of an answer that its client does not read. A slot that comes free
    goes to who came last: a crowd that waits must not hold up the next scrape as well.
    """

    def __init__(self, limits: Limits) -> None:
        """Start with all slots free."""
        self._limits = limits
        self._under_way: set[Connection] = set()
        self._waiting: dict[Connection, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def hold(self, connection: Connection) -> AsyncIterator[None]:
        """Hold a slot for an answer; raises `RefusedError` (503) if none comes free."""
        try:
            await self._enter(connection)
            yield
        finally:
            self._waiting.pop(connection, None)
            self._under_way.discard(connection)
            self._admit()

    async def _enter(self, connection: Connection) -> None:
        admitted = self._waiting[connection] = asyncio.get_running_loop().create_future()
        self._admit()
        for _ in range(2):
            if not admitted.done():
                self._drop_unread()
                await asyncio.wait([admitted], timeout=self._limits.slot_wait / 2)
        if not admitted.done():
            busy = "too many large answers are under way; see --web.max-requests"
            raise RefusedError(503, busy, {"Retry-After": "1"})

    def _admit(self) -> None:
        """Give the slots that are free to those who wait."""
        holding = {connection.peer for connection in self._under_way}
        for connection in reversed(tuple(self._waiting)):
            reserved = 0 if connection.peer in holding else self._limits.reserved
            if len(self._under_way) < self._limits.max_requests + reserved:
                self._under_way.add(connection)
                holding.add(connection.peer)
                self._waiting.pop(connection).set_result(None)

    def _drop_unread(self) -> None:
        """Cut off the answer that its client has kept waiting for longest, if that is long."""
        slowest = max(self._under_way, key=lambda connection: connection.unread_for)
        if slowest.unread_for >= self._limits.stall:
            slowest.abort()
            self._under_way.discard(slowest)
            self._admit()
