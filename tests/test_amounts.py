"""Amounts: a strict grammar, exact digits, and nothing that a float64 can't hold."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.amounts import (
    MAX_DIGITS,
    AmountError,
    exact_difference,
    exact_sum,
    fits_float64,
    is_negative,
    is_sum,
    is_zero,
    parse_amount,
)
from exporter.model import Amount

plain_decimals = st.from_regex(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("27223,7283250757643288", "27223.7283250757643288"),
        ("27223.7283250757643288", "27223.7283250757643288"),
        ("0", "0"),
        ("10.0", "10.0"),
        ("-0.5", "-0.5"),
        ("-0", "0"),
        ("-0,00", "0.00"),
        ("-0.0e-999", "0"),
        ("123456789012345678.123456789012345678", "123456789012345678.123456789012345678"),
        ("1e-18", "0.000000000000000001"),
        ("1.50E+3", "1500"),
        ("5e-324", "0." + "0" * 323 + "5"),
    ],
)
def test_an_amount_keeps_its_exact_digits_in_plain_notation(text: str, amount: str):
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "", " ", " 1", "1 ", "1\n", "+1", "--1", "-", ".5", "5.", ",5", "1.2.3", "1,2,3", "1.234,5",
        "1,234.5", "1_000", "1 000", "0x10", "１２.5", "٣", "NaN", "Infinity", "inf", "00.5", "007",
        "1e", "1e1000", "1e999", "-1e400", "1e-400", "1e+-5", "½", "1\u202e2",
        "1" * (MAX_DIGITS + 1),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str):
    with pytest.raises(AmountError):
        parse_amount(text)


def test_a_refusal_never_repeats_the_text():
    with pytest.raises(AmountError) as caught:
        parse_amount("canary-secret")
    assert "canary" not in str(caught.value)


@given(plain_decimals)
def test_reading_neither_adds_nor_loses_value(text: str):
    assert Decimal(parse_amount(text)) == Decimal(text)


@given(plain_decimals)
def test_a_comma_means_the_same_as_a_point(text: str):
    assert parse_amount(text.replace(".", ",")) == parse_amount(text)


@given(st.text(max_size=40))
def test_every_accepted_text_is_a_finite_plain_decimal(text: str):
    try:
        amount = parse_amount(text)
    except AmountError:
        return
    assert set(amount) <= set("-0123456789.")
    assert math.isfinite(float(amount))
    assert (float(amount) == 0) == (Decimal(amount) == 0)


@given(plain_decimals, plain_decimals)
def test_a_sum_is_checked_exactly(first: str, second: str):
    a, b = parse_amount(first), parse_amount(second)
    total = Amount(format(Decimal(first) + Decimal(second), "f"))
    if len(total) < 28:  # where Decimal's own context rounds nothing
        assert is_sum(total, a, b)
        assert not is_sum(Amount(format(Decimal(total) + 1, "f")), a, b)


def test_a_difference_in_the_last_of_36_digits_is_seen():
    total = Amount("123456789012345678.123456789012345679")
    assert not is_sum(total, Amount("123456789012345678.123456789012345678"), Amount("0"))


def test_only_amounts_below_zero_are_negative():
    assert is_negative(parse_amount("-0.01"))
    assert not is_negative(parse_amount("-0.00"))


def test_zero_is_zero_with_however_many_digits():
    assert all(map(is_zero, (Amount("0"), Amount("0.000"))))
    assert not any(map(is_zero, (Amount("0.001"), Amount("10"), Amount("-1"))))


def test_the_longest_text_is_an_amount_and_one_digit_more_is_not():
    assert MAX_DIGITS == 100  # the documented limit
    longest = "0." + "1" * (MAX_DIGITS - 2)
    assert parse_amount(longest) == longest
    with pytest.raises(AmountError):
        parse_amount(longest + "1")


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        ("1.10", "2.25", "3.35"),
        ("1.10", "0", "1.10"),
        ("1.10", "0.000", "1.10"),
        ("0.5", "-0.5", "0.0"),
        ("-0.5", "0.5", "0.0"),
        ("-1", "-2", "-3"),
        ("1", "-3", "-2"),
        ("0", "-3", "-3"),
        ("123456789012345678.000000000000000001", "1", "123456789012345679.000000000000000001"),
        ("9" * 60, "1", "1" + "0" * 60),
    ],
)
def test_a_sum_is_exact_and_a_difference_takes_it_back(first: str, second: str, total: str):
    assert exact_sum(Amount(first), Amount(second)) == total
    assert is_sum(Amount(total), Amount(first), Amount(second))
    difference = exact_difference(Amount(total), Amount(second))
    assert Decimal(difference) == Decimal(first)


def test_a_sum_beyond_float64_is_not_an_amount():
    large = Amount("1" + "0" * 308)
    with pytest.raises(AmountError):
        exact_sum(large, large)


def test_a_difference_that_is_zero_has_no_sign():
    assert exact_difference(Amount("0"), Amount("0")) == "0"
    assert exact_difference(Amount("1.50"), Amount("1.50")) == "0.00"
    assert exact_difference(Amount("-1"), Amount("-1")) == "0"
    assert exact_difference(Amount("-1.500"), Amount("-1.500")) == "0.000"


@pytest.mark.parametrize(
    ("number", "fits"),
    [
        ("0", True),
        ("1.5", True),
        ("-1.5", True),
        ("1e308", True),
        ("1e309", False),
        ("-1e309", False),
        ("1e-323", True),
        ("1e-324", False),
        ("-1e-324", False),
    ],
)
def test_a_number_fits_a_float64_unless_it_becomes_infinite_or_zero(number: str, *, fits: bool):
    assert fits_float64(Decimal(number)) == fits
