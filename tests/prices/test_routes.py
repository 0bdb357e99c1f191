"""By which quotes an asset has a price."""

from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.prices.routes import Price, find_price
from exporter.prices.settings import Peg
from tests.prices.quotes import rates, valuation

BTCTURK = rates(
    "btcturk",
    {
        "BTC/TRY": ("3000000", "3010000"),
        "BTC/USDT": ("70000", "70100"),
        "USDT/TRY": ("42", "43"),
        "ETH/USDT": ("3500", "3510"),
        "ABC/USDT": ("2", "2.1"),
    },
)


def price(asset: str, currency: str, exchange: str = "btcturk", **changes: object) -> Price | None:
    return find_price(exchange, asset, currency, [BTCTURK], valuation(**changes))


def test_the_direct_pair_comes_before_any_bridge():
    found = price("BTC", "TRY")
    assert found
    assert (found.value, found.route) == (Decimal(3_000_000), ("BTC", "TRY"))


def test_one_bridge_stands_between_where_there_is_no_direct_pair():
    found = price("ETH", "TRY")
    assert found
    assert (found.value, found.route) == (Decimal(147_000), ("ETH", "USDT", "TRY"))


def test_an_inverse_pair_is_bought_at_the_ask_and_cut_off():
    found = price("TRY", "USDT")
    assert found
    assert found.value == Decimal("0.02325581395348837209302325581395348")
    assert found.value * 43 <= 1


def test_an_asset_in_itself_is_one_and_needs_no_quote():
    assert price("TRY", "TRY") == Price(Decimal(1), ("TRY",))


def test_two_bridges_are_never_taken():
    source = rates(
        "btcturk", {"ABC/EUR": ("1", "1"), "EUR/USDT": ("1", "1"), "USDT/TRY": ("1", "1")}
    )
    assert find_price("btcturk", "ABC", "TRY", [source], valuation(bridges=("USDT", "EUR"))) is None


def test_bridges_are_tried_in_the_configured_order():
    source = rates(
        "btcturk",
        {
            "ABC/USDT": ("1", "1"),
            "USDT/EUR": ("2", "2"),
            "ABC/TRY": ("1", "1"),
            "TRY/EUR": ("3", "3"),
        },
    )
    found = find_price("btcturk", "ABC", "EUR", [source], valuation(bridges=("TRY", "USDT")))
    assert found
    assert found.route == ("ABC", "TRY", "EUR")


def test_there_is_no_price_without_a_route():
    assert price("XYZ", "TRY") is None


def test_a_code_that_is_not_shared_is_priced_by_its_own_exchange_only():
    assert price("ABC", "TRY", exchange="trubit") is None
    assert price("ABC", "TRY", exchange="btcturk") is not None


def test_a_shared_code_is_priced_elsewhere_and_the_assumption_is_named():
    found = price("BTC", "TRY", exchange="trubit")
    assert found
    assert found.value == 3_000_000
    assert (found.sources, found.assumed) == (("btcturk",), ("trubit/BTC=btcturk/BTC",))


def test_a_quote_of_one_direction_is_not_inverted():
    both = rates("trubit:a", {"MXN/USDT": ("0.05", "0.05")})
    pairs = {pair: rate._replace(is_one_way=True) for pair, rate in both.rates.items()}
    one_way = replace(both, rates=pairs)
    into_mxn = valuation(bridges=())
    assert find_price("trubit", "USDT", "MXN", [both], into_mxn)
    assert find_price("trubit", "USDT", "MXN", [one_way], into_mxn) is None
    assert find_price("trubit", "MXN", "USDT", [one_way], valuation())


def test_a_national_currency_is_the_same_everywhere_without_an_assumption():
    source = rates("btcturk", {"MXN/TRY": ("2", "2")})
    found = find_price("trubit", "MXN", "TRY", [source], valuation())
    assert found
    assert found.assumed == ()


def test_the_own_exchange_comes_before_a_source_that_is_listed_first():
    other = rates("binance", {"BTC/USDT": ("71000", "71000")})
    found = find_price("btcturk", "BTC", "USDT", [other, BTCTURK], valuation())
    assert found
    assert found.sources == ("btcturk",)


def test_each_leg_may_come_from_another_source():
    own = rates("trubit:payments-mx", {"MMXN/USDT": ("0.05", "0.05")})
    found = find_price("trubit", "MMXN", "TRY", [BTCTURK, own], valuation())
    assert found
    assert found.value == Decimal("2.10")
    assert found.sources == ("trubit:payments-mx", "btcturk")
    assert found.assumed == ("trubit/USDT=btcturk/USDT",)


def test_a_peg_acts_as_a_quote_of_one_and_is_named():
    pegs = (Peg("USDT", "USD"),)
    found = price("BTC", "USD", pegs=pegs)
    assert found
    assert (found.value, found.route) == (Decimal(70_000), ("BTC", "USDT", "USD"))
    assert found.assumed == ("USDT=USD",)


def test_a_peg_is_tried_last():
    source = rates("btcturk", {"USDT/USD": ("0.98", "0.99")})
    found = find_price("btcturk", "USDT", "USD", [source], valuation(pegs=(Peg("USDT", "USD"),)))
    assert found
    assert (found.value, found.assumed) == (Decimal("0.98"), ())


def test_a_peg_acts_both_ways():
    found = price("USD", "USDT", pegs=(Peg("USDT", "USD"),))
    assert found
    assert found.value == 1


def test_the_oldest_quote_used_dates_the_price():
    first = rates("trubit:a", {"ABC/USDT": ("1", "1")})
    found = find_price("trubit", "ABC", "TRY", [BTCTURK, first], valuation())
    assert found
    assert found.updated == 100.0


@pytest.mark.parametrize("number", ["1e-200", "1e200"])
def test_a_price_that_a_float64_cannot_hold_is_none(number: str):
    source = rates("btcturk", {"ABC/USDT": (number, number), "USDT/TRY": (number, number)})
    assert find_price("btcturk", "ABC", "TRY", [source], valuation()) is None


numbers = st.decimals("0.00000001", "1000000000", places=8)


@given(numbers)
def test_what_an_inverse_brings_is_never_more_than_its_price_allows(ask: Decimal):
    source = rates("btcturk", {"USDT/TRY": (str(ask), str(ask))})
    found = find_price("btcturk", "TRY", "USDT", [source], valuation())
    with localcontext(prec=200):
        assert found
        assert found.value * ask <= 1
        assert 1 - found.value * ask < Decimal("1e-20")


@given(numbers, numbers)
def test_a_bridge_multiplies_exactly(first: Decimal, second: Decimal):
    source = rates(
        "btcturk", {"ABC/USDT": (str(first), "1"), "USDT/TRY": (str(second), str(second))}
    )
    found = find_price("btcturk", "ABC", "TRY", [source], valuation())
    with localcontext(prec=200):
        assert found
        assert found.value == first * second
