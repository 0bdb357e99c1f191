"""Tell right from wrong without the code that is tested: by fractions, and by other parsers."""

import json
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

CANARY = "C4n4ry"
"""Stands wherever a secret or an exchange's words may stand; it must never come out again."""


def is_nearest_float64(value: float, digits: str) -> bool:
    """Return whether no other float64 is nearer to a decimal; of two the even one is right."""
    exact, here = Fraction(digits), Fraction(value)
    error = abs(here - exact)
    for other in (math.nextafter(value, -math.inf), math.nextafter(value, math.inf)):
        if math.isinf(other):
            continue
        distance = abs(Fraction(other) - exact)
        if distance < error or (distance == error and _is_odd(value)):
            return False
    return True


def amount_of(text: str) -> Fraction | None:
    """Return the value of a text that the grammar of amounts allows, by splitting alone."""
    body, is_scientific, exponent = text.replace("E", "e").partition("e")
    power = exponent.removeprefix("-") if exponent[:1] == "-" else exponent.removeprefix("+")
    if is_scientific and not (_is_digits(power) and len(power) <= 3):
        return None
    whole, separator, decimals = body.replace(",", ".").partition(".")
    digits = whole.removeprefix("-")
    if not _is_digits(digits) or (digits[0] == "0" and digits != "0"):
        return None
    if separator and not _is_digits(decimals):
        return None
    size = Fraction(int(digits + decimals), 10 ** len(decimals))
    scale = int(power or 0) * (-1 if exponent[:1] == "-" else 1)
    return (-size if whole[:1] == "-" else size) * Fraction(10) ** scale


def strict_json(body: bytes) -> Any:
    """Return a document as Python's own parser reads it, numbers as their texts.

    Raises `ValueError` for what strict JSON is not: keys given twice, NaN, another encoding.
    """
    return json.loads(
        body.decode("utf-8-sig"),
        parse_float=Number,
        parse_int=Number,
        parse_constant=_refuse,
        object_pairs_hook=_without_twins,
    )


class Number(str):
    """Mark the text of a JSON number, as opposed to a JSON string."""

    __slots__ = ()


def words_of(error: BaseException | None) -> str:
    """Return all that an exception could bring into a log: its own words and its causes'."""
    return "\n".join(f"{each!s} {each!r}" for each in _chain(error))


def check_words(error: BaseException) -> None:
    """Check that an error for people is a short line, and repeats nothing of the input."""
    assert CANARY not in words_of(error), "an error repeats the input"
    assert 0 < len(str(error)) < 500, "an error of a strange length"
    assert str(error).isprintable(), "an error that can't be printed"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None:
        assert error not in seen, "an error that is its own cause"
        seen.append(error)
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_digits(text: str) -> bool:
    return text != "" and set(text) <= set("0123456789")


def _is_odd(value: float) -> bool:
    mantissa, _ = math.frexp(value)
    return bool(int(mantissa * 2**53) % 2)


def _refuse(literal: str) -> None:
    raise ValueError(f"{literal} is no JSON")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)
