"""Value every account by what it holds and by the quotes that may be used now."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from operator import is_
from types import MappingProxyType
from typing import NamedTuple

from exporter.amounts import EXACT
from exporter.errors import REASONS
from exporter.model import Account, AccountKey
from exporter.polling.snapshots import AccountState, Snapshot
from exporter.prices.book import Book
from exporter.prices.routes import Price, SourceRates, find_price
from exporter.prices.settings import PriceSource, Valuation
from exporter.prices.values import (
    AccountValue,
    AssetPrices,
    Held,
    Prices,
    account_value,
    asset_prices,
)

_AT_ONCE = 25  # accounts that are valued before other tasks run

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


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of a price source; a new state replaces the old one whole.

    `last_success` is in Unix seconds, 0 before the first; `error` says why the last fetch failed.
    """

    source: PriceSource
    book: Book = field(default_factory=Book)
    up: bool = False
    last_success: float = 0.0
    failures: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Valued:
    """A valuation and what it comes to at one moment."""

    valuation: Valuation
    worth: Worth

    def of(self, account: Account, currency: str) -> AccountValue | None:
        """Return what an account is worth, None while its balances are withdrawn."""
        values = self.worth.values.get(account.key)
        return values[currency] if values else None

    def prices_at(self, exchange: str) -> Mapping[str, AssetPrices]:
        """Return the prices of an exchange's assets by currency."""
        return {
            currency: asset_prices(exchange, currency, self.worth.prices, self.valuation)
            for currency in self.valuation.currencies
        }


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
        self._sources: Mapping[str, SourceState] = {
            source.name: SourceState(source) for source in valuation.sources
        }
        self._accounts: dict[AccountKey, _Valued] = {}
        self._prepared: Prices = {}
        self._worth = Worth()
        self._made_of: tuple[object, ...] = ()

    @property
    def sources(self) -> Mapping[str, SourceState]:
        """Return the state of each source by its name, in the configured order."""
        return self._sources

    def publish(self, state: SourceState) -> None:
        """Take over a source's new state."""
        self._sources = {**self._sources, state.source.name: state}

    async def prepare(
        self, state: SourceState, states: Mapping[AccountKey, AccountState], now: float
    ) -> None:
        """Value accounts by a state that is about to be published, and let other tasks run.

        What is valued here is not computed again at once when it is requested.
        """
        sources = self._usable({**self._sources, state.source.name: state}, now)
        served = _served(states, now)
        held = {key: self._held(key, snapshot) for key, snapshot in served.items()}
        self._prepared = prices = self._prices(held, sources)
        at = self._at(served, prices)
        for number, (key, snapshot) in enumerate(served.items()):
            self._accounts[key] = self._valued(key, snapshot, held[key], prices, at[key.exchange])
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)

    def worth(self, states: Mapping[AccountKey, AccountState], now: float) -> Worth:
        """Return prices and values as of `now` (monotonic)."""
        made_of = (states, *(state.book for state in self._sources.values()))
        is_current = len(made_of) == len(self._made_of) and all(map(is_, made_of, self._made_of))
        if not is_current or now >= self._worth.valid_until:
            self._worth, self._made_of = self._compute(states, now), made_of
        return self._worth

    def valued(self, states: Mapping[AccountKey, AccountState], now: float) -> Valued:
        """Return the valuation with what it comes to at `now` (monotonic)."""
        return Valued(self.valuation, self.worth(states, now))

    def held_assets(self, states: Mapping[AccountKey, AccountState], now: float) -> frozenset[str]:
        """Return the codes of all assets that need a price."""
        self.worth(states, now)
        return frozenset(each.asset for its in self._accounts.values() for each in its.held)

    def _compute(self, states: Mapping[AccountKey, AccountState], now: float) -> Worth:
        served = _served(states, now)
        held = {key: self._held(key, snapshot) for key, snapshot in served.items()}
        sources = self._usable(self._sources, now)
        prices = self._prices(held, sources)
        for known in (self._worth.prices, self._prepared):
            prices = known if prices == known else prices  # what is made of the same prices stays
        at = self._at(served, prices)
        self._accounts = {
            key: self._valued(key, snapshot, held[key], prices, at[key.exchange])
            for key, snapshot in served.items()
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

    def _at(
        self, served: Iterable[AccountKey], prices: Prices
    ) -> Mapping[str, Mapping[str, AssetPrices]]:
        """Return the prices of each exchange's assets by currency."""
        valued = Valued(self.valuation, Worth(prices))
        return {exchange: valued.prices_at(exchange) for exchange in {k.exchange for k in served}}

    @staticmethod
    def _usable(sources: Mapping[str, SourceState], now: float) -> Sequence[SourceRates]:
        """Return the quotes that may be used now, in the configured order of their sources."""
        return [
            SourceRates(
                name,
                state.source.exchange,
                {p: rate for p, rate in state.book.rates.items() if now < rate.expires_at},
            )
            for name, state in sources.items()
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
        self,
        key: AccountKey,
        snapshot: Snapshot,
        held: Sequence[Held],
        prices: Prices,
        at: Mapping[str, AssetPrices],
    ) -> _Valued:
        known = self._accounts.get(key)
        if known and known.snapshot is snapshot and known.prices is prices:
            return known
        values = {
            currency: account_value(held, assets, is_complete=not snapshot.rejected)
            for currency, assets in at.items()
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


def _served(states: Mapping[AccountKey, AccountState], now: float) -> Mapping[AccountKey, Snapshot]:
    return {
        key: snapshot
        for key, state in states.items()
        if (snapshot := state.served(now)) is not None
    }
