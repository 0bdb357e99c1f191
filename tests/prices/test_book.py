"""Which quotes may be used, and for how long."""

from dataclasses import replace
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.prices.book import REFUSALS, Book, Moment, QuoteLimits, updated_book
from exporter.quotes import Pair, PriceKind, Quote, QuotesResponse
from tests.prices.quotes import LIMITS, NOW, quote, response

BTC = Pair("BTC", "TRY")


def book(*quotes: Quote, limits: QuoteLimits = LIMITS) -> Book:
    return updated_book(Book(), response(*quotes), NOW, limits)


def refused(found: Book) -> dict[str, int]:
    return {reason: count for reason, count in found.refused.items() if count}


def test_a_good_quote_sells_at_the_bid_and_buys_at_the_ask():
    rate = book(quote("BTC/TRY", "100", "101")).rates[BTC]
    assert (rate.sell, rate.buy) == (Decimal(100), Decimal(101))


def test_mid_is_the_exact_mean():
    rate = book(quote("BTC/TRY", "100", "101"), limits=LIMITS._replace(price="mid")).rates[BTC]
    assert (rate.sell, rate.buy) == (Decimal("100.5"), Decimal("100.5"))


def test_last_is_used_as_given():
    row = quote("BTC/TRY", "100", "101")._replace(last=Decimal("99.5"))
    rate = book(row, limits=LIMITS._replace(price="last")).rates[BTC]
    assert (rate.sell, rate.buy) == (Decimal("99.5"), Decimal("99.5"))


ONE_WAY = quote("BTC/TRY", "100", "100")._replace(last=Decimal(100), is_one_way=True)


@pytest.mark.parametrize(("price", "is_one_way"), [("bid", True), ("last", False)])
def test_only_a_last_price_of_one_direction_is_inverted(*, price: PriceKind, is_one_way: bool):
    rate = book(ONE_WAY, limits=LIMITS._replace(price=price)).rates[BTC]
    assert rate.is_one_way == is_one_way


def test_a_quote_of_one_direction_has_no_mid():
    found = book(ONE_WAY, limits=LIMITS._replace(price="mid"))
    assert refused(found) == {"one_sided": 1}
    assert not found.rates


def test_every_reason_is_counted_from_the_start():
    assert dict(Book().refused) == dict.fromkeys(REFUSALS, 0)


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        ("0", "0", "one_sided"),
        ("0", "101", "one_sided"),
        ("100", "0", "one_sided"),
        (None, "101", "one_sided"),
        ("100", None, "one_sided"),
        ("-1", "101", "one_sided"),
        ("101", "100", "crossed"),
        ("100", "105.01", "too_wide"),
        ("74589", "110000", "too_wide"),
    ],
)
def test_a_quote_that_nobody_could_trade_at_is_refused(
    bid: str | None, ask: str | None, reason: str
):
    found = book(quote("BTC/TRY", bid, ask), quote("ETH/TRY", "10", "10"))
    assert refused(found) == {reason: 1}
    assert set(found.rates) == {Pair("ETH", "TRY")}


def test_a_spread_of_exactly_the_maximum_is_taken():
    assert refused(book(quote("BTC/TRY", "100", "105"))) == {}


def test_bid_equal_to_ask_is_taken():
    assert refused(book(quote("BTC/TRY", "100", "100"))) == {}


def test_a_last_price_of_zero_is_refused_when_last_counts():
    row = quote("BTC/TRY", "100", "101")._replace(last=Decimal(0))
    assert refused(book(row, limits=LIMITS._replace(price="last"))) == {"one_sided": 1}
    assert refused(book(row)) == {}


def test_a_pair_listed_twice_differently_counts_once_and_has_no_quote():
    rows = quote("BTC/TRY", "100", "101"), quote("BTC/TRY", "100", "102")
    found = book(*rows, *rows)
    assert (refused(found), dict(found.rates)) == ({"duplicate": 1}, {})


