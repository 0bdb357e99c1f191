"""Virtual time passes in every sleep, and only there."""

import asyncio

import pytest

from tests.faults.virtual_time import run


@pytest.mark.parametrize("seconds", [1e-15, 1.4e-12, 1e-9, 0.5, 3600.0])
def test_time_passes_in_a_sleep_however_short(seconds: float):
    async def story() -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        await asyncio.sleep(seconds)
        assert loop.time() >= due
        assert loop.time() > due - seconds

    run(story)


def test_no_time_passes_while_there_is_something_to_do():
    async def story() -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        for _ in range(1000):
            await asyncio.sleep(0)
        assert loop.time() == before

    run(story)
