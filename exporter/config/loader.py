"""Read the configuration into frozen accounts, or say all that is wrong with it at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from exporter.config import settings
from exporter.config.accounts import Defaults, Notes, read_accounts, read_defaults
from exporter.config.configuration import CONFIGURATION
from exporter.config.files import find_files
from exporter.config.networks import read_network
from exporter.config.valuation import SourceDefaults, valuation
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey
from exporter.prices.settings import Valuation
from exporter.yamlfile import reader
from exporter.yamlfile.nodes import ConfigError, Node, Place, Problem
from exporter.yamlfile.variables import Variables

__all__ = ["Config", "ConfigError", "Problem", "load", "parse"]

_ADVICE = "`exchange-balance-exporter config init` prints an example"


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration; `requests_per_minute` has the limit of every exchange.

    `files` were read for it, and `files_with_secrets` of them have secrets written out. `places`
    says where accounts, their settings, the limits of exchanges, price sources and ignored assets
    stand.
    """

    accounts: tuple[Account, ...]
    requests_per_minute: Mapping[str, int]
    valuation: Valuation | None = None
    retired: tuple[AccountKey, ...] = ()
    files: tuple[Path, ...] = field(default=(), compare=False)
    files_with_secrets: frozenset[str] = field(default=frozenset(), compare=False)
    places: Mapping[object, Place] = field(default_factory=dict, compare=False, repr=False)

    def place_of(self, account: Account, path: str) -> Place:
        """Return where a setting of an account stands, or else the account."""
        unknown = Place("config", 1, 1, f"accounts.{account.name}")
        return self.places.get((account.key, path)) or self.places.get(account.key, unknown)


def load(
    patterns: Sequence[Path], environ: Mapping[str, str], *, syntax_only: bool = False
) -> Config:
    """Read the files that are named, found by globs, or in folders.

    Raises `ConfigError` with every problem of every file. With `syntax_only` a variable that is not
    set is not a problem.
    """
    variables = Variables(environ, required=not syntax_only)
    files, problems = find_files(patterns)
    roots: list[Node] = []
    found = list(problems)
    for file in files:
        try:
            roots.append(reader.load(file, advice=_ADVICE, variables=variables))
        except ConfigError as error:
            found += error.problems
    return _config(roots, found, files)


def parse(
    text: str,
    environ: Mapping[str, str],
    *,
    path: Path = Path("config.yaml"),
    syntax_only: bool = False,
) -> Config:
    """Read the text of a configuration as `load` does; `path` is the file that it stands for."""
    variables = Variables(environ, required=not syntax_only)
    return _config([reader.parse(text, str(path), variables)], [], (path,))


def _config(roots: Sequence[Node], problems: Iterable[Problem], files: tuple[Path, ...]) -> Config:
    found = list(problems)
    sections = [CONFIGURATION.read(root) for root in roots]
    notes = Notes()
    config = None
    if sections:
        config = _merged(sections, notes, is_whole=not found)
    found += [problem for root in roots for problem in root.report.problems]
    if found or config is None:
        order = {str(file): number for number, file in enumerate(files)}
        raise ConfigError(sorted(found, key=lambda problem: order.get(problem.file, -1)))
    return replace(
        config,
        files=files,
        files_with_secrets=frozenset(notes.files_with_secrets),
        places=MappingProxyType(notes.places),
    )


def _merged(sections: Sequence[Mapping[str, Node]], notes: Notes, *, is_whole: bool) -> Config:
    defaults: Defaults = read_defaults(_only(sections, "defaults"))
    limits = _limits(_only(sections, "exchanges"), notes)
    items = [item for each in sections for item in each["accounts"].items()]
    if is_whole and not any(each["accounts"].content for each in sections):
        sections[0]["accounts"].problem(f"list at least one account; {_ADVICE}")
    accounts = read_accounts(items, defaults, notes)
    for account in accounts:
        limits.setdefault(account.exchange, EXCHANGES[account.exchange].requests_per_minute)
    valued = valuation(
        _only(sections, "valuation"),
        accounts,
        SourceDefaults(defaults.template.timeout, defaults.template.network),
        read_network,
        notes.places,
    )
    currencies = valued.currencies if valued else ()
    for currency, node in notes.value_bounds:
        if currency not in currencies:
            node.problem(f"`valuation` does not list the currency {currency}")
    return Config(accounts, MappingProxyType(limits), valued, _retired(sections, notes))


def _only(sections: Sequence[Mapping[str, Node]], key: str) -> Node:
    """Return a section that one file may have; in another it is a problem."""
    first, *others = [each[key] for each in sections if not each[key].is_nothing] or [
        sections[0][key]
    ]
    for other in others:
        other.problem(f"stands in {first.report.file} already; keep it in one file")
    return first


def _limits(node: Node, notes: Notes) -> dict[str, int]:
    """Return the limit of each listed exchange, and of each other one that the section names."""
    limits = {name: exchange.requests_per_minute for name, exchange in EXCHANGES.items()}
    known = dict.fromkeys((*EXCHANGES, *(name for name in node.entries() if name in EXCHANGES)))
    for name, each in node.section(known).items():
        nodes = each.section(settings.LIMITS.keys)
        if limit := settings.REQUESTS_PER_MINUTE.read(nodes):
            exchange = EXCHANGES[name].name
            limits[exchange] = limit
            notes.places[exchange] = nodes[settings.REQUESTS_PER_MINUTE.key].place
    return limits


def _retired(sections: Sequence[Mapping[str, Node]], notes: Notes) -> tuple[AccountKey, ...]:
    retired: dict[AccountKey, None] = {}
    for each in sections:
        for key in settings.RETIRED.read(each):
            if key in notes.places:
                place = notes.places[key].beside(each["retired"].report.file)
                each["retired"].problem(f"is still an account, in {place}; remove one of the two")
            retired[key] = None
    return tuple(retired)
