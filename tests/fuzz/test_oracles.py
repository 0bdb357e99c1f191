"""The oracles notice what they are there for: a parser that is a little wrong does not pass."""

import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from exporter.errors import BadResponseError
from exporter.exchanges.btcturk import parse_balances
from exporter.model import Amount, Balance, BalancesResponse, RejectedRow
from exporter.simulator.exchanges.btcturk import BtcTurk
from fuzz.exchange_targets import check_balances
from fuzz.oracles import CANARY, amount_of, check_words, is_nearest_float64


def body(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"data": rows, "success": True, "message": None, "code": 0}).encode()


def row(asset: str = "BTC", amount: str = "9007199254740993") -> dict[str, Any]:
    return {"asset": asset, "balance": amount, "free": amount, "locked": "0"}


def check(parse: Callable[[bytes], BalancesResponse], data: bytes) -> None:
    check_balances(parse, data, BtcTurk)


def changed(change: Callable[[Balance], Balance]) -> Callable[[bytes], BalancesResponse]:
    def parse(data: bytes) -> BalancesResponse:
        reading = parse_balances(data)
        return BalancesResponse(tuple(map(change, reading.balances)), reading.rejected)

    return parse


def through_a_float(balance: Balance) -> Balance:
    return replace(balance, total=Amount(f"{float(balance.total):f}"))


def rounded(balance: Balance) -> Balance:
    return replace(balance, free=Amount(balance.free[:-1] + "0"))


def without_a_sign(balance: Balance) -> Balance:
    return replace(balance, total=Amount(balance.total.lstrip("-")))


@pytest.mark.parametrize(
    ("change", "amount"),
    [(through_a_float, "9007199254740993"), (rounded, "0.123"), (without_a_sign, "-1")],
)
def test_an_amount_that_is_not_the_exchanges_is_noticed(
    change: Callable[[Balance], Balance], amount: str
):
    check(parse_balances, body(row(amount=amount)))
    with pytest.raises(AssertionError, match="not what the exchange said"):
        check(changed(change), body(row(amount=amount)))


def test_a_row_that_gets_lost_is_noticed():
    with pytest.raises(AssertionError, match="neither served nor rejected"):
        check(
            lambda data: BalancesResponse(parse_balances(data).balances[:1]),
            body(row("A"), row("B")),
        )


def test_a_key_given_twice_that_is_believed_is_noticed():
    twice = body(row()).replace(b'"locked"', b'"locked": "1", "locked"')
    with pytest.raises(ValueError, match="twice"):
        check(lambda _: parse_balances(body(row())), twice)


def test_two_separators_that_are_believed_are_noticed():
    def parse(data: bytes) -> BalancesResponse:
        return parse_balances(data.replace(b",5", b".5"))

    with pytest.raises(AssertionError, match="a comma and a point"):
        check(parse, body(row("A", "1.5"), row("B", "2,5")))


def test_a_mark_that_groups_and_is_believed_is_noticed():
    def parse(data: bytes) -> BalancesResponse:
        return parse_balances(data.replace(b"1,234,567.89", b"?"))

    with pytest.raises(AssertionError, match="groups thousands"):
        check(parse, body(row("A", "1,234,567.89"), row("B", "1,234")))


@pytest.mark.parametrize(
    "reading",
    [
        BalancesResponse((), (RejectedRow(0, None, f"asset {CANARY} is strange"),)),
        BalancesResponse((), (RejectedRow(0, None, "a"), RejectedRow(0, None, "b"))),
    ],
)
def test_a_rejection_that_repeats_a_row_is_noticed(reading: BalancesResponse):
    with pytest.raises(AssertionError):
        check(lambda _: reading, body(row()))


def test_words_of_the_exchange_in_an_error_or_behind_it_are_noticed():
    quoting = BadResponseError("not JSON")
    quoting.__cause__ = ValueError(f"unexpected {CANARY}")
    for error in (quoting, BadResponseError(f"refused: {CANARY}")):
        with pytest.raises(AssertionError, match="repeats"):
            check_words(error)


def test_an_error_that_is_its_own_cause_is_noticed():
    error = BadResponseError("a loop")
    error.__cause__ = error
    with pytest.raises(AssertionError, match="own cause"):
        check_words(error)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_only_the_nearest_float_is_the_nearest(number: Any):
    digits = format(number, "f")
    nearest = float(Fraction(digits))
    assert is_nearest_float64(nearest, digits)
    for other in (math.inf, -math.inf):
        assert not is_nearest_float64(math.nextafter(nearest, other), digits)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,5", Fraction(3, 2)),
        ("-1.50", Fraction(-3, 2)),
        ("1e-3", Fraction(1, 1000)),
        ("1.5E+2", Fraction(150)),
        *(
            (text, None)
            for text in ("", "-", "+1", "01", "1.", ".5", "1e", "1e1000", "1,2.3", "１")
        ),
    ],
)
def test_the_second_reader_of_amounts_has_the_same_grammar(text: str, value: Fraction | None):
    assert amount_of(text) == value
