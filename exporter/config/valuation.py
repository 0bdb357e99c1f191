"""Read the section `valuation`: currencies, price sources and what they assume."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeVar

from exporter.config import values
from exporter.exchange_api.base import Exchange
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey, Network
from exporter.prices.settings import PRICE_KINDS, Ignored, Peg, PriceKind, PriceSource, Valuation
from exporter.quotes import QuoteRequest
from exporter.yamlfile.nodes import Node

KEYS = (
    *("currencies", "price", "interval", "stale_after", "max_row_age", "max_spread"),
    *("bridges", "sources", "shared", "pegs", "ignore"),
)
SOURCE_KEYS = (
    *("exchange", "account", "interval", "timeout", "stale_after", "base_url", "network", "quotes"),
)
QUOTE_KEYS = ("country", "from", "to")
PEG_KEYS = ("asset", "currency")

MAX_CURRENCIES = 5
DEFAULT_INTERVAL = 60.0
DEFAULT_STALE_AFTER = 300.0
STALE_INTERVALS = 3
"""Intervals of a source, plus its timeout, after which its quotes are too old if that is longer."""

_PERCENT = re.compile(r"(?P<number>0|[1-9][0-9]?|100)(?P<fraction>\.[0-9]{1,6})?%")
_DEFAULTS = Valuation(currencies=(), sources=())

T = TypeVar("T")


class SourceDefaults(NamedTuple):
    """What a source has unless it says otherwise: the `defaults` of accounts."""

    timeout: float
    network: Network


ReadNetwork = Callable[[Node, Network], Network]
"""Return an item's `network`, merged into the defaults."""


def valuation(
    node: Node, accounts: Sequence[Account], defaults: SourceDefaults, read_network: ReadNetwork
) -> Valuation | None:
    """Return what the section says; None without one."""
    if node.is_nothing:
        return None
    nodes = node.section(KEYS)
    reader = _Reader(nodes, accounts, defaults, read_network)
    currencies = _codes(nodes["currencies"], ())
    if not 1 <= len(currencies) <= MAX_CURRENCIES:
        nodes["currencies"].problem(f"list 1 to {MAX_CURRENCIES} currencies, such as [TRY, USDT]")
    pegs = tuple(_pegs(nodes["pegs"]))
    sources = reader.sources()
    _check_currencies(nodes["currencies"], sources, pegs)
    return Valuation(
        currencies=currencies,
        sources=sources,
        price=nodes["price"].optional(_price_kind, _DEFAULTS.price),
        max_row_age=nodes["max_row_age"].optional(
            values.duration("1s", "1w"), _DEFAULTS.max_row_age
        ),
        max_spread=nodes["max_spread"].optional(percentage, _DEFAULTS.max_spread),
        bridges=_codes(nodes["bridges"], _DEFAULTS.bridges),
        shared=frozenset(_codes(nodes["shared"], tuple(_DEFAULTS.shared))),
        pegs=pegs,
        ignored=frozenset(_ignored(nodes["ignore"])),
    )


def percentage(text: str) -> Decimal:
    """Return the ratio that a percentage such as `5%` means."""
    if not (found := _PERCENT.fullmatch(text)):
        raise ValueError("must be a percentage from 0% to 100%, such as 5% or 0.5%")
    return Decimal(found["number"] + (found["fraction"] or "")) / 100


