"""The time until the first balances of all accounts counts every request."""

import pytest

from exporter.credentials import Secret
from exporter.exchanges import EXCHANGES
from exporter.model import Account
from exporter.polling.cold_start import first_round, in_words
from tests.accounts import make_account

WITH_TOKENS = sorted(name for name in EXCHANGES if EXCHANGES[name].token_credentials)
each_with_tokens = pytest.mark.parametrize("exchange", WITH_TOKENS)


def accounts(exchange: str, count: int, keys: int) -> list[Account]:
    """Return accounts that share a number of keys."""
    return [
        make_account(
            f"desk-{number}",
            exchange,
            credentials={
                name: Secret(f"{name}-{number % keys}")
                for name in EXCHANGES[exchange].token_credentials or {"api_key", "api_secret"}
            },
        )
        for number in range(count)
    ]


def seconds(listed: list[Account], limit: int = 60) -> float:
    return first_round(listed, lambda account: (account.exchange, limit), EXCHANGES)


def test_there_is_an_exchange_with_tokens():
    assert WITH_TOKENS


@each_with_tokens
def test_a_token_counts_like_a_poll(exchange: str):
    assert seconds(accounts(exchange, 250, keys=250)) == pytest.approx(555.6, abs=0.1)


@each_with_tokens
def test_a_shared_token_counts_once(exchange: str):
    assert seconds(accounts(exchange, 250, keys=1)) == pytest.approx(251 / 0.9)


@each_with_tokens
def test_a_ready_token_costs_nothing(exchange: str):
    ready = [make_account(exchange=exchange, credentials={"token": Secret("t")})]
    assert seconds(ready) == pytest.approx(1 / 0.9)


def test_the_slowest_limit_counts():
    listed = [*accounts("btcturk", 90, keys=90), *accounts(WITH_TOKENS[0], 9, keys=9)]
    assert seconds(listed) == pytest.approx(100)


@pytest.mark.parametrize(
    "exchange", [name for name, each in EXCHANGES.items() if each.has_key_permissions]
)
def test_a_check_of_what_a_key_may_do_counts_like_a_poll(exchange: str):
    assert seconds(accounts(exchange, 90, keys=90)) == pytest.approx(200)


def test_nothing_to_poll_takes_no_time():
    assert seconds([]) == 0


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (0.2, "in about 1 s"),
        (4.1, "in about 5 s"),
        (89.9, "in about 90 s"),
        (90, "in about 2 minutes"),
        (555.6, "in about 10 minutes"),
    ],
)
def test_people_read_a_rounded_time(given: float, text: str):
    assert in_words(given) == text
