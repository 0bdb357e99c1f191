"""Prices and values never cost a page its balances."""

from collections.abc import MutableMapping

import structlog

from exporter.exposition.deflate import EMPTY, inflate, join
from exporter.exposition.families import Format
from exporter.exposition.pages import read_held
from exporter.exposition.price_metrics import PricePage
from exporter.polling.snapshots import Snapshot
from exporter.prices.valuations import Valuations
from exporter.prices.values import Held
from exporter.runtime.clock import Clock
from exporter.status import StatusPage
from tests.accounts import FilledStore, balance, make_account, make_store, poll_at, reading
from tests.prices.quotes import valuation

NOW = 1_000.0


def broken(_: Snapshot) -> list[Held]:
    raise ZeroDivisionError


def filled() -> FilledStore:
    account = make_account("a")
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW), reading(balance("TRY", "1")))
    return store


def events(logs: list[MutableMapping[str, object]]) -> list[tuple[object, object]]:
    return [(line["log_level"], line["event"]) for line in logs]


def test_prices_that_cannot_be_rendered_are_absent_and_logged_once():
    store = filled()
    page = PricePage(lambda: Valuations(valuation(), broken))
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            assert page.block(Format.TEXT, store.states, NOW) == (EMPTY, 0)
    assert events(logs) == [("error", "prices and values can't be rendered")]


async def test_the_status_page_shows_balances_though_values_fail():
    valuations = Valuations(valuation(), broken)
    clock = Clock(lambda: NOW, lambda: NOW)
    status = StatusPage(filled(), clock, "/metrics", lambda: valuations)
    with structlog.testing.capture_logs() as logs:
        blocks = await status.blocks()
        await status.known()
    assert blocks is not None
    text = inflate(join(blocks))
    assert b"TRY" in text
    assert b"Withheld because of an unexpected error" in text
    assert events(logs) == [("error", "values can't be shown")]


def test_prices_are_rendered_again_only_when_something_changed():
    store = filled()
    valuations = Valuations(valuation(), read_held)
    page = PricePage(lambda: valuations)
    block, _ = page.block(Format.TEXT, store.states, NOW)
    assert page.block(Format.TEXT, store.states, NOW)[0] is block
    store.succeed(make_account("a").key, poll_at(NOW), reading(balance("TRY", "2")))
    again, _ = page.block(Format.TEXT, store.states, NOW)
    assert again is not block
    text = inflate(again)
    assert b'exchange_asset_price{exchange="btcturk",asset="TRY",currency="TRY"} 1\n' in text
