"""Tickers are read row by row: one that can't be read costs no other pair."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from exporter.errors import BadResponseError, RejectedError
from exporter.exchange_api.responses import decode_object
from exporter.exchange_api.rows import RowError
from exporter.exchange_api.ticker import read_code, read_milliseconds, read_price
from exporter.exchanges.btcturk import parse_ticker
from exporter.quotes import Pair

ROW = {
    "pair": "BTCTRY",
    "timestamp": 1774252925783,
    "last": 3037028,
    "bid": 3035109,
    "ask": 3036622,
    "denominatorSymbol": "TRY",
    "numeratorSymbol": "BTC",
}


def ticker(*rows: object, **changes: Any) -> bytes:
    document = {"data": list(rows), "success": True, "message": None, "code": 0}
    return msgspec.json.encode(document | changes)


def test_a_documented_row_is_read_exactly():
    [quote] = parse_ticker(ticker(ROW)).quotes
    assert quote.pair == Pair("BTC", "TRY")
    prices = Decimal(3035109), Decimal(3036622), Decimal(3037028)
    assert (quote.bid, quote.ask, quote.last) == prices
    assert quote.updated == 1774252925.783


@pytest.mark.parametrize(
    ("literal", "exact"),
    [
        ("0.06218", "0.06218"),
        ("499979.00", "499979.00"),
        ("1.2E-05", "0.000012"),
        ("1e2", "100"),
        ('"0.5"', "0.5"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
    ],
)
def test_a_price_keeps_its_exact_digits(literal: str, exact: str):
    body = ticker(ROW).replace(b"3035109", literal.encode())
    [quote] = parse_ticker(body).quotes
    assert quote.bid == Decimal(exact)


@pytest.mark.parametrize("field", ["bid", "ask", "last"])
@pytest.mark.parametrize("value", ["1,5", "soon", True, [], {}, "1 000", "0x10", ""])
def test_a_price_that_is_not_a_number_makes_its_pair_unparsable(field: str, value: object):
    found = parse_ticker(ticker(ROW | {field: value}, ROW | {"numeratorSymbol": "ETH"}))
    assert [quote.pair.base for quote in found.quotes] == ["ETH"]
    assert (found.unparsable, found.unparsable_pairs) == (
        1,
        frozenset({Pair("BTC", "TRY")}),
    )


@pytest.mark.parametrize("row", [None, 1, "BTC", [], {}, {"numeratorSymbol": "BTC"}])
def test_a_row_without_a_pair_is_unparsable(row: object):
    found = parse_ticker(ticker(row, ROW))
    assert (len(found.quotes), found.unparsable, found.unparsable_pairs) == (1, 1, frozenset())


def test_a_row_without_a_time_has_none():
    [quote] = parse_ticker(ticker(ROW | {"timestamp": None})).quotes
    assert quote.updated is None


@pytest.mark.parametrize("time", ["soon", 0, -1, 1.5, 10**15, True])
def test_a_row_with_a_time_that_is_none_is_unparsable(time: object):
    assert parse_ticker(ticker(ROW | {"timestamp": time})).unparsable == 1


def test_a_time_with_a_zero_fraction_is_a_time():
    row = decode_object(b'{"timestamp":1579996808957.0}')
    assert read_milliseconds(row, "timestamp") == 1579996808.957


def test_an_absent_price_is_none():
    assert read_price({}, "bid") is None
    assert read_price({"bid": None}, "bid") is None


@pytest.mark.parametrize("code", ["", " BTC", "B\x07", "B" * 65, 5, None])
def test_a_code_that_cannot_be_an_asset_is_refused(code: object):
    with pytest.raises(RowError):
        read_code({"pair": code}, "pair")


@pytest.mark.parametrize("data", [None, {}, "soon", 5])
def test_a_ticker_without_a_list_is_not_a_ticker(data: object):
    with pytest.raises(BadResponseError):
        parse_ticker(ticker(data=data))


def test_an_error_code_in_a_200_is_a_rejection():
    with pytest.raises(RejectedError):
        parse_ticker(ticker(success=False, code=12345))
