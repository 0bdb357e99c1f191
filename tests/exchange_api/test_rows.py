"""Rows of balances: each is either understood whole, or dropped and named."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadResponseError
from exporter.exchange_api.responses import decode_object
from exporter.exchange_api.rows import (
    MAX_ROWS,
    Amounts,
    Row,
    read_rows,
    read_text,
    read_time_ms,
    upper_case,
)
from exporter.model import MAX_ASSETS, Amount, AssetFilter, Balance, BalancesResponse


def read(rows: Sequence[object]) -> BalancesResponse:
    """Read rows that have only a total."""
    listed = list(rows)
    amounts = Amounts(listed, "total")

    def read_row(asset: str, row: Row) -> Balance:
        total = amounts.read(row, "total")
        return Balance(asset, total, total, total)

    return read_rows(listed, read_row)


def totals(rows: list[object]) -> dict[str, str]:
    return {balance.asset: balance.total for balance in read(rows).balances}


def test_json_numbers_are_read_without_loss():
    rows = decode_object(
        b'{"data": [{"asset": "A", "total": 0.1234567890123456789},'
        b' {"asset": "B", "total": 12345678901234567890}, {"asset": "C", "total": 1e-8}]}'
    )["data"]
    assert totals(rows) == {
        "A": "0.1234567890123456789",
        "B": "12345678901234567890",
        "C": "0.00000001",
    }


@pytest.mark.parametrize("number", [b"1.5", b"1e5", b"-0.0"])
def test_a_json_number_is_an_amount_but_never_a_text(number: bytes):
    [row] = decode_object(b'{"data": [{"asset": %b, "total": "1"}]}' % number)["data"]
    assert read([row]).balances == ()
    assert read_text(row, "asset") == ""
    assert Amounts([], "total").read(row | {"total": row["asset"]}, "total")


@pytest.mark.parametrize(
    "total", [None, True, [], {}, "", "1,2.3", " 1", "+1", "1_0", "１", "0x1", "1e999", "1e-999"]
)
def test_a_row_whose_amount_is_not_understood_is_left_out_and_the_rest_is_served(total: object):
    reading = read([{"asset": "BTC", "total": total}, {"asset": "ETH", "total": "2"}])
    assert [balance.asset for balance in reading.balances] == ["ETH"]
    assert [(row.row, row.asset) for row in reading.rejected] == [(0, "BTC")]


def test_a_missing_amount_is_never_invented():
    assert read([{"asset": "BTC"}]).balances == ()


@pytest.mark.parametrize(
    "asset",
    [
        *("", " ", " BTC", "BTC ", "B\nTC", "B\x07", "BTC\u202e", "BT\u200bC", "\ud800"),
        *("B" * 65, "B" * 10_000, None, 5, True, ["BTC"], {}),
    ],
)
def test_a_row_without_a_printable_code_is_dropped(asset: object):
    response = read([{"asset": asset, "total": "1"}, {"asset": "ETH", "total": "2"}])
    assert [balance.asset for balance in response.balances] == ["ETH"]
    assert "code" in response.rejected[0].problem or "printable" in response.rejected[0].problem


@pytest.mark.parametrize(
    "asset", ["币安人生", "\U0001f680", "B TC", 'B"TC', "B\\TC", "₿", "{}", "B" * 64, "btc"]
)
def test_any_printable_code_is_published_as_it_is(asset: str):
    assert totals([{"asset": asset, "total": "1"}]) == {asset: "1"}


@pytest.mark.parametrize(
    ("asset", "shown"),
    [
        (123, "123"),
        ("A\x07", r"A\x07"),
        ("A\nup 0", r"A\nup 0"),
        ("\u202eCTB", r"\u202eCTB"),
        ("\ud800", r"\ud800"),
        (" BTC", " BTC"),
        ("", ""),
        ("A" * 10_000, "A" * 32 + "..."),
        (10**30 * 10**30, "1" + "0" * 31),
        (None, None),
        (True, None),
        (["BTC"], None),
    ],
)
def test_a_dropped_row_is_named_by_what_can_be_shown_of_its_code(asset: object, shown: str | None):
    [rejected] = read([{"asset": asset, "total": "1"}]).rejected
    assert rejected.asset == shown


def test_the_code_can_stand_under_another_key_and_be_spelt_in_upper_case():
    rows: list[object] = [{"currency": "btc", "total": "1"}, {"currency": "ı\xdf", "total": "2"}]
    listed = list(rows)
    amounts = Amounts(listed, "total")

    def read_row(asset: str, row: Row) -> Balance:
        total = amounts.read(row, "total")
        return Balance(asset, total, total, total)

    response = read_rows(rows, read_row, code_field="currency", spell=upper_case)
    assert [balance.asset for balance in response.balances] == ["BTC", "ı\xdf"]


@pytest.mark.parametrize("row", [None, 5, "BTC", ["BTC", "1"]])
def test_a_row_that_is_no_object_is_left_out(row: object):
    assert len(read([row]).rejected) == 1


def test_a_rejection_never_repeats_what_the_exchange_sent():
    [rejected] = read([{"asset": "BTC", "total": "canary"}]).rejected
    assert "canary" not in rejected.problem


def test_the_same_asset_twice_alike_counts_once():
    assert totals([{"asset": "BTC", "total": "1"}] * 2) == {"BTC": "1"}
    assert read([{"asset": "BTC", "total": "1"}] * 2).rejected == ()


def read_twice(change: dict[str, object]) -> BalancesResponse:
    """Read a row and, after it, the same row with a change."""
    row = {"asset": "BTC", "total": "2", "name": "Bitcoin", "at": 1, "id": "1"}

    def read_row(asset: str, fields: Row) -> Balance:
        total = Amount(str(fields["total"]))
        return Balance(
            asset,
            total,
            total,
            Amount("0"),
            updated=read_time_ms(fields, "at"),
            asset_name=str(fields["name"]),
            asset_id=str(fields["id"]),
        )

    return read_rows([row, row | change], read_row)


@pytest.mark.parametrize("change", [{"total": "2.0"}, {"name": "Bitcoin \u20bf"}])
def test_the_same_amounts_in_other_digits_or_with_another_name_count_once(
    change: dict[str, object],
):
    response = read_twice(change)
    assert [balance.total for balance in response.balances] == ["2"]
    assert response.rejected == ()


@pytest.mark.parametrize(("at", "shown"), [(0, None), (2, "0.001")])
def test_of_two_times_of_the_same_amounts_the_older_one_is_shown(at: int, shown: str | None):
    [balance] = read_twice({"at": at}).balances
    assert balance.updated == shown


@pytest.mark.parametrize("change", [{"id": "USDT_TRC20"}, {"total": "2.01"}])
def test_two_rows_that_may_be_of_different_things_are_not_merged(change: dict[str, object]):
    response = read_twice(change)
    assert response.balances == ()
    assert [row.problem for row in response.rejected] == ["listed twice, differently"] * 2


def test_of_the_same_asset_twice_different_neither_is_believed():
    reading = read([{"asset": "BTC", "total": "1"}, {"asset": "BTC", "total": "2"}])
    assert reading.balances == ()
    assert len(reading.rejected) == 2


@pytest.mark.parametrize("order", [1, -1])
def test_an_asset_whose_other_row_is_not_understood_is_not_believed(order: int):
    reading = read([{"asset": "BTC", "total": "1"}, {"asset": "BTC", "total": "?"}][::order])
    assert reading.balances == ()


@pytest.mark.parametrize("order", [1, -1])
def test_a_response_with_both_separators_is_rejected_whole(order: int):
    rows = [{"asset": "BTC", "total": "1,234"}, {"asset": "ETH", "total": "1.234"}]
    with pytest.raises(BadResponseError, match="both"):
        read(rows[::order])


@pytest.mark.parametrize(
    "grouped",
    [
        {"asset": "TRY", "total": "1,234,567.89"},
        {"asset": "TRY", "total": "1,234,567"},
        {"asset": "TRY", "total": "1,234.5"},
        {"asset": "TRY", "total": "-1,234.5 TRY"},
        {"asset": "TRY", "total": "12,34,567.89"},
        {"asset": "\n", "total": "1,234,567.89"},
        {"total": "1,234,567.89"},
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_mark_that_groups_in_any_row_is_a_decimal_separator_in_none(grouped: object, order: int):
    rows = [grouped, {"asset": "USDT", "total": "1,234"}, {"asset": "BTC", "total": "1.5"}]
    assert totals(rows[::order]) == {"BTC": "1.5"}


def test_an_amount_that_no_field_before_it_lets_be_read_is_evidence_too():
    rows: list[object] = [
        {"asset": "TRY", "total": None, "free": "1,234,567.89"},
        {"asset": "USDT", "total": "250,000", "free": "250,000"},
    ]
    amounts = Amounts(rows, "total", "free")

    def read_row(asset: str, row: Row) -> Balance:
        return Balance(asset, amounts.read(row, "total"), amounts.read(row, "free"), Amount("0"))

    assert read_rows(rows, read_row).balances == ()


@pytest.mark.parametrize("order", [1, -1])
def test_a_mark_that_groups_here_and_is_decimal_there_spoils_the_whole_response(order: int):
    rows = [{"asset": "TRY", "total": "1,234,567.89"}, {"asset": "ETH", "total": "1,23"}]
    with pytest.raises(BadResponseError, match="both"):
        read(rows[::order])


@pytest.mark.parametrize("total", ["1,234,5", "1,2,3", "1,,2", ",", "1,234,5678"])
def test_a_repeated_mark_without_groups_is_a_mistake_of_its_row_alone(total: str):
    rows: list[object] = [{"asset": "TRY", "total": total}, {"asset": "ETH", "total": "0,25"}]
    assert totals(rows) == {"ETH": "0.25"}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("other", ["1.234.567", "1.234,5", "1.234.567,8"])
def test_a_point_that_is_decimal_here_and_groups_there_spoils_the_whole_response(
    other: str, order: int
):
    rows = [{"asset": "TRY", "total": "1,234.5"}, {"asset": "ETH", "total": other}]
    with pytest.raises(BadResponseError, match="both"):
        read(rows[::order])


@pytest.mark.parametrize("order", [1, -1])
def test_the_last_mark_of_a_text_is_decimal_only_if_it_stands_once(order: int):
    rows: list[object] = [
        {"asset": "TRY", "total": "1,234.567.890"},
        {"asset": "ETH", "total": "1.234.567"},
        {"asset": "BTC", "total": "5"},
    ]
    assert totals(rows[::order]) == {"BTC": "5"}


@pytest.mark.parametrize("value", [{}, {"total": None}])
def test_an_optional_amount_may_be_missing_or_null(value: dict[str, object]):
    assert Amounts([value], "total").read_optional(value, "total") is None


@pytest.mark.parametrize(
    ("time", "seconds"),
    [(1, "0.001"), (1_700_000_000_050, "1700000000.050"), (10**14 - 1, "99999999999.999")],
)
def test_a_time_in_milliseconds_is_read_in_seconds(time: int, seconds: str):
    assert read_time_ms({"time": time}, "time") == seconds


@pytest.mark.parametrize("time", ["now", -1, 0, 10**14, True, None, 1.5])
def test_a_time_that_is_none_is_left_out(time: object):
    assert read_time_ms({"time": time}, "time") is None


def test_a_json_number_does_not_contradict_a_decimal_comma():
    rows = decode_object(
        b'{"data": [{"asset": "A", "total": "1,5"}, {"asset": "B", "total": 1.5}]}'
    )["data"]
    assert totals(rows) == {"A": "1.5", "B": "1.5"}


def test_a_flood_of_rows_is_not_a_response():
    with pytest.raises(BadResponseError):
        read([1] * 500_000)


def test_rows_beyond_the_bound_are_left_out_and_counted():
    response = read([{"asset": f"A{number}", "total": "1"} for number in range(5000)])
    served = response.only(AssetFilter())
    assert len(served.balances) == MAX_ASSETS == 2000
    assert len(served.rejected) == 5000 - MAX_ASSETS
    assert served.rejected[0].asset == "A2000"


@pytest.mark.parametrize("count", [MAX_ASSETS - 1, MAX_ASSETS, MAX_ASSETS + 1])
def test_the_bound_of_assets_is_exact(count: int):
    response = read([{"asset": f"A{number}", "total": "1"} for number in range(count)])
    assert len(response.only(AssetFilter()).rejected) == max(0, count - MAX_ASSETS)


def test_an_asset_that_is_wanted_is_served_wherever_it_is_listed():
    response = read([{"asset": f"A{number}", "total": "1"} for number in range(5000)])
    served = response.only(AssetFilter(include=frozenset({"A4999"})))
    assert ([balance.asset for balance in served.balances], served.rejected) == (["A4999"], ())


def test_the_bound_of_rows_is_exact():
    assert len(read([1] * MAX_ROWS).rejected) == MAX_ROWS == 10_000
    with pytest.raises(BadResponseError):
        read([1] * (MAX_ROWS + 1))


ODD_ROWS: list[object] = [
    {"asset": 123, "total": "1"},
    {"asset": None, "total": "1"},
    {"asset": "A\n", "total": "1"},
    {"asset": "XYZ", "total": "?"},
    5,
]


def test_a_row_that_no_list_includes_is_not_missed():
    response = read([{"asset": "BTC", "total": "1"}, *ODD_ROWS])
    assert response.only(AssetFilter(include=frozenset({"BTC"}))).rejected == ()
    assert len(response.only(AssetFilter(include=frozenset({"XYZ"}))).rejected) == 1


def test_a_row_that_is_excluded_by_what_is_shown_of_it_is_not_missed():
    response = read(ODD_ROWS)
    without = response.only(AssetFilter(exclude=frozenset({"XYZ", "123"})))
    assert [row.row for row in without.rejected] == [1, 2, 4]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"asset": st.sampled_from(["A", "B", "é"]), "total": st.sampled_from(["1", "2", "x"])}
        ),
        max_size=8,
    )
)
def test_every_row_is_either_served_rejected_or_a_twin(rows: list[dict[str, str]]):
    reading = read(rows)
    assets = [balance.asset for balance in reading.balances]
    assert len(assets) == len(set(assets))
    rejected = {row.row for row in reading.rejected}
    for number, row in enumerate(rows):
        assert (number in rejected) != (row["asset"] in assets)


@pytest.mark.parametrize("name", ["a\nb", "\u202eabc", "x" * 65, None, 5])
def test_a_hostile_display_name_is_dropped_without_its_row(name: object):
    assert read_text({"name": name}, "name") == ""


def test_a_display_name_may_be_in_any_language():
    assert read_text({"name": "Türk Lirası"}, "name") == "Türk Lirası"
