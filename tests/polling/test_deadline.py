"""The deadline: exact, fair to what came while this process stood still, and never endless."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from exporter.polling.deadline import Deadline
from tests.faults.virtual_time import VirtualLoop, run


def given_up_after(block: Callable[[Deadline], Coroutine[Any, Any, None]]) -> float:
    """Return the seconds after which a block with a deadline of 10 s is given up."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with Deadline(10) as deadline:
                await block(deadline)
        except TimeoutError:
            return loop.time() - began
        raise AssertionError("the block came to its end")

    return float(run(main))


def test_a_block_that_takes_too_long_is_given_up_at_its_deadline():
    async def block(_: Deadline) -> None:
        await asyncio.sleep(60)

    assert given_up_after(block) == 10


def test_a_block_that_is_in_time_is_left_alone():
    async def main() -> None:
        async with Deadline(10):
            await asyncio.sleep(9)
        await asyncio.sleep(60)

    run(main)


@pytest.mark.parametrize(("stall", "seconds"), [(9, 10), (12, 14), (30, 40), (3600, 3610)])
def test_what_a_stall_took_beyond_the_deadline_is_added_at_most_the_whole_again(
    stall: float, seconds: float
):
    async def block(_: Deadline) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.call_soon(loop.advance, stall)
        await asyncio.sleep(1e6)

    assert given_up_after(block) == seconds


def test_time_that_does_not_count_is_added():
    async def block(deadline: Deadline) -> None:
        await asyncio.sleep(4)
        with deadline.not_counting():
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    assert given_up_after(block) == 70


def test_what_a_stall_took_is_added_once_however_often_no_time_counts_then():
    async def block(deadline: Deadline) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.call_soon(loop.advance, 20)
        await asyncio.sleep(1)
        while True:
            with deadline.not_counting():
                await asyncio.sleep(0.5)
            await asyncio.sleep(0.5)

    assert given_up_after(block) == 30


def test_a_block_that_is_cancelled_while_no_time_counts_ends_at_once():
    async def wait() -> None:
        async with Deadline(10) as deadline:
            with deadline.not_counting():
                await asyncio.sleep(60)

    async def main() -> bool:
        task = asyncio.create_task(wait())
        await asyncio.sleep(5)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main)
