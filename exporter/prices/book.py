"""Keep the quotes of one source that may be used, and count those that may not: pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from exporter.amounts import EXACT
from exporter.quotes import Pair, PriceKind, Quote, QuotesResponse

REFUSALS = (
    "one_sided",
    "crossed",
    "too_wide",
    "too_old",
    "backwards",
    "duplicate",
    "unparsable",
)
"""Why a quote is not used: the values of the label `reason`."""

MAX_AHEAD = 60.0
"""Seconds that a row's time may be ahead of the exchange's clock; beyond, it says nothing."""

_ZERO, _TWO = Decimal(0), Decimal(2)


class Rate(NamedTuple):
    """A quote that may be used: what one unit of the base brings, and what it costs.

    `updated` is the row's own time in Unix seconds, `dated_at` the same moment by our monotonic
    clock, and `expires_at` is monotonic too. It can't be inverted if it `is_one_way`.
    """

    sell: Decimal
    buy: Decimal
    updated: float
    dated_at: float
    expires_at: float
    is_one_way: bool = False


class Moment(NamedTuple):
    """When a response was requested: by our monotonic clock, and by the exchange's (Unix).

    `lasted` are the seconds until all of it had come: quotes that are requested one by one can have
    to wait for the rate limit, and the last of them are of the end.
    """

    monotonic: float
    exchange_time: float
    lasted: float = 0.0

    def is_future(self, time: float) -> bool:
        """Return whether a row can't have been made at a time (Unix), so that it says nothing."""
        return time > self.exchange_time + self.lasted + MAX_AHEAD


class QuoteLimits(NamedTuple):
    """What a quote must keep to be used; ages are in seconds."""

    price: PriceKind
    stale_after: float
    max_row_age: float
    max_spread: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """What one source's responses have come to so far.

    `seen` has the newest time of each pair's rows, whether or not the row was used. `refused`
    counts the rows of the last response that were not used.
    """

    rates: Mapping[Pair, Rate] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(REFUSALS, 0))
    seen: Mapping[Pair, float] = field(default_factory=dict)

    def usable(self, now: float) -> int:
        """Return how many quotes may be used at `now` (monotonic)."""
        return sum(now < rate.expires_at for rate in self.rates.values())


def updated_book(
    before: Book, response: QuotesResponse, requested: Moment, limits: QuoteLimits
) -> Book:
    """Return the book after a response.

    A pair that is no longer listed loses its quote, and so does one whose row is refused. Only a
    row that is older than one already seen leaves the newer quote in place, until that is too old.
    """
    rows, refused = _unambiguous(response)
    newest = _newest(response.quotes, requested)
    rates: dict[Pair, Rate] = {}
    seen = {
        pair: time
        for pair, time in before.seen.items()
        if requested.exchange_time - time <= limits.max_row_age
    }
    for pair, quote in rows.items():
        updated = requested.exchange_time if quote.updated is None else quote.updated
        is_ahead = requested.is_future(updated)
        if reason := (
            "backwards"
            if quote.updated is not None and updated < seen.get(pair, updated)
            else _why_refused(quote, limits)
            or ("too_old" if is_ahead else _why_too_old(updated, newest, requested, limits))
        ):
            refused[reason] += 1
            if reason == "backwards" and pair in before.rates:
                rates[pair] = before.rates[pair]
        else:
            rates[pair] = _rate(quote, updated, newest, requested, limits)
        if quote.updated is not None and not is_ahead:
            seen[pair] = max(updated, seen.get(pair, updated))
    return Book(
        rates=MappingProxyType(rates),
        refused=MappingProxyType({reason: refused[reason] for reason in REFUSALS}),
        seen=MappingProxyType(seen),
    )


def _unambiguous(response: QuotesResponse) -> tuple[dict[Pair, Quote], Counter[str]]:
    """Return the one row of each pair; pairs whose rows differ are counted and dropped."""
    refused = Counter(unparsable=response.unparsable)
    rows: dict[Pair, Quote] = {}
    differing: set[Pair] = set()
    for quote in response.quotes:
        if rows.setdefault(quote.pair, quote) != quote:
            differing.add(quote.pair)
    refused["duplicate"] = len(differing - response.unparsable_pairs)
    for pair in differing | response.unparsable_pairs:
        rows.pop(pair, None)
    return rows, refused


def _newest(quotes: Iterable[Quote], requested: Moment) -> float:
    """Return the newest time that a row says; a source that dates no row is as new as its response.

    A row from the future says nothing.
    """
    times = [quote.updated for quote in quotes if quote.updated is not None]
    credible = (time for time in times if not requested.is_future(time))
    return max(credible, default=requested.exchange_time)


def _why_refused(quote: Quote, limits: QuoteLimits) -> str | None:
    sides = (quote.bid, quote.ask, *((quote.last,) if limits.price == "last" else ()))
    if not all(side is not None and side > 0 for side in sides):
        return "one_sided"
    if quote.is_one_way and limits.price == "mid":
        return "one_sided"
    bid, ask = quote.bid or _ZERO, quote.ask or _ZERO
    if bid > ask:
        return "crossed"
    if EXACT.subtract(ask, bid) > EXACT.multiply(limits.max_spread, bid):
        return "too_wide"
    return None


def _why_too_old(
    updated: float, newest: float, requested: Moment, limits: QuoteLimits
) -> str | None:
    is_fresh = (
        requested.exchange_time - newest < limits.stale_after
        and requested.exchange_time - updated <= limits.max_row_age
    )
    return None if is_fresh else "too_old"


def _rate(
    quote: Quote, updated: float, newest: float, requested: Moment, limits: QuoteLimits
) -> Rate:
    lifetime = min(
        limits.stale_after,
        limits.stale_after - (requested.exchange_time - newest),
        limits.max_row_age - (requested.exchange_time - updated),
    )
    return Rate(
        *_sides(quote, limits.price),
        updated,
        dated_at=requested.monotonic - (requested.exchange_time - updated),
        expires_at=requested.monotonic + lifetime,
        is_one_way=quote.is_one_way and limits.price == "bid",
    )


def _sides(quote: Quote, price: PriceKind) -> tuple[Decimal, Decimal]:
    """Return what a sale of the base brings and what its purchase costs."""
    bid, ask, last = (side or _ZERO for side in (quote.bid, quote.ask, quote.last))
    if price == "mid":
        mean = EXACT.divide(EXACT.add(bid, ask), _TWO)
        return mean, mean
    return (last, last) if price == "last" else (bid, ask)
