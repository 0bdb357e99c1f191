"""Ask simulated exchanges over real sockets."""

from collections.abc import AsyncIterator

import pytest

from exporter.simulator import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(limits={"btcturk": None, "trubit": None}) as running:
        yield running
