"""Limits of one address share a pause if the exchange bans addresses."""

from typing import Any

import pytest

from exporter.model import Account, Network
from exporter.polling.endpoint import Endpoint
from exporter.polling.endpoints import Endpoints
from exporter.polling.schedules import endpoint_key, public_endpoint_key
from exporter.runtime.clock import Clock
from tests.accounts import make_account

NOW, WALL = 1000.0, 1.7e9
OTHER_HOST = "https://api-gcp.binance.com"


@pytest.fixture
def endpoints() -> Endpoints:
    return Endpoints(Clock(lambda: NOW, lambda: WALL))


def account(exchange: str = "binance", **changes: Any) -> Account:
    return make_account("main", exchange, **changes)


def private(endpoints: Endpoints, of: Account) -> Endpoint:
    return endpoints.get(endpoint_key(of, {}), of, 60)


def public(endpoints: Endpoints, of: Account) -> Endpoint:
    return endpoints.get(public_endpoint_key(of, {}), of, 60)


def ban(endpoint: Endpoint, seconds: float = 120.0) -> None:
    endpoint.pause.until = NOW + seconds


def test_a_ban_holds_at_every_host_of_the_exchange(endpoints: Endpoints):
    other = private(endpoints, account(base_url=OTHER_HOST))
    ban(public(endpoints, account()))
    assert other.paused_for == 120


def test_a_ban_of_one_address_does_not_hold_for_another(endpoints: Endpoints):
    forced = private(endpoints, account(network=Network(ip_family="ipv4")))
    ban(private(endpoints, account()))
    assert forced.paused_for == 0


def test_a_pause_of_an_exchange_that_bans_no_addresses_holds_for_one_limit(endpoints: Endpoints):
    tickers = public(endpoints, account("btcturk"))
    ban(private(endpoints, account("btcturk")))
    assert tickers.paused_for == 0


def test_a_ban_is_one_pause_of_an_address(endpoints: Endpoints):
    private(endpoints, account(base_url=OTHER_HOST))
    public(endpoints, account())
    ban(private(endpoints, account()))
    [pause] = set(endpoints.pauses().values())
    assert (pause.key.exchange, pause.key.host, pause.key.limit) == ("binance", "", "")
    assert (pause.until, pause.wall) == (NOW + 120, WALL + 120)


def test_a_pause_of_one_limit_is_named_by_it(endpoints: Endpoints):
    of = account("btcturk")
    public(endpoints, of)
    ban(private(endpoints, of))
    [pause] = endpoints.pauses().values()
    assert [pause.key, *endpoints.pauses()] == [endpoint_key(of, {}), endpoint_key(of, {})]


def test_no_pause_is_reported_outside_of_one(endpoints: Endpoints):
    private(endpoints, account())
    assert endpoints.pauses() == {}
