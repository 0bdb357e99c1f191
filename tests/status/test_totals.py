"""A sum is exact, says of how many accounts it is, and is withheld where it could be too small."""

from exporter.errors import PollTimeoutError
from exporter.model import AssetFilter, RejectedRow
from exporter.polling.snapshots import SnapshotStore
from tests.accounts import balance, make_account, make_store, poll_at, reading
from tests.status.pages import NOW, page_of, rows_of

TREASURY = make_account("treasury")
PAYMENTS = make_account("payments", "trubit")


def totals_of(store: SnapshotStore) -> dict[str, list[str]]:
    return rows_of(page_of(store).by_id("totals").one("table"))


def held(total: str, free: str, locked: str) -> SnapshotStore:
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "1.50", "1.25", "0.25")))
    store.succeed(PAYMENTS.key, poll_at(NOW), reading(balance("BTC", total, free, locked)))
    return store


def test_a_sum_says_of_how_many_accounts_it_is():
    assert totals_of(held("2.5", "2.5", "0")) == {"BTC": ["4.00", "3.75", "0.25", "2 of 2"]}


def test_sums_keep_every_digit():
    sums = totals_of(held("9" * 90, "0", "0." + "0" * 79 + "1"))["BTC"]
    assert sums[0] == "1" + "0" * 90 + ".50"
    assert sums[2] == "0.25" + "0" * 77 + "1"


def test_a_sum_is_withheld_while_an_account_that_could_hold_the_asset_is_down():
    store = held("2.5", "2.5", "0")
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no answer"))
    assert totals_of(store) == {"BTC": ["withheld: payments is missing", "1 of 2"]}
    assert "1.50" not in page_of(store).by_id("totals").text


def test_a_sum_is_withheld_while_an_account_waits_for_its_first_poll():
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "1.50")))
    assert totals_of(store) == {"BTC": ["withheld: payments is missing", "1 of 2"]}


def test_a_sum_is_withheld_while_an_answer_is_incomplete():
    store = held("2.5", "2.5", "0")
    rejected = (RejectedRow(0, "ETH", "bad"),)
    store.succeed(PAYMENTS.key, poll_at(NOW), reading(balance("BTC", "2"), rejected=rejected))
    assert totals_of(store)["BTC"][0] == "withheld: payments is missing"


def test_a_sum_is_withheld_when_balances_are_too_old():
    store = held("2.5", "2.5", "0")
    store.succeed(PAYMENTS.key, poll_at(NOW - 200), reading(balance("BTC", "2")))
    assert totals_of(store)["BTC"][0] == "withheld: payments is missing"


def test_an_account_that_may_not_publish_an_asset_does_not_withhold_it():
    payments = make_account("payments", "trubit", assets=AssetFilter(frozenset({"MXN"})))
    store = make_store(TREASURY, payments)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "1.50"), balance("MXN", "7")))
    store.fail(payments.key, poll_at(NOW), PollTimeoutError("no answer"))
    assert totals_of(store) == {
        "BTC": ["1.50", "1.50", "0", "1 of 1"],
        "MXN": ["withheld: payments is missing", "1 of 2"],
    }


def test_only_accounts_that_list_the_asset_count():
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("TRY", "5"), balance("BTC", "0")))
    store.succeed(PAYMENTS.key, poll_at(NOW), reading(balance("BTC", "2")))
    assert {asset: row[3] for asset, row in totals_of(store).items()} == {
        "TRY": "1 of 1",
        "BTC": "2 of 2",
    }


def test_what_is_zero_everywhere_is_folded_away():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("TRY", "5"), balance("BTC", "0")))
    assert page_of(store).by_id("totals/zeros").words == "1 asset at zero in every accountBTC"


def test_opposite_amounts_add_up_to_zero_and_are_shown():
    store = held("-1.50", "-1.25", "-0.25")
    assert totals_of(store) == {"BTC": ["0.00", "0.00", "0.00", "2 of 2"]}
