"""Define a simulated exchange: one class that says and does all that the simulator needs of it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from exporter.simulator.catalogue import Catalogue, first
from exporter.simulator.limits import Excess, Limit
from exporter.simulator.market import Market, QuoteRows
from exporter.simulator.messages import CallKind, Request, Response
from exporter.simulator.portfolio import Portfolio, fixed, moving
from exporter.simulator.rows import Rows, Style, decode, encode

Balances = Mapping[str, tuple[str, str, str]]
"""Total, free and locked of each asset, as plain decimals."""


@dataclass(slots=True, eq=False)
class Account:
    """Simulate one account; its balances and its state may change at any time.

    With `verbatim`, balances responses are exactly these bytes. A key that is not `is_active`
    is refused until it is again. `thresholds` only go into the configuration for the exporter, as
    entries of its list.
    """

    exchange: str
    name: str
    credentials: Mapping[str, str] = field(repr=False)
    portfolio: Portfolio = field(repr=False)
    verbatim: bytes | None = field(default=None, repr=False)
    can_deposit: bool = True
    is_active: bool = True
    permissions: frozenset[str] = frozenset({"read", "ip_restricted"})
    thresholds: tuple[Mapping[str, str], ...] = ()

    @property
    def api_key(self) -> str:
        """Return the key, at an exchange that has one."""
        return self.credentials["api_key"]

    @property
    def api_secret(self) -> str:
        """Return the secret, at an exchange that has one."""
        return self.credentials["api_secret"]


class DemoAccount(NamedTuple):
    """Describe an account of the demo."""

    name: str
    thresholds: tuple[Mapping[str, str], ...] = ()


class Refusal(NamedTuple):
    """Describe an error that an exchange documents: its HTTP status, its own code and message."""

    status: int
    code: int | str
    message: str


class Exchange(ABC):
    """Check the requests to one exchange and respond to them.

    `calls` are the paths that it knows, with the `methods` that are not GET. A `now_ms` is the
    exchange's own clock, in milliseconds since 1970. `rows_path` are the keys that lead to the rows
    in a good response.

    The tests play every fault at every exchange, and read here what is documented: `refusals` has
    the exchange's own error for a reason of a failed poll, `reasons` the reason that each of its
    codes stands for, and in `tolerance` the seconds that a time may be off in both directions, if
    times are checked. `code_key` is the member of a good response that says that it is good, if one
    does.

    `markets` are quoted by a public ticker, or by a call that needs an account if there are
    `quote_requests`.
    """

    name: ClassVar[str]
    calls: ClassVar[Mapping[str, CallKind]]
    style: ClassVar[Style]
    rows_path: ClassVar[tuple[str, ...]]
    holdings: ClassVar[Catalogue]
    refusals: ClassVar[Mapping[str, Refusal]]
    reasons: ClassVar[Mapping[object, str]]
    methods: ClassVar[Mapping[CallKind, str]] = {}
    limit: ClassVar[Limit]
    public_limit: ClassVar[Limit] = Limit(600)
    public_calls: ClassVar[frozenset[CallKind]] = frozenset({"time", "ticker", "markets"})
    weights: ClassVar[Mapping[CallKind, int]] = {}
    listed: ClassVar[int | None] = None
    demo_accounts: ClassVar[tuple[DemoAccount, ...]] = (DemoAccount("treasury"),)
    code_key: ClassVar[str | None] = "code"
    tolerance: ClassVar[float | None] = None
    markets: ClassVar[tuple[Market, ...]] = ()
    quote_requests: ClassVar[tuple[Mapping[str, str], ...]] = ()

    @abstractmethod
    def new_credentials(self, *seed: object) -> Mapping[str, str]:
        """Return new credentials in the exchange's format, by their names in a configuration."""

    @abstractmethod
    def add(self, account: Account) -> None:
        """Add an account; raises `ValueError` for credentials of the wrong format."""

    @abstractmethod
    def account_of(self, request: Request) -> Account | None:
        """Return the account that a request claims to come from."""

    @abstractmethod
    def sign(self, account: Account, kind: CallKind, now_ms: int) -> Request:
        """Return a request that is good at a time, as a client that follows the documents sends."""

    @abstractmethod
    def refusal(self, call: "Call", now_ms: int) -> Response | None:
        """Return the response to a request that may not be served, `None` if it may."""

    @abstractmethod
    def document(self, listed: bytes, account: Account) -> bytes:
        """Return the body of a good response with this JSON as its list of rows."""

    @abstractmethod
    def error(self, status: int, code: object, message: str) -> Response:
        """Return an error in the exchange's shape."""

    def request(
        self, kind: CallKind, headers: Mapping[str, str], query: Mapping[str, str] | None = None
    ) -> Request:
        """Return a request of a kind, at the first path that is listed for it."""
        [path, *_] = [path for path, each in self.calls.items() if each == kind]
        lower = {name.lower(): text for name, text in headers.items()}
        method = self.methods.get(kind, "GET")
        return Request(method, path, query or {}, lower, "127.0.0.1", keep_alive=True)

    def respond(self, call: "Call", now_ms: int) -> Response:
        """Return the response to a good request for anything but balances."""
        raise NotImplementedError(f"{self.name} has no response to the call {call.kind}")

    def wanted(self, call: "Call") -> tuple[Market, ...]:  # noqa: ARG002 - some calls name one
        """Return the markets that a request for quotes is about."""
        return self.markets

    def quotes(self, rows: QuoteRows) -> bytes:
        """Return the body of a response with these quotes, at an exchange that has some."""
        raise NotImplementedError(f"{self.name} quotes nothing")

    def rows_of(self, body: bytes) -> Rows | None:
        """Return the rows in the body of a response, `None` where there are none to be found."""
        return decode(body, self.style, *self.rows_path)

    def balances(self, rows: Rows, account: Account) -> bytes:
        """Return the body of a response with these rows."""
        return self.document(encode(rows, self.style), account)

    def too_many_requests(self, excess: Excess) -> Response:  # noqa: ARG002 - some exchanges tell
        """Return the response to a client that sends too many requests."""
        return self.refused("rate_limited")

    def with_usage(self, response: Response, used: int) -> Response:  # noqa: ARG002 - some tell
        """Return a response that says what the client used of its limit, where one does."""
        return response

    def refused(self, reason: str) -> Response:
        """Return the documented error for a reason."""
        return self.error(*self.refusals[reason])

    def issue_token(self, account: Account, expires_ms: int) -> str:
        """Return a token that is good until a time, at an exchange that has tokens."""
        raise NotImplementedError(f"{self.name} has no tokens")

    def token_response(self, token: str, expires: str) -> Response:
        """Return the response that gives a token, at an exchange that has tokens."""
        raise NotImplementedError(f"{self.name} has no tokens")

    def permissions_response(self, held: frozenset[str]) -> Response:
        """Return the response that says what a key may do, at an exchange that says it."""
        raise NotImplementedError(f"{self.name} does not say what a key may do")

    def expire_tokens(self, account: Account) -> None:  # noqa: B027 - most have no tokens
        """Accept no token any more that the account was given up to now."""

    @classmethod
    def reason_of(cls, code: object) -> str:
        """Return the reason that a code in a response stands for."""
        return cls.reasons.get(code, "rejected")

    @classmethod
    def fixed(cls, balances: Balances) -> Portfolio:
        """Return a portfolio that never moves."""
        return fixed(balances, cls.style, cls.holdings)

    @classmethod
    def moving(cls, seed: str, assets: int | None = None) -> Portfolio:
        """Return a portfolio that moves by itself, of some assets, or as many as is usual."""
        wanted = assets if assets is not None else cls.listed or len(cls.holdings)
        return moving(seed, first(cls.holdings, wanted), cls.style)


@dataclass(frozen=True, slots=True)
class Call:
    """Say what a request is: which of an exchange's calls, and whose (`None`: nobody known)."""

    exchange: Exchange
    account: Account | None
    kind: CallKind
    request: Request
