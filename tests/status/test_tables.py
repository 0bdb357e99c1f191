"""Amounts keep their digits, whatever is done to make them readable."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Amount
from exporter.status.tables import MOST_DECIMALS, amount_cells, decimals
from tests.status.pages import read

amounts = st.from_regex(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?", fullmatch=True).map(Amount)


@given(st.lists(amounts, min_size=1))
def test_what_is_copied_from_a_cell_is_the_exact_amount(column: list[Amount]):
    cells = read(amount_cells(column, decimals(column))).all("td")
    assert [cell.text for cell in cells] == column


@given(st.lists(amounts, min_size=1))
def test_every_amount_of_a_table_gets_the_same_room_for_decimals(column: list[Amount]):
    places = decimals(column)
    cells = read(amount_cells(column, places)).all("td")
    assert [len(cell.all(class_=f"d{places}")) for cell in cells] == [bool(places)] * len(column)
    assert 0 <= places <= MOST_DECIMALS


def test_thousands_are_set_apart_by_style():
    cell = read(amount_cells([Amount("-1234567.8900")], 4)).one("td")
    assert [each.text for each in cell.all("span")] == ["234", "567", ".8900", "00"]


def test_a_zero_is_told_apart_from_an_amount():
    zero, amount = read(amount_cells([Amount("0.00"), Amount("0.01")], 2)).all("td")
    assert zero.attributes["class"] == "n zero"
    assert amount.attributes["class"] == "n"
