"""Prices and values as the API gives them: exact texts, and null for what is unknown."""

import json
from decimal import Decimal
from typing import Any

from exporter.exposition.deflate import deflate, inflate
from exporter.exposition.prices_json import json_values, prices_document, with_values
from exporter.model import AccountKey
from exporter.prices.routes import Price
from exporter.prices.settings import Ignored
from exporter.prices.valuations import Valued, Worth
from exporter.prices.values import AccountValue
from tests.prices.quotes import valuation

KEY = AccountKey("btcturk", "a")
PRICE = Price(
    Decimal("0.0000001234"),
    ("ABC", "USDT", "TRY"),
    ("btcturk", "trubit:a"),
    ("USDT=USD",),
    5.5,
    90.0,
    200.0,
)


def test_a_price_is_given_with_its_route_its_sources_and_its_age():
    worth = Worth(prices={("btcturk", "ABC", "TRY"): PRICE})
    document = json.loads(prices_document(Valued(valuation("TRY"), worth), now=100.25))
    assert document["prices"] == [
        {
            "exchange": "btcturk",
            "asset": "ABC",
            "currency": "TRY",
            "price": "0.0000001234",
            "route": "ABC>USDT>TRY",
            "source": "btcturk,trubit:a",
            "assumed": "USDT=USD",
            "updated": "5.500",
            "age_seconds": "10.250",
        }
    ]


def test_an_asset_in_itself_has_no_age():
    worth = Worth(prices={("btcturk", "TRY", "TRY"): Price(Decimal(1), ("TRY",))})
    [price] = json.loads(prices_document(Valued(valuation("TRY"), worth), now=1.0))["prices"]
    assert (price["price"], price["updated"], price["age_seconds"]) == ("1", None, None)


def test_a_value_has_8_decimals_and_a_withheld_one_is_null():
    whole = AccountValue(Decimal("6092567.36545650"), Decimal("6092567.36545650"), 3, (), 0)
    part = AccountValue(None, Decimal("5.00000000"), 1, ("MMXN",), 0)
    values = json_values({"TRY": whole, "USDT": part})
    assert values
    assert (values["TRY"]["value"], values["TRY"]["valued"]) == ("6092567.36545650", 3)
    assert (values["USDT"]["value"], values["USDT"]["unpriced"]) == (None, ("MMXN",))


def test_values_are_null_while_balances_are_withdrawn():
    assert json_values(None) is None


def test_each_row_has_its_value_and_keeps_its_own_fields():
    rows = [
        {"asset": "ABC", "total": "2", "free": "2", "locked": "0", "asset_name": "}"},
        {"asset": "XYZ", "total": "1", "free": "1", "locked": "0"},
        {"asset": "ZRO", "total": "0.0", "free": "0", "locked": "0"},
        {"asset": "IGN", "total": "7", "free": "7", "locked": "0"},
    ]
    settings = valuation("TRY", ignored=frozenset({Ignored("IGN")}))
    worth = Worth(
        prices={
            ("btcturk", "ABC", "TRY"): PRICE._replace(value=Decimal("1.5")),
            ("btcturk", "IGN", "TRY"): PRICE,
        }
    )
    block = with_values(deflate(json.dumps(rows).encode()), KEY, Valued(settings, worth))
    found: list[dict[str, Any]] = json.loads(inflate(block))
    assert [row["value"]["TRY"] for row in found] == ["3.00000000", None, "0.00000000", None]
    assert [{k: v for k, v in row.items() if k != "value"} for row in found] == rows
