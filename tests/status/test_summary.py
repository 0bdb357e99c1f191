"""The first lines say whether all is well, and if not, what is the matter."""

from typing import Any

import pytest

from exporter.credentials import Secret
from exporter.errors import AuthenticationError, PollTimeoutError
from exporter.model import Account, Amount, BalancesResponse, RejectedRow, Threshold
from exporter.polling.snapshots import SnapshotStore
from tests.accounts import balance, make_account, make_store, poll_at, reading
from tests.status.pages import NOW, page_of

TREASURY = make_account("treasury")
PAYMENTS = make_account("payments", "trubit")


def summary_of(store: SnapshotStore) -> list[str]:
    header = page_of(store).by_id("summary")
    return [each.words for each in header.inside if not isinstance(each, str)][1:]


def test_all_up_says_how_old_the_oldest_balances_are():
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW - 5.2), reading(balance("BTC", "1")))
    store.succeed(PAYMENTS.key, poll_at(NOW - 1), reading(balance("BTC", "1")))
    assert summary_of(store) == ["All 2 accounts are up. Balances are at most 6 s old."]


def test_one_down_is_named_with_its_reason_and_how_long_it_lasts():
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(PAYMENTS.key, poll_at(NOW - 1), reading())
    store.fail(TREASURY.key, poll_at(NOW - 720), AuthenticationError("refused"))
    [sentence] = summary_of(store)
    assert sentence.startswith("1 of 2 accounts is down: treasury (btcturk), authentication, for ")
    assert sentence.endswith(" for 12 min, no successful poll yet.")


def test_many_down_are_counted_by_exchange_and_reason():
    accounts = [make_account(f"a{number}") for number in range(5)]
    store = make_store(*accounts, PAYMENTS)
    store.succeed(PAYMENTS.key, poll_at(NOW), reading())
    for account in accounts:
        store.fail(account.key, poll_at(NOW - 2), PollTimeoutError("no response"))
    assert summary_of(store) == [
        "5 of 6 accounts are down: 5 of 5 at btcturk, timeout, for up to 2 s."
    ]


def test_each_kind_of_problem_has_its_sentence_and_the_worst_comes_first():
    late, waiting = make_account("late"), make_account("waiting")
    store = make_store(waiting, PAYMENTS, late, TREASURY)
    store.succeed(PAYMENTS.key, poll_at(NOW - 1), reading(rejected=(RejectedRow(3, "X", "bad"),)))
    store.succeed(late.key, poll_at(NOW - 500), reading())
    store.fail(TREASURY.key, poll_at(NOW - 2), PollTimeoutError("no response"))
    assert summary_of(store) == [
        "1 of 4 accounts is down: treasury (btcturk), timeout, for 2 s, no successful poll yet.",
        "1 of 4 accounts is up, but with balances that are too old to be shown: late (btcturk).",
        "1 of 4 accounts is incomplete: payments (trubit), 1 row dropped.",
        "1 of 4 accounts is waiting for the first poll: waiting (btcturk).",
    ]


def test_a_balance_out_of_bounds_has_its_sentence():
    account = make_account("treasury", thresholds=(Threshold("BTC", "free_min", Amount("2.50")),))
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW - 1), reading(balance("BTC", "2.49")))
    assert summary_of(store) == [
        "The account is up. Balances are at most 1 s old.",
        "1 bound is broken. treasury (btcturk): BTC free is below its minimum of 2.50.",
    ]


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        (reading(balance("BTC", "1")), "treasury (btcturk): no balance of XYZ."),
        (None, "treasury (btcturk): no balances."),
    ],
)
def test_bounds_that_cannot_be_checked_have_their_sentence(
    response: BalancesResponse | None, sentence: str
):
    account = make_account("treasury", thresholds=(Threshold("XYZ", "free_min", Amount("1")),))
    store = make_store(account)
    if response:
        store.succeed(account.key, poll_at(NOW - 1), response)
    else:
        store.fail(account.key, poll_at(NOW - 1), PollTimeoutError("no response"))
    assert summary_of(store)[1] == f"Bounds of 1 account cannot be checked. {sentence}"


def test_bounds_are_not_missed_before_the_first_poll():
    account = make_account("treasury", thresholds=(Threshold("XYZ", "free_min", Amount("1")),))
    assert len(summary_of(make_store(account))) == 1


def test_the_only_account_is_called_so():
    store = make_store(TREASURY)
    assert summary_of(store) == [
        "The only account is waiting for the first poll: treasury (btcturk)."
    ]


def test_without_accounts_the_page_says_so():
    page = page_of(make_store())
    said = "No accounts are polled here: none are configured, or all are on other shards."
    assert page.one("h1").words == said
    assert page.by_id("totals").one("p").words == "No account is known to hold anything."


def test_the_tab_says_the_worst_in_a_few_words():
    store = make_store(TREASURY, PAYMENTS)
    assert page_of(store).all("title")[0].text == "all 2 waiting · exchange balances"
    store.fail(TREASURY.key, poll_at(NOW), PollTimeoutError("no response"))
    assert page_of(store).all("title")[0].text == "1 of 2 down · exchange balances"


ONE_KEY = {"api_key": Secret("one"), "api_secret": Secret("c2VjcmV0")}


def merchant(name: str, number: int, **changes: Any) -> Account:
    path = f"/v2/user/account/assets?merchantId={number}"
    return make_account(name, "trubit", balances_path=path, credentials=ONE_KEY, **changes)


def test_an_account_that_contains_another_one_is_named():
    accounts = merchant("all", 0), merchant("mx", 12345)
    store = make_store(*accounts)
    assert len(summary_of(store)) == 1
    for account in accounts:
        store.succeed(account.key, poll_at(NOW), reading(balance("MXN", "5")))
    assert summary_of(store)[1] == (
        "Totals count the same money twice: all (trubit) contains mx (trubit)."
    )


def test_an_account_that_is_left_out_of_totals_is_not_counted_twice():
    accounts = merchant("all", 0, in_totals=False), merchant("mx", 12345)
    store = make_store(*accounts)
    for account in accounts:
        store.succeed(account.key, poll_at(NOW), reading(balance("MXN", "5")))
    assert len(summary_of(store)) == 1
