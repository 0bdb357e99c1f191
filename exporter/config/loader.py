"""Read the configuration file into frozen accounts, or say all that is wrong with it at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from exporter.config import values
from exporter.config.valuation import SourceDefaults, valuation
from exporter.credentials import SecretSource
from exporter.exchange_api.base import Exchange
from exporter.exchanges import EXCHANGES
from exporter.model import BOUNDS, Account, AccountKey, Amount, AssetFilter, Network, Threshold
from exporter.prices.settings import Valuation
from exporter.yamlfile import reader
from exporter.yamlfile.nodes import ConfigError, Node, Problem

__all__ = ["Config", "ConfigError", "Problem", "load", "parse"]

SECTIONS = ("defaults", "exchanges", "accounts", "valuation")
TIMING_KEYS = ("interval", "timeout", "stale_after")
ACCOUNT_KEYS = (
    *("name", "exchange", "credentials", "base_url", "balances_path", "assets", "thresholds"),
    *TIMING_KEYS,
)
THRESHOLD_KEYS = ("asset", *BOUNDS)


@dataclass(frozen=True, slots=True)
class Config:
    """Hold a whole configuration; `requests_per_minute` has the limit of every exchange."""

    accounts: tuple[Account, ...]
    requests_per_minute: Mapping[str, int]
    valuation: Valuation | None = None
    retired: tuple[AccountKey, ...] = ()


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read a configuration file.

    Raises `ConfigError` with every problem of the file, in the file's order.
    """
    advice = f"make one with `cp config.example.yaml {path}` and edit it"
    return _config(reader.load(path, advice=advice), _Sources(environ, path.parent))


def parse(text: str, environ: Mapping[str, str], *, path: Path = Path("config.yaml")) -> Config:
    """Read the text of a configuration as `load` does; `path` is the file that it stands for."""
    return _config(reader.parse(text, str(path)), _Sources(environ, path.parent))


class _Timing(NamedTuple):
    interval: float = 60.0
    timeout: float = 10.0
    stale_after: float | None = None


class _Sources(NamedTuple):
    """Say where credentials come from; their files are relative to `folder`."""

    environ: Mapping[str, str]
    folder: Path


_Bounds = dict[tuple[str, str], tuple[Amount, Node]]


def _config(root: Node, sources: _Sources) -> Config:
    sections = root.section(SECTIONS)
    default = _timing(sections["defaults"].section(TIMING_KEYS), _Timing())
    limits = _limits(sections["exchanges"])
    accounts = _accounts(sections["accounts"], default, sources)
    valued = valuation(
        sections["valuation"],
        accounts,
        SourceDefaults(default.timeout, Network()),
        lambda _node, network: network,
    )
    root.report.check()
    return Config(accounts, limits, valued)


def _limits(node: Node) -> Mapping[str, int]:
    nodes = node.section(EXCHANGES)
    return MappingProxyType(
        {
            name: _limit(nodes[name]) or exchange.requests_per_minute
            for name, exchange in EXCHANGES.items()
        }
    )


def _limit(node: Node) -> int | None:
    limit = node.section(["requests_per_minute"])["requests_per_minute"]
    return None if limit.is_nothing else limit.integer(1, 60_000)


def _timing(nodes: Mapping[str, Node], default: _Timing) -> _Timing:
    return _Timing(
        nodes["interval"].optional(values.duration("1s", "1d"), default.interval),
        nodes["timeout"].optional(values.duration("100ms", "10m"), default.timeout),
        nodes["stale_after"].optional(values.duration("1s", "1w"), default.stale_after),
    )


def _accounts(node: Node, default: _Timing, sources: _Sources) -> tuple[Account, ...]:
    accounts: dict[AccountKey, Account] = {}
    if not node.content:
        node.problem("list at least one account, as config.example.yaml shows")
    for item in node.items():
        nodes = item.section(ACCOUNT_KEYS)
        account = _account(nodes, default, sources)
        if account and account.key in accounts:
            nodes["name"].problem("another account of this exchange has the same name")
        elif account:
            accounts[account.key] = account
    return tuple(accounts.values())


