"""JSON of responses: strict, and never guessed."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadResponseError
from exporter.exchange_api.body import MAX_BODY_BYTES
from exporter.exchange_api.responses import decode_array, decode_object, list_of


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
        b'{"a": "T\xfcrk"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        '{"a": 1}'.encode("utf-16"),
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


@pytest.mark.parametrize("value", [b"[]", b"{}", b"1.5", b"[" * 900 + b"]" * 900])
def test_a_flood_of_values_is_refused_before_they_are_read(value: bytes):
    body = b'{"data": [' + b",".join([value] * (MAX_BODY_BYTES // (len(value) + 1))) + b"]}"
    with pytest.raises(BadResponseError, match="values"):
        decode_object(body)


def test_the_largest_response_of_documented_rows_is_read():
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


def test_a_byte_order_mark_before_the_document_is_skipped():
    assert decode_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_a_lone_surrogate_in_a_text_costs_nothing_else():
    document = decode_object(b'{"name": "\\ud800", "total": 0.10}')
    assert document["name"] == "\ud800"
    assert document["total"].text == "0.10"


@pytest.mark.parametrize("more", [b'"b": NaN', b'"a": 1', b'"b": {"c": 1, "c": 2}'])
def test_a_document_with_a_lone_surrogate_is_read_as_strictly(more: bytes):
    with pytest.raises(BadResponseError):
        decode_object(b'{"a": "\\ud800", ' + more + b"}")


def test_an_array_can_be_the_whole_response():
    assert decode_array(b'[{"a": 1}]') == [{"a": 1}]
    with pytest.raises(BadResponseError):
        decode_array(b'{"a": 1}')


def test_a_key_twice_in_a_row_of_an_array_is_a_bad_response():
    with pytest.raises(BadResponseError, match="twice"):
        decode_array(b'[{"a": 1, "a": 2}]')


@pytest.mark.parametrize("value", [None, {}, "rows", 1])
def test_rows_that_are_not_a_list_are_a_bad_response(value: object):
    with pytest.raises(BadResponseError):
        list_of(value)


@pytest.mark.parametrize(("values", "is_read"), [(119_999, True), (120_000, False)])
def test_the_bound_of_values_is_exact(*, values: int, is_read: bool):
    body = b'{"data":[' + b",".join([b"1"] * values) + b"]}"
    if is_read:
        assert len(decode_object(body)["data"]) == values
    else:
        with pytest.raises(BadResponseError, match="values"):
            decode_object(body)
