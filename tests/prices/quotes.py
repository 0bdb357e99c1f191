"""Make quotes, rates and settings for tests of prices."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from exporter.prices.book import Moment, QuoteLimits, Rate
from exporter.prices.routes import SourceRates
from exporter.prices.settings import PriceSource, Valuation
from exporter.quotes import Pair, Quote, QuotesResponse

NOW = Moment(monotonic=1_000.0, exchange_time=1_700_000_000.0)
LIMITS = QuoteLimits("bid", stale_after=300.0, max_row_age=3600.0, max_spread=Decimal("0.05"))


def quote(pair: str, bid: str | None, ask: str | None, age: float | None = 0.0) -> Quote:
    """Return a row that was `age` seconds old at `NOW`; its last price is its bid."""
    low, high = (None if side is None else Decimal(side) for side in (bid, ask))
    updated = None if age is None else NOW.exchange_time - age
    return Quote(Pair(*pair.split("/")), low, high, low, updated)


def response(*quotes: Quote, **changes: Any) -> QuotesResponse:
    return QuotesResponse(quotes, **changes)


def rates(source: str, prices: Mapping[str, tuple[str, str]]) -> SourceRates:
    """Return a source's usable rates: what a sale brings and what a purchase costs."""
    return SourceRates(
        source,
        source.partition(":")[0],
        {
            Pair(*pair.split("/")): Rate(Decimal(sell), Decimal(buy), 100.0, 10.0, 1_000.0)
            for pair, (sell, buy) in prices.items()
        },
    )


def valuation(*currencies: str, **changes: Any) -> Valuation:
    source = PriceSource("btcturk", "https://api.btcturk.com")
    return Valuation(currencies or ("TRY", "USDT"), (source,), **changes)
