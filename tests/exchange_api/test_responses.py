"""Answers: strict JSON, and rows that are either understood whole or left out."""

import json
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadResponseError, PermissionDeniedError
from exporter.exchange_api.body import MAX_BODY_BYTES
from exporter.exchange_api.responses import (
    MAX_ASSETS,
    AmountReader,
    Row,
    decode_object,
    read_rows,
    read_text,
    refusal,
)
from exporter.model import Balance, BalancesResponse


def read(rows: Sequence[object]) -> BalancesResponse:
    """Read rows that have only a total."""
    amounts = AmountReader()

    def read_row(asset: str, row: Row) -> Balance:
        total = amounts.read(row, "total")
        return Balance(asset, total, total, total)

    return read_rows(list(rows), read_row)


def totals(rows: list[object]) -> dict[str, str]:
    return {balance.asset: balance.total for balance in read(rows).balances}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b'"text"',
        b"<html></html>",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1} {"b": 2}',
        b'{"a": 1',
        b'{"a": 1, "a": 1}',
        b'{"data": [{"asset": "BTC", "asset": "ETH"}]}',
        b'{"data": {"balances": [{"deep": {"x": 1, "x": 2}}]}}',
        b'{"a": "\\ud800"}',
        b'{"a": "T\xfcrk"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        '{"a": 1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_not_one_strict_json_object_is_a_bad_response(body: bytes):
    with pytest.raises(BadResponseError):
        decode_object(body)


def test_colons_inside_texts_are_not_taken_for_duplicate_keys():
    assert decode_object(b'{"msg": "a: b: c", "more": {"deep": {"x": ":"}}}')["msg"] == "a: b: c"


@given(st.dictionaries(st.text(), st.text() | st.integers(-(2**63), 2**63) | st.none()))
def test_every_object_that_json_can_write_is_read_back(document: dict[str, object]):
    assert decode_object(json.dumps(document).encode()) == document


@given(st.binary(max_size=200))
def test_no_body_raises_anything_else(body: bytes):
    with suppress(BadResponseError):
        assert isinstance(decode_object(body), dict)


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
    assert AmountReader().read(row | {"total": row["asset"]}, "total")


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
    ["", " ", 'B"TC', "B\nTC", "B\\TC", "BTC\u202e", "₿", "B" * 33, "B" * 10_000, None, 5, ["BTC"]],
)
def test_a_hostile_asset_code_is_left_out(asset: object):
    reading = read([{"asset": asset, "total": "1"}, {"asset": "ETH", "total": "2"}])
    assert [balance.asset for balance in reading.balances] == ["ETH"]
    assert reading.rejected[0].asset is None


@pytest.mark.parametrize("row", [None, 5, "BTC", ["BTC", "1"]])
def test_a_row_that_is_no_object_is_left_out(row: object):
    assert len(read([row]).rejected) == 1


def test_a_rejection_never_repeats_what_the_exchange_sent():
    [rejected] = read([{"asset": "BTC", "total": "canary"}]).rejected
    assert "canary" not in rejected.problem


def test_the_same_asset_twice_alike_counts_once():
    assert totals([{"asset": "BTC", "total": "1"}] * 2) == {"BTC": "1"}
    assert read([{"asset": "BTC", "total": "1"}] * 2).rejected == ()


def test_of_the_same_asset_twice_different_neither_is_believed():
    reading = read([{"asset": "BTC", "total": "1"}, {"asset": "BTC", "total": "2"}])
    assert reading.balances == ()
    assert len(reading.rejected) == 2


@pytest.mark.parametrize("order", [1, -1])
def test_an_asset_whose_other_row_is_not_understood_is_not_believed(order: int):
    reading = read([{"asset": "BTC", "total": "1"}, {"asset": "BTC", "total": "?"}][::order])
    assert reading.balances == ()


@pytest.mark.parametrize("order", [1, -1])
def test_an_answer_with_both_separators_is_refused_whole(order: int):
    rows = [{"asset": "BTC", "total": "1,234"}, {"asset": "ETH", "total": "1.234"}]
    with pytest.raises(BadResponseError, match="both"):
        read(rows[::order])


def test_a_json_number_does_not_contradict_a_decimal_comma():
    rows = decode_object(
        b'{"data": [{"asset": "A", "total": "1,5"}, {"asset": "B", "total": 1.5}]}'
    )["data"]
    assert totals(rows) == {"A": "1.5", "B": "1.5"}


def test_a_flood_of_rows_is_no_answer():
    with pytest.raises(BadResponseError):
        read([1] * 500_000)


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1.5", b"[" * 900 + b"]" * 900])
def test_a_flood_of_values_is_refused_before_they_are_read(value: bytes):
    body = b'{"data": [' + b",".join([value] * (MAX_BODY_BYTES // (len(value) + 1))) + b"]}"
    with pytest.raises(BadResponseError, match="values"):
        decode_object(body)


def test_as_many_documented_rows_as_an_answer_may_be_long_are_read():
    row = (
        b'{"asset":"A","assetname":"","balance":"0,1","locked":"0,1","free":"0,1",'
        b'"orderFund":"0,1","requestFund":"0,1","precision":2,"timestamp":1735866257711}'
    )
    rows = [row] * (MAX_BODY_BYTES // (len(row) + 1))
    assert len(decode_object(b'{"data": [' + b",".join(rows) + b"]}")["data"]) == len(rows)


@pytest.mark.parametrize("depth", range(900, 1000, 7))
def test_a_nesting_that_one_parser_takes_and_the_other_refuses_is_no_defect(depth: int):
    body = b'{"a": ":", "data": ' + b"[" * depth + b"]" * depth + b"}"
    with suppress(BadResponseError):
        decode_object(body)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, "authentication"),
        (403, "permission"),
        (418, "rate_limited"),
        (429, "rate_limited"),
        (503, "unavailable"),
        (-7, "permission"),
        (0, "rejected"),
        (True, "rejected"),
        ("429", "rejected"),
        (10**9, "rejected"),
    ],
)
def test_a_code_is_the_exchanges_own_or_read_like_a_status_of_http(code: object, reason: str):
    assert refusal(code, {-7: PermissionDeniedError}).reason == reason


def test_rows_beyond_the_bound_are_left_out_and_counted():
    reading = read([{"asset": f"A{number}", "total": "1"} for number in range(5000)])
    assert len(reading.balances) == MAX_ASSETS
    assert len(reading.rejected) == 5000 - MAX_ASSETS


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
