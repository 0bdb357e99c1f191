"""Every exchange that quotes: the quotes of its twin arrive exactly and within the limit."""

from decimal import Decimal
from typing import Any, cast

import pytest

from exporter.exchange_api.messages import ApiResponse
from exporter.exchange_api.rows import RowError
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchanges import EXCHANGES
from exporter.exchanges.binance import parse_symbols
from exporter.exchanges.bitso import parse_ticker
from exporter.exposition.pages import read_held
from exporter.prices.settings import PriceSource, Valuation
from exporter.prices.sources import PriceSources
from exporter.quotes import Pair, QuoteRequest, QuotesQuery
from exporter.runtime.clock import Clock
from exporter.simulator import simulated_exchanges
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, World, opened

QUOTING = [name for name, exchange in EXCHANGES.items() if exchange.quotes]


FOLLOWING = [
    name for name, each in EXCHANGES.items() if each.quotes and each.quotes.follow_holdings
]


def currency_of(exchange: str) -> str:
    """Return a currency in which the twin quotes something."""
    return simulated_exchanges()[exchange].markets[0][1]


def source(world: World, exchange: str) -> PriceSource:
    quotes, twin = EXCHANGES[exchange].quotes, simulated_exchanges()[exchange]
    if not (quotes and quotes.need_account):
        return PriceSource(exchange, world.simulator.url)
    requests = tuple(QuoteRequest(q["country"], q["from"], q["to"]) for q in twin.quote_requests)
    return PriceSource(exchange, world.simulator.url, account="victim", quotes=requests)


def test_every_simulated_exchange_quotes_what_its_client_reads():
    assert [name for name, twin in simulated_exchanges().items() if twin.markets] == QUOTING


@pytest.mark.parametrize("exchange", QUOTING)
def test_quotes_are_those_that_the_exchange_gave(exchange: str):
    async def story() -> None:
        async with opened(exchange) as world:
            valuation = Valuation((currency_of(exchange),), (source(world, exchange),))
            async with world.polling(valuation=valuation):
                await world.run(2 * INTERVAL)
            assert world.sources.valuations
            [state] = world.sources.valuations.sources.values()
            given = {
                (row.base, row.quote, row.bid)
                for entry in world.simulator.ledger.entries(call="ticker")
                for row in entry.quotes or ()
            }
            assert state.up
            assert state.book.rates
            for pair, rate in state.book.rates.items():
                assert (*pair, rate.sell) in given
            assert sum(state.book.refused.values()) == 0
            quotes = EXCHANGES[exchange].quotes
            assert quotes
            assert world.most_requests(exchange) <= quotes.requests_per_minute + 300

    run(story)


@pytest.mark.parametrize("exchange", FOLLOWING)
def test_a_new_asset_gets_its_quote_without_waiting_for_the_interval(exchange: str):
    async def story() -> None:
        async with opened(exchange) as world:
            slow = PriceSource(exchange, world.simulator.url, interval=3600.0, stale_after=4000.0)
            async with world.polling(valuation=Valuation((currency_of(exchange),), (slow,))):
                await world.run(INTERVAL)
                victim = world.simulated(world.victim)
                world.simulator.set_balances(victim, {"ETH": ("2", "2", "0")})
                await world.run(INTERVAL + 10)
            assert world.sources.valuations
            [state] = world.sources.valuations.sources.values()
            bases = {pair.base for pair in state.book.rates}
            assert "ETH" in bases

    run(story)


def test_a_symbol_is_split_as_the_exchange_says():
    body = (
        b'{"symbols":[{"symbol":"XUSDTRY","status":"TRADING","baseAsset":"XUSD",'
        b'"quoteAsset":"TRY"},{"symbol":"OLDBTC","status":"BREAK","baseAsset":"OLD",'
        b'"quoteAsset":"BTC"}]}'
    )
    assert parse_symbols(body) == {"XUSDTRY": Pair("XUSD", "TRY"), "OLDBTC": None}


class Responses:
    """Stand for a session that gets these bodies, one for each request."""

    def __init__(self, *bodies: bytes) -> None:
        self._bodies = list(bodies)

    async def send(self, _make_request: object) -> ApiResponse:
        return ApiResponse(200, self._bodies.pop(0))


async def test_a_symbol_that_is_no_text_costs_no_other_quote():
    session: Any = Responses(
        b'[{"symbol":["A"]},{"symbol":"AB","bidPrice":"1","askPrice":"2"}]',
        b'{"symbols":[{"symbol":"AB","status":"TRADING","baseAsset":"A","quoteAsset":"B"}]}',
    )
    api = cast("Any", EXCHANGES["binance"].api(ServerClock(Clock())))
    query = QuotesQuery(frozenset("A"), frozenset("B"))
    response = await api.fetch_quotes(query, {}, session)
    assert [quote.pair for quote in response.quotes] == [Pair("A", "B")]


def test_a_book_is_read_with_its_time():
    body = (
        b'{"success":true,"payload":{"book":"btc_mxn","bid":"5632.24","ask":"5633.44",'
        b'"last":"5633.98","created_at":"2016-04-08T17:52:31.000+00:00"}}'
    )
    quote = parse_ticker(Pair("BTC", "MXN"), body)
    assert (quote.bid, quote.ask) == (Decimal("5632.24"), Decimal("5633.44"))
    assert quote.updated == 1460137951.0


def test_a_ticker_of_another_book_than_was_requested_is_no_quote():
    body = b'{"success":true,"payload":{"book":"eth_mxn","bid":"300","ask":"301","last":"300"}}'
    with pytest.raises(RowError):
        parse_ticker(Pair("BTC", "MXN"), body)


@pytest.mark.parametrize("exchange", FOLLOWING)
def test_a_share_of_two_requests_a_minute_is_kept(exchange: str):
    async def story() -> None:
        async with opened(exchange) as world:
            world.sources = PriceSources(
                world.store, world.clocks.ours, read_held, share=lambda _limit: 2
            )
            valuation = Valuation((currency_of(exchange),), (source(world, exchange),))
            async with world.polling(valuation=valuation):
                await world.run(10 * INTERVAL)
            public = [e for e in world.simulator.ledger if e.call in {"ticker", "markets"}]
            times = [entry.began for entry in public]
            assert len(times) > 9
            assert all(
                third - first > INTERVAL for first, third in zip(times, times[2:], strict=False)
            )

    run(story)
