"""The eight promises that a published number makes."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadResponseError, UnavailableError
from exporter.exchanges import btcturk
from exporter.exposition.balances_json import document
from exporter.exposition.deflate import inflate
from exporter.exposition.families import Format
from exporter.exposition.pages import Exposition
from exporter.model import AccountKey, AssetFilter, RejectedRow
from exporter.polling.snapshots import PollSchedule
from tests.accounts import FilledStore, balance, make_account, make_store, poll_at, reading, sample

TREASURY = AccountKey("btcturk", "treasury")
PAYMENTS = AccountKey("trubit", "payments")
DESK = AccountKey("btcturk", "desk")


def page(store: FilledStore, now: float) -> str:
    return inflate(Exposition(store).page(Format.TEXT, now).block).decode()


def total(store: FilledStore, key: AccountKey, asset: str, now: float) -> str | None:
    labels = {**key._asdict(), "asset": asset}
    return sample(page(store, now), "exchange_total_balance", labels)


@pytest.fixture
def store() -> FilledStore:
    return make_store(
        make_account("treasury"), make_account("desk"), make_account("payments", "trubit")
    )


def test_1_a_balance_is_absent_before_the_first_response(store: FilledStore):
    assert "_balance{" not in page(store, 0.0)


def test_1_a_balance_is_served_until_its_response_is_too_old_and_then_absent(store: FilledStore):
    store.succeed(TREASURY, poll_at(100.0), reading(balance("BTC", "1.5")))
    assert total(store, TREASURY, "BTC", 279.9) == "1.5"
    assert total(store, TREASURY, "BTC", 280.0) is None


def test_1_age_counts_from_before_the_request_was_sent(store: FilledStore):
    store.succeed(TREASURY, poll_at(100.0, duration=10.0), reading(balance("BTC", "1.5")))
    assert total(store, TREASURY, "BTC", 280.0) is None


def test_1_expiry_needs_no_poll_and_no_new_exposition(store: FilledStore):
    store.succeed(TREASURY, poll_at(100.0), reading(balance("BTC", "1.5")))
    exposition = Exposition(store)
    before = inflate(exposition.page(Format.TEXT, 279.9).block).decode()
    after = inflate(exposition.page(Format.TEXT, 280.0).block).decode()
    assert sample(before, "exchange_account_complete", TREASURY) == "1"
    assert sample(after, "exchange_account_complete", TREASURY) == "0"
    assert "exchange_total_balance{" in before
    assert "exchange_total_balance" not in after


def test_1_an_error_keeps_balances_only_until_they_are_too_old(store: FilledStore):
    store.succeed(TREASURY, poll_at(100.0), reading(balance("BTC", "1.5")))
    store.fail(TREASURY, poll_at(160.0), UnavailableError("down"))
    assert total(store, TREASURY, "BTC", 279.9) == "1.5"
    assert sample(page(store, 279.9), "exchange_account_up", TREASURY) == "0"
    assert total(store, TREASURY, "BTC", 280.0) is None


def test_1_a_reported_zero_is_zero(store: FilledStore):
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", "0")))
    assert total(store, TREASURY, "BTC", 1.0) == "0"


def test_2_a_new_response_replaces_the_old_one_whole(store: FilledStore):
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", "1"), balance("ETH", "2")))
    store.succeed(TREASURY, poll_at(60.0), reading(balance("BTC", "3")))
    assert total(store, TREASURY, "BTC", 61.0) == "3"
    assert total(store, TREASURY, "ETH", 61.0) is None


def test_3_a_response_of_the_wrong_shape_publishes_nothing_and_replaces_nothing(
    store: FilledStore,
):
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", "1")))
    with pytest.raises(BadResponseError) as caught:
        btcturk.parse_balances(b'{"success": true, "code": 0, "data": {"BTC": "2"}}')
    store.fail(TREASURY, poll_at(60.0), caught.value)
    assert total(store, TREASURY, "BTC", 61.0) == "1"


def test_3_a_row_that_cannot_be_parsed_is_dropped_and_the_account_incomplete(
    store: FilledStore,
):
    rejected = (RejectedRow(1, "ETH", "total is not a plain decimal number"),)
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", "1"), rejected=rejected))
    text = page(store, 1.0)
    assert sample(text, "exchange_account_complete", TREASURY) == "0"
    assert sample(text, "exchange_account_rejected_assets", TREASURY) == "1"
    assert sample(text, "exchange_account_assets", TREASURY) == "1"
    assert total(store, TREASURY, "ETH", 1.0) is None


def test_4_the_digits_of_the_documented_response_are_served_as_sent(store: FilledStore):
    body = (
        Path(__file__)
        .parent.joinpath("data", "responses", "btcturk", "documented.json")
        .read_bytes()
    )
    store.succeed(TREASURY, poll_at(0.0), btcturk.parse_balances(body))
    assert total(store, TREASURY, "TRY", 1.0) == "27223.7283250757643288"
    assert total(store, TREASURY, "BTC", 1.0) == "9.7502186644553258"


@given(st.decimals(-(10**17), 10**17, allow_nan=False, allow_infinity=False, places=18))
def test_4_amounts_are_served_with_every_digit(amount: Decimal):
    store = make_store(make_account())
    text = format(amount, "f")
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", text)))
    assert total(store, TREASURY, "BTC", 1.0) == text
    exact = b"".join(map(inflate, document(store.states.values(), 1.0, {}))).decode()
    assert f'"total":"{text}"' in exact


def test_5_negative_and_inconsistent_amounts_are_served_as_given_and_counted(store: FilledStore):
    rows = balance("BTC", "-1"), balance("ETH", "3", free="1", locked="1"), balance("TRY", "2")
    store.succeed(TREASURY, poll_at(0.0), reading(*rows))
    text = page(store, 1.0)
    assert total(store, TREASURY, "BTC", 1.0) == "-1"
    assert total(store, TREASURY, "ETH", 1.0) == "3"
    assert sample(text, "exchange_account_negative_assets", TREASURY) == "1"
    assert sample(text, "exchange_account_inconsistent_assets", TREASURY) == "1"
    assert sample(text, "exchange_account_complete", TREASURY) == "1"


@pytest.mark.parametrize("page_format", Format)
def test_6_no_sample_carries_a_timestamp(store: FilledStore, page_format: Format):
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", "1")))
    block = Exposition(store).page(page_format, 1.0).block
    samples = [line for line in inflate(block).decode().splitlines() if not line.startswith("#")]
    assert samples
    assert all(len(line.rpartition("}")[2].split()) == 1 for line in samples)


def test_7_an_account_without_balances_is_never_up_and_complete(store: FilledStore):
    text = page(store, 0.0)
    for key in (TREASURY, DESK, PAYMENTS):
        assert sample(text, "exchange_account_up", key) == "0"
        assert sample(text, "exchange_account_complete", key) == "0"


def test_8_one_accounts_failure_leaves_the_others_series_alone(store: FilledStore):
    for key in (TREASURY, DESK):
        store.succeed(key, poll_at(0.0), reading(balance("BTC", "1")))
    before = page(store, 1.0)
    store.fail(DESK, poll_at(60.0), UnavailableError("down"))
    after = page(store, 1.0)
    changed = set(before.splitlines()) ^ set(after.splitlines())
    assert changed
    assert all('account="desk"' in line for line in changed)


def test_nothing_survives_a_change_of_the_key_or_the_address_that_was_polled(store: FilledStore):
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", "1")))
    moved = make_account("treasury", base_url="https://elsewhere.example")
    store.configure({TREASURY: PollSchedule(moved, 60.0, 180.0)}, 0.0)
    assert total(store, TREASURY, "BTC", 1.0) is None
    assert sample(page(store, 1.0), "exchange_account_up", TREASURY) == "0"


def test_a_change_of_the_rhythm_leaves_no_gap(store: FilledStore):
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", "1")))
    faster = make_account("treasury", interval=30.0)
    store.configure({TREASURY: PollSchedule(faster, 30.0, 100.0)}, 0.0)
    assert total(store, TREASURY, "BTC", 1.0) == "1"


def test_a_removed_account_is_gone_with_everything(store: FilledStore):
    store.succeed(TREASURY, poll_at(0.0), reading(balance("BTC", "1")))
    store.configure({DESK: PollSchedule(make_account("desk"), 60.0, 180.0)}, 0.0)
    assert 'account="treasury"' not in page(store, 1.0)


def test_an_account_shows_only_the_assets_that_it_is_to_show():
    everything = reading(
        balance("BTC", "1"),
        balance("BRL1", "2"),
        rejected=(RejectedRow(2, "ETH", "?"), RejectedRow(3, None, "?")),
    )
    only_btc = everything.only(AssetFilter(include=frozenset({"BTC"})))
    assert [each.asset for each in only_btc.balances] == ["BTC"]
    assert only_btc.rejected == ()
    without = everything.only(AssetFilter(exclude=frozenset({"BRL1"})))
    assert [each.asset for each in without.balances] == ["BTC"]
