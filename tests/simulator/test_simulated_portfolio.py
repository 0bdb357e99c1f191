"""Balances that move: believable, exact, and the same for the same seed and time."""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import simulated_exchanges
from exporter.simulator.exchanges.btcturk import BtcTurk
from exporter.simulator.exchanges.trubit import TruBit
from exporter.simulator.portfolio import Portfolio, moving
from exporter.simulator.rows import Row, Rows
from tests.simulator.simulated_client import NOON

EXCHANGES = simulated_exchanges()
DAY = range(int(NOON), int(NOON) + 86_400, 30)


def portfolio(exchange: str, seed: str = "seed", assets: int | None = None) -> Portfolio:
    return EXCHANGES[exchange].moving(seed, assets)


def amount(row: Row, name: str) -> Decimal:
    return Decimal(str(row[name]).replace(",", "."))


def fields(rows: Rows) -> list[dict[str, object]]:
    return [dict(row.fields) for row in rows]


def course(exchange: str, asset: str, name: str, times: Iterable[float] = DAY) -> list[Decimal]:
    simulated = EXCHANGES[exchange]
    held = tuple(holding for holding in simulated.holdings if holding.asset == asset)
    rows = moving("seed", held, simulated.style)
    return [amount(rows(time)[0], name) for time in times]


@given(exchange=st.sampled_from([*EXCHANGES]), seed=st.text(max_size=9), now=st.floats(0, 4e9))
def test_the_total_is_always_exactly_free_and_locked(exchange: str, seed: str, now: float) -> None:
    with localcontext(prec=60):
        for row in portfolio(exchange, seed)(now):
            if "total" in row.fields:
                assert amount(row, "total") == amount(row, "free") + amount(row, "locked")


@given(seed=st.text(max_size=9), now=st.floats(0, 4e9))
def test_what_is_locked_is_always_exactly_in_orders_and_withdrawals(seed: str, now: float) -> None:
    with localcontext(prec=60):
        for row in portfolio("btcturk", seed)(now):
            assert amount(row, "locked") == amount(row, "orders") + amount(row, "withdrawals")


@given(seed=st.text(max_size=9), now=st.floats(0, 4e9))
def test_nothing_is_ever_negative(seed: str, now: float) -> None:
    for row in portfolio("btcturk", seed)(now):
        assert min(amount(row, name) for name in ("total", "free", "locked", "withdrawals")) >= 0


@given(now=st.floats(0, 4e9))
def test_the_same_seed_and_time_give_the_same_rows(now: float) -> None:
    assert fields(portfolio("btcturk")(now)) == fields(portfolio("btcturk")(now))


def test_another_seed_gives_other_rows() -> None:
    assert fields(portfolio("btcturk", "one")(NOON)) != fields(portfolio("btcturk", "two")(NOON))


def test_orders_lock_and_free_an_asset_many_times_a_day() -> None:
    is_locked = [locked > 0 for locked in course("btcturk", "BTC", "orders")]
    assert 0.2 < sum(is_locked) / len(is_locked) < 0.8


def test_a_withdrawal_is_locked_until_it_leaves() -> None:
    pending = course("btcturk", "BTC", "withdrawals")
    totals = course("btcturk", "BTC", "total")
    ends = [i for i in range(1, len(pending)) if pending[i - 1] > 0 and pending[i] == 0]
    assert ends
    for end in ends:
        fall = totals[end - 1] - totals[end]
        assert abs(fall - pending[end - 1]) < totals[end] / 100  # but for orders that fill


def test_deposits_raise_a_total_some_times_a_day() -> None:
    totals = course("trubit", "USDC", "total")
    rises = [b for a, b in pairwise(totals) if b > a * Decimal("1.02")]
    assert 1 <= len(rises) <= 72


def test_a_total_stays_believable() -> None:
    totals = course("btcturk", "BTC", "total")
    assert Decimal(20) < min(totals) < max(totals) < Decimal(29)


def test_a_row_says_when_it_changed_last() -> None:
    row = portfolio("btcturk")(NOON)[1]
    updated = row["updated_ms"]
    assert isinstance(updated, int)
    before, since = (
        portfolio("btcturk")((updated + delta) / 1000)[1]["total"] for delta in (-9, 9)
    )
    assert before != since == row["total"]


def test_amounts_have_more_digits_than_a_float_holds() -> None:
    digits = [len(str(row["total"])) for row in portfolio("btcturk")(NOON)]
    assert max(digits) > 20


def test_no_more_decimals_are_written_than_the_exchange_has() -> None:
    decimals = [str(row["total"]).partition(",")[2] for row in portfolio("btcturk")(NOON)]
    assert max(map(len, decimals)) == 16


@pytest.mark.parametrize(("exchange", "count"), [("btcturk", 30), ("trubit", 8)])
def test_the_default_portfolio_has_as_many_assets_as_a_treasury(exchange: str, count: int) -> None:
    assert len(portfolio(exchange)(NOON)) == count


@pytest.mark.parametrize("count", [0, 1, 200, 5000])
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_any_number_of_assets_can_be_listed_each_once(exchange: str, count: int) -> None:
    assets = [row["asset"] for row in portfolio(exchange, assets=count)(NOON)]
    assert len(set(assets)) == len(assets) == count


def test_zeros_are_listed_too() -> None:
    totals = [row["total"] for row in portfolio("btcturk")(NOON)]
    assert "0" in totals


def test_a_row_that_has_not_changed_is_not_made_again() -> None:
    rows = portfolio("btcturk", assets=200)
    now, soon = rows(NOON), rows(NOON + 0.001)
    assert all(a is b for a, b in zip(now, soon, strict=True))


def test_fixed_balances_keep_their_digits() -> None:
    (row,) = TruBit.fixed({"X": ("1.10", "0.60", "0.50")})(NOON)
    assert (row["total"], row["free"], row["locked"]) == ("1.10", "0.60", "0.50")


def test_fixed_balances_never_move() -> None:
    rows = BtcTurk.fixed({"BTC": ("1.5", "1", "0.5")})
    assert rows(0.0) is rows(NOON)
