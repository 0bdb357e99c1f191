"""Say what accounts are worth, from what they hold and from prices: pure and exact."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from typing import NamedTuple

from exporter.amounts import fits_float64, is_zero
from exporter.model import Amount
from exporter.prices.routes import Price
from exporter.prices.settings import Valuation

_PLACES = Decimal("0.00000001")
_ZERO = Decimal(0)
_EXACT = Context(prec=4000, traps=[Inexact])  # an amount has 739 digits at most, a price 1,478
_ROUNDING = Context(prec=4000)

Prices = Mapping[tuple[str, str, str], Price]
"""Prices by exchange, asset and currency."""


class Held(NamedTuple):
    """How much an account holds of one asset: its total, which is not zero."""

    asset: str
    total: Decimal


@dataclass(frozen=True, slots=True)
class AccountValue:
    """What an account is worth in one currency, and how much of it is known.

    `value` is None while it is withheld: an asset has no price, or the balances are incomplete.
    `known` is the part that has prices; it is never the value.
    """

    value: Decimal | None
    known: Decimal
    valued: int
    unpriced: tuple[str, ...]
    ignored: int


def account_value(  # noqa: PLR0913 - each can be told apart by its name
    exchange: str,
    held: Iterable[Held],
    currency: str,
    prices: Prices,
    valuation: Valuation,
    *,
    is_complete: bool,
) -> AccountValue:
    """Return what an account would bring, rounded once, half to even, to 8 decimals."""
    exact = _ZERO
    unpriced: list[str] = []
    valued = ignored = 0
    for asset, total in held:
        if valuation.ignores(exchange, asset):
            ignored += 1
        elif price := prices.get((exchange, asset, currency)):
            exact = _EXACT.add(exact, _EXACT.multiply(total, price.value))
            valued += 1
        else:
            unpriced.append(asset)
    known = rounded(exact)
    is_known = is_complete and not unpriced and fits_float64(known)
    return AccountValue(known if is_known else None, known, valued, tuple(unpriced), ignored)


def row_value(  # noqa: PLR0913 - each can be told apart by its name
    asset: str,
    total: Amount,
    *,
    exchange: str,
    currency: str,
    prices: Prices,
    valuation: Valuation,
) -> Decimal | None:
    """Return what one balance would bring, rounded as an account's value is; None if unknown."""
    if is_zero(total):
        return rounded(_ZERO)
    price = prices.get((exchange, asset, currency))
    if price is None or valuation.ignores(exchange, asset):
        return None
    return rounded(_EXACT.multiply(Decimal(total), price.value))


def rounded(value: Decimal) -> Decimal:
    """Return a value with 8 decimals, rounded half to even; a zero has no sign."""
    result = value.quantize(_PLACES, rounding=ROUND_HALF_EVEN, context=_ROUNDING)
    return result or abs(result)


def plain(number: Decimal) -> str:
    """Return a number's exact digits without an exponent."""
    return format(number, "f")


def assets_by_exchange(
    accounts: Iterable[tuple[str, Sequence[Held]]],
) -> Mapping[str, frozenset[str]]:
    """Return the assets that accounts hold at each exchange: those that need a price."""
    assets: dict[str, set[str]] = {}
    for exchange, held in accounts:
        assets.setdefault(exchange, set()).update(each.asset for each in held)
    return {exchange: frozenset(codes) for exchange, codes in assets.items()}


@dataclass(frozen=True, slots=True)
class ValueSum:
    """The sum of accounts' values in one currency; it is a total only if it is `whole`.

    Otherwise it is the part in `counted` of `accounts` accounts, and no lower bound: what is
    missing may be a debt.
    """

    value: Decimal
    counted: int
    accounts: int

    @property
    def is_whole(self) -> bool:
        """Return whether every account has a value."""
        return self.counted == self.accounts


def sum_of_values(values: Iterable[AccountValue | None]) -> ValueSum:
    """Return the sum over accounts, of which those without a served balance are None."""
    listed = list(values)
    known = [its.value for its in listed if its is not None and its.value is not None]
    exact = _ZERO
    for value in known:
        exact = _EXACT.add(exact, value)
    return ValueSum(rounded(exact), len(known), len(listed))
