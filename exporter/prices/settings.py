"""Define what a configuration may say of valuation; durations are in seconds."""

from dataclasses import dataclass
from decimal import Decimal

from exporter.model import Network
from exporter.prices.fiat import FIAT
from exporter.quotes import PriceKind, QuoteRequest

_ANY_EGRESS = Network()


@dataclass(frozen=True, slots=True)
class Peg:
    """Assume that one unit of `asset` is worth one unit of `currency`."""

    asset: str
    currency: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Leave an asset out of values: at every exchange, or only at `exchange`."""

    asset: str
    exchange: str | None = None


@dataclass(frozen=True, slots=True)
class PriceSource:
    """Describe one source of quotes; `account` is set if its quotes need that account's key."""

    exchange: str
    base_url: str
    account: str | None = None
    interval: float = 60.0
    timeout: float = 10.0
    stale_after: float = 300.0
    network: Network = _ANY_EGRESS
    quotes: tuple[QuoteRequest, ...] = ()

    @property
    def name(self) -> str:
        """Return the value of the label `source`."""
        return f"{self.exchange}:{self.account}" if self.account else self.exchange


@dataclass(frozen=True, slots=True)
class Valuation:
    """Describe the whole section `valuation`; the first currency is what alerts count in."""

    currencies: tuple[str, ...]
    sources: tuple[PriceSource, ...]
    price: PriceKind = "bid"
    max_row_age: float = 3600.0
    max_spread: Decimal = Decimal("0.05")
    bridges: tuple[str, ...] = ("USDT", "TRY")
    shared: frozenset[str] = frozenset({"BTC", "ETH", "USDT", "USDC"})
    pegs: tuple[Peg, ...] = ()
    ignored: frozenset[Ignored] = frozenset()

    def ignored_at(self, exchange: str) -> frozenset[str]:
        """Return the assets of an exchange that are excluded from values."""
        return frozenset(each.asset for each in self.ignored if each.exchange in {None, exchange})

    def shares(self, code: str) -> bool:
        """Return whether a code means the same at every exchange."""
        return code in self.shared or code in FIAT
