"""Spoil the quotes of a ticker.

Each function takes the quotes as a function of time, when the fault began, and the time now.
"""

from collections.abc import Callable
from decimal import Decimal

from exporter.simulator.market import QuoteRow, QuoteRows, QuotesAt

Spoil = Callable[[QuotesAt, float, float], QuoteRows]

_HALF_A_DAY = 43_200.0
_HOUR_MS = 3_600_000


def first(**fields: object) -> Spoil:
    """Put these into the first row."""
    return _on_first(lambda row: (row.changed(**fields),))


def every(bid: str, ask: str, last: str) -> Spoil:
    """Put these prices into every row."""
    prices = {"bid": Decimal(bid), "ask": Decimal(ask), "last": Decimal(last)}
    return lambda at, _began, now: tuple(row.changed(**prices) for row in at(now))


def frozen(at: QuotesAt, began: float, _now: float) -> QuoteRows:
    """Repeat what was quoted when the fault began."""
    return at(began)


def past(at: QuotesAt, _began: float, now: float) -> QuoteRows:
    """Quote what was quoted 12 hours ago, as was seen in November 2022."""
    return at(now - _HALF_A_DAY)


def future(at: QuotesAt, _began: float, now: float) -> QuoteRows:
    """Date every row an hour ahead."""
    return tuple(row.changed(updated_ms=_number(row.updated_ms) + _HOUR_MS) for row in at(now))


def nothing(_at: QuotesAt, _began: float, _now: float) -> QuoteRows:
    """Quote nothing."""
    return ()


def exponents(at: QuotesAt, _began: float, now: float) -> QuoteRows:
    """Write every price with an exponent."""
    return tuple(
        row.changed(bid=_scientific(row.bid), ask=_scientific(row.ask), last=_scientific(row.last))
        for row in at(now)
    )


def _on_first(spoil: Callable[[QuoteRow], QuoteRows]) -> Spoil:
    def spoiled(at: QuotesAt, _began: float, now: float) -> QuoteRows:
        head, *others = at(now)
        return (*spoil(head), *others)

    return spoiled


crossed = _on_first(lambda row: (row.changed(bid=row.ask, ask=row.bid),))
wide = _on_first(lambda row: (row.changed(ask=_decimal(row.bid) * 2),))
missing = _on_first(lambda _row: ())
twice_alike = _on_first(lambda row: (row, row))
twice_differently = _on_first(lambda row: (row, row.changed(bid=_decimal(row.bid) / 2)))


def _scientific(price: object) -> Decimal:
    return Decimal(f"{_decimal(price):E}")


def _decimal(price: object) -> Decimal:
    return Decimal(str(price))


def _number(milliseconds: object) -> int:
    return int(str(milliseconds))
