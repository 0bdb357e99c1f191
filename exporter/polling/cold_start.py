"""Estimate how long it takes after a start until every account has been polled once."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping

from exporter.exchange_api.base import Exchange
from exporter.model import Account
from exporter.polling.rate_limit import PERIOD, UTILISATION


def first_round(
    accounts: Iterable[Account],
    limit_of: Callable[[Account], tuple[Hashable, int]],
    exchanges: Mapping[str, Exchange],
) -> float:
    """Return the seconds until the slowest of the limits has let every account's requests through.

    `limit_of` returns what names an account's limit, and its requests a minute. An account may need
    a token before its first balances; accounts with the same key share it. Checks of what a key may
    do count against the same limit, at exchanges that have them.
    """
    requests: dict[tuple[Hashable, int], int] = defaultdict(int)
    tokens: set[Hashable] = set()
    for account in accounts:
        limit = limit_of(account)
        requests[limit] += 1 + exchanges[account.exchange].has_key_permissions
        key = frozenset(account.credentials.items())
        if exchanges[account.exchange].needs_token(account.credentials):
            requests[limit] += (limit, key) not in tokens
            tokens.add((limit, key))
    return max(
        (count * PERIOD / (limit * UTILISATION) for (_, limit), count in requests.items()),
        default=0.0,
    )


def in_words(seconds: float) -> str:
    """Return a time for people, never too short: `in about 9 minutes`."""
    if seconds < 90:
        return f"in about {max(1, math.ceil(seconds))} s"
    return f"in about {math.ceil(seconds / 60)} minutes"
