"""Examine a configuration that is valid by itself: its secret files, and what is suspicious."""

import ssl
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from exporter.config.loader import Config
from exporter.config.settings import OTHER_NAMES
from exporter.credentials import Secret, SecretFile, SecretSource
from exporter.errors import CredentialsError
from exporter.exchange_api.network import parse_proxy
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey
from exporter.polling.endpoint import EndpointKey
from exporter.polling.overlaps import overlaps
from exporter.polling.schedules import endpoint_key, make_schedules
from exporter.polling.snapshots import PollSchedule
from exporter.prices.settings import Ignored, PriceSource
from exporter.quotes import PRICE_KINDS, PriceKind
from exporter.yamlfile.nodes import Place, Problem

PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")

_READABLE = "chmod o-r, or defaultMode: 0400 in Kubernetes"
_VALUATION = Place("config", 1, 1, "valuation")
_TWICE = "a sum counts the same money twice"


class Suspicion(NamedTuple):
    """Something that is allowed, and probably not meant."""

    place: Place
    event: str
    details: Mapping[str, str]
    advice: str

    def __str__(self) -> str:
        details = ", ".join(f"{name}: {text}" for name, text in self.details.items())
        shown = f" ({details})" if details else ""
        file, line, column, path = self.place
        return f"{file}:{line}:{column}: {path}: warning: {self.event}{shown}; {self.advice}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What an examination found: errors cost their account alone, suspicions nothing."""

    errors: tuple[Problem, ...]
    suspicions: tuple[Suspicion, ...]


def examine(config: Config, environ: Mapping[str, str]) -> Findings:
    """Read every secret file, and look for what is suspicious; blocks on slow file systems."""
    errors: list[Problem] = []
    secrets = {account.key: _secrets(config, account, errors) for account in config.accounts}
    for account in config.accounts:
        errors += _network_errors(config, account)
    keys = {
        account.key: frozenset(secrets[account.key].items())
        for account in config.accounts
        if secrets[account.key].keys() == account.credentials.keys()
    }
    suspicions = (
        *_counted_twice(config, keys),
        *_high_limits(config),
        *_schedules(config),
        *_price_sources(config),
        *_unknown_exchanges(config),
        *_world_readable(config),
        *_unused_proxy(config, environ),
    )
    return Findings(tuple(dict.fromkeys(errors)), tuple(dict.fromkeys(map(_frozen, suspicions))))


def _secrets(config: Config, account: Account, errors: list[Problem]) -> dict[str, Secret]:
    """Return the credentials that can be read, and note why the others can't."""
    secrets = {}
    for name, source in account.credentials.items():
        try:
            secrets[name] = source if isinstance(source, Secret) else source.read()
        except CredentialsError as error:
            place = config.place_of(account, f"credentials.{name}_file")
            errors.append(Problem(*place, str(error)))
    return secrets


def _network_errors(config: Config, account: Account) -> Iterator[Problem]:
    network = account.network
    try:
        if isinstance(network.proxy_url, SecretFile):
            network.proxy_url.read()
    except CredentialsError as error:
        yield Problem(*config.place_of(account, "network.proxy_url_file"), str(error))
    if network.ca_file and (message := _ca_problem(network.ca_file)):
        yield Problem(*config.place_of(account, "network.ca_file"), message)


