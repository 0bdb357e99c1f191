"""Define the data that flows from a configuration file to a page: frozen, and without I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, NewType

import msgspec

from exporter.credentials import SecretSource

Amount = NewType("Amount", str)
"""An exact decimal in plain notation, as `amounts.parse_amount` makes it: `-12.50`, never `1e3`."""

MAX_ASSET_CODE = 64
MAX_ASSETS = 2000
"""Most assets of one account that are published; about four times what an exchange lists."""

BOUNDS = ("free_min", "free_max", "total_min", "total_max", "locked_min", "locked_max")
VALUE_BOUNDS = ("value_min", "value_max")


def is_asset_code(text: str) -> bool:
    """Return whether a text can be an asset's code: printable, and without space at its ends."""
    return 0 < len(text) <= MAX_ASSET_CODE and text.isprintable() and text == text.strip()


class AccountKey(NamedTuple):
    """Name an account as its labels do; unique in a configuration."""

    exchange: str
    account: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """Bound one balance of one asset; `bound` is one of `BOUNDS`.

    One of `defaults` holds only while the account lists the asset.
    """

    asset: str
    bound: str
    value: Amount
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class ValueThreshold:
    """Bound what an account is worth in a currency; `bound` is one of `VALUE_BOUNDS`."""

    currency: str
    bound: str
    value: Amount


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """Choose the assets to publish: all but `exclude`, or only `include` where that is given."""

    include: frozenset[str] | None = None
    exclude: frozenset[str] = frozenset()

    def admits(self, asset: str) -> bool:
        """Return whether an asset is published."""
        return asset not in self.exclude if self.include is None else asset in self.include

    def spelled(self, spell: Callable[[str], str]) -> "AssetFilter":
        """Return the same choice with every code in another spelling."""
        include = None if self.include is None else frozenset(map(spell, self.include))
        return AssetFilter(include, frozenset(map(spell, self.exclude)))


IpFamily = Literal["any", "ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class Network:
    """Choose the egress path to an exchange; `proxy_url` is a secret, it can hold a password."""

    proxy_url: SecretSource | None = None
    ca_file: Path | None = None
    source_address: str | None = None
    ip_family: IpFamily = "any"


@dataclass(frozen=True, slots=True)
class Account:
    """Describe one account as it is configured; durations are in seconds."""

    name: str
    exchange: str
    base_url: str
    balances_path: str
    credentials: Mapping[str, SecretSource]
    interval: float = 60.0
    timeout: float = 10.0
    stale_after: float | None = None
    assets: AssetFilter = AssetFilter()
    thresholds: tuple[Threshold, ...] = ()
    value_thresholds: tuple[ValueThreshold, ...] = ()
    network: Network = Network()
    labels: Mapping[str, str] = field(default_factory=dict)
    in_totals: bool = True

    @property
    def key(self) -> AccountKey:
        """Return the account's two labels."""
        return AccountKey(self.exchange, self.name)


class Balance(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One row of a response; the unit of every amount is the asset itself.

    The pending amounts are part of no other: what has not arrived yet, and what has left already.
    `updated` is the exchange's own time of the row, in Unix seconds. As JSON this is the row that
    the API serves: exact decimal texts, and only what the exchange sent.
    """

    asset: str
    total: Amount
    free: Amount
    locked: Amount
    locked_orders: Amount | None = None
    locked_withdrawals: Amount | None = None
    pending_deposit: Amount | None = None
    pending_withdrawal: Amount | None = None
    updated: str | None = None
    asset_name: str = ""
    asset_id: str = ""

    @property
    def amounts(self) -> tuple[Amount | None, ...]:
        """Return every amount, None for those that the exchange does not give."""
        return (
            self.total,
            self.free,
            self.locked,
            self.locked_orders,
            self.locked_withdrawals,
            self.pending_deposit,
            self.pending_withdrawal,
        )


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was dropped, by its place in the list (from 0), and why.

    `asset` is what can be shown of the asset's code, None if there is nothing to show.
    """

    row: int
    asset: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class BalancesResponse:
    """All that one response of an exchange said: every row is in `balances` or in `rejected`."""

    balances: tuple[Balance, ...]
    rejected: tuple[RejectedRow, ...] = ()
    can_deposit: bool | None = None

    def only(self, assets: AssetFilter) -> "BalancesResponse":
        """Return the rows that an account's choice of assets admits, `MAX_ASSETS` at most.

        What a row's code is can be unknown: then only a list of assets to include tells that the
        row is not wanted.
        """
        balances = [balance for balance in self.balances if assets.admits(balance.asset)]
        rejected = [
            row
            for row in self.rejected
            if (assets.include is None if row.asset is None else assets.admits(row.asset))
        ]
        rejected += [
            RejectedRow(row, balance.asset, f"more than {MAX_ASSETS} assets")
            for row, balance in enumerate(balances[MAX_ASSETS:], MAX_ASSETS)
        ]
        return BalancesResponse(tuple(balances[:MAX_ASSETS]), tuple(rejected), self.can_deposit)


Piece = bytes | memoryview


class Block(NamedTuple):
    """Keep a text as pieces of raw deflate, with its CRC-32 and its length in bytes."""

    pieces: tuple[Piece, ...]
    crc: int
    length: int


@dataclass(frozen=True, slots=True)
class RenderedBalances:
    """Keep one response's balances ready to be served: samples by metric name, and JSON rows.

    The exact amounts live on only here; a deflated row takes a tenth of the memory of its objects.
    """

    samples: Mapping[str, Block] = field(repr=False)
    rows: Block = field(repr=False)
    series: int
