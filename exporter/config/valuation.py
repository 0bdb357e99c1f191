"""Read the section `valuation`: currencies, price sources and what they assume."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from exporter.config import valuation_settings as settings
from exporter.config.schema import Setting
from exporter.config.settings import BASE_URL, TIMEOUT
from exporter.exchange_api.base import Exchange
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey, Network
from exporter.prices.settings import Ignored, Peg, PriceSource, Valuation
from exporter.quotes import PRICE_KINDS, QuoteRequest
from exporter.yamlfile.nodes import Node, Place

T = TypeVar("T")


class SourceDefaults(NamedTuple):
    """What a source has unless it says otherwise: the `defaults` of accounts."""

    timeout: float
    network: Network


ReadNetwork = Callable[[Node, Network], Network]
"""Return an item's `network`, merged into the defaults."""


def valuation(
    node: Node,
    accounts: Sequence[Account],
    defaults: SourceDefaults,
    read_network: ReadNetwork,
    places: dict[object, Place],
) -> Valuation | None:
    """Return what the section says; None without one. Sources and ignored assets get `places`."""
    if node.is_nothing:
        return None
    nodes = settings.VALUATION.read(node)
    reader = _Reader(nodes, accounts, defaults, read_network, places)
    currencies = settings.CURRENCIES.read(nodes)
    if (written := _written(nodes["currencies"])) is not None and not (
        1 <= written <= settings.MAX_CURRENCIES
    ):
        nodes["currencies"].problem(
            f"list 1 to {settings.MAX_CURRENCIES} currencies, such as [TRY, USDT]"
        )
    pegs = tuple(_pegs(nodes["pegs"]))
    sources = reader.sources()
    _check_currencies(nodes["currencies"], sources, pegs)
    price = settings.PRICE.read(nodes)
    ignored = settings.IGNORE.read(nodes)
    places.update(zip(ignored, (each.place for each in nodes["ignore"].items()), strict=False))
    return Valuation(
        currencies=currencies,
        sources=sources,
        price=next(kind for kind in PRICE_KINDS if kind == price),
        max_row_age=settings.MAX_ROW_AGE.read(nodes),
        max_spread=settings.MAX_SPREAD.read(nodes),
        bridges=settings.BRIDGES.read(nodes),
        shared=frozenset(settings.SHARED_CODES.read(nodes)),
        pegs=pegs,
        ignored=frozenset(ignored) | _respelled(ignored, accounts),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Read the price sources of a section."""

    nodes: Mapping[str, Node]
    accounts: Sequence[Account]
    defaults: SourceDefaults
    read_network: ReadNetwork
    places: dict[object, Place]

    def sources(self) -> tuple[PriceSource, ...]:
        """Return the listed sources, or the public tickers of the configured exchanges."""
        listed = self.nodes["sources"]
        if listed.is_nothing:
            absent = settings.SOURCES.read(listed)
            usual = tuple(self.source(absent, each, None) for each in self._default_exchanges())
            self.places.update(dict.fromkeys(usual, listed.place))
            return usual
        if _written(listed) == 0:
            listed.problem("list at least one source, or remove this")
        found: dict[str, PriceSource] = {}
        for item in listed.items():
            nodes = settings.SOURCES.read(item)
            if source := self._listed(nodes):
                if source.name in found:
                    nodes["exchange"].problem("this source is listed already")
                found[source.name] = source
                self.places[source] = item.place
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
        exchange = EXCHANGES.get(_required(settings.SOURCE_EXCHANGE, nodes) or "")
        name = settings.SOURCE_ACCOUNT.read(nodes)
        if exchange is None or exchange.quotes is None:
            return None
        keys = {account.key for account in self.accounts}
        if exchange.quotes.need_account and name is None:
            nodes["account"].problem(f"name an account of {exchange.name}: its quotes need a key")
        elif not exchange.quotes.need_account and name is not None:
            nodes["account"].problem(f"{exchange.name}'s ticker is public; remove this")
        elif name is not None and AccountKey(exchange.name, name) not in keys:
            nodes["account"].problem(f"there is no account of {exchange.name} with this name")
        if exchange.quotes.need_account and _written(nodes["quotes"]) == 0:
            nodes["quotes"].problem("list the quotes to request, as country, from and to")
        elif not exchange.quotes.need_account and not nodes["quotes"].is_nothing:
            nodes["quotes"].problem(f"{exchange.name}'s ticker is public; remove this")
        return self.source(nodes, exchange, name)

    def source(
        self, nodes: Mapping[str, Node], exchange: Exchange, account: str | None
    ) -> PriceSource:
        """Return a source; what its own item does not say has a default."""
        interval = settings.INTERVAL.read_or(nodes, settings.INTERVAL.read(self.nodes))
        timeout = TIMEOUT.read_or(nodes, self.defaults.timeout)
        usual = max(settings.LEAST_STALE_AFTER, settings.STALE_INTERVALS * interval + timeout)
        stale_after = settings.STALE_AFTER.read_or(self.nodes, usual)
        return PriceSource(
            exchange=exchange.name,
            base_url=BASE_URL.read_or(nodes, self._base_url(exchange, account)),
            account=account,
            interval=interval,
            timeout=timeout,
            stale_after=settings.STALE_AFTER.read_or(nodes, stale_after),
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


def _respelled(ignored: Iterable[Ignored], accounts: Iterable[Account]) -> frozenset[Ignored]:
    """Return what is ignored everywhere, as each exchange with a spelling of its own has it."""
    return frozenset(
        Ignored(spelled, name)
        for name in {account.exchange for account in accounts}
        for each in ignored
        if each.exchange is None and (spelled := EXCHANGES[name].spell(each.asset)) != each.asset
    )


def _written(node: Node) -> int | None:
    """Return how many items a list has; None for what is not a list, which is a problem already."""
    return len(node.content or ()) if node.is_nothing or isinstance(node.content, list) else None


def _required(setting: Setting[T, None], nodes: Mapping[str, Node]) -> T | None:
    """Return what is set; that nothing is set is a problem."""
    if nodes[setting.key].is_nothing:
        nodes[setting.key].problem("a value is missing")
    return setting.read(nodes)


def _public_exchanges() -> Collection[str]:
    return [
        name
        for name, exchange in EXCHANGES.items()
        if exchange.quotes and not exchange.quotes.need_account
    ]


def _pegs(node: Node) -> Iterable[Peg]:
    for item in node.items():
        nodes = settings.PEGS.read(item)
        asset = _required(settings.PEG_ASSET, nodes)
        currency = _required(settings.PEG_CURRENCY, nodes)
        if asset and currency:
            if asset == currency:
                item.problem("an asset needs no peg to itself")
            yield Peg(asset, currency)


def _quote_requests(node: Node) -> Iterable[QuoteRequest]:
    for item in node.items():
        nodes = settings.QUOTES.read(item)
        country = _required(settings.COUNTRY, nodes)
        sold, bought = _required(settings.FROM, nodes), _required(settings.TO, nodes)
        if country and sold and bought:
            yield QuoteRequest(country, sold, bought)


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
