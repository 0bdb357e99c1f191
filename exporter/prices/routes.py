"""Find what one unit of an asset brings in a currency, by the quotes that may be used: pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from typing import NamedTuple

from exporter.amounts import EXACT, fits_float64
from exporter.prices.book import Rate
from exporter.prices.fiat import FIAT
from exporter.prices.settings import Valuation
from exporter.quotes import Pair

_ONE = Decimal(1)
_INVERSE = Context(prec=34, rounding=ROUND_DOWN)  # cut off: a price is never too high


class Price(NamedTuple):
    """What one unit of an asset brings, and how that is known.

    `updated` is the source's own time of the oldest quote used (Unix seconds), `dated_at` the same
    by our monotonic clock, `expires_at` monotonic too; all are None if the price needs no quote.
    `assumed` lists assumptions as `USDT=USD` (a peg) or `trubit/BTC=btcturk/BTC` (a shared code).
    """

    value: Decimal
    route: tuple[str, ...]
    sources: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    updated: float | None = None
    dated_at: float | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class SourceRates:
    """The quotes of one source that may be used now."""

    name: str
    exchange: str
    rates: Mapping[Pair, Rate]


def find_price(  # noqa: PLR0913 - each can be told apart by its name
    exchange: str,
    asset: str,
    currency: str,
    sources: Sequence[SourceRates],
    valuation: Valuation,
    *,
    with_pegs: bool = True,
) -> Price | None:
    """Return the price of an exchange's asset, None if no route of quotes leads there.

    The direct pair comes first, then one bridge in the configured order, never two. Routes that
    need a peg are tried last. At each step the exchange's own source comes before the others.
    """
    if asset == currency:
        return Price(_ONE, (asset,))
    ordered = sorted(sources, key=lambda source: source.exchange != exchange)
    for pegged in (False, True) if with_pegs and valuation.pegs else (False,):
        market = _Market(exchange, ordered, valuation, pegged=pegged)
        for price in market.routes(asset, currency):
            if fits_float64(price.value):
                return price
    return None


class _Market(NamedTuple):
    """Look for legs of a route at one exchange."""

    exchange: str
    sources: Sequence[SourceRates]
    valuation: Valuation
    pegged: bool

    def routes(self, asset: str, currency: str) -> Iterator[Price]:
        if direct := self.leg(asset, currency):
            yield direct
        for bridge in self.valuation.bridges:
            if bridge in {asset, currency}:
                continue
            first = self.leg(asset, bridge)
            if first and (second := self.leg(bridge, currency)):
                yield _joined(first, second)

    def leg(self, sold: str, bought: str) -> Price | None:
        """Return what a sale brings by one quote of one source, or by a peg."""
        for source in self.sources:
            if price := self._quoted(source, sold, bought):
                return price
        return self._assumed(sold, bought) if self.pegged else None

    def _quoted(self, source: SourceRates, sold: str, bought: str) -> Price | None:
        is_own = source.exchange == self.exchange
        if not is_own and not (self.valuation.shares(sold) and self.valuation.shares(bought)):
            return None
        value, rate = _sale(source.rates, sold, bought)
        if rate is None:
            return None
        shared = () if is_own else self._shared_codes((sold, bought), source.exchange)
        times = rate.updated, rate.dated_at, rate.expires_at
        return Price(value, (sold, bought), (source.name,), shared, *times)

    def _shared_codes(self, codes: Iterable[str], other: str) -> tuple[str, ...]:
        # That a national currency is the same everywhere is not an assumption.
        return tuple(
            f"{self.exchange}/{code}={other}/{code}"
            for code in codes
            if code in self.valuation.shared and code not in FIAT
        )

    def _assumed(self, sold: str, bought: str) -> Price | None:
        for peg in self.valuation.pegs:
            if {sold, bought} == {peg.asset, peg.currency}:
                return Price(_ONE, (sold, bought), assumed=(f"{peg.asset}={peg.currency}",))
        return None


def _sale(rates: Mapping[Pair, Rate], sold: str, bought: str) -> tuple[Decimal, Rate | None]:
    if rate := rates.get(Pair(sold, bought)):
        return rate.sell, rate
    if (rate := rates.get(Pair(bought, sold))) and not rate.is_one_way:
        return _INVERSE.divide(_ONE, rate.buy), rate
    return _ONE, None


def _joined(first: Price, second: Price) -> Price:
    return Price(
        value=EXACT.multiply(first.value, second.value),
        route=(*first.route, second.route[-1]),
        sources=tuple(dict.fromkeys((*first.sources, *second.sources))),
        assumed=tuple(dict.fromkeys((*first.assumed, *second.assumed))),
        updated=_earlier(first.updated, second.updated),
        dated_at=_earlier(first.dated_at, second.dated_at),
        expires_at=_earlier(first.expires_at, second.expires_at),
    )


def _earlier(first: float | None, second: float | None) -> float | None:
    return min((time for time in (first, second) if time is not None), default=None)