@dataclass(frozen=True, slots=True)
class _Reader:
    """Read the price sources of a section."""

    nodes: Mapping[str, Node]
    accounts: Sequence[Account]
    defaults: SourceDefaults
    read_network: ReadNetwork

    def sources(self) -> tuple[PriceSource, ...]:
        """Return the listed sources, or the public tickers of the configured exchanges."""
        listed = self.nodes["sources"]
        if listed.is_nothing:
            absent = listed.section(SOURCE_KEYS)
            return tuple(self.source(absent, each, None) for each in self._default_exchanges())
        if not listed.items():
            listed.problem("list at least one source, or leave this out")
        found: dict[str, PriceSource] = {}
        for item in listed.items():
            nodes = item.section(SOURCE_KEYS)
            if source := self._listed(nodes):
                if source.name in found:
                    nodes["exchange"].problem("this source is listed already")
                found[source.name] = source
        return tuple(found.values())

    def _default_exchanges(self) -> Iterable[Exchange]:
        """Return every configured exchange with a public ticker, BtcTurk if none has one."""
        names = dict.fromkeys((*(account.exchange for account in self.accounts), "btcturk"))
        public = [EXCHANGES[name] for name in names if name in _public_exchanges()]
        configured = [
            each for each in public if any(a.exchange == each.name for a in self.accounts)
        ]
        return configured or public

    def _listed(self, nodes: Mapping[str, Node]) -> PriceSource | None:
        exchange = EXCHANGES.get(nodes["exchange"].choice(_quoting_exchanges()) or "")
        name = None if nodes["account"].is_nothing else nodes["account"].parsed(str)
        if exchange is None or exchange.quotes is None:
            return None
        keys = {account.key for account in self.accounts}
        if exchange.quotes.need_account and name is None:
            nodes["account"].problem(f"name an account of {exchange.name}: its quotes need a key")
        elif not exchange.quotes.need_account and name is not None:
            nodes["account"].problem(f"{exchange.name}'s ticker is public; remove this")
        elif name is not None and AccountKey(exchange.name, name) not in keys:
            nodes["account"].problem(f"there is no account of {exchange.name} with this name")
        if exchange.quotes.need_account and nodes["quotes"].is_nothing:
            nodes["quotes"].problem("list the quotes to request, as country, from and to")
        return self.source(nodes, exchange, name)

    def source(
        self, nodes: Mapping[str, Node], exchange: Exchange, account: str | None
    ) -> PriceSource:
        """Return a source; what its own item does not say has a default."""
        default_interval = self.nodes["interval"].optional(_INTERVAL, DEFAULT_INTERVAL)
        interval = nodes["interval"].optional(_INTERVAL, default_interval)
        timeout = nodes["timeout"].optional(values.duration("100ms", "10m"), self.defaults.timeout)
        stale_after = self.nodes["stale_after"].optional(
            values.duration("1s", "1d"),
            max(DEFAULT_STALE_AFTER, STALE_INTERVALS * interval + timeout),
        )
        return PriceSource(
            exchange=exchange.name,
            base_url=nodes["base_url"].optional(values.base_url, self._base_url(exchange, account)),
            account=account,
            interval=interval,
            timeout=timeout,
            stale_after=nodes["stale_after"].optional(values.duration("1s", "1d"), stale_after),
            network=self.read_network(nodes["network"], self.defaults.network),
            quotes=tuple(_quote_requests(nodes["quotes"])),
        )

    def _base_url(self, exchange: Exchange, account: str | None) -> str:
        """Return the URL that the accounts of an exchange share, its own if they share none."""
        urls = {
            each.base_url
            for each in self.accounts
            if each.exchange == exchange.name and account in {None, each.name}
        }
        return urls.pop() if len(urls) == 1 else exchange.base_url


_INTERVAL = values.duration("1s", "1d")


def _quoting_exchanges() -> Collection[str]:
    return [name for name, exchange in EXCHANGES.items() if exchange.quotes]


def _public_exchanges() -> Collection[str]:
    return [
        name
        for name, exchange in EXCHANGES.items()
        if exchange.quotes and not exchange.quotes.need_account
    ]


def _price_kind(text: str) -> PriceKind:
    if text in PRICE_KINDS:
        return PRICE_KINDS[PRICE_KINDS.index(text)]
    raise ValueError(f"must be one of {', '.join(PRICE_KINDS)}")


def _codes(node: Node, default: tuple[str, ...]) -> tuple[str, ...]:
    if node.is_nothing:
        return default
    codes: dict[str, None] = {}
    for item in node.items():
        code = item.parsed(values.asset_code)
        if code in codes:
            item.problem("this is listed already")
        elif code:
            codes[code] = None
    return tuple(codes)


def _pegs(node: Node) -> Iterable[Peg]:
    for item in node.items():
        nodes = item.section(PEG_KEYS)
        asset, currency = (nodes[key].parsed(values.asset_code) for key in PEG_KEYS)
        if asset and currency:
            if asset == currency:
                item.problem("an asset needs no peg to itself")
            yield Peg(asset, currency)


def _ignored(node: Node) -> Iterable[Ignored]:
    for item in node.items():
        if code := item.parsed(values.asset_code):
            exchange, slash, asset = code.partition("/")
            is_of_one = bool(slash) and exchange in EXCHANGES
            yield Ignored(asset, exchange) if is_of_one else Ignored(code)


def _quote_requests(node: Node) -> Iterable[QuoteRequest]:
    for item in node.items():
        nodes = item.section(QUOTE_KEYS)
        country = nodes["country"].parsed(_country)
        sold, bought = (nodes[key].parsed(values.asset_code) for key in ("from", "to"))
        if country and sold and bought:
            yield QuoteRequest(country, sold, bought)


def _country(text: str) -> str:
    if re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)*", text) and len(text) <= 40:
        return text
    raise ValueError("must be the name of a country, such as Mexico")


def _check_currencies(node: Node, sources: Sequence[PriceSource], pegs: Sequence[Peg]) -> None:
    listed = {
        currency
        for source in sources
        if (quotes := EXCHANGES[source.exchange].quotes)
        for currency in quotes.currencies
    }
    listed |= {each.bought for source in sources for each in source.quotes}
    pegged = {side for peg in pegs for side in (peg.asset, peg.currency)}
    for item in node.items():
        if isinstance(item.content, str) and item.content not in listed | pegged:
            known = ", ".join(sorted(listed))
            item.problem(f"no price source quotes in it: add a source or a peg; known: {known}")
