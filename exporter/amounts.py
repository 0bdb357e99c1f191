"""Read amounts by a strict grammar of our own and keep them as exact decimal text."""

import math
import re
from decimal import Context, Decimal, Inexact

from exporter.model import Amount

MAX_DIGITS = 100
"""Longest text that is taken for an amount; the exchanges send 18 + 18 digits at most."""

EXACT = Context(prec=1500, traps=[Inexact])
"""Adds without rounding: an amount has 309 digits before its point and 430 after it at most."""

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:[.,][0-9]+)?").fullmatch
_WITH_EXPONENT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:[.,][0-9]+)?[eE][+-]?[0-9]{1,3}").fullmatch
_SURELY_A_FLOAT64 = 40  # plain text this short can neither overflow nor underflow a float64


class AmountError(ValueError):
    """Say that a value is not an amount; the message never repeats it."""


def parse_amount(text: str) -> Amount:
    """Return the exact decimal in plain notation: `"1,50"` and `"1.50"` are both `"1.50"`.

    The grammar: an optional minus, digits without a leading zero, at most one decimal separator
    (comma or point), an optional exponent of up to three digits; ASCII only. The digits are kept
    as they are; only a zero loses its sign and its exponent. Raises `AmountError` for anything
    else, and for an amount that a float64, all that Prometheus stores, can't hold.
    """
    if len(text) > MAX_DIGITS:
        raise AmountError(f"longer than {MAX_DIGITS} characters")
    if _PLAIN(text):
        plain = text.replace(",", ".")
    elif _WITH_EXPONENT(text):
        number = Decimal(text.replace(",", "."))
        plain = format(number, "f") if number else "0"
    else:
        raise AmountError("not a plain decimal number")
    if plain[0] == "-" and not plain.strip("-0."):
        plain = plain[1:]
    if len(plain) > _SURELY_A_FLOAT64:
        _check_float64(plain)
    return Amount(plain)


def is_sum(total: Amount, first: Amount, second: Amount) -> bool:
    """Return whether `total` is exactly `first` plus `second`."""
    if second == "0" and total == first:
        return True
    return EXACT.add(Decimal(first), Decimal(second)) == Decimal(total)


def exact_sum(first: Amount, second: Amount) -> Amount:
    """Return the exact sum of two amounts.

    For an exchange that gives no total: then the total is ours. Raises `AmountError` if a float64
    can't hold it.
    """
    if is_zero(second):
        return first
    plain = format(EXACT.add(Decimal(first), Decimal(second)), "f")  # a sum that is 0 has no sign
    _check_float64(plain)
    return Amount(plain)


def exact_difference(total: Amount, part: Amount) -> Amount:
    """Return what is left of a total exactly; raises `AmountError` if a float64 can't hold it."""
    negated = part[1:] if is_negative(part) else f"-{part}"
    return exact_sum(total, Amount(negated))


def is_zero(amount: Amount) -> bool:
    """Return whether an amount is zero, with however many digits."""
    return not amount.strip("0.")


def is_negative(amount: Amount) -> bool:
    """Return whether an amount is below zero."""
    return amount[0] == "-"


def fits_float64(number: Decimal) -> bool:
    """Return whether a float64 can hold a number: neither infinite, nor 0 for what is not."""
    nearest = float(number)
    return not math.isinf(nearest) and (nearest != 0 or not number)


def _check_float64(plain: str) -> None:
    nearest = float(plain)
    if math.isinf(nearest):
        raise AmountError("too large for a float64")
    if nearest == 0 and plain.strip("-0."):
        raise AmountError("too small for a float64")
