"""Run a simulator whose clocks only the test moves."""

import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from exporter.simulator import Account, Simulator, simulated_exchanges
from tests.simulator.simulated_client import NOON, Client, Clock, TokenClient


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def monotonic() -> Clock:
    return Clock(1_000.0)


@pytest.fixture
async def simulator(clock: Clock, monotonic: Clock) -> AsyncIterator[Simulator]:
    async with Simulator(clock=clock, monotonic=monotonic) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator, clock: Clock) -> AsyncIterator[Client]:
    # Loading the certificates of the world takes longer than most of these tests.
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx.AsyncClient(base_url=simulator.url, verify=nobody, trust_env=False) as http:
        yield Client(simulator, http, clock)


@pytest.fixture
def token_client(simulator: Simulator, client: Client, clock: Clock) -> TokenClient:
    return TokenClient(simulator, client.http, clock)


@pytest.fixture
def btcturk(simulator: Simulator) -> Account:
    return simulator.add_account(exchange="btcturk", name="treasury-tr")


@pytest.fixture
def trubit(simulator: Simulator) -> Account:
    return simulator.add_account(exchange="trubit", name="payments-mx")


@pytest.fixture(params=simulated_exchanges())
def account(request: pytest.FixtureRequest, simulator: Simulator) -> Account:
    """Open an account at each of the exchanges in turn."""
    return simulator.add_account(exchange=request.param, name="treasury")
