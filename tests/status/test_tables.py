"""Amounts keep their digits when they are made readable."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Amount
from exporter.status.tables import (
    MOST_DECIMALS,
    amount_cells,
    decimals,
    shown_value,
    value_cell,
)
from tests.status.pages import read

amounts = st.from_regex(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?", fullmatch=True).map(Amount)


def cells_of(column: list[Amount], asset: str = "BTC") -> str:
    return amount_cells(asset, column, decimals((asset, amount) for amount in column))


@given(st.lists(amounts, min_size=1))
def test_what_is_copied_from_a_cell_is_the_exact_amount(column: list[Amount]):
    cells = read(cells_of(column)).all("td")
    assert [cell.text for cell in cells] == column


@given(st.lists(amounts, min_size=1))
def test_every_amount_of_a_table_gets_the_same_room_for_decimals(column: list[Amount]):
    places = decimals(("BTC", amount) for amount in column)
    cells = read(cells_of(column)).all("td")
    assert [len(cell.all(class_=f"d{places}")) for cell in cells] == [bool(places)] * len(column)
    assert 0 <= places <= MOST_DECIMALS


def test_thousands_are_set_apart_by_style():
    cell = read(cells_of([Amount("-1234567.8900")])).one("td")
    assert [each.text for each in cell.all("span")] == ["234", "567", ".8900", "00"]


def test_a_zero_looks_different_from_an_amount():
    zero, amount = read(cells_of([Amount("0.00"), Amount("0.01")])).all("td")
    assert zero.attributes["class"] == "n zero"
    assert amount.attributes["class"] == "n"


@given(st.lists(amounts, min_size=1))
def test_a_currency_loses_no_digit_but_zeros(column: list[Amount]):
    cells = read(cells_of(column, "TRY")).all("td")
    assert [Decimal(cell.text) for cell in cells] == [Decimal(amount) for amount in column]


@pytest.mark.parametrize(
    ("asset", "amount", "shown"),
    [
        ("TRY", "60000000.00000000", "60000000.00"),
        ("TRY", "1.50000000", "1.50"),
        ("TRY", "1.23450000", "1.2345"),
        ("TRY", "1.5", "1.5"),
        ("MXN", "7", "7"),
        ("BTC", "1.50000000", "1.50000000"),
    ],
)
def test_a_currency_has_two_decimals_unless_it_has_more(asset: str, amount: str, shown: str):
    assert read(cells_of([Amount(amount)], asset)).one("td").text == shown


@pytest.mark.parametrize(
    ("currency", "value", "shown"),
    [
        ("TRY", "123456789012345678901234567890.125", "123456789012345678901234567890.12"),
        ("USDT", "1e30", "1" + "0" * 30 + ".00000000"),
        ("TRY", "-0.135", "-0.14"),
    ],
)
def test_a_value_of_any_size_is_rounded_half_to_even(currency: str, value: str, shown: str):
    assert shown_value(currency, Decimal(value)) == shown
    assert read(value_cell(currency, Decimal(value))).one("td").text == shown
