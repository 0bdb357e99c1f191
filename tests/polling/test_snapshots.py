"""The store: what a poll changes, what a configuration changes, and when balances are withdrawn."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.credentials import Secret, fingerprint
from exporter.errors import AuthenticationError, InternalError, TlsError, UnavailableError
from exporter.model import Amount, AssetFilter, Balance, RejectedRow
from exporter.polling.snapshots import AccountState, PollResult, PollSchedule
from tests.accounts import (
    WALL,
    FilledStore,
    balance,
    make_account,
    make_store,
    poll_at,
    reading,
)

ACCOUNT = make_account()
KEY = ACCOUNT.key


def test_a_success_is_dated_by_when_its_poll_was_sent():
    store = make_store(ACCOUNT)
    result = PollResult(100.0, WALL + 100, 2.5, reading(balance("BTC", "1")), clock_offset=7.0)
    store.record(KEY, result, WALL + 160)
    state = store.states[KEY]
    assert (state.last_success, state.duration, state.clock_offset) == (WALL + 100, 2.5, 7.0)
    assert (state.next_poll, state.polls, state.up) == (WALL + 160, 1, True)
    assert state.snapshot is not None
    assert state.snapshot.requested_at == 100.0


def test_an_outage_counts_from_its_first_failure_and_by_its_last_reason():
    store = make_store(ACCOUNT)
    store.fail(KEY, poll_at(10.0), TlsError("expired"))
    store.fail(KEY, poll_at(70.0), UnavailableError("down"))
    store.fail(KEY, poll_at(130.0), UnavailableError("still down"))
    state = store.states[KEY]
    assert state.outage is not None
    assert (state.outage.since, state.outage.began_at) == (WALL + 10, 10.0)
    assert (state.outage.failures, state.outage.reason) == (3, "unavailable")
    assert (state.outage.message, state.outage.defect) == ("still down", None)
    assert {name: count for name, count in state.failures.items() if count} == {
        "tls": 1,
        "unavailable": 2,
    }
    assert (state.polls, state.up) == (3, False)
    store.succeed(KEY, poll_at(190.0), reading())
    assert store.states[KEY].outage is None


def test_an_unexpected_error_is_kept_for_the_log():
    store, cause = make_store(ACCOUNT), ZeroDivisionError()
    store.fail(KEY, poll_at(0.0), InternalError.of(cause))
    outage = store.states[KEY].outage
    assert outage is not None
    assert outage.defect is cause


def test_the_next_poll_is_when_it_is_due_and_no_pause_holds():
    store = make_store(ACCOUNT)
    store.expect({KEY: WALL + 60})
    store.pause({KEY: WALL + 7200})
    assert store.states[KEY].next_poll == WALL + 7200
    store.expect({KEY: WALL + 9000})
    assert store.states[KEY].next_poll == WALL + 9000
    store.expect({KEY: WALL + 60})
    store.pause({KEY: 0.0})
    assert store.states[KEY].next_poll == WALL + 60


def test_balances_expire_at_their_exact_age():
    store = make_store(ACCOUNT, stale_after=180.0)
    assert store.states[KEY].expires_at == 0
    store.succeed(KEY, poll_at(100.0), reading(balance("BTC", "1")))
    state = store.states[KEY]
    assert state.expires_at == 280.0
    assert state.served(279.999) is state.snapshot
    assert state.served(280.0) is None


@pytest.mark.parametrize(
    ("row", "inconsistent", "negative"),
    [
        (balance("BTC", "3", "1", "2"), 0, 0),
        (balance("BTC", "3", "1", "1"), 1, 0),
        (balance("BTC", "-1", "-1", "0"), 0, 1),
        (balance("BTC", "0", "-1", "1"), 0, 1),
        (balance("BTC", "0", "1", "-1"), 0, 1),
        (balance("BTC", "0"), 0, 0),
    ],
)
def test_what_is_odd_is_counted(row: Balance, inconsistent: int, negative: int):
    store = make_store(ACCOUNT)
    store.succeed(KEY, poll_at(0.0), reading(row))
    snapshot = store.states[KEY].snapshot
    assert snapshot is not None
    assert (snapshot.assets, snapshot.inconsistent, snapshot.negative) == (
        1,
        inconsistent,
        negative,
    )


@pytest.mark.parametrize(
    "row",
    [
        balance("BTC", "1", locked_orders=Amount("-0.5")),
        balance("BTC", "1", locked_withdrawals=Amount("-0.5")),
    ],
)
def test_negative_amounts_that_orders_and_withdrawals_lock_are_counted_too(row: Balance):
    store = make_store(ACCOUNT)
    store.succeed(KEY, poll_at(0.0), reading(row))
    snapshot = store.states[KEY].snapshot
    assert snapshot is not None
    assert snapshot.negative == 1


def test_nothing_is_known_of_an_account_before_its_first_poll_but_when_that_is_due():
    store = make_store(ACCOUNT)
    state = store.states[KEY]
    assert (state.up, state.polls, state.outage, state.snapshot) == (False, 0, None, None)
    assert (state.last_success, state.duration, state.clock_offset) == (0.0, 0.0, 0.0)
    assert not any(state.failures.values())
    assert state.served(0.0) is None
    version = store.version
    store.expect({KEY: WALL + 5})
    assert store.states[KEY].next_poll == WALL + 5
    assert store.version > version
    store.retire([KEY])
    assert store.retired == (KEY,)
    assert store.version > version + 1


def test_a_result_without_a_clock_offset_says_that_the_clocks_agree():
    result = PollResult(0.0, WALL, 1.0, reading())
    assert (result.clock_offset, result.waited, result.requests) == (0.0, 0.0, ())


def test_dropped_rows_and_what_the_exchange_allows_are_kept():
    store, rejected = make_store(ACCOUNT), (RejectedRow(3, "X", "bad"),)
    store.succeed(KEY, poll_at(0.0), reading(rejected=rejected, can_deposit=False))
    snapshot = store.states[KEY].snapshot
    assert snapshot is not None
    assert (snapshot.rejected, snapshot.can_deposit) == (rejected, False)


def test_every_change_has_a_version_of_its_own():
    store = make_store(ACCOUNT)
    versions = [store.version]
    store.succeed(KEY, poll_at(0.0), reading())
    versions.append(store.version)
    store.fail(KEY, poll_at(1.0), TlsError("x"))
    versions.append(store.version)
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    ("changes", "stay"),
    [
        ({"interval": 30.0}, True),
        ({"timeout": 5.0}, True),
        ({"labels": {"desk": "x"}}, True),
        ({"base_url": "https://elsewhere.example"}, False),
        ({"balances_path": "/other"}, False),
        ({"credentials": {"api_key": Secret("other")}}, False),
        ({"assets": AssetFilter(exclude=frozenset({"X"}))}, False),
    ],
)
def test_balances_stay_while_the_same_would_be_fetched(changes: dict[str, object], stay: bool):  # noqa: FBT001
    store = make_store(ACCOUNT)
    store.succeed(KEY, poll_at(0.0), reading(balance("BTC", "1")))
    changed = replace(ACCOUNT, **changes)  # type: ignore[arg-type]
    store.configure({KEY: PollSchedule(changed, 60.0, 180.0)}, 1.0)
    assert (store.states[KEY].snapshot is not None) == stay
    assert store.states[KEY].polls == 1
    assert store.states[KEY].schedule.account is changed


def reconfigured(store: FilledStore, at: float, stale_after: float, **changes: Any) -> AccountState:
    changed = replace(ACCOUNT, **changes)
    store.configure({KEY: PollSchedule(changed, 60.0, stale_after)}, at)
    return store.states[KEY]


def test_withdrawn_balances_are_kept_as_last_seen_by_a_reload_but_never_served_again():
    store = make_store(ACCOUNT, stale_after=180.0)
    store.succeed(KEY, poll_at(0.0), reading(balance("BTC", "1")))
    last_seen = store.states[KEY].snapshot
    for stale_after in (180.0, 3600.0, 60.0, 3600.0):
        state = reconfigured(store, 200.0, stale_after)
        assert state.snapshot is last_seen
        assert state.served(200.0) is None
        assert state.expires_at == 180.0
    store.succeed(KEY, poll_at(300.0), reading(balance("BTC", "2")))
    assert store.states[KEY].expires_at == 3900.0


def test_balances_that_a_shorter_stale_after_withdrew_are_not_served_by_a_longer_one():
    store = make_store(ACCOUNT, stale_after=180.0)
    store.succeed(KEY, poll_at(0.0), reading(balance("BTC", "1")))
    assert reconfigured(store, 100.0, 60.0).served(100.0) is None
    assert reconfigured(store, 101.0, 3600.0).served(101.0) is None


@pytest.mark.parametrize(
    "changes",
    [{"credentials": {"api_key": Secret("other")}}, {"base_url": "https://elsewhere.example"}],
)
def test_what_was_last_seen_with_another_key_or_elsewhere_is_forgotten(changes: dict[str, object]):
    store = make_store(ACCOUNT, stale_after=180.0)
    store.succeed(KEY, poll_at(0.0), reading(balance("BTC", "1")))
    reconfigured(store, 200.0, 180.0)
    assert reconfigured(store, 200.0, 3600.0, **changes).snapshot is None
    assert reconfigured(store, 200.0, 3600.0).snapshot is None


def test_what_was_last_seen_is_forgotten_when_the_key_file_holds_another_key():
    store = make_store(ACCOUNT, stale_after=180.0)
    store.succeed(KEY, poll_at(0.0), reading(balance("BTC", "1")))
    reconfigured(store, 200.0, 180.0)
    store.withdraw_others(KEY, fingerprint({"api_key": Secret("other")}))
    assert store.states[KEY].snapshot is None
    assert store.states[KEY].expires_at == 0


def test_only_balances_of_another_key_are_withdrawn():
    store, secrets = make_store(ACCOUNT), {"api_key": Secret("a")}
    result = replace(poll_at(0.0), outcome=reading(balance("BTC", "1")), credentials=secrets)
    store.record(KEY, result, WALL + 60)
    store.withdraw_others(KEY, fingerprint({"api_key": Secret("a")}))
    assert store.states[KEY].snapshot is not None
    version = store.version
    store.withdraw_others(KEY, fingerprint({"api_key": Secret("b")}))
    assert store.states[KEY].snapshot is None
    assert store.states[KEY].last_success == 0
    assert store.version > version
    store.withdraw_others(make_account("unknown").key, b"")


def test_a_fingerprint_tells_names_and_values_apart():
    texts = [{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "bc", "d": ""}]
    prints = {fingerprint({n: Secret(v) for n, v in each.items()}) for each in texts}
    assert len(prints) == len(texts)
    assert fingerprint({"a": Secret("1"), "b": Secret("2")}) == fingerprint(
        {"b": Secret("2"), "a": Secret("1")}
    )


def test_a_refusal_leaves_the_balances_until_they_are_too_old():
    store = make_store(ACCOUNT)
    store.succeed(KEY, poll_at(0.0), reading(balance("BTC", "1")))
    store.fail(KEY, poll_at(60.0), AuthenticationError("no"))
    assert store.states[KEY].served(100.0) is not None


def test_a_new_store_is_empty():
    store = make_store()
    assert store.states == {}
    assert store.retired == ()
    store.configure({KEY: PollSchedule(ACCOUNT, 60.0, 180.0)}, 0.0)
    assert set(store.states) == {KEY}
    store.configure({}, 0.0)
    assert store.states == {}


def test_permissions_of_a_certain_age_are_withdrawn_and_all_others_stay():
    old, new, none = (make_account(name) for name in ("old", "new", "none"))
    store = make_store(old, new, none)
    for account in (old, new):
        store.succeed(account.key, poll_at(0.0), reading(balance("BTC", "1")))
    store.allow(old.key, {"read": True}, at=100.0)
    store.allow(new.key, {"read": True}, at=100.5)
    assert store.withdraw_key_permissions(until=99.9) == ()
    version = store.version
    assert store.withdraw_key_permissions(until=100.0) == (old.key,)
    assert store.version == version + 1
    assert not store.states[old.key].key_permissions
    assert store.states[new.key].key_permissions == {"read": True}


def test_nothing_is_published_where_nothing_is_withdrawn():
    account = make_account("a")
    store = make_store(account)
    states, version = store.states, store.version
    store.withdraw_key_permissions(until=1_000.0)
    assert (store.states, store.version) == (states, version)
    assert store.states is states


def test_permissions_are_noted_for_the_key_that_the_balances_are_from_and_for_no_other():
    key = {"api_key": Secret("a"), "api_secret": Secret("b")}
    account, ours = make_account("a", credentials=key), fingerprint(key)
    store = make_store(account)
    assert not store.note_key_permissions(account.key, {"read": True}, ours, 0.0)
    store.succeed(account.key, poll_at(0.0), reading(balance("BTC", "1")))
    assert not store.note_key_permissions(account.key, {"read": True}, b"another", 0.0)
    assert not store.states[account.key].key_permissions
    assert store.note_key_permissions(account.key, {"read": True}, ours, 0.0)
    assert store.states[account.key].key_permissions == {"read": True}
