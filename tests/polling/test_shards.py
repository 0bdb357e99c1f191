"""Every account is polled by exactly one shard, and a change of their number moves few."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from exporter.credentials import Secret, SecretFile
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey
from exporter.polling.shards import Shard
from tests.accounts import make_account

SECRETS = some.one_of(
    some.integers(0, 9).map(lambda number: Secret(f"key-{number}")),
    some.integers(0, 9).map(lambda number: SecretFile(Path(f"key-{number}"))),
)
ACCOUNTS = some.lists(
    some.builds(
        make_account,
        name=some.integers(0, 99).map(lambda number: f"account-{number}"),
        exchange=some.sampled_from(sorted(EXCHANGES)),
        credentials=some.fixed_dictionaries({"api_key": SECRETS}),
    ),
    unique_by=lambda account: account.key,
    max_size=60,
)
TOTALS = some.integers(1, 12)


def placed(accounts: list[Account], total: int) -> dict[AccountKey, int]:
    """Return the shard of each account; each must be on exactly one."""
    found = {
        account.key: number
        for number in range(total)
        for account in Shard(number, total).select(accounts)
    }
    chosen = [Shard(number, total).select(accounts) for number in range(total)]
    assert sum(map(len, chosen)) == len(found) == len(accounts)
    return found


def many(count: int) -> list[Account]:
    """Return accounts each with a key of its own."""
    return [
        make_account(f"desk-{number}", credentials={"api_key": Secret(f"key-{number}")})
        for number in range(count)
    ]


@given(ACCOUNTS, TOTALS)
def test_every_account_is_on_exactly_one_shard(accounts: list[Account], total: int):
    placed(accounts, total)


@given(ACCOUNTS, TOTALS)
def test_accounts_that_share_a_credential_stay_together(accounts: list[Account], total: int):
    found = placed(accounts, total)
    shards: dict[object, set[int]] = {}
    for account in accounts:
        for source in account.credentials.values():
            shards.setdefault((account.exchange, source), set()).add(found[account.key])
    assert all(len(numbers) == 1 for numbers in shards.values())


@given(ACCOUNTS, TOTALS)
def test_one_more_shard_takes_accounts_and_moves_no_other(accounts: list[Account], total: int):
    before, after = placed(accounts, total), placed(accounts, total + 1)
    assert all(after[key] in {before[key], total} for key in before)


@given(ACCOUNTS, TOTALS, some.randoms())
def test_the_order_of_the_configuration_does_not_matter(accounts, total, random):
    before = placed(accounts, total)
    random.shuffle(accounts)
    assert placed(accounts, total) == before


@given(ACCOUNTS, TOTALS)
def test_a_new_key_moves_no_account(accounts: list[Account], total: int):
    alone = [make_account(each.name, each.exchange, credentials={}) for each in accounts]
    rotated = [
        make_account(each.name, each.exchange, credentials={"api_key": Secret(f"new-{number}")})
        for number, each in enumerate(accounts)
    ]
    assert placed(alone, total) == placed(rotated, total)


def test_shards_are_about_as_large_as_each_other():
    found = placed(many(4000), 4)
    sizes = [list(found.values()).count(number) for number in range(4)]
    assert min(sizes) > 900
    assert max(sizes) < 1100


def test_a_fifth_shard_moves_a_fifth_of_the_accounts():
    before, after = placed(many(4000), 4), placed(many(4000), 5)
    assert 700 < sum(before[key] != after[key] for key in before) < 900


def test_a_long_chain_of_shared_credentials_is_one_group():
    accounts = [
        make_account(
            f"desk-{number:05}",
            credentials={"api_key": Secret(f"{number}"), "api_secret": Secret(f"{number + 1}")},
        )
        for number in reversed(range(5000))
    ]
    assert len(set(placed(accounts, 2).values())) == 1


@pytest.mark.parametrize(("total", "share"), [(1, 120), (4, 30), (7, 17), (200, 1)])
def test_a_limit_is_divided_among_shards_of_one_address(total: int, share: int):
    assert Shard(0, total).share(120) == share


def test_a_limit_is_whole_for_shards_with_addresses_of_their_own():
    assert Shard(0, 4, shared_egress=False).share(120) == 120
