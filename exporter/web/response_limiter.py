"""Bound the concurrent large responses, with room kept for clients that have none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter.web.connection import Connection
from exporter.web.limits import Limits
from exporter.web.messages import RefusedError


class ResponseLimiter:
    """Lend `max_requests` slots, and the reserve to addresses without one.

    A waiting client may take the place of a response that another does not read. A slot that comes
    free goes to the client that came last: a waiting crowd must not delay the next scrape as well.
    """

    def __init__(self, limits: Limits) -> None:
        """Start with all slots free."""
        self._limits = limits
        self._running: set[Connection] = set()
        self._waiting: dict[Connection, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def hold(self, connection: Connection) -> AsyncIterator[None]:
        """Take a slot for a response; raises `RefusedError` (503) if none comes free."""
        try:
            await self._enter(connection)
            yield
        finally:
            self._waiting.pop(connection, None)
            self._running.discard(connection)
            self._admit()

    async def _enter(self, connection: Connection) -> None:
        admitted = self._waiting[connection] = asyncio.get_running_loop().create_future()
        self._admit()
        for _ in range(2):
            if not admitted.done():
                self._drop_unread()
                await asyncio.wait([admitted], timeout=self._limits.slot_wait / 2)
        if not admitted.done():
            busy = "too many concurrent large responses; see --web.max-requests"
            raise RefusedError(503, busy, {"Retry-After": "1"})

    def _admit(self) -> None:
        """Give the slots that are free to those who wait."""
        holding = {connection.peer for connection in self._running}
        for connection in reversed(tuple(self._waiting)):
            reserved = 0 if connection.peer in holding else self._limits.reserved
            if len(self._running) < self._limits.max_requests + reserved:
                self._running.add(connection)
                holding.add(connection.peer)
                self._waiting.pop(connection).set_result(None)

    def _drop_unread(self) -> None:
        """Cut off the response that has been unread for longest, if that is long."""
        slowest = max(self._running, key=lambda connection: connection.unread_for)
        if slowest.unread_for >= self._limits.stall:
            slowest.abort()
            self._running.discard(slowest)
            self._admit()
