"""Each account shows how it is, since when, and what to do."""

from dataclasses import replace

import pytest

from exporter.errors import AuthenticationError, BadResponseError
from exporter.exchanges import EXCHANGES
from exporter.model import Amount, RejectedRow, Threshold
from tests.accounts import WALL, balance, make_account, make_store, poll_at, reading
from tests.status.pages import NOW, Element, page_of, rows_of

TREASURY = make_account("treasury")
BTC = balance("BTC", "1.50")


def account_in(page: Element) -> Element:
    return page.by_id("btcturk/treasury")


def head_of(page: Element) -> list[str]:
    row = account_in(page).all("tr")[0]
    return [cell.words for cell in row.inside if isinstance(cell, Element)]


def test_before_the_first_poll_it_waits():
    page = page_of(make_store(TREASURY))
    assert head_of(page) == ["treasury", "btcturk", "waiting", "none yet", "soon", "none"]


def test_up_shows_the_age_the_next_poll_and_the_number_of_assets():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW - 6), reading(BTC, balance("TRY", "0")))
    assert head_of(page_of(store)) == ["treasury", "btcturk", "up", "6 s ago", "in 54 s", "2"]


def test_a_time_in_words_has_the_time_in_utc_behind_it():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW - 6), reading(BTC))
    time = account_in(page_of(store)).all("time")[0]
    assert time.attributes == {
        "datetime": "2023-11-14T22:29:54Z",
        "title": "2023-11-14 22:29:54 UTC",
    }


def test_incomplete_lists_the_dropped_rows():
    store = make_store(TREASURY)
    rejected = (
        RejectedRow(17, "XYZ", "total is not a plain decimal number"),
        RejectedRow(21, None, "not an object"),
    )
    store.succeed(TREASURY.key, poll_at(NOW - 6), reading(BTC, rejected=rejected))
    page = page_of(store)
    assert head_of(page)[2] == "incomplete"
    assert [item.text for item in account_in(page).all("li")] == [
        "row 17 (XYZ): total is not a plain decimal number",
        "row 21 (no asset): not an object",
    ]


@pytest.mark.parametrize("polled", [True, False])
def test_an_account_that_waits_for_a_pause_says_until_when(*, polled: bool):
    store = make_store(TREASURY)
    if polled:
        store.succeed(TREASURY.key, poll_at(NOW - 6), reading(BTC))
    store.pause({TREASURY.key: WALL + NOW + 7200})
    page = page_of(store)
    assert head_of(page)[2] == ("up" if polled else "waiting")
    assert head_of(page)[4] == "in 2 h"
    assert account_in(page).one(class_="note").words == (
        "No requests are sent: the rate limit pause ends in 2 h."
    )


def test_a_pause_that_ended_is_not_shown():
    store = make_store(TREASURY)
    store.pause({TREASURY.key: WALL + NOW})
    assert "Paused" not in account_in(page_of(store)).words


def test_of_very_many_dropped_rows_the_first_are_listed():
    store = make_store(TREASURY)
    rejected = tuple(RejectedRow(row, f"A{row}", "bad") for row in range(100))
    store.succeed(TREASURY.key, poll_at(NOW - 6), reading(BTC, rejected=rejected))
    items = account_in(page_of(store)).all("li")
    assert (len(items), items[-1].text) == (21, "and 80 more rows")


def test_down_says_why_and_what_to_do_and_still_shows_younger_balances():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW - 100), reading(BTC))
    store.fail(TREASURY.key, poll_at(NOW - 40), AuthenticationError("the key was refused"))
    page = page_of(store)
    assert head_of(page)[2:4] == ["down", "1 min 40 s ago withdrawn in 1 min 20 s"]
    assert account_in(page).one(class_="note").words == (
        "authentication for 40 s, 1 failed poll: The key was refused. "
        "Check the key, its secret and the IP addresses that the key is bound to."
    )
    assert rows_of(account_in(page).one("table"))["BTC"][0] == "1.50"


def test_withdrawn_is_neither_zero_nor_the_old_balance():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW - 300), reading(BTC))
    store.fail(TREASURY.key, poll_at(NOW - 40), BadResponseError("not valid JSON"))
    page = page_of(store)
    assert head_of(page)[2:4] == ["down", "withdrawn 2 min ago"]
    assert head_of(page)[5] == "none"
    assert account_in(page).all("table") == []
    assert "1.50" not in page.one("main").text


