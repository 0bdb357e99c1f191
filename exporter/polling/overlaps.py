"""Find accounts whose balances contain another's, so that a sum counts the same money twice."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey


class Overlap(NamedTuple):
    """Two accounts in totals with one key: the balances of `whole` contain those of `part`."""

    whole: Account
    part: Account


def overlaps(accounts: Iterable[tuple[Account, Hashable]]) -> list[Overlap]:
    """Return each account that another one contains, with the first account that does.

    Every account comes with what tells its credentials from others. A key is a key of one exchange
    under all of its addresses: TruBit's serves the same accounts at an old and a new one.
    """
    by_key: dict[tuple[object, ...], list[Account]] = defaultdict(list)
    for account, credentials in accounts:
        if account.in_totals:
            by_key[account.exchange, credentials].append(account)
    return [each for group in by_key.values() if len(group) > 1 for each in _of_one_key(group)]


def _of_one_key(accounts: Sequence[Account]) -> Iterable[Overlap]:
    contains = EXCHANGES[accounts[0].exchange].contains
    found: dict[AccountKey, Overlap] = {}
    for first, other in combinations(accounts, 2):
        if first.key in found and other.key in found:
            continue
        if contains(first.balances_path, other.balances_path):
            found.setdefault(other.key, Overlap(first, other))
        elif contains(other.balances_path, first.balances_path):
            found.setdefault(first.key, Overlap(other, first))
    return found.values()
