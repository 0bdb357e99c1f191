"""Say what markets quote at a time: prices that move, all of them consistent with each other.

Nothing is kept between two times, so the same seed and time give the same quotes. A pair's row
changes every few seconds, or every quarter of an hour in a thin market, and says when it did.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from exporter.simulator.chance import fraction

Market = tuple[str, str]
"""What is sold, and for what."""

# Rough prices of one unit in USDT.
_USDT = {
    "TRY": 0.0238,
    "MXN": 0.0541,
    "BRL": 0.185,
    "COP": 0.00024,
    "ARS": 0.00069,
    "EUR": 1.16,
    "USD": 1.0,
    "USDT": 1.0,
    "USDC": 0.9998,
    "BTC": 91_250.0,
    "ETH": 3_120.0,
    "BNB": 880.0,
    "XRP": 2.21,
    "SOL": 142.0,
    "AVAX": 14.8,
    "LINK": 13.6,
    "XLM": 0.256,
    "DOGE": 0.152,
    "TRX": 0.279,
    "SHIB": 0.0000088,
    "PEPE": 0.0000046,
    "ADA": 0.431,
    "DOT": 2.34,
    "ATOM": 2.52,
    "PAXG": 4_190.0,
    "LTC": 84.7,
}
_STEADY = {"USDT", "USDC", "USD"}
_THIN = {"ATOM", "DOT", "PAXG", "XLM", "LTC"}
_SIGNIFICANT = Context(prec=8, rounding=ROUND_HALF_EVEN)
_HALF_SPREAD = 0.0006
_STEP, _THIN_STEP = 5.0, 900.0


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """One row of a ticker as it is sent; a fault can put anything into it."""

    base: str
    quote: str
    bid: object
    ask: object
    last: object
    updated_ms: object

    def changed(self, **fields: Any) -> "QuoteRow":  # noqa: ANN401 - as its fields
        """Return this row with other fields."""
        return replace(self, **fields)


QuoteRows = tuple[QuoteRow, ...]
QuotesAt = Callable[[float], QuoteRows]
"""Give the rows for a time in seconds since 1970."""


def quotes_at(seed: object, markets: Iterable[Market]) -> QuotesAt:
    """Return the function that gives the rows of some markets."""
    listed = tuple(markets)
    return lambda now: tuple(_row(seed, market, now) for market in listed)


def markets_of(assets: Iterable[str], currencies: Iterable[str]) -> tuple[Market, ...]:
    """Return the markets of assets that have a price, for each of some currencies."""
    priced = [asset for asset in assets if asset in _USDT]
    return tuple((a, c) for c in currencies for a in priced if a != c and _sells(a, c))


def _sells(asset: str, currency: str) -> bool:
    """Return whether a market is quoted this way round, and not the other."""
    ranks = ("USDT", "TRY", "MXN", "BRL", "USD")
    rank = ranks.index(asset) if asset in ranks else -1
    return rank < ranks.index(currency) if currency in ranks else True


def _row(seed: object, market: Market, now: float) -> QuoteRow:
    base, quote = market
    step = _THIN_STEP if base in _THIN else _STEP
    shift = step * fraction(seed, *market, "shift")
    updated = math.floor((now - shift) / step) * step + shift
    middle = _usdt(seed, base, updated) / _usdt(seed, quote, updated)
    half = _HALF_SPREAD * (1 + fraction(seed, *market, "spread"))
    return QuoteRow(
        base,
        quote,
        bid=_number(middle * (1 - half)),
        ask=_number(middle * (1 + half)),
        last=_number(middle * (1 + half * (2 * fraction(seed, *market, updated) - 1))),
        updated_ms=int(updated * 1000),
    )


def _usdt(seed: object, asset: str, time: float) -> float:
    """Return a price that swings by some percent in a day and by less in an hour."""
    swing = 0.0002 if asset in _STEADY else 0.02
    day = math.sin(2 * math.pi * (time / 86_400 + fraction(seed, asset, "day")))
    hour = math.sin(2 * math.pi * (time / 3_600 + fraction(seed, asset, "hour")))
    return _USDT[asset] * (1 + swing * day + swing / 8 * hour)


def _number(value: float) -> Decimal:
    return Decimal(format(_SIGNIFICANT.create_decimal_from_float(value), "f"))
