"""Poll accounts over one way to an exchange: what they share is its rate limit."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar, cast

from exporter.credentials import CredentialsReader, Secret, SecretSource
from exporter.errors import InternalError, PollError, RateLimitedError
from exporter.exchange_api.base import Exchange, KeyPermissionsApi, QuotesApi
from exporter.exchange_api.client import HttpClient
from exporter.exchange_api.messages import ApiResponse
from exporter.exchange_api.network import Route, api_url, make_route
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.session import RequestRecord, Session
from exporter.model import Account, BalancesResponse, Network
from exporter.polling.admission import Admission, Turns
from exporter.polling.deadline import Deadline, late
from exporter.polling.rate_limit import Pause, RateLimiter, Refusal, rate_limit_pause
from exporter.polling.snapshots import PollResult
from exporter.quotes import QuotesQuery, QuotesResponse
from exporter.runtime.clock import Clock

Sleep = Callable[[float], Awaitable[None]]

_PATIENCE_WITH_KEPT_CONNECTIONS = 1 / 3  # of the timeout, so that a new one has the rest

Fetched = TypeVar("Fetched")


class EndpointKey(NamedTuple):
    """Name what an exchange counts by: its host, where requests come from, perhaps the account."""

    exchange: str
    host: str
    egress: str = ""
    limit: str = "private"
    account: str = ""


OnRequest = Callable[[EndpointKey, RequestRecord], None]

HoldBack = Callable[[str, Mapping[str, Secret]], Refusal | None]
"""Return why credentials must not be sent over an egress now, None if they may."""


def ignore(_key: EndpointKey, _record: RequestRecord) -> None:
    """Count no request."""


def send_any(_egress: str, _credentials: Mapping[str, Secret]) -> None:
    """Hold no credentials back."""


class SharedApi:
    """What the accounts of one API share on every way to it: its clock, tokens and nonces."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        """Start without knowing anything of the exchange."""
        self.server_clock = ServerClock(clock)
        self.api = exchange.api(self.server_clock)


@dataclass(frozen=True, slots=True)
class Run(Generic[Fetched]):
    """Describe how one run of requests ended, and the credentials it was signed with.

    `requested_at` is monotonic; `credentials` is None if they could not be read; `waited` are the
    seconds for which the run waited for the rate limit; `held_back` is why nothing was sent;
    `egress` is what the requests left by.
    """

    requested_at: float
    duration: float
    outcome: Fetched | PollError
    credentials: Mapping[str, Secret] | None
    requests: tuple[RequestRecord, ...] = ()
    waited: float = 0.0
    held_back: Refusal | None = None
    egress: str = ""


class Endpoint:
    """Share one rate limit among accounts."""

    def __init__(  # noqa: PLR0913 - each has a name
        self,
        exchange: Exchange,
        limit: int,
        clock: Clock,
        *,
        key: EndpointKey | None = None,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        on_request: OnRequest = ignore,
        earlier_until: float = -math.inf,
        pause: Pause | None = None,
    ) -> None:
        """Take the limit in requests a minute.

        Count as if an earlier process had used it until `earlier_until` (monotonic): it may have
        been us.
        """
        self.key = key or EndpointKey(exchange.name, "")
        self._exchange = exchange
        self._apis: dict[str, SharedApi] = {}
        self._rate_limiter = RateLimiter(limit, pause)
        self._rate_limiter.assume_earlier_requests(earlier_until)
        self._clock = clock
        self._sleep = sleep
        self._turns = Turns(self._rate_limiter, clock, sleep)
        self._jitter = jitter
        self._on_request = on_request
        self._reader = CredentialsReader()
        self._limited_in_a_row = 0
        self._limited_at = -math.inf

    def set_limit(self, limit: int) -> None:
        """Change the limit; requests that were already sent still count."""
        self._rate_limiter.set_limit(limit)

    def share(self, base_url: str, api: SharedApi) -> None:
        """Use an API's state that other ways to it use as well."""
        self._apis[api_url(base_url)] = api

    @property
    def urls(self) -> Collection[str]:
        """Return the URLs of the APIs that are polled within this limit."""
        return self._apis

    @property
    def limit(self) -> int:
        """Return the limit in requests a minute."""
        return self._rate_limiter.limit

    @property
    def pause(self) -> Pause:
        """Return the pause, for other limits to share."""
        return self._rate_limiter.shared_pause

    @property
    def paused_for(self) -> float:
        """Return the seconds for which nothing may be sent, 0 outside a pause."""
        return self._rate_limiter.remaining_pause(self._clock.monotonic())

    def is_idle(self) -> bool:
        """Return whether no pause and no request of the last minute is left to be respected."""
        return self._rate_limiter.is_idle(self._clock.monotonic())

    def server_clock(self, base_url: str) -> ServerClock:
        """Return the clock of an API."""
        return self._api_of(base_url).server_clock

    def connect(self, account: Account) -> HttpClient:
        """Return a client for an account, which the caller closes."""
        return HttpClient(
            account.base_url,
            server_clock=self.server_clock(account.base_url),
            clock=self._clock,
            network=account.network,
            max_retry_after=self._exchange.max_retry_after,
        )

    async def poll(
        self, account: Account, client: HttpClient, hold_back: HoldBack = send_any
    ) -> PollResult:
        """Poll an account once; whatever goes wrong is the outcome, never raised.

        `hold_back` judges the credentials as they were read, before anything is sent.
        """
        shared = self._api_of(account.base_url)

        async def fetch(credentials: Mapping[str, Secret], session: Session) -> BalancesResponse:
            response = await shared.api.fetch_balances(account, credentials, session)
            return response.only(account.assets)

        deadline = Deadline(account.timeout)
        run = await self._run(deadline, account.credentials, client, fetch, hold_back)
        return PollResult(
            run.requested_at,
            self._clock.wall() - run.duration,
            run.duration,
            run.outcome,
            run.credentials,
            shared.server_clock.offset(),
            run.requests,
            run.waited,
            run.held_back,
            run.egress,
        )

    async def fetch_quotes(
        self,
        query: QuotesQuery,
        client: HttpClient,
        deadline: Deadline,
        credentials: Mapping[str, SecretSource] = MappingProxyType({}),
        hold_back: HoldBack = send_any,
    ) -> "Run[QuotesResponse]":
        """Fetch quotes once, within the same limit; whatever goes wrong is the outcome."""
        api = cast("QuotesApi", self._api_of(client.base_url).api)  # as `quotes` declares

        async def fetch(secrets: Mapping[str, Secret], session: Session) -> QuotesResponse:
            return await api.fetch_quotes(query, secrets, session)

        return await self._run(deadline, credentials, client, fetch, hold_back)

    async def fetch_key_permissions(
        self, account: Account, client: HttpClient, hold_back: HoldBack = send_any
    ) -> "Run[Mapping[str, bool]]":
        """Request once what an account's key may do, within the same limit."""
        api = cast("KeyPermissionsApi", self._api_of(account.base_url).api)  # as it declares
        deadline = Deadline(account.timeout)
        fetch = api.fetch_key_permissions
        return await self._run(deadline, account.credentials, client, fetch, hold_back)

    def _api_of(self, base_url: str) -> SharedApi:
        url = api_url(base_url)
        if url not in self._apis:
            self._apis[url] = SharedApi(self._exchange, self._clock)
        return self._apis[url]

    async def _run(
        self,
        deadline: Deadline,
        credentials: Mapping[str, SecretSource],
        client: HttpClient,
        fetch: Callable[[Mapping[str, Secret], Session], Awaitable[Fetched]],
        hold_back: HoldBack = send_any,
    ) -> "Run[Fetched]":
        wanted_at = requested_at = self._clock.monotonic()
        outcome: Fetched | PollError
        secrets = held_back = None
        admission = Admission(self._rate_limiter, deadline, self._clock, self._sleep)
        session = self._session(client, deadline, admission)
        try:
            async with self._turns.take():
                requested_at = self._clock.monotonic()
                async with deadline:
                    client.route = await self._read_route(client.network)
                    secrets = await self._reader.read_all(credentials)
                    held_back = hold_back(client.route.egress, secrets)
                    outcome = held_back.error if held_back else await fetch(secrets, session)
        except TimeoutError:
            outcome = late(deadline, secrets, session)
        except PollError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - no unexpected error may end the account's task
            outcome = InternalError.of(error)
        finally:
            self._count(session)
        self._note_limit(outcome, requested_at)
        return Run(
            requested_at,
            self._clock.monotonic() - requested_at,
            outcome,
            secrets,
            tuple(session.records),
            requested_at - wanted_at + admission.waited,
            held_back,
            client.route.egress,
        )

    def _session(self, client: HttpClient, deadline: Deadline, admission: Admission) -> Session:
        return Session(
            client,
            admission,
            self._clock,
            uncounted=deadline.not_counting,
            patience=deadline.seconds * _PATIENCE_WITH_KEPT_CONNECTIONS,
            on_response=partial(self._obey, client.base_url),
        )

    async def _read_route(self, network: Network) -> Route:
        sources = {"proxy_url": network.proxy_url} if network.proxy_url else {}
        secrets = await self._reader.read_all(sources)
        return make_route(network, secrets.get("proxy_url"))

    def _obey(self, base_url: str, response: ApiResponse) -> None:
        """Pause if the exchange says that its limit is used up."""
        if self._exchange.pause_after is not None:
            now = self.server_clock(base_url).now()
            pause = self._exchange.pause_after(response.headers, now)
            self._rate_limiter.pause(self._clock.monotonic() + pause)

    def _count(self, session: Session) -> None:
        for record in session.records:
            self._on_request(self.key, record)

    def _note_limit(self, outcome: object, requested_at: float) -> None:
        if isinstance(outcome, RateLimitedError):
            now = self._clock.monotonic()
            if requested_at >= self._limited_at:  # others that were on their way say nothing new
                self._limited_at = now
                self._limited_in_a_row += 1
            pause = rate_limit_pause(outcome, self._limited_in_a_row, self._jitter())
            self._rate_limiter.pause(now + pause)
        elif not isinstance(outcome, PollError):
            self._limited_in_a_row = 0
