"""Exchanges of ccxt behind our own client: nothing odd is taken for balances, at any of them.

python -m tests.exchanges.ccxt_survey    prints the table
"""

import asyncio
from importlib.util import find_spec

import pytest

from exporter.errors import BadResponseError, PollError, RejectedError
from exporter.exchange_api.ccxt_client import known_exchanges
from exporter.exchanges import EXCHANGES
from tests.exchanges.ccxt_survey import (
    SECRET,
    STUBS,
    fetched,
    fetched_at_once,
    outcome,
    responding,
)

pytestmark = pytest.mark.skipif(find_spec("ccxt") is None, reason="needs ccxt: make ccxt")

KRAKEN = (
    b'{"error":[],"result":{"XXBT":{"balance":"1.2345678901","hold_trade":"0.1"},'
    b'"ZEUR":{"balance":"504861.8946","hold_trade":"0"}}}'
)


@pytest.mark.parametrize("stub", STUBS)
def test_no_exchange_takes_an_odd_response_for_balances(stub: str):
    taken = [
        name
        for name in known_exchanges()
        if (exchange := EXCHANGES.get(f"ccxt:{name}")) and outcome(exchange, stub) == "balances"
    ]
    assert taken == []


def test_amounts_keep_their_exact_digits_and_what_is_derived_says_so():
    response = fetched("kraken", responding(200, KRAKEN))
    by_asset = {balance.asset: balance for balance in response.balances}
    assert by_asset["BTC"].total == "1.2345678901"
    assert by_asset["BTC"].locked == "0.1"
    assert by_asset["BTC"].free == "1.1345678901"
    assert by_asset["BTC"].asset_name == "free derived by this exporter"
    assert response.rejected == ()


def test_digits_of_json_numbers_are_not_lost():
    body = KRAKEN.replace(b'"504861.8946"', b"504861.89460000000000000001")
    [euro] = [b for b in fetched("kraken", responding(200, body)).balances if b.asset == "EUR"]
    assert euro.total == "504861.89460000000000000001"


def test_an_asset_that_is_listed_twice_is_refused():
    body = KRAKEN.replace(b'"ZEUR":{', b'"EUR":{"balance":"1","hold_trade":"0"},"ZEUR":{')
    with pytest.raises(BadResponseError, match="listed twice"):
        fetched("kraken", responding(200, body))


COINBASE = (
    b'{"accounts":[{"uuid":"a","currency":"BTC","available_balance":{"value":"1.5",'
    b'"currency":"BTC"},"hold":{"value":"0.5","currency":"BTC"},"type":"ACCOUNT_TYPE_CRYPTO",'
    b'"active":true}],"has_next":false,"cursor":"","size":1}'
)


def test_one_page_of_several_is_not_taken_for_all_balances():
    [bitcoin] = fetched("coinbase", responding(200, COINBASE)).balances
    assert (bitcoin.total, bitcoin.free, bitcoin.locked) == ("2", "1.5", "0.5")
    first = COINBASE.replace(b"false", b"true")
    with pytest.raises(BadResponseError, match="one page of several"):
        fetched("coinbase", responding(200, first))


def test_accounts_that_share_a_key_do_not_disturb_each_other():
    responses = asyncio.run(fetched_at_once("kraken", responding(200, KRAKEN), ["a", "b"]))
    assert [len(response.balances) for response in responses] == [2, 2]


def test_an_empty_account_is_not_told_from_an_error():
    with pytest.raises(BadResponseError, match="can't be told from an error"):
        fetched("kraken", responding(200, b'{"error":[],"result":{}}'))


def test_an_error_never_repeats_what_the_exchange_sent_or_we_did():
    body = f'{{"error":["EAPI:Invalid key {SECRET}"]}}'.encode()
    with pytest.raises(PollError) as raised:
        fetched("kraken", responding(200, body))
    assert SECRET not in f"{raised.value} {raised.value!r} {raised.value.__cause__!r}"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("EAPI:Invalid key", "authentication"),
        ("EAPI:Invalid nonce", "clock_skew"),
        ("EGeneral:Permission denied", "permission"),
        ("EAPI:Rate limit exceeded", "rate_limited"),
        ("EService:Unavailable", "unavailable"),
        ("EGeneral:Something else", "rejected"),
    ],
)
def test_an_error_has_the_reason_that_ccxt_sees_in_it(error: str, reason: str):
    with pytest.raises(PollError) as raised:
        fetched("kraken", responding(200, f'{{"error":["{error}"]}}'.encode()))
    assert raised.value.reason == reason


def test_a_key_is_never_sent_to_another_host():
    exchange = EXCHANGES["ccxt:kraken"]
    assert exchange.base_url == "https://api.kraken.com"
    with pytest.raises(RejectedError, match="another host"):
        fetched("kraken", responding(200, KRAKEN), host="api.example.com")


def test_an_exchange_with_a_file_of_its_own_is_not_replaced():
    assert EXCHANGES.get("ccxt:btcturk") is None


def test_an_exchange_is_labelled_by_its_own_name():
    assert EXCHANGES["ccxt:kraken"].name == "kraken"
    assert EXCHANGES["kraken"] is EXCHANGES["ccxt:kraken"]
