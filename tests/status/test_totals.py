"""A sum is exact, and a total only while no account that may hold the asset is missing."""

from exporter.errors import PollTimeoutError
from exporter.model import AccountKey, AssetFilter, RejectedRow
from tests.accounts import FilledStore, balance, make_account, make_store, poll_at, reading
from tests.status.pages import NOW, page_of, rows_of

TREASURY = make_account("treasury")
PAYMENTS = make_account("payments", "trubit")


def totals_of(store: FilledStore) -> dict[str, list[str]]:
    return rows_of(page_of(store).by_id("totals").one("table"))


def held(total: str, free: str, locked: str) -> FilledStore:
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


def lead_of(store: FilledStore) -> list[str]:
    return [each.words for each in page_of(store).by_id("totals").one(class_="totals").all("p")]


KNOWN_PART = ["1.50", "1.25", "0.25", "known part, in 1 of 2 accounts"]


def test_while_an_account_is_missing_a_sum_is_only_the_known_part():
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "1.50", "1.25", "0.25")))
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no response"))
    assert totals_of(store) == {"BTC": KNOWN_PART}
    assert lead_of(store) == ["These are not totals. Not counted: payments (trubit)."]


def test_an_account_counts_until_its_balances_are_withdrawn_though_it_is_down():
    store = held("2.5", "2.5", "0")
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no response"))
    assert totals_of(store) == {"BTC": ["4.00", "3.75", "0.25", "2 of 2"]}
    assert lead_of(store) == []


def test_an_account_that_waits_for_its_first_poll_is_missing():
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "1.50", "1.25", "0.25")))
    assert totals_of(store) == {"BTC": KNOWN_PART}


def test_an_incomplete_account_is_missing_with_all_its_assets():
    store = held("2.5", "2.5", "0")
    rejected = (RejectedRow(0, "ETH", "bad"),)
    rows = balance("BTC", "2"), balance("MXN", "7")
    store.succeed(PAYMENTS.key, poll_at(NOW), reading(*rows, rejected=rejected))
    assert totals_of(store) == {
        "BTC": KNOWN_PART,
        "MXN": ["0", "0", "0", "known part, in 1 of 2 accounts; last seen in payments"],
    }


def test_what_only_a_missing_account_held_is_named_without_its_amount():
    store = held("2.5", "2.5", "0")
    store.succeed(PAYMENTS.key, poll_at(NOW - 200), reading(balance("MXN", "3400000")))
    assert totals_of(store)["MXN"] == [
        "0", "0", "0", "known part, in 1 of 2 accounts; last seen in payments",
    ]  # fmt: skip
    assert "3400000" not in page_of(store).one("main").text


def test_a_reload_keeps_what_only_a_missing_account_held():
    store = held("2.5", "2.5", "0")
    store.succeed(PAYMENTS.key, poll_at(NOW - 200), reading(balance("MXN", "3400000")))
    before = totals_of(store), page_of(store).by_id("trubit/payments").words
    store.configure({key: state.schedule for key, state in store.states.items()}, NOW)
    assert (totals_of(store), page_of(store).by_id("trubit/payments").words) == before


def test_an_account_that_cannot_hold_an_asset_by_its_filter_is_not_missing():
    payments = make_account("payments", "trubit", assets=AssetFilter(frozenset({"MXN"})))
    store = make_store(TREASURY, payments)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "1.50"), balance("MXN", "7")))
    store.fail(payments.key, poll_at(NOW), PollTimeoutError("no response"))
    assert totals_of(store) == {
        "BTC": ["1.50", "1.50", "0", "1 of 1"],
        "MXN": ["7", "7", "0", "known part, in 1 of 2 accounts"],
    }
    assert lead_of(store)[0].startswith("Amounts marked as the known part are not totals.")


def test_an_account_that_is_kept_out_of_totals_is_left_out_visibly():
    sandbox = make_account("sandbox", "trubit", in_totals=False)
    store = make_store(TREASURY, sandbox)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "1.50")))
    store.fail(sandbox.key, poll_at(NOW), PollTimeoutError("no response"))
    assert totals_of(store) == {"BTC": ["1.50", "1.50", "0", "1 of 1"]}
    assert lead_of(store) == ["Excluded from totals by configuration: sandbox (trubit)."]
    assert "not in totals" in page_of(store).by_id("trubit/sandbox").words


def test_retired_accounts_are_named():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "1.50")))
    store.retire([AccountKey("btcturk", "old-desk")])
    assert lead_of(store) == ["Retired, so no longer counted: old-desk (btcturk)."]


def test_a_complete_account_that_does_not_list_an_asset_holds_none_of_it():
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("TRY", "5"), balance("BTC", "0")))
    store.succeed(PAYMENTS.key, poll_at(NOW), reading(balance("BTC", "2")))
    assert {asset: row[3] for asset, row in totals_of(store).items()} == {
        "TRY": "2 of 2",
        "BTC": "2 of 2",
    }


def test_what_is_zero_everywhere_is_folded_away():
    store = make_store(TREASURY)
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("TRY", "5"), balance("BTC", "0")))
    assert page_of(store).by_id("totals/zeros").words == "1 asset at zero in every accountBTC"


def test_opposite_amounts_add_up_to_zero_and_are_shown():
    store = held("-1.50", "-1.25", "-0.25")
    assert totals_of(store) == {"BTC": ["0.00", "0.00", "0.00", "2 of 2"]}
