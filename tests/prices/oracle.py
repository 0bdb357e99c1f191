"""Say what prices and values must be, from what the simulated exchanges gave: exact fractions.

It is written without a line of the exporter's own arithmetic, and knows one source with a ticker.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from exporter.simulator.ledger import Entry
from exporter.simulator.market import QuoteRow

Pair = tuple[str, str]

STALE_AFTER, MAX_ROW_AGE, MAX_AHEAD = 300.0, 3600.0, 60.0
BRIDGES = ("USDT", "TRY")
_MAX_SPREAD = Fraction(5, 100)


@dataclass(frozen=True, slots=True)
class Quoted:
    """What one response said of a pair, and when it was requested (monotonic)."""

    bid: Fraction
    ask: Fraction
    began: float
    newest_age: float
    age: float

    def is_fresh(self, now: float) -> bool:
        passed = now - self.began
        return (
            passed < STALE_AFTER
            and self.newest_age + passed < STALE_AFTER
            and self.age + passed < MAX_ROW_AGE
        )


def quotes_known(entries: Iterable[Entry], now: float, skew: float = 0.0) -> dict[Pair, Quoted]:
    """Return the quotes that may be used at `now`, after these ticker responses in their order.

    The exchange's clock is `skew` seconds ahead of the time that entries have.
    """
    known: dict[Pair, Quoted] = {}
    seen: dict[Pair, float] = {}
    for entry in entries:
        if entry.quotes is not None and entry.status == 200:
            known = _after(known, seen, entry, entry.at + skew)
    return {pair: quoted for pair, quoted in known.items() if quoted.is_fresh(now)}


def _after(
    known: Mapping[Pair, Quoted], seen: dict[Pair, float], entry: Entry, time: float
) -> dict[Pair, Quoted]:
    rows = entry.quotes or ()
    stamps = [_time(row) for row in rows]
    newest = max((t for t in stamps if t is not None and t <= time + MAX_AHEAD), default=time)
    after: dict[Pair, Quoted] = {}
    for row in rows:
        pair, dated = (row.base, row.quote), _time(row)
        if any(o != row for o in rows if (o.base, o.quote) == pair):
            continue
        if dated is not None and dated < seen.get(pair, dated):
            after |= {pair: known[pair]} if pair in known else {}
            continue
        own = time if dated is None else dated
        if own <= time + MAX_AHEAD:
            seen |= {} if dated is None else {pair: dated}
            if sides := _sides(row):
                after[pair] = Quoted(*sides, entry.began, time - newest, time - own)
    return after


def _time(row: QuoteRow) -> float | None:
    updated = _number(row.updated_ms)
    return None if updated is None else float(updated / 1000)


def _sides(row: QuoteRow) -> tuple[Fraction, Fraction] | None:
    bid, ask = _number(row.bid), _number(row.ask)
    if bid is None or ask is None:
        return None
    return (bid, ask) if 0 < bid <= ask <= bid * (1 + _MAX_SPREAD) else None


def price(asset: str, currency: str, quotes: Mapping[Pair, Quoted]) -> Fraction | None:
    """Return what one unit brings: itself, directly, or over one bridge."""
    if asset == currency:
        return Fraction(1)
    direct = _leg(asset, currency, quotes)
    if direct is not None:
        return direct
    for bridge in BRIDGES:
        if bridge in {asset, currency}:
            continue
        first, second = _leg(asset, bridge, quotes), _leg(bridge, currency, quotes)
        if first is not None and second is not None:
            return first * second
    return None


def _leg(sold: str, bought: str, quotes: Mapping[Pair, Quoted]) -> Fraction | None:
    if (sold, bought) in quotes:
        return quotes[sold, bought].bid
    if (bought, sold) in quotes:
        return 1 / quotes[bought, sold].ask
    return None


def _number(value: object) -> Fraction | None:
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return None
    return Fraction(Decimal(str(value)))
