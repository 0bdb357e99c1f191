"""Accounts whose balances contain another's are found, so that no sum counts money twice unseen."""

from typing import Any

import pytest

from exporter.credentials import Secret
from exporter.exchanges import EXCHANGES
from exporter.model import Account
from exporter.polling.overlaps import overlaps
from tests.accounts import make_account

ONE_KEY = {"api_key": Secret("one"), "api_secret": Secret("c2VjcmV0")}


def names(*accounts: Account) -> list[tuple[str, str]]:
    keyed = [(account, frozenset(account.credentials.items())) for account in accounts]
    return [(whole.name, part.name) for whole, part in overlaps(keyed)]


def merchant(name: str, number: str, **changes: Any) -> Account:
    fields: dict[str, Any] = {
        "balances_path": f"/assets?merchantId={number}",
        "credentials": ONE_KEY,
    }
    return make_account(name, "trubit", **(fields | changes))


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_accounts_with_one_key_are_the_same_money(exchange: str):
    a, b, c = (make_account(name, exchange, credentials=ONE_KEY) for name in "abc")
    assert names(a, b, c) == [("a", "b"), ("a", "c")]


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_accounts_with_keys_of_their_own_are_not(exchange: str):
    assert names(make_account("a", exchange), make_account("b", exchange)) == []


def test_merchant_0_contains_every_other_merchant():
    assert names(merchant("mx", "12"), merchant("br", "7"), merchant("all", "0")) == [
        ("all", "mx"),
        ("all", "br"),
    ]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("all mx mx2", [("all", "mx"), ("all", "mx2")]),
        ("mx mx2 all", [("mx", "mx2"), ("all", "mx")]),
        ("mx all mx2", [("all", "mx"), ("mx", "mx2")]),
    ],
)
def test_an_account_in_several_others_is_listed_once_with_the_first(
    order: str, expected: list[tuple[str, str]]
):
    numbers = {"all": "0", "mx": "5", "mx2": "05"}
    assert names(*(merchant(name, numbers[name]) for name in order.split())) == expected


def test_two_merchants_do_not_contain_each_other():
    assert names(merchant("mx", "12"), merchant("br", "120")) == []
    assert names(merchant("ten", "10"), merchant("one", "01")) == []


def test_an_account_that_is_left_out_of_totals_is_counted_once():
    assert names(merchant("all", "0", in_totals=False), merchant("mx", "12")) == []


def test_one_key_at_two_addresses_is_the_same_money():
    there = merchant("there", "12", base_url="https://api.velafi.example")
    assert names(merchant("here", "12"), there) == [("here", "there")]


@pytest.mark.parametrize("number", ["0", "12"])
def test_a_merchant_in_other_digits_is_the_same_merchant(number: str):
    assert names(merchant("a", number), merchant("b", f"0{number}")) == [("a", "b")]


def test_one_key_at_two_paths_without_a_merchant_is_the_same_money():
    old = merchant("old", "", balances_path="/v2/user/account/assets")
    new = merchant("new", "", balances_path="/v2/assets/account/assets")
    assert names(old, new) == [("old", "new")]
