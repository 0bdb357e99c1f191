"""Define what an exchange is to the rest of the program."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import eq
from typing import Protocol

from exporter.credentials import Credential, Secret
from exporter.exchange_api.http_date import MAX_RETRY_AFTER
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import Session
from exporter.model import Account, BalancesResponse
from exporter.quotes import PRICE_KINDS, PriceKind, QuotesQuery, QuotesResponse


class ExchangeApi(Protocol):
    """Request balances from one API; keeps what its accounts share (nonces, tokens)."""

    async def fetch_balances(
        self, account: Account, credentials: Mapping[str, Secret], session: Session
    ) -> BalancesResponse:
        """Return the balances of one complete response; raises a `PollError` if there is none."""
        ...


class KeyPermissionsApi(Protocol):
    """Request the permissions of a key, for an exchange that `has_key_permissions`."""

    async def fetch_key_permissions(
        self, credentials: Mapping[str, Secret], session: Session
    ) -> Mapping[str, bool]:
        """Return whether the key has each of `KEY_PERMISSIONS`; raises a `PollError`."""
        ...


class QuotesApi(Protocol):
    """Fetch quotes, for an `Exchange` that declares `quotes`."""

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
    `need_account` are requested with an account's key, within that account's limit. Quotes that
    `follow_holdings` are those of assets that are held, and are requested anew for a new one.
    `price_kinds` are the settings of `price` that the quotes can serve.
    """

    currencies: frozenset[str]
    requests_per_minute: int
    need_account: bool = False
    follow_holdings: bool = False
    price_kinds: frozenset[PriceKind] = frozenset(PRICE_KINDS)


KEY_PERMISSIONS = ("read", "trade", "withdraw", "transfer", "ip_restricted")
"""What can be said of a key; `ip_restricted` is the one that it should have besides `read`."""

CredentialSet = tuple[Credential, ...]
Contains = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Register one exchange: what a configuration may say of it, and how its accounts are polled.

    `parse_balances` takes the body of a 200, and raises a `PollError` if it is not a success. An
    account gives exactly one of the sets of `credentials`; `token_credentials` are those that are
    first exchanged for a token, which accounts that have the same ones share.
    `requests_per_minute` is the documented limit of private calls, for each address or, with
    `has_limit_per_account`, for each account. A `Retry-After` is followed up to `max_retry_after`
    seconds. `pause_after` returns for how many seconds to send nothing after a response with these
    headers (0: none) at the exchange's time (Unix seconds), if it says what is left of its limit.
    `has_other_paths` says whether an account may set another `balances_path`, `note` what a user
    must know of the balances. `spell` returns an asset's code as it is published, given the
    exchange's own spelling. With `bans_address`, a pause holds for all calls from an address to any
    host, public or private. Each egress path (proxy, `source_address`, `ip_family`) has its own
    address.
    """

    name: str
    api: Callable[[ServerClock], ExchangeApi]
    parse_balances: Callable[[bytes], BalancesResponse]
    base_url: str
    balances_path: str
    requests_per_minute: int
    credentials: tuple[CredentialSet, ...]
    has_limit_per_account: bool = False
    bans_address: bool = False
    max_retry_after: float = MAX_RETRY_AFTER
    pause_after: Callable[[Mapping[str, str], float], float] | None = None
    has_other_paths: bool = False
    has_key_permissions: bool = False
    note: str = ""
    spell: Callable[[str], str] = str
    quotes: Quotes | None = None
    token_credentials: frozenset[str] = frozenset()
    contains: Contains = eq
    """Whether the balances at one path contain those at another, for the same key."""

    def needs_token(self, credentials: Collection[str]) -> bool:
        """Return whether an account with these credentials requests a token before balances."""
        return bool(self.token_credentials) and self.token_credentials <= set(credentials)

    @property
    def credential_sets(self) -> tuple[frozenset[str], ...]:
        """Return the names of each set of credentials."""
        return tuple(frozenset(each.name for each in given) for given in self.credentials)

    def credential(self, name: str) -> Credential:
        """Return the credential of a name, which must be one of the sets'."""
        return next(each for given in self.credentials for each in given if each.name == name)


KEY_AND_SECRET: CredentialSet = (Credential("api_key"), Credential("api_secret"))
"""The credentials of most exchanges."""