def test_a_pair_listed_twice_alike_is_one_quote():
    found = book(quote("BTC/TRY", "100", "101"), quote("BTC/TRY", "100", "101"))
    assert (refused(found), set(found.rates)) == ({}, {BTC})


def test_a_pair_with_an_unparsable_row_has_no_quote():
    rows = QuotesResponse((quote("BTC/TRY", "100", "101"),), 1, frozenset({BTC}))
    found = updated_book(Book(), rows, NOW, LIMITS)
    assert (refused(found), dict(found.rates)) == ({"unparsable": 1}, {})


def test_a_pair_that_is_no_longer_listed_loses_its_quote_at_once():
    before = book(quote("BTC/TRY", "100", "101"), quote("ETH/TRY", "10", "10"))
    after = updated_book(before, response(quote("ETH/TRY", "10", "10")), NOW, LIMITS)
    assert set(after.rates) == {Pair("ETH", "TRY")}


def test_a_pair_whose_row_is_refused_loses_its_quote_at_once():
    before = book(quote("BTC/TRY", "100", "101"))
    assert not updated_book(before, response(quote("BTC/TRY", "0", "0")), NOW, LIMITS).rates


def test_a_row_older_than_one_already_seen_leaves_the_newer_quote_in_place():
    before = book(quote("BTC/TRY", "100", "101", age=10))
    later = Moment(NOW.monotonic + 60, NOW.exchange_time + 60)
    after = updated_book(before, response(quote("BTC/TRY", "90", "91", age=11)), later, LIMITS)
    assert after.rates[BTC] == before.rates[BTC]
    assert refused(after) == {"backwards": 1}


def test_a_row_seen_but_refused_still_shows_a_later_one_to_be_older():
    before = book(quote("BTC/TRY", "0", "0", age=10))
    after = updated_book(before, response(quote("BTC/TRY", "90", "91", age=11)), NOW, LIMITS)
    assert (refused(after), dict(after.rates)) == ({"backwards": 1}, {})


def test_a_pair_that_comes_back_is_held_against_what_was_seen_of_it():
    before = book(quote("BTC/TRY", "100", "101", age=10), quote("ETH/TRY", "10", "10"))
    gone = updated_book(before, response(quote("ETH/TRY", "10", "10")), NOW, LIMITS)
    back = updated_book(gone, response(quote("BTC/TRY", "90", "91", age=12)), NOW, LIMITS)
    assert refused(back) == {"backwards": 1}


def test_a_row_of_the_same_time_replaces_the_quote():
    before = book(quote("BTC/TRY", "100", "101", age=10))
    after = updated_book(before, response(quote("BTC/TRY", "99", "100", age=10)), NOW, LIMITS)
    assert after.rates[BTC].sell == 99


def test_a_ticker_that_is_frozen_as_a_whole_is_too_old():
    found = book(quote("BTC/TRY", "100", "101", age=300), quote("ETH/TRY", "10", "10", age=400))
    assert (refused(found), dict(found.rates)) == ({"too_old": 2}, {})


def test_a_row_of_a_thin_market_may_be_older_than_the_ticker():
    found = book(quote("BTC/TRY", "100", "101", age=3600), quote("ETH/TRY", "10", "10"))
    assert set(found.rates) == {BTC, Pair("ETH", "TRY")}


def test_a_row_older_than_the_maximum_age_is_too_old():
    found = book(quote("BTC/TRY", "100", "101", age=3601), quote("ETH/TRY", "10", "10"))
    assert (refused(found), set(found.rates)) == ({"too_old": 1}, {Pair("ETH", "TRY")})


def test_a_row_from_the_future_is_refused_and_proves_no_freshness():
    found = book(quote("BTC/TRY", "100", "101", age=-61), quote("ETH/TRY", "10", "10", age=400))
    assert (refused(found), dict(found.rates)) == ({"too_old": 2}, {})