def _account(nodes: Mapping[str, Node], default: _Timing, sources: _Sources) -> Account | None:
    name = nodes["name"].parsed(values.account_name)
    exchange = EXCHANGES.get(nodes["exchange"].choice(EXCHANGES) or "")
    base_url = nodes["base_url"].optional(values.base_url, "")
    path = nodes["balances_path"].optional(values.balances_path, "")
    timing = _timing(nodes, default)
    assets = _assets(nodes["assets"])
    thresholds = _thresholds(nodes["thresholds"], assets)
    credentials = _credentials(nodes["credentials"], exchange, sources)
    if exchange is None:
        return None
    if path and not exchange.has_other_paths:
        nodes["balances_path"].problem(f"{exchange.name} has only one path; leave this out")
    if name is None:
        return None
    return Account(
        name=name,
        exchange=exchange.name,
        base_url=base_url or exchange.base_url,
        balances_path=path or exchange.balances_path,
        credentials=credentials,
        interval=timing.interval,
        timeout=timing.timeout,
        stale_after=timing.stale_after,
        assets=assets,
        thresholds=thresholds,
    )


def _credentials(
    node: Node, exchange: Exchange | None, sources: _Sources
) -> Mapping[str, SecretSource]:
    """Read what an exchange asks for; of an unknown one, what any of them does."""
    known = [exchange] if exchange else EXCHANGES.values()
    names = sorted(frozenset().union(*(names for each in known for names in each.credentials)))
    nodes = node.section([key for name in names for key in (name, f"{name}_file")])
    credentials: dict[str, SecretSource | None] = {}
    for name in names:
        inline, file = nodes[name], nodes[f"{name}_file"]
        if not file.is_nothing:
            parse_path = partial(values.secret_file, folder=sources.folder)
            credentials[name] = file.parsed(parse_path)
        if not inline.is_nothing:
            is_base64 = exchange is not None and name in exchange.base64_credentials
            parse_secret = values.base64_secret if is_base64 else values.secret
            credentials[name] = inline.parsed(partial(parse_secret, environ=sources.environ))
            if not file.is_nothing:
                file.problem(f"`{name}` is given too; keep only one of the two")
    if exchange is not None:
        _check_set(node, frozenset(credentials), exchange.credentials)
    return MappingProxyType({name: source for name, source in credentials.items() if source})


def _check_set(node: Node, given: frozenset[str], allowed: tuple[frozenset[str], ...]) -> None:
    begun = [wanted for wanted in allowed if given and given <= wanted]
    if not begun:
        choices = ", or ".join(" and ".join(sorted(wanted)) for wanted in allowed)
        node.problem(f"give exactly {choices}; each can come from a file, as *_file")
    for name in sorted(begun[0] - given) if begun else ():
        node.problem(f"a value is missing; `{name}_file` would do as well", key=name)


def _assets(node: Node) -> AssetFilter:
    nodes = node.section(["include", "exclude"])
    include, exclude = nodes["include"], nodes["exclude"]
    if not node.is_nothing and include.is_nothing == exclude.is_nothing:
        node.problem("give `include` or `exclude`, one of them, with a list of assets")
    if include.is_nothing:
        return AssetFilter(exclude=_asset_codes(exclude))
    return AssetFilter(include=_asset_codes(include))


def _asset_codes(node: Node) -> frozenset[str]:
    codes: set[str] = set()
    if node.content == []:
        node.problem("list at least one asset, or leave this out")
    for item in node.items():
        code = item.parsed(values.asset_code)
        if code in codes:
            item.problem("this asset is listed already")
        elif code:
            codes.add(code)
    return frozenset(codes)


def _thresholds(node: Node, assets: AssetFilter) -> tuple[Threshold, ...]:
    found: _Bounds = {}
    for item in node.items():
        nodes = item.section(THRESHOLD_KEYS)
        asset = nodes["asset"].parsed(values.asset_code)
        if asset and not assets.admits(asset):
            nodes["asset"].problem("`assets` leaves this asset out, so it would never be checked")
        given = [bound for bound in BOUNDS if not nodes[bound].is_nothing]
        if not given:
            item.problem(f"give at least one bound: {', '.join(BOUNDS)}")
        for bound in given:
            value = nodes[bound].parsed(values.decimal)
            if asset and (asset, bound) in found:
                nodes[bound].problem("this asset has this bound already")
            elif asset and value:
                found[asset, bound] = value, nodes[bound]
    _check_order(found)
    return tuple(Threshold(asset, bound, value) for (asset, bound), (value, _) in found.items())


def _check_order(found: _Bounds) -> None:
    for (asset, bound), (least, node) in found.items():
        maximum = bound.replace("_min", "_max")
        most, _ = found.get((asset, maximum), (least, node))
        if Decimal(least) > Decimal(most):
            node.problem(f"is greater than the asset's `{maximum}`")
