"""Find exchanges by name: those that are listed, and those of families too large to list."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.exchange_api.base import Exchange


@dataclass(frozen=True, slots=True)
class ExchangeFamily:
    """Register exchanges that are made when a configuration names them, as `PREFIX:NAME`.

    `find` returns the exchange of a name, None if the family has no such exchange; `advice` says
    what to do about that.
    """

    prefix: str
    find: Callable[[str], Exchange | None]
    advice: Callable[[], str] = lambda: "the family has no exchange of this name"


class Registry(Mapping[str, Exchange]):
    """Look exchanges up by the name in a configuration, or by the name in labels.

    Iterating yields the listed ones. Where two have one name the first counts.
    """

    def __init__(
        self, exchanges: Iterable[Exchange], families: Iterable[ExchangeFamily] = ()
    ) -> None:
        """List exchanges, and the families of all others."""
        self._listed: dict[str, Exchange] = {}
        for exchange in exchanges:
            self._listed.setdefault(exchange.name, exchange)
        self._families = {family.prefix: family for family in families}
        self._found: dict[str, Exchange] = {}

    def __getitem__(self, name: str) -> Exchange:
        if (known := self._listed.get(name) or self._found.get(name)) is not None:
            return known
        prefix, _, rest = name.partition(":")
        family = self._families.get(prefix)
        exchange = family.find(rest) if family else None
        if exchange is None or exchange.name in self._listed:
            raise KeyError(name)
        self._found[name] = self._found[exchange.name] = exchange
        return exchange

    def advice(self, name: str) -> str | None:
        """Return what to do about an exchange of a family that is not found, None for others."""
        family = self._families.get(name.partition(":")[0]) if ":" in name else None
        return family.advice() if family else None

    @property
    def unlisted(self) -> tuple[str, ...]:
        """Return how the exchanges of each family are named."""
        return tuple(f"{prefix}:NAME" for prefix in self._families)

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)