def test_a_row_from_the_future_does_not_make_a_later_one_run_backwards():
    before = book(quote("BTC/TRY", "100", "101", age=-3600))
    assert refused(updated_book(before, response(quote("BTC/TRY", "9", "9")), NOW, LIMITS)) == {}


def test_a_row_a_minute_ahead_is_a_clock_that_differs():
    assert refused(book(quote("BTC/TRY", "100", "101", age=-60))) == {}


def test_a_row_of_the_end_of_a_long_response_is_not_from_the_future():
    long = NOW._replace(lasted=120.0)
    late, ahead = (quote("BTC/TRY", "100", "101", age=-seconds) for seconds in (180, 181))
    assert refused(updated_book(Book(), response(late), long, LIMITS)) == {}
    assert refused(updated_book(Book(), response(ahead), long, LIMITS)) == {"too_old": 1}


def test_a_source_without_times_counts_from_the_request():
    rate = book(quote("BTC/TRY", "100", "101", age=None)).rates[BTC]
    assert rate.expires_at == NOW.monotonic + 300
    assert rate.updated == NOW.exchange_time


@pytest.mark.parametrize(
    ("newest", "own", "lifetime"), [(0, 0, 300), (100, 100, 200), (0, 3500, 100), (299, 299, 1)]
)
def test_a_quote_expires_by_the_first_of_its_three_ages(newest: float, own: float, lifetime: float):
    found = book(quote("BTC/TRY", "100", "101", age=own), quote("ETH/TRY", "1", "1", age=newest))
    assert found.rates[BTC].expires_at == NOW.monotonic + lifetime
    assert found.usable(NOW.monotonic + lifetime - 0.1) >= 1
    assert found.rates[BTC].expires_at <= NOW.monotonic + lifetime


def test_a_row_without_a_time_does_not_make_a_frozen_ticker_fresh():
    found = book(quote("BTC/TRY", "100", "101", age=None), quote("ETH/TRY", "10", "10", age=400))
    assert (refused(found), dict(found.rates)) == ({"too_old": 2}, {})


ages = st.floats(-120, 4000, allow_nan=False) | st.none()
prices = st.decimals("-1", "1000", places=2) | st.none()
rows = st.builds(
    lambda pair, bid, ask, age: quote(pair, bid and str(bid), ask and str(ask), age),
    st.sampled_from(["BTC/TRY", "ETH/TRY", "BTC/USDT"]),
    prices,
    prices,
    ages,
)


@given(st.lists(st.lists(rows, max_size=6), max_size=4), st.sampled_from(["bid", "mid", "last"]))
def test_for_any_input_every_usable_rate_is_positive_fresh_and_of_the_last_response(
    responses: list[list[Quote]], price: Literal["bid", "mid", "last"]
):
    limits = LIMITS._replace(price=price)
    found = Book()
    for listed in responses:
        found = updated_book(found, response(*listed), NOW, limits)
        assert set(found.rates) <= {each.pair for each in listed}
        assert sum(found.refused.values()) <= len(listed)
    for rate in found.rates.values():
        assert 0 < rate.sell <= rate.buy
        assert rate.expires_at <= NOW.monotonic + limits.stale_after


@given(st.lists(rows, max_size=6))
def test_each_pair_is_either_used_or_counted(listed: list[Quote]):
    found = updated_book(Book(), response(*listed), NOW, LIMITS)
    assert len(found.rates) + sum(found.refused.values()) == len({each.pair for each in listed})


def test_a_negative_number_of_lifetime_is_never_usable():
    limits = replace_stale(LIMITS, 50.0)
    found = book(quote("BTC/TRY", "100", "101", age=49.9), limits=limits)
    assert found.usable(NOW.monotonic + 0.2) == 0


def replace_stale(limits: QuoteLimits, seconds: float) -> QuoteLimits:
    return limits._replace(stale_after=seconds)


def test_a_book_is_replaced_and_never_changed():
    before = book(quote("BTC/TRY", "100", "101"))
    kept = replace(before)
    updated_book(before, response(), NOW, LIMITS)
    assert before == kept
