"""Define what a price source's response says: quotes of pairs, as exact decimals."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

PriceKind = Literal["bid", "mid", "last"]

PRICE_KINDS: tuple[PriceKind, ...] = ("bid", "mid", "last")


class Pair(NamedTuple):
    """Name a market: `base` is sold for `quote`, as BTC for TRY in BTC/TRY."""

    base: str
    quote: str


class Quote(NamedTuple):
    """One row of a ticker: units of `pair.quote` for one unit of `pair.base`.

    `bid`, `ask` and `last` are None if the row has none; `updated` is the row's own time in Unix
    seconds, None if the source dates no rows. `is_one_way` says that the source tells only what a
    sale of the base brings: all three are that price, and what a purchase costs is not known, so
    there is no mid.
    """

    pair: Pair
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    updated: float | None = None
    is_one_way: bool = False


@dataclass(frozen=True, slots=True)
class QuotesResponse:
    """All that one complete response of a price source said.

    `unparsable` counts the rows that could not be read, `unparsable_pairs` names those of them
    whose pair is known, so that no other row of the pair is believed. `age` is for how many seconds
    a cache had the response.
    """

    quotes: tuple[Quote, ...]
    unparsable: int = 0
    unparsable_pairs: frozenset[Pair] = frozenset()
    age: float = 0.0


class QuoteRequest(NamedTuple):
    """Name one quote of a source that has no ticker: what one unit of `sold` brings."""

    country: str
    sold: str
    bought: str


@dataclass(frozen=True, slots=True)
class QuotesQuery:
    """Say which quotes are of use: pairs of these assets and currencies, and configured ones.

    A source that has a whole ticker may return all of it.
    """

    assets: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()
    requests: tuple[QuoteRequest, ...] = ()
