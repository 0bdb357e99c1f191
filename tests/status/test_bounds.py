"""Bounds of values: what is broken and what cannot be checked is in the summary."""

import pytest

from exporter.model import Amount, ValueThreshold
from exporter.prices.valuations import Valued, Worth
from exporter.prices.values import AccountValue
from exporter.runtime.clock import Clock
from exporter.status.bounds import bounds
from exporter.status.holdings import Reading, read_holdings
from exporter.status.known import Known
from exporter.status.turns import Turns
from tests.accounts import WALL, balance, make_account, make_store, poll_at, reading
from tests.prices.quotes import valuation
from tests.status.pages import NOW
from tests.status.test_worth import value

THRESHOLDS = (
    ValueThreshold("TRY", "value_min", Amount("1000")),
    ValueThreshold("TRY", "value_max", Amount("5000")),
)


def said(its: AccountValue | None, *, is_valued: bool = True) -> list[str]:
    account = make_account("treasury", value_thresholds=THRESHOLDS)
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW), reading(balance("BTC", "1")))
    [state] = store.states.values()
    assert state.snapshot
    worth = Worth(values={account.key: {"TRY": its}} if its else {})
    known = Known(
        now=NOW,
        wall=WALL + NOW,
        states=[state],
        retired=(),
        reading=Reading({account.key: read_holdings(account, state.snapshot)}, {}),
        overlaps=(),
        turns=Turns(Clock().monotonic),
        valued=Valued(valuation("TRY"), worth) if is_valued else None,
    )
    return [sentence.text.replace("<bdi>", "").replace("</bdi>", "") for sentence in bounds(known)]


@pytest.mark.parametrize("amount", ["1000", "2500.5", "5000"])
def test_a_value_within_its_bounds_is_not_mentioned(amount: str):
    assert said(value(amount)) == []


@pytest.mark.parametrize(
    ("amount", "words"), [("999.99", "below its minimum"), ("5000.01", "above its maximum")]
)
def test_a_value_beyond_a_bound_is(amount: str, words: str):
    [text] = said(value(amount))
    assert text.startswith(f"1 bound is broken. treasury (btcturk): value in TRY is {words} of ")


def test_a_value_that_is_not_known_cannot_be_checked():
    its = value(None, "MMXN", known="9")
    expected = ["Bounds of 1 account cannot be checked. treasury (btcturk): no value in TRY."]
    assert said(its) == expected
    assert said(its, is_valued=False) == expected
