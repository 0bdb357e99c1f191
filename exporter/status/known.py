"""Take what is known at one moment, and sum it up: for the page and for the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.model import Account, AccountKey
from exporter.polling.overlaps import Overlap
from exporter.polling.snapshots import AccountState
from exporter.prices.valuations import Valued
from exporter.status.conditions import is_counted
from exporter.status.holdings import Holdings, Reading
from exporter.status.turns import Turns
from exporter.totals import Totals

MOST_INLINE = 1_000
"""Balances that can stand on one page: a browser lays them out in a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that one page is made of, taken at one moment; `now` is monotonic, `wall` Unix time."""

    now: float
    wall: float
    states: Sequence[AccountState]
    retired: Sequence[AccountKey]
    reading: Reading
    overlaps: Sequence[Overlap]
    turns: Turns
    valued: Valued | None = None
    valuing_failed: bool = False

    @property
    def accounts(self) -> list[Account]:
        """Return the accounts as they are configured."""
        return [state.schedule.account for state in self.states]

    @property
    def served(self) -> list[Holdings]:
        """Return what is served of the accounts."""
        served = self.reading.served
        return [served[account.key] for account in self.accounts if account.key in served]

    @property
    def in_totals(self) -> list[AccountState]:
        """Return the accounts that are not excluded from totals by configuration."""
        return [
            state
            for state in self.states
            if state.schedule.account.in_totals and state.schedule.account.key not in self.retired
        ]

    @property
    def is_small(self) -> bool:
        """Return whether all balances can stand on one page."""
        return sum(len(holdings.held) for holdings in self.served) <= MOST_INLINE


async def sum_up(known: Known) -> Totals:
    """Return the sums over all accounts that are not excluded by configuration."""
    totals, served = Totals(), known.reading.served
    async for state in known.turns.each(known.states):
        account = state.schedule.account
        holdings = served.get(account.key)
        if not account.in_totals or account.key in known.retired:
            totals.left_out.append(account)
        elif holdings and is_counted(state, known.now):
            totals.count(account, holdings.held, holdings.zeros)
        else:
            held = [row.asset for row in holdings.held] if holdings else ()
            totals.miss(account, held or known.reading.last_seen.get(account.key, ()))
    return totals
