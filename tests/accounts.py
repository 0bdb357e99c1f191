"""Make accounts, balances and stores for tests."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from exporter.credentials import Secret, fingerprint
from exporter.errors import PollError
from exporter.exchanges import EXCHANGES
from exporter.exposition.pages import PageRenderer
from exporter.model import Account, AccountKey, Amount, Balance, BalancesResponse
from exporter.polling.snapshots import PollResult, PollSchedule, SnapshotStore
from exporter.simulator import Account as SimulatedAccount
from exporter.simulator import Simulator

WALL = 1_700_000_000.0


def make_account(name: str = "treasury", exchange: str = "btcturk", **changes: Any) -> Account:
    fields: dict[str, Any] = {
        "name": name,
        "exchange": exchange,
        "base_url": EXCHANGES[exchange].base_url,
        "balances_path": EXCHANGES[exchange].balances_path,
        "credentials": {"api_key": Secret(f"key-{name}"), "api_secret": Secret("c2VjcmV0")},
    }
    return Account(**(fields | changes))


def simulated(simulator: Simulator, account: SimulatedAccount, **changes: Any) -> Account:
    """Return the configuration of a simulated account."""
    fields: dict[str, Any] = {
        "name": account.name,
        "exchange": account.exchange,
        "base_url": simulator.url,
        "credentials": {name: Secret(value) for name, value in account.credentials.items()},
        "timeout": 2.0,
    }
    return make_account(**(fields | changes))


def balance(
    asset: str, total: str, free: str | None = None, locked: str = "0", **others: Any
) -> Balance:
    amounts = Amount(total), Amount(total if free is None else free), Amount(locked)
    return Balance(asset, *amounts, **others)


def reading(*balances: Balance, **changes: Any) -> BalancesResponse:
    return BalancesResponse(balances, **changes)


def poll_at(requested_at: float, duration: float = 0.5) -> PollResult:
    return PollResult(requested_at, WALL + requested_at, duration, reading())


class FilledStore(SnapshotStore):
    """A store with a poll in one call."""

    def succeed(self, key: AccountKey, poll: PollResult, response: BalancesResponse) -> None:
        secrets = self._secrets_of(key)
        self.record(key, replace(poll, outcome=response, credentials=secrets), poll.wall + 60)

    def fail(self, key: AccountKey, poll: PollResult, error: PollError) -> None:
        self.record(key, replace(poll, outcome=error), poll.wall + 60)

    def allow(self, key: AccountKey, permissions: Mapping[str, bool], at: float) -> None:
        self.note_key_permissions(key, permissions, fingerprint(self._secrets_of(key)), at)

    def _secrets_of(self, key: AccountKey) -> Mapping[str, Secret]:
        sources = self.states[key].schedule.account.credentials
        return {name: each for name, each in sources.items() if isinstance(each, Secret)}


def make_store(*accounts: Account, stale_after: float = 180.0) -> FilledStore:
    store = FilledStore(PageRenderer())
    store.configure(
        {account.key: PollSchedule(account, 60.0, stale_after) for account in accounts}, 0.0
    )
    return store


def sample(page: str, name: str, labels: Mapping[str, str] | AccountKey) -> str | None:
    """Return the text of one sample's value, or None where the page has no such sample."""
    wanted = labels._asdict() if isinstance(labels, AccountKey) else labels
    inner = ",".join(f'{label}="{value}"' for label, value in wanted.items())
    start = f"{name}{{{inner}}} "
    found = [line.removeprefix(start) for line in page.splitlines() if line.startswith(start)]
    assert len(found) <= 1, found
    return found[0] if found else None
