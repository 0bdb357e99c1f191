"""Define what the simulator needs to know of an exchange, and what an account of one is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from exporter.simulator.messages import Call, CallKind, Request, Response
from exporter.simulator.portfolio import Portfolio
from exporter.simulator.rows import Rows, Style


@dataclass(slots=True, eq=False)
class Account:
    """Hold a simulated account; what it answers with may be changed at any time.

    With `verbatim`, the balances are answered with these very bytes. A key that is not `is_active`
    is refused until it is again. `thresholds` only go into the configuration for the exporter, as
    entries of its list.
    """

    exchange: str
    name: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    portfolio: Portfolio = field(repr=False)
    verbatim: bytes | None = field(default=None, repr=False)
    can_deposit: bool = True
    is_active: bool = True
    thresholds: tuple[Mapping[str, str], ...] = ()

    @property
    def credentials(self) -> dict[str, str]:
        """Return the credentials by the names that a configuration has for them."""
        return {"api_key": self.api_key, "api_secret": self.api_secret}


class Exchange(Protocol):
    """Check the requests to one exchange and answer them.

    `calls` are the paths that it knows. A `now_ms` is the exchange's own clock, in milliseconds
    since 1970.
    """

    name: str
    calls: Mapping[str, CallKind]
    style: Style

    def new_credentials(self, *seed: object) -> tuple[str, str]:
        """Return a key and a secret in the exchange's format."""

    def add(self, account: Account) -> None:
        """Know an account from now on; raises `ValueError` for credentials of the wrong format."""

    def account_of(self, request: Request) -> Account | None:
        """Return the account that a request claims to come from."""

    def refusal(self, call: Call, account: Account | None, now_ms: int) -> Response | None:
        """Return the answer to a request that may not be served, `None` if it may."""

    def answer(self, call: Call, account: Account | None, now_ms: int) -> Response:
        """Return the answer to a good request for anything but balances."""

    def balances(self, rows: Rows, account: Account) -> bytes:
        """Return the body of an answer with these rows."""

    def rows_of(self, body: bytes) -> Rows | None:
        """Return the rows in the body of an answer, `None` where there are none to be found."""

    def too_many_requests(self) -> Response:
        """Return the answer to a client that asks too often."""

    def expire_tokens(self, account: Account) -> None:
        """Accept no token any more that the account was given up to now."""
