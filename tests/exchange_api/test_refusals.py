"""Refusals: errors that whoever follows their causes comes to the end of."""

import pytest

from exporter.errors import PollError
from exporter.exchanges import EXCHANGES
from exporter.polling.endpoint import Endpoint
from exporter.runtime.clock import Clock
from exporter.runtime.logs import describe
from exporter.simulator import Simulator
from tests.accounts import simulated


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_refused_key_is_no_error_that_causes_itself(simulator: Simulator, exchange: str):
    account = simulated(simulator, simulator.add_account(exchange=exchange, name="a"))
    endpoint = Endpoint(EXCHANGES[exchange], 60_000, Clock())
    http = endpoint.connect(account)
    with simulator.show("http_401"):
        refused = (await endpoint.poll(account, http)).outcome
    await http.aclose()
    assert isinstance(refused, PollError)
    assert refused.__cause__ is not refused
    assert refused.__context__ is not refused
    assert describe(refused)
