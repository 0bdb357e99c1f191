"""The page's part with prices and values never costs a scrape its balances."""

import structlog

from exporter.exposition.deflate import EMPTY, inflate
from exporter.exposition.families import Format
from exporter.exposition.pages import read_held
from exporter.exposition.price_metrics import PricePage
from exporter.polling.snapshots import Snapshot
from exporter.prices.valuations import Valuations
from tests.accounts import balance, make_account, make_store, poll_at, reading
from tests.prices.quotes import valuation

NOW = 1_000.0


def test_prices_that_cannot_be_rendered_are_absent_and_logged():
    def broken(_: Snapshot) -> list[object]:
        raise ZeroDivisionError

    account = make_account("a")
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW), reading(balance("BTC", "1")))
    page = PricePage(lambda: Valuations(valuation(), broken))  # type: ignore[arg-type]
    with structlog.testing.capture_logs() as logs:
        assert page.block(Format.TEXT, store.states, NOW) == (EMPTY, 0)
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("error", "prices and values can't be rendered")
    ]


def test_prices_are_rendered_again_only_when_something_changed():
    store = make_store(make_account("a"))
    valuations = Valuations(valuation(), read_held)
    page = PricePage(lambda: valuations)
    block, _ = page.block(Format.TEXT, store.states, NOW)
    assert page.block(Format.TEXT, store.states, NOW)[0] is block
    store.succeed(make_account("a").key, poll_at(NOW), reading(balance("TRY", "1")))
    again, _ = page.block(Format.TEXT, store.states, NOW)
    assert again is not block
    text = inflate(again)
    assert b'exchange_asset_price{exchange="btcturk",asset="TRY",currency="TRY"} 1\n' in text
