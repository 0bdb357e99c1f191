"""Let the event loop do other work while a page is made."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")

_LONGEST = 0.004  # seconds of work at a stretch: a scrape that comes in between waits no longer


class Turns:
    """Measure how long one page has kept the event loop, and yield when it is too long."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Start the first stretch of work."""
        self._monotonic = monotonic
        self._since = monotonic()

    async def pause(self) -> None:
        """Yield to other tasks if this turn has lasted long enough."""
        if self._monotonic() - self._since >= _LONGEST:
            await asyncio.sleep(0)
            self._since = self._monotonic()

    async def each(self, items: Iterable[Item]) -> AsyncIterator[Item]:
        """Yield items one by one, with pauses between them."""
        for item in items:
            yield item
            await self.pause()

    async def joined(self, pieces: Iterable[str]) -> str:
        """Return the text of pieces that are made one by one."""
        return "".join([piece async for piece in self.each(pieces)])
