"""The event loop's lag: what a stall of our own looks like."""

import asyncio
from typing import cast

import pytest

from exporter.runtime.loop_lag import watch_loop
from tests.faults.virtual_time import VirtualLoop, run


@pytest.mark.parametrize("stall", [0.3, 3.0])
def test_a_stall_shows_for_a_minute_and_then_no_more(stall: float):
    lags: list[float] = []

    async def main() -> None:
        loop = cast("VirtualLoop", asyncio.get_running_loop())
        watching = asyncio.create_task(watch_loop(lags.append))
        await asyncio.sleep(10.01)
        assert lags[-1] == pytest.approx(0, abs=0.01)
        loop.advance(stall)
        await asyncio.sleep(59)
        assert lags[-1] == pytest.approx(stall, abs=0.11)
        await asyncio.sleep(2)
        assert lags[-1] == pytest.approx(0, abs=0.01)
        watching.cancel()

    run(main)
