"""Check once an hour what each key may do, if the exchange reports it; never delays balances."""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping

import structlog

from exporter.credentials import fingerprint
from exporter.errors import PollError
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey
from exporter.polling.endpoint import Endpoint, HoldBack, Sleep
from exporter.polling.permission_log import PermissionLog
from exporter.polling.snapshots import SnapshotStore
from exporter.runtime.clock import Clock

log = structlog.get_logger(__name__)

EVERY = 3600.0
"""Seconds between two checks of one key."""

_RETRY = EVERY / 12
_LOOK = 10.0  # seconds between two checks of whether one is due


class KeyPermissions:
    """Publish what the keys of accounts may do, and warn if that is more than reading."""

    def __init__(self, store: SnapshotStore, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        """Start without any key."""
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._log = PermissionLog()

    def keep(self, accounts: Iterable[AccountKey]) -> None:
        """Drop all accounts except these."""
        self._log.keep(accounts)

    async def keep_checking(
        self, account: Account, endpoint_of: Callable[[], Endpoint], hold_back: HoldBack
    ) -> None:
        """Check once an hour while the account is up, and soon after a failure or another key.

        A refused key is not checked: its polls already fail.
        """
        if not EXCHANGES[account.exchange].has_key_permissions:
            return
        checked_at = -math.inf
        while True:
            await self._sleep(_LOOK)
            state, now = self._store.states[account.key], self._clock.monotonic()
            has_response = state.key_permissions_at >= checked_at
            if state.up and now - checked_at >= (EVERY if has_response else _RETRY):
                checked_at = now
                try:
                    await self._check(account, endpoint_of(), hold_back)
                except Exception:
                    # No unexpected error here may end the daemon, or touch balances.
                    log.exception("key permissions can't be checked", **_labels(account))

    def withdraw_old(self) -> None:
        """Withdraw what no exchange has confirmed within two checks."""
        for key in self._store.withdraw_key_permissions(self._clock.monotonic() - 2 * EVERY):
            self._log.withdrawn(key)

    async def _check(self, account: Account, endpoint: Endpoint, hold_back: HoldBack) -> None:
        client = endpoint.connect(account)
        try:
            run = await endpoint.fetch_key_permissions(account, client, hold_back)
        finally:
            await client.aclose()
        if isinstance(run.outcome, PollError):
            log.debug("key permissions are unknown", **_labels(account), error=str(run.outcome))
            return
        digest = fingerprint(run.credentials or {})
        if self._store.note_key_permissions(account.key, run.outcome, digest, run.requested_at):
            self._log.checked(account.key, digest, run.outcome)


def _labels(account: Account) -> Mapping[str, str]:
    return account.key._asdict()
