"""Choose the accounts that one of several exporters polls, from the configuration that all share.

Rendezvous hashing: no exporter needs to know of the others, and a change of their number moves as
few accounts as possible.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from exporter.model import Account, AccountKey


class ShardError(Exception):
    """There is no such shard."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Name one of `total` shards, which count from 0.

    Shards of a `shared_egress` reach exchanges from one address, so they share its limits. Raises
    `ShardError` for a number that is too large.
    """

    number: int = 0
    total: int = 1
    shared_egress: bool = True

    def __post_init__(self) -> None:
        if self.number >= self.total:
            raise ShardError(
                f"--shard={self.number}: shards count from 0, so with --total-shards={self.total} "
                f"the last one is {self.total - 1}"
            )

    def select(self, accounts: Iterable[Account]) -> tuple[Account, ...]:
        """Return the accounts of this shard; those that share a credential are on the same one."""
        listed = tuple(accounts)
        if self.total == 1:
            return listed
        leaders = _leaders(listed)
        return tuple(each for each in listed if self._has(leaders[each.key]))

    def share(self, requests_per_minute: int) -> int:
        """Return how much of an address's limit this shard may use: at least one request."""
        if not self.shared_egress:
            return requests_per_minute
        return max(1, requests_per_minute // self.total)

    def _has(self, leader: AccountKey) -> bool:
        return self.number == max(range(self.total), key=lambda shard: _weight(shard, leader))


def _weight(shard: int, leader: AccountKey) -> bytes:
    return sha256(f"{shard}/{leader.exchange}/{leader.account}".encode()).digest()


def _leaders(accounts: tuple[Account, ...]) -> Mapping[AccountKey, AccountKey]:
    """Return for each account the first, by name, of those that share credentials with it.

    The choice depends on names alone, so a new key moves no account.
    """
    leaders = {account.key: account.key for account in accounts}

    def leader(key: AccountKey) -> AccountKey:
        while leaders[key] != key:
            leaders[key] = leaders[leaders[key]]  # a shorter way for the next one
            key = leaders[key]
        return key

    seen: dict[object, AccountKey] = {}
    for account in accounts:
        for source in account.credentials.values():
            other = seen.setdefault((account.exchange, source), account.key)
            first, second = sorted((leader(other), leader(account.key)))
            leaders[second] = first
    return {key: leader(key) for key in leaders}
