"""Find accounts whose balances contain another's, so that a sum counts the same money twice."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from exporter.exchange_api.base import Contains
from exporter.exchanges import EXCHANGES
from exporter.model import Account


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


def _of_one_key(accounts: Sequence[Account]) -> Iterator[Overlap]:
    by_path: dict[str, list[Account]] = defaultdict(list)
    for account in accounts:
        by_path[account.balances_path].append(account)
    for first, *others in by_path.values():
        yield from (Overlap(first, other) for other in others)
    yield from _of_other_paths(by_path, EXCHANGES[accounts[0].exchange].contains)


def _of_other_paths(
    by_path: Mapping[str, Sequence[Account]], contains: Contains
) -> Iterator[Overlap]:
    for path, other in combinations(by_path, 2):
        if contains(path, other):
            yield from (Overlap(by_path[path][0], part) for part in by_path[other])
        elif contains(other, path):
            yield from (Overlap(by_path[other][0], part) for part in by_path[path])