def test_balances_are_withdrawn_though_the_last_poll_worked():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW - 180), reading(BTC))
    page = page_of(store)
    assert head_of(page)[2] == "too old"
    assert account_in(page).all("table") == []


def test_a_state_has_a_word_and_a_symbol():
    store = make_store(TREASURY)
    store.fail(TREASURY.key, poll_at(NOW - 40), BadResponseError("not valid JSON"))
    page = page_of(store)
    symbol = account_in(page).all("use")[0].attributes["href"].removeprefix("#")
    assert symbol == "down"
    assert page.by_id(symbol).tag == "symbol"


def test_a_balance_out_of_bounds_is_marked_with_the_bound():
    thresholds = (
        Threshold("BTC", "free_min", Amount("1.5000000000000000000001")),
        Threshold("BTC", "total_max", Amount("1.50")),
        Threshold("TRY", "total_min", Amount("0.01")),
    )
    account = make_account("treasury", thresholds=thresholds)
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW), reading(BTC, balance("TRY", "0")))
    rows = rows_of(account_in(page_of(store)).one("table"))
    assert rows["BTC"][3].strip() == "free is below its minimum of 1.5000000000000000000001"
    assert rows["TRY"][3].strip() == "total is below its minimum of 0.01"


def test_a_bound_without_a_balance_has_a_note():
    account = make_account("treasury", thresholds=(Threshold("XYZ", "free_min", Amount("1")),))
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW), reading(BTC))
    note = account_in(page_of(store)).one(class_="note")
    assert note.words.startswith("No balance of XYZ, so its bounds cannot be checked.")


def test_a_bound_of_defaults_needs_no_balance():
    threshold = Threshold("XYZ", "free_min", Amount("1"), is_default=True)
    account = make_account("treasury", thresholds=(threshold,))
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW), reading(BTC))
    assert "XYZ" not in account_in(page_of(store)).words


def test_zeros_are_counted_and_folded_away():
    store = make_store(TREASURY)
    zeros = (balance("TRY", "0"), balance("ADA", "0.00"))
    store.succeed(TREASURY.key, poll_at(NOW), reading(BTC, *zeros))
    account = account_in(page_of(store))
    assert list(rows_of(account.one("table"))) == ["BTC"]
    assert account.one(class_="zeros").words == "2 assets at zeroADA, TRY"


def test_what_is_odd_about_a_balance_is_remarked():
    store = make_store(TREASURY)
    negative = balance("TRY", "-5.25")
    mismatch = balance("ETH", "3", "1", "1", locked_orders=Amount("1"))
    store.succeed(TREASURY.key, poll_at(NOW), reading(negative, mismatch))
    rows = rows_of(account_in(page_of(store)).one("table"))
    assert rows["TRY"][3].strip() == "negative"
    assert rows["ETH"][3] == "total differs from free + locked in open orders"


def test_an_exchange_that_rejects_deposits_has_a_note():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW), reading(BTC, can_deposit=False))
    note = account_in(page_of(store)).one(class_="note")
    assert note.words == "The exchange does not allow deposits to this account."


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (0.04, None),
        (-0.04, None),
        (0.06, "the exchange's clock is 0.1 s ahead of ours"),
        (-2.0, "the exchange's clock is 2.0 s behind ours"),
    ],
)
def test_an_offset_of_the_clock_is_shown_unless_it_is_nothing(offset: float, words: str | None):
    store = make_store(TREASURY)
    poll = replace(poll_at(NOW - 6), clock_offset=offset)
    store.succeed(TREASURY.key, poll, reading(BTC))
    text = account_in(page_of(store)).words
    assert words in text if words else "clock" not in text


def test_the_worst_account_stands_first():
    names = ["up", "down", "waiting"]
    accounts = [make_account(name) for name in names]
    store = make_store(*accounts)
    store.succeed(accounts[0].key, poll_at(NOW), reading(BTC))
    store.fail(accounts[1].key, poll_at(NOW), BadResponseError("not valid JSON"))
    found = [each.attributes["id"] for each in page_of(store).all("tbody", class_="account")]
    assert found == ["btcturk/down", "btcturk/waiting", "btcturk/up"]


@pytest.mark.parametrize("name", [name for name, each in EXCHANGES.items() if each.note])
def test_what_a_user_must_know_of_an_exchange_stands_with_its_account(name: str):
    store = make_store(make_account(exchange=name))
    note = page_of(store).by_id(f"{name}/treasury").one(class_="note")
    assert note.words == EXCHANGES[name].note
