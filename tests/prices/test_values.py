"""What accounts are worth, exactly, or not at all."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.prices.routes import Price
from exporter.prices.settings import Ignored
from exporter.prices.values import AccountValue, Held, account_value, asset_prices, plain, rounded
from tests.prices.quotes import valuation


def value(holdings: dict[str, str], prices: dict[str, str], **changes: object) -> AccountValue:
    settings = valuation(ignored=changes.pop("ignored", frozenset()))
    listed = {
        ("btcturk", asset, "TRY"): Price(Decimal(p), (asset, "TRY")) for asset, p in prices.items()
    }
    return account_value(
        [Held(asset, Decimal(total)) for asset, total in holdings.items()],
        asset_prices("btcturk", "TRY", listed, settings),
        is_complete=bool(changes.pop("is_complete", True)),
    )


def test_a_value_is_the_sum_of_all_that_is_held():
    found = value({"BTC": "2", "TRY": "100.5"}, {"BTC": "3000000", "TRY": "1"})
    assert (str(found.value), found.valued, found.unpriced) == ("6000100.50000000", 2, ())


def test_one_asset_without_a_price_withholds_the_value_and_is_named():
    found = value({"BTC": "2", "MMXN": "5"}, {"BTC": "3000000"})
    assert (found.value, found.known, found.unpriced) == (None, Decimal(6_000_000), ("MMXN",))


def test_an_ignored_asset_withholds_nothing_and_is_counted():
    found = value({"BTC": "2", "LUNC": "5"}, {"BTC": "3"}, ignored=frozenset({Ignored("LUNC")}))
    assert (found.value, found.ignored, found.valued) == (Decimal(6), 1, 1)


def test_an_asset_ignored_at_another_exchange_counts_here():
    ignored = frozenset({Ignored("LUNC", "trubit")})
    assert value({"LUNC": "5"}, {}, ignored=ignored).value is None


def test_an_incomplete_snapshot_has_no_value():
    found = value({"BTC": "2"}, {"BTC": "3"}, is_complete=False)
    assert (found.value, found.known) == (None, Decimal(6))


def test_a_negative_balance_counts_as_negative():
    assert value({"BTC": "1", "TRY": "-500"}, {"BTC": "100", "TRY": "1"}).value == -400


def test_an_account_that_holds_nothing_is_worth_zero():
    assert plain(value({}, {}).known) == "0.00000000"


def test_a_value_that_a_float64_cannot_hold_is_withheld():
    assert value({"BTC": "1e300"}, {"BTC": "1e300"}).value is None


@pytest.mark.parametrize(
    ("exact", "published"),
    [("0.000000005", "0.00000000"), ("0.000000015", "0.00000002"), ("-0.000000001", "0.00000000")],
)
def test_rounding_is_half_to_even_and_a_zero_has_no_sign(exact: str, published: str):
    assert plain(rounded(Decimal(exact))) == published


amounts = st.decimals("-1000000000", "1000000000", places=18)
prices = st.decimals("0.000000000001", "100000000", places=12)


@given(st.lists(st.tuples(amounts, prices), max_size=8))
def test_a_value_is_rounded_once_and_only_at_the_end(pairs: list[tuple[Decimal, Decimal]]):
    holdings = {f"A{number}": str(amount) for number, (amount, _) in enumerate(pairs)}
    listed = {f"A{number}": str(price) for number, (_, price) in enumerate(pairs)}
    exact = sum((Fraction(amount) * Fraction(price) for amount, price in pairs), Fraction(0))
    with localcontext(prec=200):
        expected = (Decimal(exact.numerator) / exact.denominator).quantize(
            Decimal("1e-8"), ROUND_HALF_EVEN
        )
    assert value(holdings, listed).value == expected
