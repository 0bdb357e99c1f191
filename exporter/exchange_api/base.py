"""Define what an exchange is to the rest of the program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from exporter.credentials import Secret
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import Session
from exporter.model import Account, BalancesResponse


class ExchangeApi(Protocol):
    """Ask one API for balances; what its accounts share (stamps, tokens) lives here."""

    async def fetch_balances(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        """Return all that one complete answer said; raises a `PollError` if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """Register one exchange: what a configuration may say of it, and how its accounts are polled.

    `credentials` lists the sets of credential names of which an account must give exactly one;
    `base64_credentials` names those that the exchange hands out in base64. `has_other_paths` says
    whether an account may set another `balances_path`.
    """

    name: str
    api: Callable[[ServerClock], ExchangeApi]
    base_url: str
    balances_path: str
    requests_per_minute: int
    credentials: tuple[frozenset[str], ...]
    base64_credentials: frozenset[str] = frozenset()
    has_other_paths: bool = False
