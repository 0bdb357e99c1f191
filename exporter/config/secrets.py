"""Read the credentials of an account."""

from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType

from exporter.config import values
from exporter.config.networks import read_path
from exporter.credentials import SecretFile, SecretSource, Validate, one_line
from exporter.exchange_api.base import Exchange
from exporter.exchanges import EXCHANGES
from exporter.yamlfile.nodes import Node


def read_credentials(node: Node, exchange: Exchange | None) -> Mapping[str, SecretSource]:
    """Read the credentials of an exchange; if it is unknown, those of any exchange."""
    names = credential_names([exchange] if exchange else EXCHANGES.values())
    nodes = node.section([key for name in names for key in (name, f"{name}_file")])
    given = frozenset(name for name in names if not _is_missing(nodes, name))
    if exchange is not None and not node.is_unknown:
        _check_set(node, given, exchange.credential_sets)
    sources = {name: _source(nodes, name, exchange) for name in names if name in given}
    return MappingProxyType({name: source for name, source in sources.items() if source})


def credential_names(exchanges: Iterable[Exchange]) -> list[str]:
    """Return the names of all credentials of these exchanges."""
    return sorted({name for each in exchanges for given in each.credential_sets for name in given})


def validator(exchange: Exchange | None, name: str) -> Validate:
    """Return what raises `ValueError` unless a credential has the form that it should."""
    return exchange.credential(name).validate if exchange else one_line


def has_written_secret(node: Node) -> bool:
    """Return whether a secret is written out in the file itself."""
    return any(
        isinstance(value.content, str) and not name.endswith("_file") and not value.written
        for name, value in node.entries().items()
    )


def _is_missing(nodes: Mapping[str, Node], name: str) -> bool:
    return nodes[name].is_nothing and nodes[f"{name}_file"].is_nothing


def _source(nodes: Mapping[str, Node], name: str, exchange: Exchange | None) -> SecretSource | None:
    inline, file = nodes[name], nodes[f"{name}_file"]
    if not file.is_nothing:
        path = read_path(file)
        if not inline.is_nothing:
            file.problem(f"`{name}` is given too; keep only one of the two")
        return SecretFile(path, validator(exchange, name)) if path else None
    return inline.parsed(partial(values.secret, validate=validator(exchange, name)))


def _check_set(node: Node, given: frozenset[str], allowed: tuple[frozenset[str], ...]) -> None:
    begun = [wanted for wanted in allowed if given and given <= wanted]
    if not begun:
        choices = ", or ".join(" and ".join(sorted(wanted)) for wanted in allowed)
        node.problem(f"give exactly {choices}; each can come from a file, as *_file")
    for name in sorted(begun[0] - given) if begun else ():
        node.problem(f"a value is missing; `{name}_file` would do as well", key=name)
