"""Measure how late the event loop runs its timers."""

import asyncio
from collections import deque
from collections.abc import Callable

_TICK = 0.1  # seconds by which a stall may look too short
_WINDOW = 600  # ticks: one minute


async def watch_loop(report: Callable[[float], None]) -> None:
    """Report the maximum lag of the last minute, in seconds, ten times a second until cancelled."""
    loop = asyncio.get_running_loop()
    lags: deque[float] = deque(maxlen=_WINDOW)
    while True:
        due = loop.time() + _TICK
        await asyncio.sleep(_TICK)
        lags.append(max(0.0, loop.time() - due))
        report(max(lags))
