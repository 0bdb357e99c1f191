"""Value every account by what it holds and by the quotes that may be used now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from exporter.amounts import EXACT
from exporter.model import AccountKey
from exporter.polling.snapshots import AccountState, Snapshot
from exporter.prices.book import Book
from exporter.prices.routes import Price, SourceRates, find_price
from exporter.prices.settings import PriceSource, Valuation
from exporter.prices.values import AccountValue, Held, Prices, account_value

ReadHeld = Callable[[Snapshot], Sequence[Held]]
"""Return what a snapshot holds, without zeros."""

AccountValues = Mapping[str, AccountValue]
"""What one account is worth, by currency."""


@dataclass(frozen=True, slots=True)
class Worth:
    """Prices and values as of one moment, good until `valid_until` (monotonic).

    `values` has the accounts whose balances are served. `deviations` says how far a pegged asset
    trades from its peg, as a ratio, if a quote says so.
    """

    prices: Prices = field(default_factory=dict)
    values: Mapping[AccountKey, AccountValues] = field(default_factory=dict)
    deviations: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    valid_until: float = inf


class _Valued(NamedTuple):
    """What was computed for an account, and of which snapshot and prices."""

    snapshot: Snapshot
    held: Sequence[Held]
    prices: Prices
    values: AccountValues


class Valuations:
    """Keep prices and values current, and compute again only what changed."""

    def __init__(self, valuation: Valuation, read_held: ReadHeld) -> None:
        """Start without quotes."""
        self.valuation = valuation
        self._read_held = read_held
        self._books: Mapping[str, Book] = {}
        self._accounts: Mapping[AccountKey, _Valued] = {}
        self._worth = Worth()
        # Both are replaced whole when they change.
        self._states: Mapping[AccountKey, AccountState] | None = None
        self._counted: Mapping[str, Book] | None = None

    @property
    def books(self) -> Mapping[str, Book]:
        """Return each source's book by the source's name."""
        return self._books

    def publish(self, source: PriceSource, book: Book) -> None:
        """Take over a source's book."""
        self._books = {**self._books, source.name: book}

    def keep(self, sources: Sequence[PriceSource]) -> None:
        """Forget the books of all sources but these."""
        names = {source.name for source in sources}
        self._books = {name: book for name, book in self._books.items() if name in names}

    def worth(self, states: Mapping[AccountKey, AccountState], now: float) -> Worth:
        """Return prices and values as of `now` (monotonic)."""
        is_current = self._states is states and self._counted is self._books
        if not is_current or now >= self._worth.valid_until:
            self._worth = self._compute(states, now)
            self._states, self._counted = states, self._books
        return self._worth

    def _compute(self, states: Mapping[AccountKey, AccountState], now: float) -> Worth:
        served = {
            key: snapshot
            for key, state in states.items()
            if (snapshot := state.served(now)) is not None
        }
        held = {key: self._held(key, snapshot) for key, snapshot in served.items()}
        sources = self._sources(now)
        prices = self._prices(held, sources)
        if prices == self._worth.prices:
            prices = self._worth.prices  # values that are made of the same prices stay
        self._accounts = {
            key: self._valued(key, snapshot, held[key], prices) for key, snapshot in served.items()
        }
        return Worth(
            prices=prices,
            values={key: valued.values for key, valued in self._accounts.items()},
            deviations=self._deviations(sources),
            valid_until=min(
                (
                    *(states[key].expires_at for key in served),
                    *(rate.expires_at for source in sources for rate in source.rates.values()),
                ),
                default=inf,
            ),
        )

    def _held(self, key: AccountKey, snapshot: Snapshot) -> Sequence[Held]:
        known = self._accounts.get(key)
        is_known = known is not None and known.snapshot is snapshot
        return known.held if known and is_known else self._read_held(snapshot)

    def _sources(self, now: float) -> Sequence[SourceRates]:
        """Return the quotes that may be used now, in the configured order of their sources."""
        return [
            SourceRates(
                source.name,
                source.exchange,
                {pair: rate for pair, rate in book.rates.items() if now < rate.expires_at},
            )
            for source in self.valuation.sources
            if (book := self._books.get(source.name))
        ]

    def _prices(
        self, held: Mapping[AccountKey, Sequence[Held]], sources: Sequence[SourceRates]
    ) -> Prices:
        wanted = {
            (key.exchange, each.asset, currency)
            for key, assets in held.items()
            for each in assets
            for currency in self.valuation.currencies
        }
        found = {each: find_price(*each, sources, self.valuation) for each in sorted(wanted)}
        return MappingProxyType({each: price for each, price in found.items() if price})

    def _valued(
        self, key: AccountKey, snapshot: Snapshot, held: Sequence[Held], prices: Prices
    ) -> _Valued:
        known = self._accounts.get(key)
        if known and known.snapshot is snapshot and known.prices is prices:
            return known
        values = {
            currency: account_value(
                key.exchange,
                held,
                currency,
                prices,
                self.valuation,
                is_complete=not snapshot.rejected,
            )
            for currency in self.valuation.currencies
        }
        return _Valued(snapshot, held, prices, values)

    def _deviations(self, sources: Sequence[SourceRates]) -> Mapping[tuple[str, str], Decimal]:
        found = {
            (peg.asset, peg.currency): self._quoted(peg.asset, peg.currency, sources)
            for peg in self.valuation.pegs
        }
        return {peg: EXACT.subtract(price.value, 1) for peg, price in found.items() if price}

    def _quoted(self, asset: str, currency: str, sources: Sequence[SourceRates]) -> Price | None:
        """Return a price that no peg is part of, at the first source that quotes it."""
        prices = (
            find_price(source.exchange, asset, currency, sources, self.valuation, with_pegs=False)
            for source in sources
        )
        return next((price for price in prices if price), None)
