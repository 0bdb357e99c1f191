"""Keep one endpoint for each rate limit, and the APIs that endpoints share."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.exchange_api.network import api_url
from exporter.exchanges import EXCHANGES
from exporter.model import Account
from exporter.polling.endpoint import (
    Endpoint,
    EndpointKey,
    OnRequest,
    SharedApi,
    Sleep,
    ignore,
)
from exporter.polling.rate_limit import Pause
from exporter.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class LimitState:
    """Describe a rate limit now; `paused_until` is in Unix seconds, 0 outside a pause."""

    key: EndpointKey
    requests_per_minute: int
    paused_until: float


@dataclass(frozen=True, slots=True)
class PauseState:
    """Describe a pause that holds now; `until` is monotonic, `wall` the same in Unix seconds.

    `key` names the limits that share it: its host is empty if the pause holds at every host.
    """

    key: EndpointKey
    until: float
    wall: float


class Endpoints:
    """Find the endpoint of an account; those that nobody needs any more are kept while they count.

    Accounts that reach one API in different ways have different limits, but share what belongs to
    the API itself: its clock, and the tokens and nonces of a key.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
        on_request: OnRequest = ignore,
        earlier_until: float = -math.inf,
    ) -> None:
        """Start without endpoints.

        An earlier process may have used every limit until `earlier_until` (monotonic).
        """
        self._clock = clock
        self._sleep = sleep
        self._on_request = on_request
        self._earlier_until = earlier_until
        self._endpoints: dict[EndpointKey, Endpoint] = {}
        self._apis: dict[tuple[str, str], SharedApi] = {}

    def get(self, key: EndpointKey, account: Account, limit: int) -> Endpoint:
        """Return the endpoint of a key, made if need be, ready to poll an account."""
        if key not in self._endpoints:
            self._endpoints[key] = Endpoint(
                EXCHANGES[key.exchange],
                limit,
                self._clock,
                key=key,
                sleep=self._sleep,
                on_request=self._on_request,
                earlier_until=self._earlier_until,
                pause=self._shared_pause(key),
            )
        endpoint = self._endpoints[key]
        endpoint.set_limit(limit)
        endpoint.share(account.base_url, self._api(account))
        return endpoint

    def keep(self, needed: Mapping[EndpointKey, Account]) -> None:
        """Drop endpoints that are unused and idle, and the state of their APIs."""
        self._endpoints = {
            key: endpoint
            for key, endpoint in self._endpoints.items()
            if key in needed or not endpoint.is_idle()
        }
        used = {(key.exchange, url) for key in self._endpoints for url in self._endpoints[key].urls}
        self._apis = {key: api for key, api in self._apis.items() if key in used}

    def limits(self) -> list[LimitState]:
        """Return every limit as it is now."""
        wall = self._clock.wall()
        return [
            LimitState(key, endpoint.limit, wall + pause if (pause := endpoint.paused_for) else 0.0)
            for key, endpoint in self._endpoints.items()
        ]

    def pauses(self) -> dict[EndpointKey, PauseState]:
        """Return the pause of each limit that is paused now; several limits may share one."""
        wall = self._clock.wall()
        return {
            key: PauseState(_pause_key(key), endpoint.pause.until, wall + rest)
            for key, endpoint in self._endpoints.items()
            if (rest := endpoint.paused_for)
        }

    def _shared_pause(self, key: EndpointKey) -> Pause | None:
        """Return the pause of the other limits of an address, if the exchange bans addresses."""
        if not EXCHANGES[key.exchange].bans_address:
            return None
        name = _pause_key(key)
        siblings = (each for other, each in self._endpoints.items() if _pause_key(other) == name)
        return next((endpoint.pause for endpoint in siblings), None)

    def _api(self, account: Account) -> SharedApi:
        key = account.exchange, api_url(account.base_url)
        if key not in self._apis:
            self._apis[key] = SharedApi(EXCHANGES[account.exchange], self._clock)
        return self._apis[key]


def _pause_key(key: EndpointKey) -> EndpointKey:
    """Return what names a limit's pause: exchange and egress alone if bans are of addresses."""
    if EXCHANGES[key.exchange].bans_address:
        return EndpointKey(key.exchange, host="", egress=key.egress, limit="")
    return key