def _ca_problem(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "is not a regular file"
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        return "holds no CA certificate in PEM"
    except OSError as error:
        return f"can't be read: {error.strerror}"
    return ""


def _counted_twice(
    config: Config, keys: Mapping[AccountKey, frozenset[tuple[str, Secret]]]
) -> Iterator[Suspicion]:
    """Find accounts with one key whose balances contain another's."""
    readable = [account for account in config.accounts if account.key in keys]
    for whole, part in overlaps((account, keys[account.key]) for account in readable):
        if whole.balances_path == part.balances_path:
            yield Suspicion(
                config.place_of(part, "name"),
                "accounts share a key",
                {**part.key._asdict(), "other": whole.name},
                f"{_TWICE}: remove one of them",
            )
        else:
            yield Suspicion(
                config.place_of(whole, "name"),
                "account contains the balances of another account",
                {**whole.key._asdict(), "other": part.name},
                f"{_TWICE}: set in_totals: false, or remove one of them",
            )


def _high_limits(config: Config) -> Iterator[Suspicion]:
    for name, limit in config.requests_per_minute.items():
        documented = EXCHANGES[name].requests_per_minute
        if limit > documented and name in config.places:
            yield Suspicion(
                config.places[name],
                "requests_per_minute is above the documented limit",
                {
                    "exchange": name,
                    "requests_per_minute": str(limit),
                    "documented": str(documented),
                },
                "the exchange may block this address",
            )


def _schedules(config: Config) -> Iterator[Suspicion]:
    """Find accounts that are polled less often than configured, or stale before the next poll."""
    proxies = {account.network.proxy_url for account in config.accounts}
    egresses = {source: _egress(source) for source in proxies if source}
    limits = config.requests_per_minute
    schedules = make_schedules(config.accounts, limits, egresses)
    stretched = defaultdict[EndpointKey, list[PollSchedule]](list)
    for key, schedule in schedules.items():
        if schedule.interval > schedule.account.interval:
            stretched[endpoint_key(schedule.account, egresses)].append(schedule)
        if schedule.stale_after < schedule.interval:
            yield Suspicion(
                config.place_of(schedule.account, "name"),
                "stale_after is shorter than the time between two polls",
                {
                    **key._asdict(),
                    "stale_after": f"{schedule.stale_after:g}s",
                    "interval": f"{schedule.interval:.1f}s",
                },
                "balances will disappear between polls",
            )
    for endpoint, group in stretched.items():
        yield Suspicion(
            config.place_of(group[0].account, "name"),
            "too many accounts for the rate limit, polling less often",
            {
                "exchange": endpoint.exchange,
                "accounts": str(len(group)),
                "requests_per_minute": str(limits[endpoint.exchange]),
                "longest_interval": f"{max(each.interval for each in group):.1f}s",
            },
            "raise the interval, or spread the accounts over several egress addresses",
        )


def _price_sources(config: Config) -> Iterator[Suspicion]:
    """Find sources whose quotes are stale before the next ones, or never give the wanted price."""
    valuation = config.valuation
    if valuation is None:
        return
    for source in valuation.sources:
        place = config.places.get(source, _VALUATION)
        if source.stale_after < source.interval:
            yield Suspicion(
                place,
                "stale_after is shorter than the time between two requests for quotes",
                {
                    "source": source.name,
                    "stale_after": f"{source.stale_after:g}s",
                    "interval": f"{source.interval:.1f}s",
                },
                "prices will disappear between requests",
            )
        yield from _missing_price(valuation.price, source, place)


def _missing_price(wanted: PriceKind, source: PriceSource, place: Place) -> Iterator[Suspicion]:
    quotes = EXCHANGES[source.exchange].quotes
    if quotes and wanted not in quotes.price_kinds:
        yield Suspicion(
            place,
            "price source has no such price",
            {"source": source.name, "price": wanted},
            "all its quotes will be rejected as one_sided: set price to "
            + " or ".join(kind for kind in PRICE_KINDS if kind in quotes.price_kinds),
        )


def _unknown_exchanges(config: Config) -> Iterator[Suspicion]:
    """Find ignored assets that look like `exchange/asset` with an exchange that is not known.

    An asset's code may have a slash, so it can be meant.
    """
    for ignored, place in config.places.items():
        if isinstance(ignored, Ignored) and not ignored.exchange and "/" in ignored.asset:
            yield Suspicion(
                place,
                "ignored asset has a slash, and no known exchange before it",
                {"setting": place.path},
                f"it is taken for an asset's code; {_nearest(ignored.asset.partition('/')[0])}",
            )


def _nearest(exchange: str) -> str:
    lowered = exchange.lower()
    near = OTHER_NAMES.get(lowered) or next(iter(get_close_matches(lowered, EXCHANGES, n=1)), None)
    return f"did you mean `{near}`?" if near else f"known exchanges: {', '.join(EXCHANGES)}"


def _egress(proxy_url: SecretSource) -> str:
    """Return the egress path through a proxy; empty if its file can't be read."""
    try:
        url = proxy_url.read() if isinstance(proxy_url, SecretFile) else proxy_url
        return parse_proxy(url).address
    except CredentialsError:
        return ""


def _world_readable(config: Config) -> Iterator[Suspicion]:
    for file in sorted(config.files_with_secrets):
        if _is_world_readable(Path(file)):
            yield Suspicion(
                Place(file, 1, 1, "(file)"),
                "configuration file with secrets is world-readable",
                {"file": file},
                f"{_READABLE}; or keep secrets in files of their own",
            )
    for account in config.accounts:
        for name, source in account.credentials.items():
            if isinstance(source, SecretFile) and source.is_readable_by_others():
                yield Suspicion(
                    config.place_of(account, f"credentials.{name}_file"),
                    "secret file is world-readable",
                    {"file": str(source.path)},
                    _READABLE,
                )


def _is_world_readable(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _unused_proxy(config: Config, environ: Mapping[str, str]) -> Iterator[Suspicion]:
    names = [name for name in PROXY_VARIABLES if environ.get(name)]
    if names and any(account.network.proxy_url is None for account in config.accounts):
        file = str(config.files[0]) if config.files else "(environment)"
        yield Suspicion(
            Place(file, 1, 1, "defaults.network"),
            "proxy from the environment is ignored",
            {"variable": names[0]},
            "set network.proxy_url, or unset the variable",
        )


def _frozen(suspicion: Suspicion) -> "Suspicion":
    return suspicion._replace(details=_Details(suspicion.details))


class _Details(dict[str, str]):
    """Details that can be compared and hashed, so that each suspicion is said once."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))
