"""Share what every kind of test needs."""

import pytest
from hypothesis import settings

# A busy machine makes single examples slow; that is no failure of the code.
settings.register_profile("exporter", deadline=None)
settings.load_profile("exporter")


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, which the exporter is written for."""
    return "asyncio"
