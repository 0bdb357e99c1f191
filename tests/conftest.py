"""Share what every kind of test needs."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, which the exporter is written for."""
    return "asyncio"
