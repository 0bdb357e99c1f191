"""Add up each asset over accounts exactly, and say whose balances are missing from a sum.

An account counts while its balances are served and complete. A sum is a total only while every
account that may hold the asset counts; otherwise it is the known part. A missing account may owe,
so the known part is not a lower bound.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from sys import intern
from typing import NamedTuple, Protocol, Self

from exporter.amounts import EXACT, is_zero
from exporter.model import Account, Amount, AssetFilter

_ZERO = Decimal(0)


class Row(Protocol):
    """A row of balances, as it is read from a response or from a snapshot."""

    @property
    def asset(self) -> str:
        """The asset's code."""

    @property
    def total(self) -> Amount:
        """All that is held."""

    @property
    def free(self) -> Amount:
        """What is available."""

    @property
    def locked(self) -> Amount:
        """What is locked."""


class Held(NamedTuple):
    """One asset's amounts as numbers, for sums."""

    asset: str
    total: Decimal
    free: Decimal
    locked: Decimal

    @classmethod
    def of(cls, row: Row) -> Self:
        """Return the amounts of a row; equal ones share a number, and so do zeros."""
        total = _number(row.total)
        free = total if row.free == row.total else _number(row.free)
        return cls(intern(row.asset), total, free, _number(row.locked))


def _number(text: Amount) -> Decimal:
    return _ZERO if is_zero(text) else Decimal(text)


@dataclass(frozen=True, slots=True)
class AssetTotal:
    """The sum of one asset over the accounts that count, and the accounts that are missing."""

    asset: str
    amounts: tuple[Amount, Amount, Amount]
    counted: int
    missing: tuple[Account, ...]
    last_seen_in: tuple[Account, ...]

    @property
    def is_whole(self) -> bool:
        """Return whether the sum is a total, and not only the known part."""
        return not self.missing

    @property
    def accounts(self) -> int:
        """Return how many accounts may hold the asset."""
        return self.counted + len(self.missing)


@dataclass(slots=True)
class _Sum:
    total: Decimal = _ZERO
    free: Decimal = _ZERO
    locked: Decimal = _ZERO
    is_held: bool = False
    last_seen_in: list[Account] = field(default_factory=list)


@dataclass(slots=True)
class Totals:
    """Take in accounts one by one, then return the sum of each asset."""

    _sums: defaultdict[str, _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    _counted: Counter[AssetFilter] = field(default_factory=Counter)
    _missing: defaultdict[AssetFilter, list[Account]] = field(
        default_factory=lambda: defaultdict(list)
    )
    left_out: list[Account] = field(default_factory=list)
    """The accounts that the configuration keeps out of totals."""

    def count(self, account: Account, held: Iterable[Held], zeros: Iterable[str] = ()) -> None:
        """Add an account that is served and complete; `zeros` are assets of which it has none."""
        self._counted[account.assets] += 1
        for asset in zeros:
            self._sums[asset]  # listed from now on
        for row in held:
            its = self._sums[row.asset]
            its.is_held = True
            its.total = EXACT.add(its.total, row.total)
            its.free = EXACT.add(its.free, row.free)
            its.locked = EXACT.add(its.locked, row.locked)

    def miss(self, account: Account, last_seen: Iterable[str] = ()) -> None:
        """Record an account that does not count; `last_seen` are the assets that it held."""
        self._missing[account.assets].append(account)
        for asset in last_seen:
            its = self._sums[asset]
            its.is_held = True
            its.last_seen_in.append(account)

    @property
    def missing(self) -> list[Account]:
        """Return the accounts that do not count."""
        return [account for accounts in self._missing.values() for account in accounts]

    @property
    def held(self) -> list[str]:
        """Return the assets of which something is held or was last seen, in order."""
        return sorted(asset for asset, its in self._sums.items() if its.is_held)

    @property
    def zeros(self) -> list[str]:
        """Return the assets that are listed and of which nothing is held, in order."""
        return sorted(asset for asset, its in self._sums.items() if not its.is_held)

    def of(self, asset: str) -> AssetTotal:
        """Return the sum of one asset."""
        its = self._sums[asset]
        total, free, locked = (Amount(format(s, "f")) for s in (its.total, its.free, its.locked))
        return AssetTotal(
            asset=asset,
            amounts=(total, free, locked),
            counted=sum(n for choice, n in self._counted.items() if choice.admits(asset)),
            missing=tuple(
                account
                for choice, accounts in self._missing.items()
                if choice.admits(asset)
                for account in accounts
            ),
            last_seen_in=tuple(its.last_seen_in),
        )
