"""Define the data that flows from a configuration file to a page: frozen, and without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, NewType

from exporter.credentials import SecretSource

Amount = NewType("Amount", str)
"""An exact decimal in plain notation, as `amounts.parse_amount` makes it: `-12.50`, never `1e3`."""

BOUNDS = ("free_min", "free_max", "total_min", "total_max", "locked_min", "locked_max")
VALUE_BOUNDS = ("value_min", "value_max")


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


IpFamily = Literal["any", "ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class Network:
    """Choose the way out to an exchange; `proxy_url` is a secret, it can hold a password."""

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


class Balance(NamedTuple):
    """Hold one row of an answer; the unit of every amount is the asset itself."""

    asset: str
    total: Amount
    free: Amount
    locked: Amount
    locked_orders: Amount | None = None
    locked_withdrawals: Amount | None = None
    updated_ms: int | None = None
    asset_name: str = ""
    asset_id: str = ""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """Say which row of an answer was left out, by its place in the list (from 0), and why.

    `asset` is None where not even the asset's code was understood.
    """

    row: int
    asset: str | None
    problem: str


@dataclass(frozen=True, slots=True)
class BalancesResponse:
    """Hold all that one answer of an exchange said: every row is in `balances` or in `rejected`."""

    balances: tuple[Balance, ...]
    rejected: tuple[RejectedRow, ...] = ()
    can_deposit: bool | None = None

    def only(self, assets: AssetFilter) -> "BalancesResponse":
        """Return what is left when an account's choice of assets is applied."""
        if assets == AssetFilter():
            return self
        return BalancesResponse(
            tuple(balance for balance in self.balances if assets.admits(balance.asset)),
            tuple(row for row in self.rejected if row.asset is None or assets.admits(row.asset)),
            self.can_deposit,
        )


class Block(NamedTuple):
    """Keep a text as pieces of raw deflate, with its CRC-32 and its length in bytes."""

    pieces: tuple[bytes, ...]
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
