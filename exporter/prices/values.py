"""Say what accounts are worth, from what they hold and from prices: pure and exact."""

from collections.abc import Iterable, Mapping
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


class AssetPrices(NamedTuple):
    """What one unit of each asset of one exchange brings in one currency.

    `ignored` are the assets that the configuration excludes from values.
    """

    prices: Mapping[str, Decimal]
    ignored: frozenset[str]


def asset_prices(exchange: str, currency: str, prices: Prices, valuation: Valuation) -> AssetPrices:
    """Return the prices that accounts of an exchange are valued by in a currency."""
    return AssetPrices(
        {
            asset: price.value
            for (where, asset, into), price in prices.items()
            if where == exchange and into == currency
        },
        valuation.ignored_at(exchange),
    )


def account_value(held: Iterable[Held], assets: AssetPrices, *, is_complete: bool) -> AccountValue:
    """Return what an account would bring, rounded once, half to even, to 8 decimals."""
    add, multiply = _EXACT.add, _EXACT.multiply
    exact = _ZERO
    unpriced: list[str] = []
    valued = ignored = 0
    for asset, total in held:
        if asset in assets.ignored:
            ignored += 1
        elif price := assets.prices.get(asset):
            exact = add(exact, multiply(total, price))
            valued += 1
        else:
            unpriced.append(asset)
    known = rounded(exact)
    is_known = is_complete and not unpriced and fits_float64(known)
    return AccountValue(known if is_known else None, known, valued, tuple(unpriced), ignored)


def row_value(asset: str, total: Amount, assets: AssetPrices) -> Decimal | None:
    """Return what one balance would bring, rounded as an account's value is; None if unknown."""
    if is_zero(total):
        return rounded(_ZERO)
    price = assets.prices.get(asset)
    if price is None or asset in assets.ignored:
        return None
    return rounded(_EXACT.multiply(Decimal(total), price))


def rounded(value: Decimal) -> Decimal:
    """Return a value with 8 decimals, rounded half to even; a zero has no sign."""
    result = value.quantize(_PLACES, rounding=ROUND_HALF_EVEN, context=_ROUNDING)
    return result or abs(result)


def plain(number: Decimal) -> str:
    """Return a number's exact digits without an exponent."""
    return format(number, "f")


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
