"""Read accounts, with what `defaults` says for all of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from exporter.config import settings
from exporter.config.networks import read_network
from exporter.config.schema import Setting
from exporter.config.secrets import has_written_secret, read_credentials
from exporter.config.thresholds import Bounds, read_bounds
from exporter.exchange_api.base import Exchange
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey, AssetFilter
from exporter.yamlfile.nodes import Node, Place


@dataclass(frozen=True, slots=True)
class Defaults:
    """What accounts have unless they say otherwise; `template` is an account without a name."""

    template: Account
    nodes: Mapping[str, Node]
    bounds: Bounds


@dataclass(slots=True)
class Notes:
    """What is noted while accounts are read.

    `places` has where each account stands, `files_with_secrets` the files in which secrets are
    written out, and `value_bounds` the bounds in currencies that `valuation` must list.
    """

    places: dict[object, Place] = field(default_factory=dict)
    files_with_secrets: set[str] = field(default_factory=set)
    value_bounds: list[tuple[str, Node]] = field(default_factory=list)

    def note_places(self, key: AccountKey, sections: Iterable[Node]) -> None:
        """Note where the settings of an account's sections stand; the last one counts."""
        for section in sections:
            name = section.path.rpartition(".")[2]
            for setting, node in section.entries().items():
                self.places[key, f"{name}.{setting}"] = node.place


def read_defaults(node: Node) -> Defaults:
    """Return what `defaults` says."""
    nodes = settings.DEFAULTS.read(node)
    template = _shared(nodes, Account("", "", "", "", {}))
    bounds = read_bounds(nodes["thresholds"], template.assets)
    bounds.check_order()
    exchange = EXCHANGES.get(template.exchange)
    if exchange is None and not nodes["credentials"].is_nothing:
        read_credentials(nodes["credentials"], None)
    return Defaults(template, nodes, bounds)


def read_accounts(items: Iterable[Node], defaults: Defaults, notes: Notes) -> tuple[Account, ...]:
    """Return every account that could be read; the problems of the others are reported."""
    accounts: dict[AccountKey, Account] = {}
    for item in items:
        nodes = settings.ACCOUNTS.read(item)
        account = _account(nodes, defaults, notes)
        if account and account.key in accounts:
            first = notes.places[account.key].beside(item.report.file)
            nodes["name"].problem(f"another account of this exchange has the same name, in {first}")
        elif account:
            accounts[account.key] = account
            notes.places[account.key] = nodes["name"].place
    _check_shared_base_url(accounts.values(), defaults)
    return tuple(accounts.values())


def _account(nodes: Mapping[str, Node], defaults: Defaults, notes: Notes) -> Account | None:
    name = settings.NAME.read(nodes)
    if nodes["name"].is_nothing:
        nodes["name"].problem("a value is missing")
    account = _shared(nodes, defaults.template)
    exchange = EXCHANGES.get(account.exchange)
    if not account.exchange and nodes["exchange"].is_nothing:
        nodes["exchange"].problem("a value is missing")
    spell = exchange.spell if exchange else str
    assets = account.assets.spelled(spell)
    own = read_bounds(nodes["thresholds"], assets, spell)
    bounds = own.merged(defaults.bounds.spelled(spell), assets)
    bounds.check_order()
    notes.value_bounds += [(bound[0], node) for bound, (_, node) in bounds.values.items()]
    given = nodes["credentials"]
    credentials = defaults.nodes["credentials"] if given.is_nothing else given
    if credentials.is_nothing:
        credentials = given
    sources = read_credentials(credentials, exchange)
    if has_written_secret(credentials):
        notes.files_with_secrets.add(credentials.report.file)
    if exchange is None:
        return None
    path = _balances_path(nodes["balances_path"], account, exchange)
    if name is None:
        return None
    sections = (defaults.nodes["network"], nodes["network"], credentials)
    notes.note_places(AccountKey(exchange.name, name), sections)
    return replace(
        account,
        name=name,
        exchange=exchange.name,
        base_url=account.base_url or exchange.base_url,
        balances_path=path,
        credentials=sources,
        assets=assets,
        thresholds=bounds.thresholds(own),
        value_thresholds=bounds.value_thresholds(),
    )


def _shared(nodes: Mapping[str, Node], template: Account) -> Account:
    """Return the template with what can be set in `defaults` and in an account."""
    single: dict[str, Any] = {
        setting.key: setting.read_or(nodes, getattr(template, setting.key))
        for setting in settings.SHARED
        if isinstance(setting, Setting)
    }
    labels = {**template.labels, **settings.LABELS.read(nodes)}
    single["labels"] = MappingProxyType({name: text for name, text in labels.items() if text})
    return replace(
        template,
        **single,
        assets=_assets(nodes["assets"], template.assets),
        network=read_network(nodes["network"], template.network),
    )


def _balances_path(node: Node, account: Account, exchange: Exchange) -> str:
    if exchange.has_other_paths:
        return account.balances_path or exchange.balances_path
    if not node.is_nothing:
        node.problem(f"{exchange.name} has only one path; remove this")
    return exchange.balances_path


def _assets(node: Node, default: AssetFilter) -> AssetFilter:
    if node.is_nothing:
        return default
    nodes = settings.ASSETS.read(node)
    include, exclude = nodes["include"], nodes["exclude"]
    if include.is_nothing == exclude.is_nothing:
        node.problem("give `include` or `exclude`, one of them, with a list of assets")
    for each in (include, exclude):
        if each.content == []:
            each.problem("list at least one asset, or remove this")
    if include.is_nothing:
        return AssetFilter(exclude=frozenset(settings.EXCLUDE.read(nodes)))
    return AssetFilter(include=frozenset(settings.INCLUDE.read(nodes)))


def _check_shared_base_url(accounts: Iterable[Account], defaults: Defaults) -> None:
    """Keep the keys of one exchange from being sent to another."""
    url = defaults.template.base_url
    exchanges = {account.exchange for account in accounts if account.base_url == url}
    if url.startswith("https://") and len(exchanges) > 1:
        defaults.nodes["base_url"].problem(
            f"accounts of {' and '.join(sorted(exchanges))} would send their keys here; "
            "set it in the accounts"
        )
