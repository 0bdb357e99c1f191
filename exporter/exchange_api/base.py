"""Define what an exchange is to the rest of the program."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from exporter.credentials import Secret
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import Session
from exporter.model import Account, BalancesResponse
from exporter.quotes import QuotesQuery, QuotesResponse


class ExchangeApi(Protocol):
    """Ask one API for balances; what its accounts share (stamps, tokens) lives here."""

    async def fetch_balances(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        """Return all that one complete answer said; raises a `PollError` if there is none."""
        ...


class QuotesApi(Protocol):
    """Fetch quotes: what an exchange's API also does if its `Exchange` declares `quotes`."""

    async def fetch_quotes(
        self, query: QuotesQuery, credentials: Mapping[str, Secret], session: Session
    ) -> QuotesResponse:
        """Return the quotes of one complete response; raises a `PollError` if there is none.

        `credentials` are empty unless the exchange's quotes need an account.
        """
        ...


@dataclass(frozen=True, slots=True)
class Quotes:
    """Declare an exchange's quotes: the currencies that it quotes in, and their rate limit.

    `requests_per_minute` is the limit of the public calls for each address. Quotes that
    `need_account` are requested with an account's key, within that account's limit.
    """

    currencies: frozenset[str]
    requests_per_minute: int
    need_account: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """Register one exchange: what a configuration may say of it, and how its accounts are polled.

    `credentials` lists the sets of credential names of which an account must give exactly one;
    `base64_credentials` names those that the exchange hands out in base64. `has_other_paths` says
    whether an account may set another `balances_path`. `token_credentials` are those that are first
    exchanged for a token, which accounts that have the same ones share.
    """

    name: str
    api: Callable[[ServerClock], ExchangeApi]
    base_url: str
    balances_path: str
    requests_per_minute: int
    credentials: tuple[frozenset[str], ...]
    base64_credentials: frozenset[str] = frozenset()
    has_other_paths: bool = False
    quotes: Quotes | None = None
    token_credentials: frozenset[str] = frozenset()

    def needs_token(self, credentials: Collection[str]) -> bool:
        """Return whether an account with these credentials requests a token before balances."""
        return bool(self.token_credentials) and self.token_credentials <= set(credentials)
